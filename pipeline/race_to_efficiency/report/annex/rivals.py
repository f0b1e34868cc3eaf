"""What the scorecard is held against: an earlier forecaster on the same outcomes, physics, and late records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.grades import ESTIMATE_RULES, GRADES, REFUSED
from race_to_efficiency.report.content import Badge, Bullets, ContentTable, Fact, Label, Para, Strong, join, say
from race_to_efficiency.report.forecasts import recorded_grades
from race_to_efficiency.report.numbers import count, decimals, id_part, percent, significant
from race_to_efficiency.report.words.names import target_in_words

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich
    from race_to_efficiency.report.page import Page

RIVALS = {"earlier": "the earlier forecaster", "last_value": "doing nothing"}


def rivals(page: Page, document: dict[str, Any]) -> list[Block]:
    """Return the comparisons of scores.json, those it holds."""
    blocks: list[Block] = [
        part for item in document.get("predecessors") or () if item["targets"] for part in predecessor(page, item)
    ]
    if recorded_grades({"scores": document}):
        blocks += [grades_table(page, document), *estimate_rules()]
    if document.get("bounds"):
        blocks.append(bounds_table(page, document["bounds"]))
    if document.get("lateness"):
        blocks.append(lateness_table(page, document["lateness"]))
    return blocks


def predecessor(page: Page, item: dict[str, Any]) -> list[Block]:
    """Return how an earlier forecaster did on the same outcomes, and where it or doing nothing was clearly better."""
    key = f"beside.{id_part(str(item['model']))}"
    parts = [f"backtest.{row['target']}" for row in item["targets"]]
    every = page.numbers.made(f"page.{key}", code=__name__, sources=parts)
    whole = (
        ("all, geometric mean of ratios", None, item["ratio"]),
        ("cells (target and horizon) below the last value", item["below_last_value"], None),
        (f"the same, of {item['model']}", item["below_last_value_earlier"], None),
        ("cells", item["cells"], None),
    )
    rows: list[tuple[Rich, ...]] = []
    for index, (what, number, ratio) in enumerate(whole):
        cells = (
            page.shown.cell(f"{key}.whole{index}.n", number, "1", count, nodes=every, absent="–"),
            page.shown.cell(f"{key}.whole{index}.ratio", ratio, "1", decimals(2), nodes=every, absent="–"),
        )
        rows.append(((Fact(what),), *cells, say("–")))
    for row in item["targets"]:
        name, node = f"{key}.{id_part(str(row['target']))}", (f"backtest.{row['target']}",)
        cells = (
            page.shown.cell(f"{name}.n", row["n"], "outcomes", count, nodes=node),
            page.shown.cell(f"{name}.ratio", row["ratio"], "1", decimals(2), nodes=node),
        )
        worse = " and ".join(RIVALS[rival] for rival in row["worse_than"])
        told = say("than {rival}: {why}", rival=worse, why=str(row["because"])) if worse else say("–")
        rows.append(((Fact(target_in_words(str(row["target"]))),), *cells, told))
    caption = say(
        "Scores beside those of {model} on the same outcomes, origins since {first}",
        model=Label(str(item["model"])),
        first=Label(str(item["first_origin"])),
    )
    note = say("Ratio: of mean weighted interval scores; below [[1]] today's forecaster is better.")
    titles = ("target", "#number", "#ratio", "~clearly worse")
    return [ContentTable.of(f"beside-{id_part(str(item['model']))}", caption, titles, rows, note)]


def estimate_rules() -> list[Block]:
    """Return how an estimate's grade is found, with the mark of each."""
    marks = join(((Badge(name, short=True),) for name in (*GRADES, REFUSED)), " ")
    words = say("An estimate of kappa or gamma begins at the best grade and loses steps: {marks}", marks=marks)
    return [Para(words), Bullets(tuple((Strong(f"{name}:"), Label(f" {rule}.")) for name, rule in ESTIMATE_RULES))]


def grades_table(page: Page, document: dict[str, Any]) -> ContentTable:
    """Return what each grade says, and how settled losses of larger runs did under it."""
    scores = page.inputs.tables.get("scores")
    names = {str(row["target"]) for row in document.get("scores", ())} if scores is None else {*scores["target"]}
    targets = {name for name in names if name.startswith("loss.")} - {"loss.all"}
    every = page.numbers.made("page.grades", code=__name__, sources=[f"backtest.{name}" for name in sorted(targets)])
    rows: list[tuple[Rich, ...]] = []
    for item in document["grades"]:
        name = f"grade.{id_part(str(item['grade']))}"
        cells = (
            page.shown.cell(f"{name}.n", item["n"], "outcomes", count, nodes=every),
            page.shown.cell(f"{name}.covered", item["coverage_80"], "share", percent(0), nodes=every, absent="–"),
            page.shown.cell(f"{name}.wis", item["wis"], "doublings", significant(2), nodes=every, absent="–"),
            page.shown.cell(f"{name}.ratio", item["wis_ratio"], "1", decimals(2), nodes=every, absent="–"),
        )
        rows.append(((Badge(str(item["grade"]), short=True),), *cells, (Fact(str(item["meaning"])),)))
    note = say(
        "Losses of larger runs that were settled, by the grade their forecast had. Ratio: of mean weighted interval "
        "scores to the grade above, at equal horizons. A dash: no record."
    )
    titles = ("grade", "#settled", "#inside 80 %", "#WIS", "#ratio", "~what it says")
    return ContentTable.of("grades", "What a grade is worth", titles, rows, note)


def bounds_table(page: Page, bounds: list[dict[str, Any]]) -> ContentTable:
    """Return the bound of every target, its source, and the share of the forecasts' mass that was moved to it."""
    rows: list[tuple[Rich, ...]] = []
    for item in bounds:
        name, node = f"bound.{id_part(str(item['target']))}", (f"backtest.{item['target']}",)
        limit = page.shown.cell(f"{name}.limit", item["bound"][0], item["unit"], significant(2), nodes=node)
        moved = page.shown.cell(f"{name}.moved", item["moved_most"], "share", percent(1), nodes=node)
        implied = item.get("power_implied_above_cap")
        power = page.shown.cell(f"{name}.power", implied, "share", percent(2), nodes=node, absent="–")
        unit = (Label(str(item["unit"])),)
        target = (Fact(target_in_words(str(item["target"]))),)
        rows.append((target, limit, unit, moved, power, (Fact(str(item["source"])),)))
    note = say(
        "Moved: the largest share, over horizons, of a forecast's probability that lay beyond the bound and was moved "
        "to it. Power: how likely the largest run's compute implies more power than the cap, after that."
    )
    titles = ("target", "#bound", "unit", "#moved", "#power above the cap", "~source")
    caption = say("What physics allows at the shortest horizon")
    return ContentTable.of("bounds", caption, titles, rows, note, folded=True)


def lateness_table(page: Page, lateness: list[dict[str, Any]]) -> ContentTable:
    """Return how many rows a snapshot lacked that later ones have: what a pseudo view does not know."""
    rows: list[tuple[Rich, ...]] = []
    for item in lateness:
        name, node = f"lateness.{id_part(str(item['target']))}", (f"backtest.{item['target']}",)
        cells = (
            page.shown.cell(f"{name}.rows", item["rows"], "rows", count, nodes=node),
            page.shown.cell(f"{name}.late", item["late_share"], "share", percent(0), nodes=node),
            page.shown.cell(f"{name}.lag", item["median_lag_days"], "d", count, nodes=node, absent="–"),
        )
        rows.append(((Fact(target_in_words(str(item["target"]))),), *cells))
    note = say(
        "Of the rows released in the two years before a snapshot, those that entered later, and how long after their "
        "release. Pseudo views hold what the first snapshot held, cut by date: they are optimistic by that much."
    )
    titles = ("target", "#rows", "#entered later", "#median lag, days")
    caption = say("How much a view of its time had not seen")
    return ContentTable.of("lateness", caption, titles, rows, note, folded=True)
