"""What others forecast or hold feasible, as their words, beside ours in the same unit; never scored as ours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.content import Block, Bullets, Fact, Label, Para, Rich, Text, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import general, id_part, significant
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.report.page import Page


LEDGER = "other_forecasts"
GROWTH, LEVEL = "gamma.growth.frontier_compute", "gamma.level.frontier_compute_log2_flop"


class Ours(NamedTuple):
    """What of ours stands beside a forecast: the sentence that holds both, the estimates it is made with, and how."""

    words: str
    estimates: tuple[str, ...]
    value: Callable[[list[float], float], float]
    ends: bool = True


BESIDE = {
    "lu2025_near_exponential": Ours(
        "progress is nearly exponential above {theirs} doublings a year. Ours, γ: {ours}",
        (HEADLINE_ROUTE,),
        lambda found, _: found[0],
    ),
    "aschenbrenner2024_algorithms": Ours(
        "algorithms gain {theirs} powers of ten a year to {by}. Ours: {ours}",
        ("gamma.algorithmic.mixture",),
        lambda found, _: found[0] * math.log10(2),
    ),
    "ai2027_leading_company_compute": Ours(
        "a leading firm’s compute grows {theirs} times a year to {by}. Ours, of the largest run: {ours}",
        (GROWTH,),
        lambda found, _: float(2.0 ** found[0]),
    ),
    "epoch2024_run_2030": Ours(
        "{theirs} FLOP is the largest run feasible in {by}. Our bare trend, no forecast, says {ours}",
        (LEVEL, GROWTH),
        lambda found, years: float(2.0 ** (found[0] + found[1] * years)),
        ends=False,
    ),
}
"""Forecasts of others for which we have the same quantity, by their id in the ledger."""


def others(page: Page) -> list[Block]:
    """Return a line for each forecast of others that has one of ours beside it."""
    view = page.inputs.view(LEDGER)
    known = {str(row["forecast_id"]): row for row in view.to_dict("records") if not row.get("exclusion")}
    items = tuple(beside(page, known[name], ours) for name, ours in BESIDE.items() if name in known)
    if not items:
        raise Missing(f"the ledger {LEDGER} holds no forecast beside which we have one")
    return [Bullets(items), Para.of("Their words, not scored as ours; at the end, how far we checked them.", "note")]


def beside(page: Page, row: dict[Any, Any], ours: Ours) -> Rich:
    """Return one forecast of others, with its date and how far it was checked, beside ours."""
    name, target = str(row["forecast_id"]), row["target_date"]
    dated = target is not None and target == target  # noqa: PLR0124  (NaT is not itself)
    key, node = f"others.{id_part(name)}.theirs", (f"row.{LEDGER}/{name}",)
    return say(
        f"{{who}}, {{day}}: {ours.words} ({{checked}}).",
        who=Fact(str(row["forecaster"])),
        day=Label(f"{row['released']:%Y-%m}"),
        theirs=page.shown.cell(key, float(row["value"]), str(row["unit"]), written, nodes=node),
        by=Label(f"{target:%Y}" if dated else ""),
        ours=our_value(page, name, str(row["unit"]), ours, decimal_year(target) if dated else 0.0),
        checked=Fact(str(row["verified"]).partition(";")[0]),
    )


def written(value: float) -> str:
    """Return a value with the digits it was given with; powers of ten where it is large."""
    return significant(2)(value) if abs(value) >= 1e5 else general(float(f"{value:.2g}"))


def our_value(page: Page, name: str, unit: str, ours: Ours, target: float) -> Rich:
    """Return our value in their unit, with the ends of its 80 % interval where one estimate gives it."""
    estimates = [page.inputs.estimates.get(item) for item in ours.estimates]
    if any(item is None or item.value is None for item in estimates):
        return say("–")
    found = [item for item in estimates if item is not None]
    years = target - decimal_year(page.inputs.as_of)
    node = page.numbers.made(f"page.others.{name}", code=__name__, sources=ours.estimates)

    def number(key: str, values: list[float]) -> Rich:
        return page.shown.cell(f"others.{id_part(name)}.{key}", ours.value(values, years), unit, written, nodes=node)

    middle = number("ours", [float(item.value or 0.0) for item in found])
    ends = found[0].interval(0.8) or found[0].interval(0.95)
    if not ours.ends or ends is None or ends.low is None or ends.high is None:
        return middle
    low, high = number("low", [ends.low]), number("high", [ends.high])
    return (*middle, Text(" "), *page.shown.range_of(middle, low, high, level=ends.level, method=ends.method))
