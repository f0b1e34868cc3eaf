"""Components of gamma: what each covers, and the records that carry its estimate and draws.

A component declares which layers of progress it covers and on which basis it counts; routes are composed from these
declarations alone, so that nothing is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate, draw_intervals
from race_to_efficiency.calibration.common.grades import evidence_level
from race_to_efficiency.calibration.common.rates import in_other_units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import FitStatus
    from race_to_efficiency.calibration.common.grades import RestsOn
    from race_to_efficiency.calibration.common.series import Series, Slopes
    from race_to_efficiency.settings.gamma import GammaParams

LAYERS = ("chip", "format", "utilisation", "algorithm")
"""The layers of progress a component may cover."""

Resampling = Literal["clusters", "presence", "increments"]

Parts = dict[str, "Callable[[Inputs], Sequence[Fitted]]"]
"""Name -> a function that fits components together, in the order they are told. Each module ``components_*.py`` has its
own as ``PARTS``, and is found by its name."""

ANY_BASIS = "any"
"""Basis of a gain on fixed hardware: joules, accelerator-hours and dollars fall alike."""


@dataclass(frozen=True)
class Component:
    """What a rate of progress covers.

    Parameters
    ----------
    name : str
    estimator : str
        ``NAME.ESTIMATOR`` identifies the component's number.
    coverage : tuple of str
        Layers covered, of `LAYERS`; empty for growth of inputs (compute, power, price).
    basis : str
        joule, accelerator_hour, dollar, or any.
    meaning : str
        What the number is, in words.
    caveat : str
        What a reader must know before using it.
    cap_doublings : float or None
        Doublings left in a bounded term; None when no bound is known.
    rests_on : {'measured', 'modelled', 'assumed'}
        What its rows state: see `race_to_efficiency.calibration.common.grades.RestsOn`.
    """

    name: str
    estimator: str
    coverage: tuple[str, ...]
    basis: str
    meaning: str
    caveat: str = ""
    cap_doublings: float | None = None
    rests_on: RestsOn = "measured"

    def __post_init__(self) -> None:
        unknown = set(self.coverage) - set(LAYERS)
        if unknown:
            raise ValueError(f"coverage must be of {LAYERS}, got {sorted(unknown)}")

    @property
    def key(self) -> str:
        """``NAME.ESTIMATOR``."""
        return f"{self.name}.{self.estimator}"

    @property
    def omits(self) -> tuple[str, ...]:
        """Layers not covered."""
        return tuple(layer for layer in LAYERS if layer not in self.coverage)


@dataclass(frozen=True)
class Inputs:
    """What every component function reads.

    Parameters
    ----------
    views : mapping of str to DataFrame
        As-of views by table name; a row with a non-empty ``exclusion`` is not used.
    params : GammaParams
    as_of : date
    seed : int
    """

    views: Mapping[str, pd.DataFrame]
    params: GammaParams
    as_of: date
    seed: int

    def rows(self, table: str, *, stating: str = "") -> pd.DataFrame:
        """Return the used, dated rows of a table that state a figure (an empty frame when the table is absent)."""
        import pandas as pd

        view = self.views.get(table)
        if view is None or view.empty:
            return pd.DataFrame() if view is None else view
        used = view["released"].notna()
        if "exclusion" in view.columns:
            used &= view["exclusion"].fillna("").eq("")
        return view.loc[used & view[stating].notna()] if stating else view.loc[used]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A component with its estimate, its draws, and what is needed to fit it again.

    Parameters
    ----------
    component : Component
    estimate : Estimate
    draws : (n_draws,) float or None
        None when refused.
    series : Series or None
    slopes : callable or None
        The estimator over row weights.
    whole : Series or None
        Every row that qualifies, also before the window.
    resampling : str
        How the draws were made.
    """

    component: Component
    estimate: Estimate
    draws: Floats | None = None
    series: Series | None = None
    slopes: Slopes | None = None
    whole: Series | None = None
    resampling: Resampling = "clusters"

    @property
    def usable(self) -> bool:
        """Whether there are draws to propagate."""
        return self.draws is not None

    def with_status(self, status: FitStatus, reasons: Sequence[str]) -> Fitted:
        """Return the component with a status lowered to ``status`` and reasons added; never raised."""
        order = ("trusted", "weak", "refused")
        lowest = max(self.estimate.status, status, key=order.index)
        added = tuple(reason for reason in reasons if reason not in self.estimate.reasons)
        level = max(self.estimate.grade.evidence, evidence_level(sound=lowest == "trusted"))
        estimate = replace(self.estimate, status=lowest, reasons=self.estimate.reasons + added, evidence=level)
        return replace(self, estimate=estimate)

    def graded(self, evidence: int, agreement: int) -> Fitted:
        """Return the component with these steps on the two axes of its grade."""
        return replace(self, estimate=replace(self.estimate, evidence=evidence, agreement=agreement))


def identity(component: Component) -> dict[str, Any]:
    """Return the fields that name a component's estimate."""
    return {
        "id": f"gamma.{component.key}",
        "symbol": f"gamma_{component.name}",
        "component": component.name,
        "estimator": component.estimator,
        "unit": "doublings/yr",
        "computed_by": "race_to_efficiency.calibration.gamma.composition.fit_components",
    }


def refused(component: Component, reason: str, series: Series | None = None) -> Fitted:
    """Return a component without a number and the reason why."""
    estimate = Estimate(
        **identity(component),
        value=None,
        status="refused",
        reasons=(reason,),
        n_rows=0 if series is None else len(series),
        window=None if series is None else series.window,
        rows_used=() if series is None else series.rows_used,
    )
    return Fitted(component, estimate, None, series, None)


def from_draws(
    inputs: Inputs,
    component: Component,
    draws: Floats,
    *,
    value: float | None = None,
    diagnostics: Mapping[str, Any] | None = None,
    status: FitStatus = "trusted",
    reasons: Sequence[str] = (),
    n_rows: int = 0,
    unit: str = "doublings/yr",
    rows_used: tuple[str, ...] = (),
) -> Fitted:
    """Return a component that exists only as draws (a prior, a mixture, a route); its value is their median."""
    middle = float(np.median(draws)) if value is None else value
    intervals = draw_intervals(draws)
    facts = in_other_units(middle, intervals[0].low, intervals[0].high) if unit == "doublings/yr" else {}
    estimate = Estimate(
        **{**identity(component), "unit": unit},
        value=middle,
        intervals=intervals,
        stderr=float(np.std(draws)),
        n_rows=n_rows,
        status=status,
        reasons=tuple(reasons),
        diagnostics={**facts, **(diagnostics or {})},
        rows_used=rows_used,
        seed=inputs.seed,
    )
    return Fitted(component, estimate, draws)
