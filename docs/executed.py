"""Directives ``shell``, ``python`` and ``table``: blocks that the build runs, with what they printed below them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from blocks import BlockError, Session, session
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sphinx.application import Sphinx

SHOWN: Mapping[str, Any] = {"lines": directives.positive_int, "last": directives.positive_int}
BOX = {"│", "┃"}

OPEN: dict[str, tuple[Any, Session]] = {}
"""The session of the page being read: only one at a time."""


def session_of(directive: SphinxDirective) -> Session:
    """Return the session of the page, opening it at its first block and closing any other page's."""
    page = directive.env.current_document.docname
    if page not in OPEN:
        close()
        where = str(directive.env.metadata[page].get("runs_in", "folder"))
        manager = session(where, Path(directive.env.srcdir) / "tutorials")
        OPEN[page] = manager, manager.__enter__()
    return OPEN[page][1]


def close(*_: object) -> None:
    """Close the open session."""
    for manager, _session in OPEN.values():
        manager.__exit__(None, None, None)
    OPEN.clear()


def literal(text: str, language: str, *classes: str) -> nodes.literal_block:
    """Return a block of text."""
    return nodes.literal_block(text, text, language=language, classes=list(classes))


class Shell(SphinxDirective):
    """Lines ``race ...``; ``:code: 4``: how the last one must end; ``:lines: 12``, ``:last: 3``: how much is shown."""

    has_content = True
    option_spec: ClassVar = {"code": directives.nonnegative_int, **SHOWN}

    def run(self) -> list[nodes.Node]:
        """Run the commands and show each with what it printed."""
        try:
            done = session_of(self).shell("\n".join(self.content), self.options.get("code", 0))
        except BlockError as error:
            raise self.error(str(error)) from error
        shown: list[nodes.Node] = []
        for line, output in done:
            shown.append(literal(f"$ {line}", "console", "asked"))
            if output.text:
                shown.append(told(output.text, self.options))
        return shown


class Python(SphinxDirective):
    """A cell of Python; ``:alt:`` says what is seen in the picture it draws."""

    has_content = True
    option_spec: ClassVar = {**SHOWN, "alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Run the cell and show what it printed and what its last line is."""
        text = "\n".join(self.content)
        try:
            output = session_of(self).python(text)
        except BlockError as error:
            raise self.error(str(error)) from error
        shown: list[nodes.Node] = [literal(text, "python", "asked")]
        if output.text:
            shown.append(told(output.text, self.options))
        if output.html:
            shown.append(raw(f'<div class="cell-table" tabindex="0">{output.html}</div>'))
        if output.svg:
            if "alt" not in self.options:
                raise self.error("a picture needs :alt:")
            label = nodes.unescape(self.options["alt"]).replace('"', "&quot;")
            shown.append(raw(f'<figure class="drawn" role="img" aria-label="{label}">{output.svg}</figure>'))
        return shown


class Table(SphinxDirective):
    """A file of the tutorials, as it is; ``:lines: 6`` shows its beginning."""

    required_arguments = 1
    option_spec: ClassVar = SHOWN

    def run(self) -> list[nodes.Node]:
        """Show the file."""
        path = Path(self.env.srcdir) / "tutorials" / self.arguments[0]
        text = path.read_text(encoding="utf-8").rstrip()
        return [literal(path.name, "text", "named"), told(text, self.options)]


def told(text: str, options: Mapping[str, int]) -> nodes.literal_block:
    """Return what was printed; lines of prose wrap, a drawn table does not."""
    wraps = ["wraps"] if not BOX & set(text) else []
    return literal(clipped(text, options.get("lines"), options.get("last", 0)), "text", "told", *wraps)


def clipped(text: str, lines: int | None, last: int = 0) -> str:
    """Return the first and the last lines of a text, and how many there are between."""
    every = text.splitlines()
    if lines is None or len(every) <= lines + last:
        return text
    left = len(every) - lines - last
    return "\n".join([*every[:lines], f"... {left} more line{'s' if left > 1 else ''}", *every[len(every) - last :]])


def raw(text: str) -> nodes.raw:
    """Return HTML as it is."""
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("shell", Shell)
    app.add_directive("python", Python)
    app.add_directive("table-file", Table)
    app.connect("build-finished", close)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
