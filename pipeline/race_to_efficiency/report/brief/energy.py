"""What efficiency alone does to the energy of today's best training run: the reading that is recommended first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import id_part, significant

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Num
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


def share_number(page: Page, route: Estimate, years: float, which: str = "value") -> Num:
    """Return the share of today's energy as a number: at a route's gamma, or at an end of its 80 % interval.

    Parameters
    ----------
    page : Page
    route : Estimate
    years : float, years
    which : str
        value, or the end of the energy's interval: low is the smallest energy, of the largest gamma.

    Raises
    ------
    Missing
        When the route was refused.
    """
    found = route.interval(0.8)
    ends = {"value": route.value}
    if found is not None:
        ends |= {"low": found.high, "high": found.low}
    gamma = ends.get(which)
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


def headline_route(page: Page) -> Estimate:
    """Return the route of gamma that the headline uses."""
    return page.inputs.estimate(HEADLINE_ROUTE)
