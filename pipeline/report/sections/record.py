"""The record: this quarter's dated statements, and how earlier forecasts did against what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.report.content import Fact, Label, Para, Section, Table, clean, columns, join, say
from pipeline.report.figures.coverage import Covered, coverage
from pipeline.report.inputs import Missing
from pipeline.report.numbers import decimals, percent, significant, slug
from pipeline.report.page import subsections

if TYPE_CHECKING:
    from pipeline.report.content import Block, Rich
    from pipeline.report.page import Page

LEVELS = (50, 80, 95)
HEADLINE_HORIZON = 4
"""Quarters ahead at which the scorecard is read first."""


def build(page: Page) -> Section:
    """Return statements and scorecard."""
    intro = Para(
        say(
            "Statements are dated and can be resolved by anyone from the named source. What can be observed is scored; "
            "the relative loss itself is a conditional projection and is not."
        )
    )
    parts = (
        ("statements", "This quarter's statements", statements),
        ("scorecard", "Scorecard", scorecard),
        ("backtest", "Every target and horizon", backtest),
    )
    below = subsections(page, parts)
    return Section("record", "Statements, and how earlier ones did", (intro,), below)


def records(page: Page, name: str) -> list[dict[str, Any]]:
    """Return a list of records that stands in a JSON document, in a parquet table, or in both (then: the document)."""
    document = page.inputs.documents.get(name)
    found = document.get(name) if isinstance(document, dict) else document
    if found:
        listed: list[dict[str, Any]] = list(found)
        return listed
    return [{str(key): value for key, value in row.items()} for row in page.inputs.table(name).to_dict("records")]


def statements(page: Page) -> list[Block]:
    """Return the dated statements."""
    rows = [statement_row(page, item, index) for index, item in enumerate(records(page, "statements"))]
    caption = say("Dated statements: what, by when, how likely, and how it will be settled")
    titles = ("~statement", "by", "#probability or median", "#80 %", "#95 %", "unit", "~settled by")
    return [Table("statement-table", caption, columns(*titles), tuple(rows))]


def first_of(item: dict[str, Any], *keys: str) -> Any:
    """Return the first key that holds something."""
    return next((item[key] for key in keys if item.get(key) not in (None, "") and item[key] == item[key]), None)


def statement_row(page: Page, item: dict[str, Any], index: int) -> tuple[Rich, ...]:
    """Return one statement as a row."""
    name = str(first_of(item, "statement_id", "id") or index)
    key, source = f"statement.{slug(name)}", f"statements: {name}"
    unit = str(first_of(item, "unit") or "1")
    quantiles = first_of(item, "quantiles") or {}
    found = {round(float(level), 6): value for level, value in dict(quantiles).items()}
    found |= {
        round(float(name_.removeprefix("q")), 6): value
        for name_, value in item.items()
        if name_.startswith("q0") and value == value  # noqa: PLR0124
    }
    probability = first_of(item, "probability")

    def cell(level: float) -> Rich:
        value = found.get(level)
        number = None if value is None else float(value)
        absent = "–" if level not in found else "later than looked for"
        return page.shown.cell(f"{key}.q{level:g}", number, unit, significant(3), source=source, absent=absent)

    middle = (
        page.shown.cell(f"{key}.probability", float(probability), "share", percent(0), source=source)
        if probability is not None
        else cell(0.5)
    )
    missing = say("–")
    ends = [
        say("[{low}, {high}]", low=cell(low), high=cell(high)) if low in found and high in found else missing
        for low, high in ((0.1, 0.9), (0.025, 0.975))
    ]
    words = str(first_of(item, "what", "statement", "words", "text") or name)
    rule = " ".join(
        str(part)
        for part in (first_of(item, "source", "resolution_source"), first_of(item, "rule", "resolution_rule"))
        if part
    )
    return (
        page.shown.sentence(words, f"{key}.what", source=source),
        (Label(str(first_of(item, "by", "date", "resolves", "target_end_date") or "–")),),
        middle,
        *ends,
        (Fact("probability" if probability is not None else unit),),
        (Fact(rule or "–"),),
    )


def scores(page: Page) -> list[dict[str, Any]]:
    """Return the scorecard's rows."""
    return records(page, "scores")


def scorecard(page: Page) -> list[Block]:
    """Return coverage and skill one year ahead, as a figure and a table, misses as plainly as hits."""
    rows = [item for item in scores(page) if int(item["horizon_quarters"]) == HEADLINE_HORIZON]
    if not rows:
        raise Missing("no target is scored four quarters ahead")
    rows.sort(key=lambda item: (str(item["target"]), str(item["vintage"])))
    table = Table(
        "scorecard-table",
        say("Forecasts four quarters ahead against what happened"),
        columns(
            "target",
            "vintage",
            "#outcomes",
            "#effective",
            "#score",
            "#naive",
            "#skill",
            "#in 50 %",
            "#in 80 %",
            "#in 95 %",
            "#bias",
            "~verdict",
        ),
        tuple(score_row(page, item) for item in rows),
        say(
            "Score: weighted interval score, smaller is better; naive: last value with the spread of past changes; "
            "skill: the share of the naive score saved, negative when worse. Effective: independent outcomes, after "
            "overlapping windows and shared causes. A verdict is passed only where there are enough of them."
        ),
    )
    scored = [item for item in rows if item.get("n") and number(item.get("interval_coverage_80")) is not None]
    return [*([coverage_figure(page, scored)] if scored else []), table]


def number(value: Any) -> float | None:
    """Return a float, None for a missing value."""
    return None if value is None or value != value else float(value)  # noqa: PLR0124


def key_of(item: dict[str, Any]) -> str:
    """Return the start of a score's ids."""
    return f"score.{slug(str(item['target']))}.{int(item['horizon_quarters'])}q.{slug(str(item['vintage']))}"


def cell(page: Page, item: dict[str, Any], name: str, unit: str = "1", write: Any = None) -> Rich:
    """Return one figure of a score."""
    key = key_of(item)
    source = f"scores: {item['target']}, {int(item['horizon_quarters'])} quarters, {item['vintage']}"
    return page.shown.cell(f"{key}.{name}", number(item.get(name)), unit, write or significant(2), source=source)


def score_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one score as a row."""
    whole = decimals(0)
    return (
        (Fact(str(item["target"]).replace("_", " ")),),
        (Fact(str(item["vintage"])),),
        cell(page, item, "n", "outcomes", whole),
        cell(page, item, "n_eff", "outcomes", decimals(1)),
        cell(page, item, "wis"),
        cell(page, item, "wis_naive"),
        cell(page, item, "skill", "share", percent(0)),
        *(cell(page, item, f"interval_coverage_{level}", "share", percent(0)) for level in LEVELS),
        cell(page, item, "bias", "1", decimals(2)),
        (Fact(str(item["verdict"])),),
    )


def coverage_figure(page: Page, rows: list[dict[str, Any]]) -> Block:
    """Return how often outcomes fell inside the intervals, beside what was promised."""
    marks = [
        Covered(
            clean(f"{str(item['target']).replace('_', ' ')} ({item['vintage']})"),
            tuple(float(item[f"interval_coverage_{level}"]) for level in LEVELS),
            tuple(band(item, level) for level in LEVELS),
        )
        for item in rows
    ]
    title, short = (
        "Were the intervals honest?",
        "Share of outcomes inside the fifty, eighty and ninety-five per cent intervals, by target.",
    )
    body = []
    for item in rows:
        bands = [
            say(
                "[{low}, {high}]",
                low=cell(page, item, f"band_low_{level}", "share", percent(0)),
                high=cell(page, item, f"band_high_{level}", "share", percent(0)),
            )
            for level in LEVELS
        ]
        shares = [cell(page, item, f"interval_coverage_{level}", "share", percent(0)) for level in LEVELS]
        body.append(
            (
                (Fact(f"{str(item['target']).replace('_', ' ')} ({item['vintage']})"),),
                *(part for pair in zip(shares, bands, strict=True) for part in pair),
            )
        )
    return page.figure(
        "fig-coverage",
        coverage(marks, [level / 100 for level in LEVELS], "fig-coverage", title=title, short=short, cite=page.cite),
        title=title,
        short=short,
        caption=say(
            "Each mark is the share of outcomes inside an interval, each bar the binomial band around what was "
            "promised (dashed) at the effective number of outcomes. A mark outside its bar says that the intervals "
            "were too narrow or too wide."
        ),
        long=say("One row a target, one column a level; long bars mean that there are too few outcomes to judge."),
        table=Table(
            "fig-coverage-data",
            say("Data of the figure: coverage and its binomial band"),
            columns("target", "#in 50 %", "#band", "#in 80 %", "#band", "#in 95 %", "#band"),
            tuple(body),
        ),
    )


def band(item: dict[str, Any], level: int) -> tuple[float, float] | None:
    """Return the binomial band around a level, None where it was not computed."""
    low, high = number(item.get(f"band_low_{level}")), number(item.get(f"band_high_{level}"))
    return None if low is None or high is None else (low, high)


def backtest(page: Page) -> list[Block]:
    """Return every score, and what settles too few outcomes to judge."""
    rows = scores(page)
    reasons = sorted({str(item["verdict_reason"]) for item in rows if first_of(item, "verdict_reason")})
    named = join(
        [
            page.shown.sentence(text, f"verdict.{index}", source="scores: verdict_reason")
            for index, text in enumerate(reasons[:8])
        ],
        "; ",
    )
    table = Table(
        "all-scores",
        say("Every target, horizon and vintage"),
        columns("target", "quarters ahead", "vintage", "#outcomes", "#effective", "#skill", "#in 80 %", "~verdict"),
        tuple(
            (
                (Fact(str(item["target"]).replace("_", " ")),),
                (Label(str(int(item["horizon_quarters"]))),),
                (Fact(str(item["vintage"])),),
                cell(page, item, "n", "outcomes", decimals(0)),
                cell(page, item, "n_eff", "outcomes", decimals(1)),
                cell(page, item, "skill", "share", percent(0)),
                cell(page, item, "interval_coverage_80", "share", percent(0)),
                (Fact(str(item["verdict"])),),
            )
            for item in rows
        ),
        folded=True,
    )
    return [
        *([Para(say("Verdicts rest on: {reasons}.", reasons=named))] if reasons and len(reasons) <= 8 else []),
        table,
    ]
