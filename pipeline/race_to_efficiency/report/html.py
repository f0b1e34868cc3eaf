"""One self-contained page: jinja2 with autoescape, no external request, a Content-Security-Policy it obeys itself.

Scripts and styles stand in the page and are named in the policy by their SHA-256. Nothing from a ledger is ever marked
safe: what may be markup is written by this package (templates, drawings, MathML) and by nobody else.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from race_to_efficiency import storage
from race_to_efficiency.report import content as c

if TYPE_CHECKING:
    from jinja2 import Environment

    from race_to_efficiency.report.document import Document
    from race_to_efficiency.report.numbers import NumberRegistry

TEMPLATES = Path(__file__).parent / "templates"
LONGEST_TABLE = 30
"""Rows of a figure's data that stand in the page; more stand in the figure's CSV alone."""


def template_environment(numbers: NumberRegistry | None) -> Environment:
    """Return the jinja2 environment of the report: autoescape on, an undefined name is an error."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    sources = {path.name: storage.read_text(path) for path in sorted(TEMPLATES.glob("*.html"))}
    made = Environment(
        loader=DictLoader(sources), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["kind"] = lambda record: type(record).__name__
    if numbers is not None:
        made.globals["inline"] = partial(inline_html, numbers)
    made.globals["longest_table"] = LONGEST_TABLE
    return made


IN_MARKUP = {
    c.Text: "%s",
    c.Label: '<span class="label">%s</span>',
    c.Fact: '<bdi class="fact">%s</bdi>',
    c.Strong: "<strong>%s</strong>",
    c.Code: "<code>%s</code>",
}
"""What stands around the text of a kind of inline."""


def inline_html(numbers: NumberRegistry, parts: c.Rich) -> Markup:
    """Return prose as HTML, every text escaped; thousands stand in a page, too many for a template's own calls."""
    told = (marked(part, numbers) for part in parts)
    return Markup("".join(template % tuple(map(escape, texts)) for template, texts in told))  # noqa: S704  (escaped)


def marked(part: c.Inline, numbers: NumberRegistry) -> tuple[str, tuple[object, ...]]:
    """Return an inline's markup and the texts to be escaped into it."""
    if isinstance(part, c.Num):
        entry = numbers[part.id]
        return '<data value="%s" data-id="%s">%s</data>', (exact(entry.value), part.id, entry.text)
    if isinstance(part, c.Link):
        return '<a class="cite" href="%s">%s</a>', (part.target, part.text)
    if isinstance(part, c.Badge):
        kind = part.confidence.replace(" ", "-")
        if part.record:
            return '<a class="badge %s" href="%s">%s</a>', (kind, part.record, part.words)
        return '<span class="badge %s">%s</span>', (kind, part.words)
    return IN_MARKUP[type(part)], (part.text,)


def exact(value: float | None) -> str:
    """Return a value as it stands in numbers.json: the shortest text that reads back as the same float."""
    return "" if value is None else repr(value)


def csp_source(text: str) -> str:
    """Return the Content-Security-Policy source of one inline script or style."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def policy(style: str, scripts: list[str]) -> str:
    """Return the page's policy: nothing may be loaded, run or sent but what stands in the page."""
    script_sources = " ".join(csp_source(script) for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {script_sources}; style-src {csp_source(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def render_html(
    document: Document, numbers: NumberRegistry, *, scripts: list[str], payload: dict[str, Any] | None
) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    document : Document
    numbers : Numbers
        Every `Num` of the document must be in it.
    scripts : list of str
        Module scripts of our own, in order; none for a page without the interactive chart.
    payload : dict, optional
        Data of the interactive chart.
    """
    style = storage.read_text(TEMPLATES / "report.css")
    for script in scripts:
        if "</script" in script.lower():
            raise ValueError("an inline script may not hold '</script'")
    page = template_environment(numbers).get_template("report.html")
    return page.render(
        document=document,
        csp=policy(style, scripts),
        style=Markup(style),  # noqa: S704  (our own file)
        scripts=[Markup(script) for script in scripts],  # noqa: S704  (our own file)
        explorer=payload,
        explorer_json=None if payload is None else Markup(embed_json(payload)),  # noqa: S704  (escaped by embed_json)
        markup=Markup,
    )


def embed_json(document: dict[str, Any]) -> str:
    """Return JSON that can stand in a script element: no ``<``, no ``&``, no line separators."""
    import json

    text = json.dumps(storage.json_value(document), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
