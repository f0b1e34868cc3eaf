"""Further checks of kappa: rows it hangs on, competing laws, larger runs predicted from smaller ones, kappa far out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Rich, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, percent, scientific, significant
from race_to_efficiency.report.words.names import group_in_words, name_in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.report.page import Page

MOST_INFLUENTIAL = 2
"""Rows named a group and form."""

FIGURES: dict[str, tuple[tuple[str, str, Callable[[float], str]], ...]] = {
    "influence": (
        ("kappa_with", "1", decimals(4)),
        ("kappa_without", "1", decimals(4)),
        ("change_in_stderr", "standard errors", decimals(2)),
    ),
    "forms": (
        ("n_rows", "rows", decimals(0)),
        ("aicc_difference", "1", decimals(1)),
        ("leave_one_out_error", "log loss", percent(2)),
        ("runs_test_p", "1", decimals(3)),
    ),
    "extrapolation": (
        ("cutoff_flop", "FLOP", scientific(1)),
        ("n_predicted", "rows", decimals(0)),
        ("decades_beyond", "decades", decimals(1)),
        ("mean_error", "log loss", percent(1)),
        ("mean_absolute_error", "log loss", percent(1)),
    ),
}
"""Figures of a check: field, unit, and how it is written."""


def checks(page: Page) -> list[Block]:
    """Return every table of checks that the fits wrote."""
    makers = (("influence", influence), ("forms", forms), ("extrapolation", extrapolation), ("frontier", far_out))
    document = page.inputs.document("kappa")
    found = [make(page, document[key]) for key, make in makers if document.get(key)]
    if not found:
        raise Missing("kappa.json holds no further checks")
    return [table for table in found if table is not None]


def law(row: dict[str, Any]) -> Rich:
    """Return a group and form in words."""
    name = group_in_words(row["group"])
    return say("{group}, {form}", group=Fact(name), form=Label(name_in_words(str(row["form"]))))


def figures(page: Page, row: dict[str, Any], kind: str, place: str = "") -> list[Rich]:
    """Return the figures of a check."""
    where = ".".join(id_part(part) for part in (str(row["group"]), str(row["form"]), place) if part)
    symbol = "kappa_total" if row["form"] == "power_law" else "kappa_reducible"
    nodes = (f"{symbol}.{row['group']}.{row['form']}",)
    return [
        page.shown.cell(f"{kind}.{where}.{name}", row.get(name), unit, write, nodes=nodes)
        for name, unit, write in FIGURES[kind]
    ]


def influence(page: Page, rows: list[dict[str, Any]]) -> ContentTable | None:
    """Return the runs whose absence moves kappa most, group by group."""
    by_law: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row.get("set", "used") == "used" and row.get("change_in_stderr") is not None:
            by_law.setdefault((row["group"], row["form"]), []).append(row)
    chosen = [
        row
        for own in by_law.values()
        for row in sorted(own, key=lambda row: -abs(row["change_in_stderr"]))[:MOST_INFLUENTIAL]
    ]
    if not chosen:
        return None
    body = tuple(
        (
            law(row),
            (Fact(str(row["run"])),),
            *figures(page, row, "influence", str(row["run"])),
            say("leverage") if row.get("leverage_outlier") else say("–"),
        )
        for row in chosen
    )
    titles = ("group and law", "run left out", "#kappa with it", "#without it", "#change in standard errors", "flag")
    caption = say("Runs that kappa hangs on most: what leaving one out does")
    return ContentTable.of("kappa-influence", caption, titles, body, folded=True)


def forms(page: Page, rows: list[dict[str, Any]]) -> ContentTable:
    """Return how well each law fits the frontier, group by group."""
    body = tuple((law(row), *figures(page, row, "forms")) for row in rows)
    note = say(
        "Within a group and on the same rows the difference of corrected AIC is to the best law: above ten there is "
        "little left to say for the other. A small p says that the residuals still run in streaks."
    )
    titles = ("group and law", "#rows", "#AICc above the best", "#error of the run left out", "#p of runs test")
    return ContentTable.of("kappa-forms", "Which law do the data prefer?", titles, body, note, folded=True)


def extrapolation(page: Page, rows: list[dict[str, Any]]) -> ContentTable:
    """Return how far off each law was when it predicted larger runs from smaller ones; the farthest try a law."""
    farthest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["group"], row["form"])
        if key not in farthest or row["decades_beyond"] > farthest[key]["decades_beyond"]:
            farthest[key] = row
    body = tuple((law(row), *figures(page, row, "extrapolation")) for row in farthest.values())
    note = say(
        "Errors are of log loss, so about per cent of loss; a positive mean says that the law promised a lower loss "
        "than the larger runs reached."
    )
    titles = ("group and law", "#fitted below, FLOP", "#runs predicted", "#decades beyond", "#mean error", "#mean size")
    caption = say("Larger runs predicted from smaller ones: the farthest try of each law")
    return ContentTable.of("kappa-extrapolation", caption, titles, body, note)


def far_out(page: Page, rows: list[dict[str, Any]]) -> ContentTable | None:
    """Return the slope of the whole loss by compute: how kappa falls along the fitted law with a floor."""
    own = [row for row in rows if row["form"] == "chinchilla" and (row.get("kappa_effective") or {}).get("value")]
    computes = sorted({float(row["compute_flop"]) for row in own})
    by_group: dict[str, dict[float, dict[str, Any]]] = {}
    for row in own:
        by_group.setdefault(row["group"], {})[float(row["compute_flop"])] = row
    if not by_group:
        return None
    body = tuple(
        ((Fact(group_in_words(group)),), *(slope(page, found.get(compute)) for compute in computes))
        for group, found in by_group.items()
    )
    titles = ("group", *(f"#{scientific(0)(compute)} FLOP" for compute in computes))
    note = say(
        "An asterisk marks a compute beyond the group's fitted range. The paper's kappa is one number; along the "
        "fitted laws the slope of the whole loss falls as compute grows."
    )
    return ContentTable.of(
        "kappa-far-out", "Slope of the whole loss along the fitted law with a floor", titles, body, note
    )


def slope(page: Page, row: dict[str, Any] | None) -> Rich:
    """Return one slope; an asterisk says that it is extrapolated."""
    if row is None:
        return say("–")
    compute = f"{float(row['compute_flop']):g}"
    number = page.shown.cell(
        f"kappa_eff.{id_part(row['group'])}.{id_part(compute)}",
        row["kappa_effective"]["value"],
        "1",
        significant(2),
        estimates=(f"kappa_reducible.{row['group']}.chinchilla", f"E.{row['group']}.chinchilla"),
    )
    return (*number, *say(" *")) if row.get("decades_beyond_range", 0) > 0 else number
