"""``race.predict_loss`` and ``race.optimal_allocation``: what a fit says of a run that nobody has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from race_to_efficiency.api.cautions import grades_of, notes_on
from race_to_efficiency.api.results import Result
from race_to_efficiency.api.run_sizes import besides, level_checked, of_sizes, positive
from race_to_efficiency.errors import NotTrustworthy, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from race_to_efficiency.api.kappa_fit import KappaFit
    from race_to_efficiency.api.result_records import Predicted, PredictedRun
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.law import Law

UNDETERMINED = 3.0
"""Ratio of an optimum's upper to its lower end above which the runs do not tell where it lies."""


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Result):
    """Columns of numbers about runs that nobody has made, and what to bear in mind.

    Parameters
    ----------
    title : str
    form, group : str
        The law that speaks.
    status : {'trusted', 'weak'}
        The law's.
    grades : tuple of str, (k,)
        Confidence in each run's numbers: what the law rests on, and how far beyond its runs the compute lies.
    level : float
        Coverage its intervals aim at.
    columns : mapping of str to (k,) float
    notes : tuple of str
    """

    title: str
    form: str
    group: str
    status: str
    grades: tuple[str, ...]
    level: float
    columns: Mapping[str, Floats]
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a run."""
        import pandas as pd

        return pd.DataFrame(dict(self.columns))

    def _shown(self) -> pd.DataFrame:
        return self.to_frame().assign(grade=list(self.grades))

    def to_json(self) -> Predicted:
        """Return what ``race predict --fit --json`` prints."""
        rows = [
            {**dict(zip(self.columns, map(float, row), strict=True)), "grade": grade}
            for *row, grade in zip(*self.columns.values(), self.grades, strict=True)
        ]
        return {
            "form": self.form,
            "group": self.group,
            "status": self.status,
            "level": self.level,
            "results": cast("list[PredictedRun]", rows),
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """Return a line a run, and the notes."""
        lines = [f"{self.title} ({self.form} of {self.group}, {self.level:.0%} intervals)"]
        names = [name for name in self.columns if not name.endswith(("_low", "_high"))]
        for k in range(len(self.columns["compute_flop"])):
            parts = []
            for name in names:
                part = f"{name} {self.columns[name][k]:.5g}"
                for ends in (name, f"{name}_mean", f"{name}_new_run"):
                    if f"{ends}_low" in self.columns:
                        low, high = (self.columns[f"{ends}_{end}"][k] for end in ("low", "high"))
                        kind = ends.removeprefix(name).strip("_").replace("_", " ")
                        part += f" {kind + ' ' if kind else ''}[{low:.4g}, {high:.4g}]"
                parts.append(part)
            lines.append("; ".join([*parts, f"{self.grades[k]} confidence"]))
        return "\n".join([*lines, *self.notes])

    def _draw(self, ax: Axes) -> None:
        """Draw loss against compute with both intervals; of an optimum, its parameters."""
        order = np.argsort(self.columns["compute_flop"])
        compute = self.columns["compute_flop"][order]
        name = "loss" if "loss" in self.columns else "params"
        for ends, shade in ((f"{name}_new_run", 0.15), (f"{name}_mean", 0.3), (name, 0.3)):
            if f"{ends}_low" in self.columns:
                low, high = (self.columns[f"{ends}_{end}"][order] for end in ("low", "high"))
                ax.fill_between(compute, low, high, color="#3a4f9a", alpha=shade, linewidth=0)
        ax.plot(compute, self.columns[name][order], color="#3a4f9a", marker="o", markersize=3)
        unit = "loss, nats/token" if name == "loss" else "compute-optimal parameters"
        ax.set(xscale="log", yscale="log", xlabel="training compute, FLOP", ylabel=unit)


def predict_loss(
    fit: KappaFit,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    *,
    compute: ArrayLike | None = None,
    unique_tokens: ArrayLike | None = None,
    total_params: ArrayLike | None = None,
    form: str | None = None,
    group: str | None = None,
    level: float = 0.95,
) -> Prediction:
    """Predict the loss of runs, with the interval of the law's mean and that of a new run.

    Parameters
    ----------
    fit : KappaFit
    params, tokens : (k,) float, counts
        Both, for the chinchilla, repeated and moe forms: any allocation.
    compute : (k,) float, FLOP
        Instead of the two: an efficient run of so much compute.
    unique_tokens : (k,) float, optional
        For the repeated form; tokens, each seen once, when None.
    total_params : (k,) float, optional
        For the moe form, params being the active ones; params, a dense model, when None.
    form : str, optional
        chinchilla, floor, power_law, repeated or moe; the first that can answer and is not refused when None.
    group : str, optional
        Of a fit of several groups.
    level : float
        Coverage aimed at, in (0, 1).

    Returns
    -------
    Prediction
        loss (nats/token) with loss_mean_low, loss_mean_high, loss_new_run_low, loss_new_run_high; params, tokens,
        compute_flop; decades_beyond, the powers of ten beyond the runs that were fitted.

    Raises
    ------
    UsageError
        When the arguments do not fit together.
    NotTrustworthy
        When the law was refused: the reasons are said.

    Notes
    -----
    The interval of the mean holds percentiles of the bootstrap refits; a new run adds the scatter of the residuals.
    Of independent runs both are scaled to what such a fit and such a run scatter, by simulation on the law's tangent
    plane: with a Huber threshold far above the noise the interval of a new run is that of linear regression.

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556.

    Examples
    --------
    >>> import numpy as np
    >>> import race_to_efficiency as race
    >>> compute = np.geomspace(1e18, 1e22, 24)
    >>> loss = 3.0 * (compute / 1e20) ** -0.05 * (1 + 0.002 * np.sin(2.4 * np.arange(24)))
    >>> fit = race.fit_kappa({"compute_flop": compute, "loss": loss}, forms="power_law", bootstrap=100)
    >>> row = race.predict_loss(fit, compute=1e23).to_frame().iloc[0]
    >>> bool(row.loss_new_run_low <= row.loss_mean_low < row.loss < row.loss_new_run_high)
    True
    >>> row[["loss", "decades_beyond"]].round(1).tolist()
    [2.1, 1.0]
    """
    from race_to_efficiency.calibration.kappa.prediction import optimum, predicted
    from race_to_efficiency.scaling_laws import FLOP_PER_PARAMETER_TOKEN

    if (params is None) != (tokens is None) or (params is None) == (compute is None):
        raise UsageError("a run is given by params and tokens, or by compute", remedy="give the two, or the one")
    if params is not None and form in ("floor", "power_law"):
        raise UsageError(f"the {form} form takes compute alone", remedy="give compute, or form='chinchilla'")
    law = _law(fit, form if params is None else form or of_sizes(fit), group)
    if params is None and len(law.form.inputs) > law.form.terms:
        raise UsageError(f"the {law.form.name} form takes params and tokens", remedy="give the two, not compute")
    level_checked(level)
    columns: dict[str, Floats] = {}
    if params is not None and tokens is not None:
        size, seen = np.broadcast_arrays(positive("params", params), positive("tokens", tokens))
        columns = {"params": size, "tokens": seen, "compute_flop": FLOP_PER_PARAMETER_TOKEN * size * seen}
        columns |= besides(law, {"unique_tokens": unique_tokens, "total_params": total_params}, columns)
    else:
        columns["compute_flop"] = positive("compute", compute)
        if law.form.name == "chinchilla":
            best = optimum(law, columns["compute_flop"], level=level)
            columns |= {"params": best.params[0], "tokens": best.tokens[0]}
    found = predicted(law, [columns[name] for name in law.form.inputs], level=level)
    columns |= {
        "loss": found.loss,
        "loss_mean_low": found.mean_low,
        "loss_mean_high": found.mean_high,
        "loss_new_run_low": found.new_low,
        "loss_new_run_high": found.new_high,
        "decades_beyond": found.decades_beyond,
    }
    notes, told = notes_on(law, found.decades_beyond, columns), grades_of(fit, law, found.decades_beyond)
    return Prediction("Predicted loss", law.form.name, law.group, law.status, told, level, columns, notes)


def optimal_allocation(
    fit: KappaFit, compute: ArrayLike, *, group: str | None = None, level: float = 0.95
) -> Prediction:
    """Return the parameters and tokens that reach the least loss with a training compute, with intervals.

    Parameters
    ----------
    fit : KappaFit
        With a chinchilla law.
    compute : (k,) float, FLOP
    group : str, optional
        Of a fit of several groups.
    level : float
        Coverage aimed at, in (0, 1).

    Returns
    -------
    Prediction
        params, tokens, tokens_per_param and loss (nats/token), each with _low and _high; decades_beyond.

    Raises
    ------
    UsageError
        When the fit has no chinchilla law.
    NotTrustworthy
        When that law was refused: the reasons are said.

    Notes
    -----
    Where the curves of equal compute are so flat that the runs do not tell the optimum within a factor of three, a note
    says so: the interval is wide, and the loss hardly depends on it.

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556, equation 4.

    Examples
    --------
    >>> import numpy as np
    >>> import race_to_efficiency as race
    >>> n, d = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e12, 7)))
    >>> wobble = 1 + 0.002 * np.sin(2.4 * np.arange(42))
    >>> runs = {"params": n, "tokens": d, "loss": (1.8 + 480 * n**-0.35 + 2000 * d**-0.37) * wobble}
    >>> fit = race.fit_kappa(runs, forms="chinchilla", bootstrap=100)
    >>> best = race.optimal_allocation(fit, 1e22).to_frame().iloc[0]
    >>> truth = (0.35 * 480 / (0.37 * 2000)) ** (1 / 0.72) * (1e22 / 6) ** (0.37 / 0.72)
    >>> bool(best.params_low < truth < best.params_high), bool(np.isclose(6 * best.params * best.tokens, 1e22))
    (True, True)
    """
    from race_to_efficiency.calibration.kappa.prediction import optimum

    law = _law(fit, "chinchilla", group)
    level_checked(level)
    budget = positive("compute", compute)
    best = optimum(law, budget, level=level)
    columns = {"compute_flop": budget}
    for name in ("params", "tokens", "tokens_per_param", "loss_nats"):
        value, low, high = getattr(best, name)
        label = name.removesuffix("_nats")
        columns |= {label: value, f"{label}_low": low, f"{label}_high": high}
    columns["decades_beyond"] = best.decades_beyond
    notes = notes_on(law, best.decades_beyond, {})
    ratio = float((best.params[2] / best.params[1]).max())
    if ratio > UNDETERMINED:
        notes += (f"the runs do not tell the optimum: its ends differ by a factor of {ratio:.3g}",)
    told = grades_of(fit, law, best.decades_beyond)
    return Prediction("Compute-optimal run", law.form.name, law.group, law.status, told, level, columns, notes)


def _law(fit: KappaFit, form: str | None, group: str | None) -> Law:
    law = fit.law(form, group)
    if law.status == "refused":
        raise NotTrustworthy(
            f"the {law.form.name} law of {law.group} was refused", where=fit.name, why="; ".join(law.reasons)
        )
    return law
