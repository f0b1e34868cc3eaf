"""``race.forecast``: bands of the relative loss R(t) from the draws of a fit of kappa and one of gamma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency.api.gamma import GammaFit
from race_to_efficiency.api.kappa_fit import KappaFit
from race_to_efficiency.api.results import Result
from race_to_efficiency.equation.domain import numbers
from race_to_efficiency.errors import NotTrustworthy, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.equation.path_options import PathOptions

BAND_LEVELS = (0.95, 0.8)


@dataclass(frozen=True, eq=False, repr=False)
class Bands(Result):
    """The relative loss over time.

    Parameters
    ----------
    years : (k,) float, years
    point : (k,) float, dimensionless
        The equation at the estimates themselves.
    quantiles : mapping of float to (k,) float
        Quantiles of R over the draws.
    inputs : mapping of str to float
        kappa, gamma and floor of the point.
    n_draws : int
        1 where nothing is uncertain.
    notes : tuple of str
    """

    years: Floats
    point: Floats
    quantiles: Mapping[float, Floats]
    inputs: Mapping[str, float]
    n_draws: int
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a year: years, relative_loss, median and the ends of the 80 and 95 % bands."""
        import pandas as pd

        names = {0.025: "low95", 0.1: "low80", 0.5: "median", 0.9: "high80", 0.975: "high95"}
        ends = {names[level]: values for level, values in self.quantiles.items()}
        return pd.DataFrame({"years": self.years, "relative_loss": self.point, **ends})

    def to_json(self) -> dict[str, Any]:
        """Return inputs, rows and notes."""
        rows = [
            {str(name): float(cell) for name, cell in row.items()} for row in self.to_frame().to_dict(orient="records")
        ]
        return {"inputs": dict(self.inputs), "n_draws": self.n_draws, "results": rows, "notes": list(self.notes)}

    def summary(self) -> str:
        """Return a line a year."""
        given = ", ".join(f"{name} {value:.4g}" for name, value in self.inputs.items())
        lines = [f"R(t) at {given}; bands of {self.n_draws} draws"]
        for row in self.to_frame().itertuples():
            ends = f"80 % [{row.low80:.4f}, {row.high80:.4f}], 95 % [{row.low95:.4f}, {row.high95:.4f}]"
            lines.append(f"year {row.years:g}: R {row.relative_loss:.4f}, median {row.median:.4f}, {ends}")
        return "\n".join([*lines, *self.notes])

    def _draw(self, ax: Axes) -> None:
        """Draw the bands and the point."""
        for low, high, shade in ((0.025, 0.975, 0.15), (0.1, 0.9, 0.3)):
            ends = self.quantiles[low], self.quantiles[high]
            ax.fill_between(self.years, *ends, color="#0b6e4f", alpha=shade, linewidth=0)
        ax.plot(self.years, self.point, color="#0b6e4f")
        ax.set(xlabel="years", ylabel="relative loss R")


def forecast(
    kappa: KappaFit | ArrayLike,
    gamma: GammaFit | ArrayLike,
    years: ArrayLike,
    *,
    anchor_compute: float | None = None,
    form: str | None = None,
    group: str | None = None,
    gamma_group: str | None = None,
    fleet: float = 1.0,
    baseline_years: float = 1.0,
    seed: int | None = None,
    **path: Unpack[PathOptions],
) -> Bands:
    """Forecast the loss relative to today's, R(t), with bands from the draws of the fits.

    Parameters
    ----------
    kappa : KappaFit, float or (m,) float, dimensionless
        A fit; a number; or draws.
    gamma : GammaFit, float or (m,) float, doublings/yr
    years : (k,) float, years
        From the reference date.
    anchor_compute : float, optional, FLOP
        Compute of the reference date: with it R is that of total loss, floor included (a floor law); without it kappa
        is the slope of total loss (the power law).
    form : str, optional
        Law of the fit: power_law, or with an anchor floor or chinchilla.
    group, gamma_group : str, optional
        Of fits of several groups.
    fleet : float, multiples of the baseline fleet
    baseline_years : float, years
    seed : int, optional
        Of the pairing of kappa's draws with gamma's: they are independent.
    **path
        Fleet and efficiency paths, as in `relative_loss`.

    Returns
    -------
    Bands

    Raises
    ------
    UsageError
        When the arguments do not fit together.
    NotTrustworthy
        When a fit was refused.
    ValueError
        When a number lies outside the domain of the equation.

    References
    ----------
    Lu (2025), "The Race to Efficiency", arXiv 2501.02156.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> bands = race.forecast(kappa=0.05, gamma=[1.5, 2.0, 2.5], years=[1, 5])
    >>> bands.to_frame().round(3)["relative_loss"].tolist() == race.relative_loss([1, 5], 0.05, 2.0).round(3).tolist()
    True
    """
    from race_to_efficiency.relative_loss import relative_loss

    t = np.atleast_1d(numbers("years", years))
    slope, slopes, floor, floors, notes = _kappa(kappa, anchor_compute, form, group)
    rate, rates = _gamma(gamma, gamma_group)
    count = max(len(slopes), len(rates))
    rng = np.random.default_rng(np.random.SeedSequence([0 if seed is None else seed, count]))
    which = rng.permutation(count)  # kappa and gamma come from other tables: any pairing of their draws is one
    draws = [np.resize(slopes, count), np.resize(floors, count), np.resize(rates, count)[which]]
    given: dict[str, Any] = {"fleet": fleet, "baseline_years": baseline_years, **path}
    paths = relative_loss(t[:, None], draws[0], draws[2], floor=draws[1], **given)
    levels = sorted({end for level in BAND_LEVELS for end in (0.5 - level / 2, 0.5 + level / 2)} | {0.5})
    quantiles = {round(level, 6): np.quantile(paths, level, axis=1) for level in levels}
    point = np.asarray(relative_loss(t, slope, rate, floor=floor, **given))
    inputs = {"kappa": slope, "gamma": rate, "floor": floor}
    return Bands(t, point, quantiles, inputs, count, notes)


def _kappa(
    kappa: KappaFit | ArrayLike, anchor: float | None, form: str | None, group: str | None
) -> tuple[float, Floats, float, Floats, tuple[str, ...]]:
    """Return kappa and its draws, the floor relative to the anchor's loss and its draws, and notes."""
    if not isinstance(kappa, KappaFit):
        draws = np.atleast_1d(numbers("kappa", kappa))
        return float(np.median(draws)), draws, 0.0, np.zeros(len(draws)), ()
    wanted = form or ("power_law" if anchor is None else None)
    law = kappa.law(wanted, group)
    if law.status == "refused":
        raise NotTrustworthy(f"the {law.form.name} law was refused", where=kappa.name, why="; ".join(law.reasons))
    notes = tuple(f"kappa fails a check: {reason}" for reason in law.reasons)
    if not law.form.floor:
        return law.kappa, law.form.kappa(law.draws), 0.0, np.zeros(len(law.draws)), notes
    if anchor is None:
        raise UsageError("a law with a floor needs the compute of the reference date", remedy="give anchor_compute")
    from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities

    place = cast("int", law.form.floor_column)
    loss = frontier_quantities(law.form, law.theta, anchor)["loss_nats"]
    losses = frontier_quantities(law.form, law.draws, anchor)["loss_nats"]
    floors = np.asarray(law.draws[:, place] / losses)
    return law.kappa, law.form.kappa(law.draws), float(law.theta[place] / loss), floors, notes


def _gamma(gamma: GammaFit | ArrayLike, group: str | None) -> tuple[float, Floats]:
    if not isinstance(gamma, GammaFit):
        draws = np.atleast_1d(numbers("gamma", gamma))
        return float(np.median(draws)), draws
    found = gamma.estimate(group)
    if found.status == "refused" or found.value is None:
        raise NotTrustworthy("gamma was refused", where=gamma.name, why="; ".join(found.reasons))
    return found.value, gamma.draws[found.group or ""]
