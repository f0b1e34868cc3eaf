"""The loss above the floor by the other form of its law: how far the headline hangs on the form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Num
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


def other_form(page: Page) -> Num:
    """Return the loss above the floor at the mean over families of the other form's kappa, and the headline's gamma."""
    from race_to_efficiency.relative_loss import relative_loss

    families = speaking_fits(page)
    means = [sum(item.value or 0.0 for item in own) / len(own) for own in families.values()]
    gamma = page.inputs.estimate(HEADLINE_ROUTE).value
    if gamma is None:
        raise Missing(f"{HEADLINE_ROUTE} has no value")
    used = [item.id for own in families.values() for item in own]
    node = page.numbers.made("page.other_form", code=__name__, sources=(*used, HEADLINE_ROUTE))
    value = float(relative_loss(SENTENCE_YEARS, sum(means) / len(means), gamma))
    return page.numbers.add("brief.r.other_form", value, "1", decimals(3), nodes=node)
