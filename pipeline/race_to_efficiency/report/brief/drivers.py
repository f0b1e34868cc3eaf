"""What the headline hangs on most: kappa between families, gamma by route, and what the anchor stands for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE, other_routes
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS, curves
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL
from race_to_efficiency.report.content import Block, Link, Rich, say
from race_to_efficiency.report.figures.spans import Span, spans
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page


class Driver(NamedTuple):
    """One driver: its name, the two values of the loss it leads to, what these rest on, and where to read on."""

    key: str
    words: str
    place: str
    values: tuple[float, float]
    nodes: tuple[str, ...]


def drivers(page: Page) -> list[Block]:
    """Return the figure and the table of the drivers, the strongest first."""
    found = [driver for make in (kappa_driver, gamma_driver, anchor_driver) for driver in make(page)]
    if not found:
        raise Missing("kappa, gamma and the anchor's time are not here")
    found.sort(key=lambda item: -abs(item.values[1] - item.values[0]))
    _, reducible, _ = curves(page)
    point = page.forecasts.point(reducible, SENTENCE_YEARS)
    centre = page.numbers[point.id].value
    told = say(
        "Loss above the floor in [[5]] years, if this alone were otherwise; the headline is {point}", point=point
    )
    bars = [Span(item.words, *item.values) for item in found]
    caption = say(
        "The loss above the floor if one thing alone were otherwise. The mark is the headline, {point}.", point=point
    )
    figure = page.figure(
        "fig-drivers",
        partial(spans, bars, float(centre or 0.0)),
        title=f"{found[0].words} moves the headline most",
        short="One bar a driver: the loss above the floor in five years at the driver’s two ends.",
        caption=caption,
        long="Longer bars matter more.",
        data=(told, ("driver", "#from", "#to"), [driver_row(page, item) for item in found]),
    )
    return [figure]


def driver_row(page: Page, item: Driver) -> tuple[Rich, ...]:
    """Return a driver as a row of the table."""
    node = page.numbers.made(f"page.driver.{item.key}", code=__name__, sources=item.nodes)
    cells = [
        page.shown.cell(f"driver.{item.key}.{name}", value, "1", decimals(2), nodes=node)
        for name, value in zip(("from", "to"), item.values, strict=True)
    ]
    return (Link(item.words, item.place),), *cells


def inputs_of(page: Page) -> tuple[float, float]:
    """Return kappa above the floor and gamma as printed; raise `Missing` when one was refused."""
    values = [page.inputs.estimate(name).value for name in (REDUCIBLE_POOL, HEADLINE_ROUTE)]
    if values[0] is None or values[1] is None:
        raise Missing("kappa or gamma was refused")
    return values[0], values[1]


def loss_at(kappa: float, gamma: float, baseline_years: float = 1.0) -> float:
    """Return the loss above the floor at the headline's horizon."""
    from race_to_efficiency.relative_loss import relative_loss

    return float(relative_loss(SENTENCE_YEARS, kappa, gamma, baseline_years=baseline_years))


def kappa_driver(page: Page) -> list[Driver]:
    """Return what a family not seen yet could do: the 80 % interval of its kappa."""
    _, gamma = inputs_of(page)
    pool = page.inputs.estimate(REDUCIBLE_POOL)
    ends = next(
        (item for item in pool.intervals if item.method == "prediction" and item.level == 0.8), pool.interval(0.8)
    )
    if ends is None or ends.low is None or ends.high is None:
        return []
    values = (loss_at(ends.high, gamma), loss_at(ends.low, gamma))
    return [Driver("kappa", "Which model family, κ", "#kappa", values, (REDUCIBLE_POOL, HEADLINE_ROUTE))]


def gamma_driver(page: Page) -> list[Driver]:
    """Return what another route of gamma would make of it, from the fastest to the slowest."""
    kappa, gamma = inputs_of(page)
    others = [item.value or 0.0 for item in other_routes(page)]
    used = [HEADLINE_ROUTE, REDUCIBLE_POOL, *(item.id for item in other_routes(page))]
    values = (loss_at(kappa, max(gamma, *others)), loss_at(kappa, min(gamma, *others)))
    return [Driver("gamma", "How efficiency is measured, γ", "#gamma", values, tuple(used))]


def anchor_driver(page: Page) -> list[Driver]:
    """Return what the length of the anchor's run does: one year, as the paper has it, or as long as runs took."""
    kappa, gamma = inputs_of(page)
    measured = (page.inputs.document("anchors").get("baseline_years") or {}).get("measured")
    if measured is None:
        return []
    values = (loss_at(kappa, gamma, float(measured)), loss_at(kappa, gamma))
    used = (HEADLINE_ROUTE, REDUCIBLE_POOL, "anchor.baseline_years")
    return [Driver("anchor", "How long today’s run took", "#anchors", values, used)]
