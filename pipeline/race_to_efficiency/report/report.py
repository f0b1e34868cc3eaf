"""The report of one quarter, from the stages' files to every format: what `race_to_efficiency.stages.report` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.report import interactive
from race_to_efficiency.report.annex import (
    account,
    appendix,
    changes,
    gamma,
    headline,
    kappa,
    methods,
    outlook,
    record,
    roadmap,
    scenarios,
)
from race_to_efficiency.report.annex.cost import anchored_cost
from race_to_efficiency.report.brief.brief import brief_sections
from race_to_efficiency.report.brief.finding import title as brief_title
from race_to_efficiency.report.brief.footing import dateline_note
from race_to_efficiency.report.csv_export import bundle, table_csv
from race_to_efficiency.report.document import Document
from race_to_efficiency.report.figures.drawn import remembering
from race_to_efficiency.report.html import render_html
from race_to_efficiency.report.inputs import Missing, QuarterFiles
from race_to_efficiency.report.markdown import render_markdown
from race_to_efficiency.report.page import UNWRITABLE, Page
from race_to_efficiency.report.pdf import render_pdf
from race_to_efficiency.report.words.screen import screen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from race_to_efficiency.quarter.answers import Answers
    from race_to_efficiency.quarter.lineage import Edges, Lineage

FORMATS = ("html", "pdf", "md")
SECTIONS = (
    headline.headline_section,
    changes.changes_section,
    record.record_section,
    scenarios.scenarios_section,
    outlook.outlook_section,
    kappa.kappa_section,
    gamma.gamma_section,
    roadmap.roadmap_section,
    account.account_section,
    methods.methods_section,
    methods.limits,
    account.sources,
    appendix.appendix_section,
    appendix.colophon,
)
"""The sections in the order they are read."""

SUBTITLE = (
    "How fast loss falls as training efficiency grows: kappa, gamma and relative loss, fitted to cited public data"
)


@dataclass(frozen=True)
class Report:
    """A finished report.

    Parameters
    ----------
    files : mapping of str to bytes
        By path inside the report's folder.
    numbers : int
        How many numbers it holds.
    lineage : Lineage
        What the outputs rest on that the report itself made.
    problems : tuple of str
        Parts that could not be written, with the reason; empty when all went well.
    """

    files: dict[str, bytes]
    numbers: int
    lineage: Lineage
    problems: tuple[str, ...]


def make_report(
    inputs: QuarterFiles,
    *,
    title: str,
    version: str,
    digests: dict[str, str] | None = None,
    formats: Sequence[str] = FORMATS,
    edges: Edges | None = None,
    drawings: Answers | None = None,
) -> Report:
    """Return the report of a quarter in the formats asked for.

    Parameters
    ----------
    inputs : Inputs
    title, version : str
    digests : mapping of str to str, optional
        SHA-256 by file name of what the report was made from.
    formats : sequence of str
        Of `FORMATS`.
    edges : Edges, optional
        Of the stages before; every number is then held against their outputs.
    drawings : Answers, optional
        Charts drawn before; without them all are drawn.

    Raises
    ------
    ValueError
        When a number was made with an output that is not known.
    """
    page = Page(inputs, version, title, digests or {}, edges=edges)
    with remembering(drawings):
        finding, brief = brief_title(page), brief_sections(page)
        sections = tuple(build(page) for build in SECTIONS)
    if edges is not None:
        page.numbers.check(frozenset(edges.outputs))
    document = Document(
        title,
        SUBTITLE,
        inputs.quarter,
        inputs.as_of.isoformat(),
        version,
        page.cite,
        sections,
        dateline_note(page),
        finding,
        brief,
    )
    files: dict[str, bytes] = {}
    if "html" in formats:
        scripts = [interactive.own_script()]
        files["report.html"] = render_html(document, page.numbers, scripts=scripts, payload=chart_data(page)).encode()
    if "pdf" in formats:
        files["report.pdf"] = render_pdf(document, page.numbers)
    if "md" in formats:
        files["report.md"] = render_markdown(document, page.numbers).encode()
    for figure in page.figures.values():
        files[f"figures/{figure.id}.svg"] = (figure.svg + "\n").encode()
        files[f"figures/{figure.id}.csv"] = table_csv(figure.table, page.numbers).encode()
    files["tables.zip"] = bundle(document, page.numbers)
    files["numbers.json"] = page.numbers_json()
    files["brief.json"] = storage.dumps(screen(document, page.numbers)).encode()
    return Report(files, len(page.numbers), page.numbers.lineage, tuple(page.problems))


def chart_data(page: Page) -> dict[str, Any] | None:
    """Return the data of the interactive chart; None when no scenario gives one."""
    try:
        points = [{**item, "band": band(page, item)} for item in page.presets]
        return interactive.payload(points, page.years, max(page.years), unit_bill(page))
    except UNWRITABLE:  # its section says why
        return None


def band(page: Page, point: dict[str, Any]) -> list[list[float]]:
    """Return year, low and high end of a scenario's 80 % interval, a row a year; none where it is not forecast."""
    scenario = point["id"].removesuffix(f".{point['reading']}")
    try:
        curve = page.forecasts.find(point["reading"], "relative_loss", scenario, page.anchor)
        years = [year for year in page.forecasts.horizons(curve) if year.is_integer()]
        ends = ((page.forecasts.cell(curve, year, level).value for level in (0.1, 0.9)) for year in years)
        return [[year, *found] for year, found in zip(years, ends, strict=True)]
    except Missing:
        return []


def unit_bill(page: Page) -> dict[str, list[float]] | None:
    """Return what the baseline fleet takes until each headline year: a fleet's bill is in proportion to its size."""
    from race_to_efficiency.planning.cost import fleet_bill

    try:
        bills = [fleet_bill(1.0, year, anchored_cost(page)) for year in page.years]
    except UNWRITABLE:
        return None
    energy, money = ([float(getattr(item, name)) for item in bills] for name in ("energy_twh", "total_usd"))
    return {"energy": energy, "money": [usd / 1e9 for usd in money]}
