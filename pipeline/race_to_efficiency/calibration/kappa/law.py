"""A fitted law as something to use: its parameters, their joint draws and its residuals; saved, and read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
from race_to_efficiency.calibration.kappa.scatter import Scatter, not_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import FitStatus
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit


@dataclass(frozen=True, eq=False)
class Law:
    """Loss against scale as one form fitted it.

    Parameters
    ----------
    group : str
    form : Form
    theta : (p,) float
        Parameters in the order of ``form.columns``.
    draws : (m, p) float
        Usable bootstrap refits.
    residuals : (n,) float
        ln(observed) - ln(fitted) of the runs, or of a sample of many.
    compute_flop : (n,) float, FLOP
        Compute of the same runs.
    n_rows : int
        Runs the parameters rest on.
    n_models : int or None
        Models that runs share, None where runs are independent.
    ranges : mapping of str to (float, float)
        Least and largest params, tokens and compute_flop of the runs.
    status : {'trusted', 'weak', 'refused'}
    reasons : tuple of str
    discrepancy : Discrepancy or None
        How far the form may be off beyond the runs; None takes it as the truth.
    scattering : callable
        Returns `scatter`, which takes a simulation: made when it is first asked for.
    """

    group: str
    form: Form
    theta: Floats
    draws: Floats
    residuals: Floats
    compute_flop: Floats
    n_rows: int
    n_models: int | None
    ranges: Mapping[str, tuple[float, float]]
    status: FitStatus
    reasons: tuple[str, ...]
    discrepancy: Discrepancy | None = None
    scattering: Callable[[], Scatter | None] = field(default=not_known, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("theta", "draws", "residuals", "compute_flop"):
            values = getattr(self, name).copy()
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @classmethod
    def of(
        cls,
        fit: GroupFit,
        ranges: Mapping[str, tuple[float, float]],
        status: FitStatus,
        reasons: tuple[str, ...],
        discrepancy: Discrepancy | None = None,
    ) -> Law:
        """Return the law of a fit; ``ranges`` are those of all runs, on the frontier or not."""
        evidence = fit.evidence
        return cls(
            group=fit.rows.group,
            form=fit.form,
            theta=fit.record.theta,
            draws=fit.draws[fit.usable],
            residuals=fit.record.residuals,
            compute_flop=fit.rows.quantities["compute_flop"],
            n_rows=evidence.n_rows,
            n_models=fit.rows.n_units if fit.rows.spec.clustered else None,
            ranges=ranges,
            status=status,
            reasons=reasons,
            discrepancy=discrepancy,
            scattering=fit.scattering,
        )

    @cached_property
    def scatter(self) -> Scatter | None:
        """What refits and residuals stand for; None where that is not known beyond their number."""
        return self.scattering()

    @property
    def kappa(self) -> float:
        """Exponent of loss in compute, dimensionless."""
        return float(self.form.kappa(self.theta))

    def to_json(self) -> dict[str, Any]:
        """Return the law as a JSON-ready mapping."""
        return {
            "group": self.group,
            "form": self.form.name,
            "columns": list(self.form.columns),
            "theta": self.theta.tolist(),
            "draws": self.draws.tolist(),
            "residuals": self.residuals.tolist(),
            "compute_flop": self.compute_flop.tolist(),
            "n_rows": self.n_rows,
            "n_models": self.n_models,
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
            "status": self.status,
            "reasons": list(self.reasons),
            "discrepancy": None if self.discrepancy is None else self.discrepancy.to_json(),
            "scatter": None if self.scatter is None else self.scatter._asdict(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Law:
        """Rebuild a law from `to_json`'s mapping.

        Raises
        ------
        KeyError, TypeError, ValueError
            When a field is missing or is not what it should be.
        """
        form = EVERY_FORM[document["form"]]
        theta = np.asarray(document["theta"], dtype=np.float64)
        draws = np.asarray(document["draws"], dtype=np.float64).reshape(-1, len(form.columns))
        residuals = np.asarray(document["residuals"], dtype=np.float64)
        compute = np.asarray(document["compute_flop"], dtype=np.float64)
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in document["ranges"].items()}
        n_models, beyond, scatter = document["n_models"], document.get("discrepancy"), document.get("scatter")
        sound = theta.shape == (len(form.columns),) and bool(form.admits(theta)) and bool(form.admits(draws).all())
        ends = all(0 < low <= high < np.inf for low, high in ranges.values())
        if not sound or residuals.shape != (len(compute),) or not np.isfinite(residuals).all() or not ends:
            raise ValueError(f"its {form.name} law has parameters that no such law has")
        if document["status"] not in ("trusted", "weak", "refused"):
            raise ValueError(f"status must be trusted, weak or refused, got {document['status']!r}")
        return cls(
            group=str(document["group"]),
            form=form,
            theta=theta,
            draws=draws,
            residuals=residuals,
            compute_flop=compute,
            n_rows=int(document["n_rows"]),
            n_models=None if n_models is None else int(n_models),
            ranges=ranges,
            status=document["status"],
            reasons=tuple(map(str, document["reasons"])),
            discrepancy=None if beyond is None else Discrepancy.from_json(beyond),
            scattering=not_known if scatter is None else Scatter.from_json(scatter).itself,
        )
