"""Behind the scorecard: where outcomes fell, what each forecast averages and why, every score."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.evaluation.horizons import HEADLINE_HORIZON, SHOWN_HORIZONS
from race_to_efficiency.report.annex.rivals import rivals
from race_to_efficiency.report.content import Code, ContentTable, Fact, Label, Para, join, say
from race_to_efficiency.report.figures.pit import histograms
from race_to_efficiency.report.numbers import decimals, id_part, percent
from race_to_efficiency.report.words.names import target_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.report.content import Block, Figure, Rich
    from race_to_efficiency.report.page import Page

    Cells = Callable[[Page, dict[str, Any]], tuple[Rich, ...]]


VERDICTS = ("pass", "fail")
"""Verdicts that were reached; any other says that there are too few outcomes to judge."""


def backtest_section(page: Page, scores: list[dict[str, Any]], cells: Cells) -> list[Block]:
    """Return the histogram of outcomes, the members and their weights, the rules, and every score.

    Parameters
    ----------
    page : Page
    scores : list of dict
        Rows of the scorecard.
    cells : callable
        A row's figures.
    """
    document = page.inputs.documents.get("scores") or {}
    blocks: list[Block] = []
    rows = [item for item in document.get("pit") or () if item.get("n")]
    if rows:
        blocks.append(pit_figure(page, rows))
    blocks += rivals(page, document)
    if document.get("models"):
        blocks.append(models_table(page, document["models"]))
    if document.get("rules"):
        blocks += rules(document["rules"])
    chosen = [item for item in scores if int(item["horizon_quarters"]) in SHOWN_HORIZONS and judged(item)]
    body: tuple[tuple[Rich, ...], ...] = tuple(
        (
            (Fact(f"{target_in_words(str(item['target']))} ({item['vintage']})"),),
            (Label(str(int(item["horizon_quarters"]))),),
            *cells(page, item),
            (Fact(str(item["verdict"])),),
        )
        for item in chosen
    )
    titles = ("target", "quarters ahead", "#outcomes", "#effective", "#skill", "#in 80 %", "verdict")
    note = say("Every horizon, vintage and target stands in {file}.", file=Code("scores.parquet"))
    caption = say("Other horizons and vintages with enough outcomes to judge")
    if not body:
        return blocks
    return [*blocks, ContentTable.of("other-horizons", caption, titles, body, note, folded=True)]


def judged(item: dict[str, Any]) -> bool:
    """Tell whether a score has outcomes enough for a verdict."""
    return str(item["verdict"]) in VERDICTS


def horizon_name(item: dict[str, Any]) -> str:
    """Return the horizon of a histogram in words."""
    quarters = item.get("horizon_quarters")
    return "all horizons" if quarters is None else f"{int(quarters)} quarter{'' if quarters == 1 else 's'} ahead"


def pit_figure(page: Page, rows: list[dict[str, Any]]) -> Figure:
    """Return where outcomes fell in their forecast distributions."""
    content = [(horizon_name(item), [float(share) for share in item["shares"]]) for item in rows]
    body = []
    for item in rows:
        name = horizon_name(item)
        parts = [f"backtest.{target}" for target in item["targets"]]
        nodes = page.numbers.made(f"page.pit.{id_part(name)}", code=__name__, sources=parts)
        for index, share in enumerate(item["shares"], 1):
            number = page.shown.cell(f"pit.{id_part(name)}.{index}", float(share), "share", percent(0), nodes=nodes)
            body.append((say("{name}, tenth {index}", name=Label(name), index=Label(str(index))), number))
    return page.figure(
        "fig-pit",
        partial(histograms, content),
        title="Where outcomes fell in the forecasts",
        short="Histograms of outcomes by tenth of their forecast distribution.",
        caption="Honest forecasts give level bars at the dashed line. A heap in the middle says that intervals were "
        "too wide, heaps at the ends that they were too narrow, a slope that forecasts leaned to one side. Every "
        "target weighs the same.",
        long="One panel a horizon; ten bars from the lowest tenth of the forecast distribution to the highest.",
        data=("share of outcomes by tenth", ("horizon and tenth", "#share"), body),
    )


def models_table(page: Page, models: list[dict[str, Any]]) -> ContentTable:
    """Return what each target's forecasts average, and with which weights a year ahead."""
    rows = []
    for item in models:
        target = str(item["target"])
        at = next((one for one in item["horizons"] if one["horizon_quarters"] == HEADLINE_HORIZON), item["horizons"][0])
        heavy = sorted(at["weights"].items(), key=lambda pair: (-pair[1], pair[0]))
        said = join(
            say(
                "{name} {weight}",
                name=Label(name.replace("_", " ")),
                weight=page.shown.cell(
                    f"weights.{id_part(target)}.{name}", weight, "share", percent(0), nodes=(f"backtest.{target}",)
                ),
            )
            for name, weight in heavy
        )
        rows.append(
            (
                (Fact(target_in_words(target)),),
                said,
                page.shown.cell(
                    f"weights.{id_part(target)}.n_eff",
                    float(at["n_eff"]),
                    "outcomes",
                    decimals(1),
                    nodes=(f"backtest.{target}",),
                ),
                (Fact(str(item["baseline"]).replace("_", " ")),),
            )
        )
    caption = say("What each forecast averages: weights learnt from outcomes that had settled, a year ahead")
    titles = ("target", "~members and weights", "#outcomes behind them", "best simple baseline")
    return ContentTable.of("models", caption, titles, rows, folded=True)


def rules(found: Any) -> list[Block]:
    """Return the rules of the verdicts as the stage states them."""
    items = (
        found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else [("rule", found)]
    )
    rows = tuple(((Fact(str(key).replace("_", " ")),), (Fact(str(text)),)) for key, text in items)
    if not rows:
        return [Para.of("No rules are stated.")]
    return [ContentTable.of("rules", "How outcomes are counted and judged", ("rule", "~in words"), rows, folded=True)]
