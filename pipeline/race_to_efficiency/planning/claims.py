"""What has been said in public of the paper's scenarios, each checked against the equation; verdicts are computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from race_to_efficiency.equation.domain import LN2, PAPER_KAPPA
from race_to_efficiency.equation.growth import growth_integral
from race_to_efficiency.equation.inverses import time_to_target
from race_to_efficiency.json_fields import Means, Unbounded, Written
from race_to_efficiency.planning.severity import SEVERITY_TARGETS

HOLDS, IN_PART, FAILS, IMPLIES = "holds", "holds in part", "does not hold", "implies"
ABSTRACT = "abstract of Lu (2025), arXiv 2501.02156"
SAID = "said in public of the paper's scenarios"
CAPTION = "caption of the author's article of 2025-01-09 (cplu.medium.com)"
_ROUNDING = 0.5
"""A quoted whole number of years or months holds when the recomputed one rounds to it."""


ClaimRecord = Annotated[dict[str, Any], Written("planning.claims:Claim")]


@dataclass(frozen=True)
class Claim:
    """A public statement, its recomputation and the verdict that follows: holds, in part, not, or only implies."""

    id: str
    claim: str
    source: str
    recomputed: Annotated[dict[str, Unbounded], Means("Named figures recomputed from the equation.")]
    verdict: Annotated[str, Means(enum=[HOLDS, IN_PART, FAILS, IMPLIES])]
    why: str


def doubling_months(gamma: float) -> float:
    """Months of one efficiency doubling, 12/gamma."""
    return 12.0 / gamma


def years_at(static_years: float, gamma: float) -> float:
    """Years that work of ``static_years`` at gamma = 0 takes at gamma, ln(1 + gamma ln2 A)/(gamma ln2)."""
    x = gamma * LN2 * static_years
    return static_years if x == 0.0 else static_years * float(np.log1p(x) / x)


def _agrees(said: float, computed: float) -> str:
    return HOLDS if abs(said - computed) < _ROUNDING else FAILS


def _doubling(number: str, gamma: float, said_months: float, source: str) -> Claim:
    months = doubling_months(gamma)
    return Claim(
        id=number,
        claim=f"gamma = {gamma:g} is a doubling every {said_months:g} months",
        source=source,
        recomputed={"months": months},
        verdict=_agrees(said_months, months),
        why=f"12/{gamma:g} = {months:g} months",
    )


def _forced(number: str, years: float, gamma: float, other: float, said_years: float | None) -> Claim:
    static = float(growth_integral(years, gamma))
    elsewhere = years_at(static, other)
    verdict = IMPLIES if said_years is None else _agrees(said_years, elsewhere)
    beside, first = "", "it"
    if said_years is not None:
        beside, first = f", and {said_years:g} years at gamma = {other:g}, for one target", "the first"
    return Claim(
        id=number,
        claim=f"{years:g} years at gamma = {gamma:g}{beside}",
        source=SAID,
        recomputed={
            "years_at_gamma_0": static,
            f"years_at_gamma_{other:g}": elsewhere,
            f"loss_ratio_at_kappa_{PAPER_KAPPA:g}": float(np.exp(-PAPER_KAPPA * np.log1p(static))),
        },
        verdict=verdict,
        why=f"{first} forces {static:.5g} years at gamma = 0 and {elsewhere:.3g} years at gamma = {other:g}",
    )


def _millennia() -> Claim:
    years = {f"{target:g}": float(time_to_target(target, PAPER_KAPPA, 0.0)) for target in SEVERITY_TARGETS}
    long = [target for target, value in years.items() if value >= 1000.0]
    verdict = HOLDS if len(long) == len(years) else IN_PART if long else FAILS
    edge = float(np.exp(-PAPER_KAPPA * np.log(1001.0)))
    return Claim(
        id="millennia",
        claim="without efficiency gains, advanced performance could demand millennia of training",
        source=ABSTRACT,
        recomputed={**{f"years_to_{target}": value for target, value in years.items()}, "loss_ratio_after_1000": edge},
        verdict=verdict,
        why=f"a thousand years at gamma = 0 reach R = {edge:.3g}; every deeper target takes longer",
    )


def _moore() -> Claim:
    gamma = 0.5
    first, late = PAPER_KAPPA, PAPER_KAPPA * gamma * LN2
    return Claim(
        id="moore_exponential",
        claim="progress stays near-exponential when the doubling rate parallels Moore's law",
        source=ABSTRACT,
        recomputed={"first_decay_per_year": first, "late_decay_per_year": late, "exponential_gamma": 1.0 / LN2},
        verdict=HOLDS if first <= late else IN_PART if late > 0.0 else FAILS,
        why=f"at gamma = 0.5 the yearly fall of ln R slows from {first:.3g} to {late:.3g} before it is exponential; "
        f"it is exponential from the start only at gamma = {1.0 / LN2:.5g}",
    )


def check_claims() -> tuple[Claim, ...]:
    """Return every public claim with its recomputation and computed verdict.

    Returns
    -------
    tuple of Claim
    """
    return (
        _doubling("gamma_2_six_months", 2.0, 6.0, SAID),
        _doubling("gamma_3_six_months", 3.0, 6.0, CAPTION),
        _forced("five_years_at_2", 5.0, 2.0, 0.5, None),
        _forced("twenty_years_at_half", 20.0, 0.5, 2.0, None),
        _forced("five_and_twenty_together", 5.0, 2.0, 0.5, 20.0),
        _millennia(),
        _moore(),
    )
