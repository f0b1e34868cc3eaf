"""What efficiency alone does to the energy of today's best training run: the reading that is recommended first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE, other_routes
from race_to_efficiency.report.content import Para
from race_to_efficiency.report.forecasts import years_label
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import id_part, significant

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Block, Num
    from race_to_efficiency.report.page import Page


def energy_share(gamma: float, years: float) -> float:
    """Return the share of its energy that a training run takes after some years of efficiency.

    Parameters
    ----------
    gamma : float, doublings/yr
        Effective compute per joule.
    years : float, years

    Returns
    -------
    float, dimensionless

    Examples
    --------
    >>> energy_share(2.0, 5.0) == 1 / 1024
    True
    """
    return float(2.0 ** (-gamma * years))


def one_in(share: float) -> str:
    """Return a share as people say it: ``1/640``, two significant digits; a share above one as a multiple."""
    return f"1/{significant(2)(1.0 / share)}" if share < 1.0 else f"{significant(2)(share)} times"


def share_number(page: Page, route: Estimate, years: float) -> Num:
    """Return the share of today's energy at a route's gamma as a number; raise `Missing` where it was refused."""
    return share_at(page, route, years, "value", route.value)


def share_interval(page: Page, route: Estimate, years: float, level: float = 0.8) -> tuple[Num, Num]:
    """Return the ends of the energy's interval as numbers: the smallest energy is that of the largest gamma.

    Raises
    ------
    Missing
        When the route has no such interval, or one that does not close.
    """
    found = route.interval(level)
    if found is None:
        raise Missing(f"{route.id} has no {100 * level:g} % interval")
    mark = "" if level == 0.8 else f"{100 * level:g}"
    low = share_at(page, route, years, f"low{mark}", found.high)
    high = share_at(page, route, years, f"high{mark}", found.low)
    page.numbers.enclose(share_number(page, route, years), low, high, level=level, method=found.method)
    return low, high


def share_at(page: Page, route: Estimate, years: float, which: str, gamma: float | None) -> Num:
    """Return the share of today's energy at a rate of a route: its value, or an end of an interval of it."""
    if gamma is None:
        raise Missing(f"{route.id} has no {which}")
    node = page.numbers.made(f"page.energy.{id_part(route.id)}", code=__name__, sources=(route.id,))
    return page.numbers.add(
        f"energy.{id_part(route.id)}.{years:g}y.{which}",
        energy_share(gamma, years),
        "share",
        one_in,
        nodes=node,
        estimates=(route.id,),
        status=route.status,
    )


def energy_told(page: Page, years: float) -> Block:
    """Return the share of today's energy with its intervals, and what the other routes per joule give."""
    route, others = headline_route(page), other_routes(page)
    ends = {
        f"{end}{100 * level:g}": number
        for level in (0.8, 0.95)
        for end, number in zip(("low", "high"), share_interval(page, route, years, level), strict=True)
    }
    return Para.of(
        "**The energy of today's best run.** After {years} it takes {share} of today's energy at the default "
        "route's γ, [[80 %]]: {low}, [[95 %]]: {wide}; at those of the other routes per joule {fast} to {slow}.",
        years=years_label(years),
        share=share_number(page, route, years),
        low=page.numbers.span(ends["low80"], ends["high80"]),
        wide=page.numbers.span(ends["low95"], ends["high95"]),
        fast=share_number(page, others[-1], years),
        slow=share_number(page, others[0], years),
    )


def headline_route(page: Page) -> Estimate:
    """Return the route of gamma that the headline uses."""
    return page.inputs.estimate(HEADLINE_ROUTE)
