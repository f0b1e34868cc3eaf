"""The loss above the floor by the other form of its law: how far the headline hangs on the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.content import Para, Text
from race_to_efficiency.report.forecasts import years_label
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Block, Num
    from race_to_efficiency.report.forecasts import CurveKey
    from race_to_efficiency.report.page import Page

OTHER_FORM = "floor"
"""Loss of the efficient runs against compute alone; the headline's form also knows parameters and tokens."""


def speaking_fits(page: Page) -> dict[str, list[Estimate]]:
    """Return the other form's estimates of the groups that speak in the headline's pool, by family."""
    pools = page.inputs.part("scenarios", "pools")
    families: dict[str, list[Estimate]] = {}
    for item in pools["reducible"].get("groups", ()):
        estimate = page.inputs.estimates.get(f"kappa_reducible.{item['group']}.{OTHER_FORM}")
        if item["verdict"] == "admitted" and estimate is not None and estimate.value is not None:
            families.setdefault(str(item["family"]), []).append(estimate)
    if not families:
        raise Missing("no group that speaks was fitted in the other form")
    return families


def other_form(page: Page, years: float) -> Num:
    """Return the loss above the floor at the mean over families of the other form's kappa, and the headline's gamma."""
    from race_to_efficiency.relative_loss import relative_loss

    families = speaking_fits(page)
    means = [sum(item.value or 0.0 for item in own) / len(own) for own in families.values()]
    gamma = page.inputs.estimate(HEADLINE_ROUTE).value
    if gamma is None:
        raise Missing(f"{HEADLINE_ROUTE} has no value")
    used = [item.id for own in families.values() for item in own]
    node = page.numbers.made("page.other_form", code=__name__, sources=(*used, HEADLINE_ROUTE))
    value = float(relative_loss(years, sum(means) / len(means), gamma))
    return page.numbers.add("brief.r.other_form", value, "1", decimals(3), nodes=node)


def place_of(page: Page, number: Num, ends: tuple[Num, Num]) -> str:
    """Return where a number of the page lies to a range: inside it, below it or above it."""
    value, low, high = (page.numbers[item.id].value for item in (number, *ends))
    if value is None or low is None or high is None:
        raise Missing(f"{number.id} or the range beside it is not known")
    return "below" if value < low else "above" if value > high else "inside"


def form_told(page: Page, curve: CurveKey, years: float) -> Block:
    """Return what the other form of the law gives, beside the headline's form and its range.

    Parameters
    ----------
    page : Page
    curve : CurveKey
        The loss above the floor in the headline's form.
    years : float, years
    """
    other, ends = other_form(page, years), page.forecasts.interval(curve, years, 0.8)
    return Para.of(
        "**The form of the law.** The loss above the floor is forecast by a law of parameters and tokens. The "
        "other form, a law of compute alone, gives {other} after {years} at the same γ, and the headline's form "
        "{point}, [[80 %]]: {range}. The other form lies {place} that range.",
        other=other,
        years=years_label(years),
        point=page.forecasts.point(curve, years),
        range=page.numbers.span(*ends),
        place=Text(place_of(page, other, ends)),
    )
