"""The record: this quarter's dated statements, and how earlier forecasts did against what happened."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.evaluation.horizons import HEADLINE_HORIZON
from race_to_efficiency.report.annex.backtest import backtest_section
from race_to_efficiency.report.annex.statements import statements
from race_to_efficiency.report.annex.track_record import published_statements
from race_to_efficiency.report.content import Bullets, Callout, ContentTable, Fact, Label, Para, Section, say
from race_to_efficiency.report.figures.coverage import Covered, coverage_plot
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, percent, significant
from race_to_efficiency.report.page import Page, subsections
from race_to_efficiency.report.words.names import target_in_words

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich

SHOWN_LEVELS = (50, 80, 95)
EVERY_LOSS = "loss.all"


def record_section(page: Page) -> Section:
    """Return statements and scorecard."""
    intro = Para.of(
        "Statements are dated and can be settled by anyone from the named source. What can be observed is scored; "
        "the relative loss itself is a conditional projection and is not."
    )
    parts = (
        ("statements", "This quarter's statements", statements),
        ("published-statements", "Earlier statements, as published", published_statements),
        ("scorecard", "Scorecard of the method", scorecard),
        ("backtest", "Behind the scorecard", lambda p: backtest_section(p, scores(p), short_cells)),
    )
    return Section("record", "Statements, and how earlier ones did", (intro,), subsections(page, parts))


def scores(page: Page) -> list[dict[str, Any]]:
    """Return the scorecard's rows, from the table (which holds more) or from the document."""
    if "scores" in page.inputs.tables and not page.inputs.tables["scores"].empty:
        return page.inputs.records("scores")
    found: list[dict[str, Any]] = page.inputs.part("scores", "scores")
    return found


def score_number(value: Any) -> float | None:
    """Return a float, None for a missing value."""
    return None if value is None or value != value else float(value)  # noqa: PLR0124  (NaN is not itself)


def cell(page: Page, item: dict[str, Any], name: str, unit: str = "1", write: Any = None) -> Rich:
    """Return one figure of a score."""
    quarters = int(item["horizon_quarters"])
    key = f"score.{id_part(str(item['target']))}.{quarters}q.{id_part(str(item['vintage']))}.{name}"
    nodes = scored_node(page, str(item["target"]))
    return page.shown.cell(key, score_number(item.get(name)), unit, write or significant(2), nodes=nodes)


def scored_node(page: Page, target: str) -> tuple[str, ...]:
    """Return the output that a target's forecasts at past origins are; the loss of all groups is that of each."""
    if target != EVERY_LOSS:
        return (f"backtest.{target}",)
    groups = dict.fromkeys(str(item["target"]) for item in scores(page))
    parts = [f"backtest.{name}" for name in groups if name.startswith("loss.") and name != EVERY_LOSS]
    return page.numbers.made(f"page.{EVERY_LOSS}", code=__name__, sources=parts)


def target_name(item: dict[str, Any]) -> str:
    """Return a score's target with the vintage of its data."""
    return f"{target_in_words(str(item['target']))} ({item['vintage']})"


def scorecard(page: Page) -> list[Block]:
    """Return coverage and skill one year ahead, as a figure and a table, misses as plainly as hits."""
    found = [item for item in scores(page) if int(item["horizon_quarters"]) == HEADLINE_HORIZON]
    if not found:
        raise Missing("no target is scored four quarters ahead")
    mixed = {item["target"] for item in found if item["vintage"] == "mixed"}
    rows = [item for item in found if item["target"] not in mixed or item["vintage"] != "pseudo"]
    rows.sort(key=lambda item: (str(item["target"]), str(item["vintage"])))
    titles = (
        "target",
        "verdict",
        "#outcomes",
        "#effective",
        "#score",
        "#naive",
        "#skill",
        "#in 50 %",
        "#in 80 %",
        "#in 95 %",
        "#bias",
    )
    table = ContentTable.of(
        "scorecard-table",
        "Forecasts four quarters ahead against what happened",
        titles,
        [((Fact(target_name(item)),), (Fact(str(item["verdict"])),), *score_figures(page, item)) for item in rows],
        "Score: weighted interval score in doublings, smaller is better; naive: the simple baseline that had done "
        "best by each origin; skill: the share of its score saved, negative where it did better. "
        "Effective: independent outcomes, after overlapping windows and shared causes; a verdict is passed only "
        "where there are enough of them. Real: scored on what was recorded at the time; pseudo: on later records "
        "cut by date; mixed: both.",
    )
    # the losses of single groups are few outcomes each: the drawing shows them together, the table one by one
    drawn = [item for item in rows if not str(item["target"]).startswith("loss.") or item["target"] == EVERY_LOSS]
    scored = [item for item in drawn if item.get("n") and score_number(item.get("interval_coverage_80")) is not None]
    return [*judged(page), *([coverage_figure(page, scored)] if scored else []), table]


def judged(page: Page) -> list[Block]:
    """Return every target and horizon with enough outcomes for a verdict, those that failed set apart and first."""
    mixed = {(item["target"], item["horizon_quarters"]) for item in scores(page) if item["vintage"] == "mixed"}
    found = [
        item
        for item in scores(page)
        if item["verdict"] in ("pass", "fail")
        and (item["vintage"] != "pseudo" or (item["target"], item["horizon_quarters"]) not in mixed)
    ]
    failed, passed = (
        tuple(verdict_words(page, item) for item in found if item["verdict"] == word) for word in ("fail", "pass")
    )
    blocks: list[Block] = []
    if failed:
        blocks += [
            Callout(
                "Failed.",
                say(
                    "These intervals have been too narrow or too wide, or no better than a simple baseline; read the "
                    "statements that rest on them with that in mind."
                ),
            ),
            Bullets(failed),
        ]
    if passed:
        blocks += [Para.of("Passed, with enough independent outcomes to have failed:"), Bullets(passed)]
    rest = "Every other target and horizon has too few independent outcomes to judge."
    return [*blocks, Para.of(rest if blocks else "No target has enough independent outcomes to judge yet.")]


def verdict_words(page: Page, item: dict[str, Any]) -> Rich:
    """Return a verdict's target, horizon, outcomes and reason."""
    quarters = int(item["horizon_quarters"])
    return say(
        "{target}, {ahead} ahead: {reason}; {n} outcomes, {n_eff} of them independent",
        target=Fact(target_name(item)),
        ahead=Label(f"{quarters} quarter{'s' if quarters > 1 else ''}"),
        reason=Fact(str(item.get("verdict_reason") or item["verdict"])),
        n=cell(page, item, "n", "outcomes", decimals(0)),
        n_eff=cell(page, item, "n_eff", "outcomes", decimals(1)),
    )


def score_figures(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return the figures of a score."""
    return (
        cell(page, item, "n", "outcomes", decimals(0)),
        cell(page, item, "n_eff", "outcomes", decimals(1)),
        cell(page, item, "wis"),
        cell(page, item, "wis_naive"),
        cell(page, item, "skill", "share", percent(0)),
        *(cell(page, item, f"interval_coverage_{level}", "share", percent(0)) for level in SHOWN_LEVELS),
        cell(page, item, "bias", "1", decimals(2)),
    )


def short_cells(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return the figures of a score that matter most."""
    return (
        cell(page, item, "n", "outcomes", decimals(0)),
        cell(page, item, "n_eff", "outcomes", decimals(1)),
        cell(page, item, "skill", "share", percent(0)),
        cell(page, item, "interval_coverage_80", "share", percent(0)),
    )


def coverage_figure(page: Page, rows: list[dict[str, Any]]) -> Block:
    """Return how often outcomes fell inside the intervals, beside what was promised."""
    marks = [
        Covered(
            target_name(item),
            tuple(float(item[f"interval_coverage_{level}"]) for level in SHOWN_LEVELS),
            tuple(band(item, level) for level in SHOWN_LEVELS),
        )
        for item in rows
    ]
    titles = ("target", "#in 50 %", "#band", "#in 80 %", "#band", "#in 95 %", "#band")
    return page.figure(
        "fig-coverage",
        partial(coverage_plot, marks, [level / 100 for level in SHOWN_LEVELS]),
        title="Were the intervals honest?",
        short="Share of outcomes inside the fifty, eighty and ninety-five per cent intervals, by target.",
        caption="Each mark is the share of outcomes inside an interval, each bar the binomial band around what was "
        "promised (dashed) at the effective number of outcomes. A mark outside its bar, drawn as a diamond, says "
        "that the intervals were too narrow or too wide.",
        long="One row a target, one column a level; long bars mean that there are too few outcomes to judge.",
        data=("coverage and its binomial band", titles, [coverage_row(page, item) for item in rows]),
    )


def coverage_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one target's coverage and bands."""
    cells: list[Rich] = []
    for level in SHOWN_LEVELS:
        low, high = (cell(page, item, f"band_{end}_{level}", "share", percent(0)) for end in ("low", "high"))
        cells += [
            cell(page, item, f"interval_coverage_{level}", "share", percent(0)),
            say("[{low}, {high}]", low=low, high=high),
        ]
    return ((Fact(target_name(item)),), *cells)


def band(item: dict[str, Any], level: int) -> tuple[float, float] | None:
    """Return the binomial band around a level, None where it was not computed."""
    low, high = score_number(item.get(f"band_low_{level}")), score_number(item.get(f"band_high_{level}"))
    return None if low is None or high is None else (low, high)
