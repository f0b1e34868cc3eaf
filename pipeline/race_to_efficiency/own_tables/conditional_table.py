"""Forms under conditions in an analyst's own table: the fit, its draws, the gate and the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.kappa.conditional_evidence import evidence_under
from race_to_efficiency.calibration.kappa.conditional_fit import Point, fit_point, settle
from race_to_efficiency.calibration.kappa.conditions import Bound, Conditions
from race_to_efficiency.calibration.kappa.group_records import identity
from race_to_efficiency.calibration.kappa.intervals import bootstrap_weights, percentile_intervals, spread
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.calibration.kappa.trust import axes, judge
from race_to_efficiency.own_tables.efficient_runs import efficient_weights
from race_to_efficiency.own_tables.further_columns import WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import FitStatus
    from race_to_efficiency.calibration.kappa.evidence import Evidence
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.own_tables.long_fit import Sample
    from race_to_efficiency.settings.kappa import KappaParams


@dataclass(frozen=True)
class ConditionalFit:
    """One form under conditions.

    Parameters
    ----------
    bound, rows : Bound, GroupRows
        Of the runs that count.
    point : Point
    draws : (m, p) float
        Usable refits.
    evidence : Evidence
    """

    bound: Bound
    rows: GroupRows
    point: Point
    draws: Floats
    evidence: Evidence

    @property
    def theta(self) -> Floats:
        """Parameters of the fit, (p,)."""
        return self.bound.theta(self.point.free)

    def estimates(self, params: KappaParams, *, seed: int) -> tuple[Estimate, ...]:
        """Return the records: kappa first, then the parameters; all share status, reasons and grade."""
        form, rows = self.bound.form, self.rows
        status, reasons = judge(self.evidence, params.gates)
        evidence, agreement = axes(self.evidence, params.gates)
        clusters = rows.n_units if rows.spec.clustered else None
        method = "percentile_bootstrap" if clusters is None else "cluster_bootstrap"
        records = []
        for symbol in (form.symbol, *(name for name in form.columns if name != "kappa")):
            values = form.kappa(self.draws) if symbol == form.symbol else self.draws[:, form.columns.index(symbol)]
            value = float(form.kappa(self.theta) if symbol == form.symbol else self.theta[form.columns.index(symbol)])
            finite = bool(np.isfinite(value)) and not self.evidence.fatal
            held = symbol in self.bound.conditions.fixed
            intervals = percentile_intervals(values, method=method, levels=params.levels, n_clusters=clusters)
            error = spread(values)
            records.append(
                Estimate(
                    **identity(rows, form, symbol),
                    value=value if finite else None,
                    intervals=intervals if finite and not held else (),
                    stderr=error if finite and not held and np.isfinite(error) else None,
                    status=status if finite else "refused",
                    reasons=reasons if finite else (reasons or ("the fit has no finite value",)),
                    evidence=evidence,
                    agreement=agreement,
                    diagnostics=self._diagnostics(),
                    seed=seed,
                    computed_by="race_to_efficiency.own_tables.conditional_table.fit_conditional",
                )
            )
        return tuple(records)

    def _diagnostics(self) -> dict[str, object]:
        evidence = self.evidence
        return {
            "objective": self.point.cost,
            "n_starts": self.point.n_starts,
            "n_starts_agreeing": self.point.n_agreeing,
            "residual_sd": evidence.residual_sd,
            "condition": evidence.condition if np.isfinite(evidence.condition) else None,
            "z_curv": evidence.z_curv,
            "cutoff": None if evidence.cutoff is None else evidence.cutoff.to_json(),
            "lack_of_fit": None if evidence.lack_of_fit is None else evidence.lack_of_fit.to_json(),
            "bootstrap_replicates": len(self.draws),
            "bootstrap_converged": evidence.bootstrap_converged,
            "conditions": self.bound.conditions.words,
            "free_parameters": list(self.bound.names),
            "leverage_outliers": [],
        }

    def law(self, ranges: Mapping[str, tuple[float, float]], status: FitStatus, reasons: tuple[str, ...]) -> Law:
        """Return the law; ``ranges`` are those of all runs."""
        rows = self.rows
        return Law(
            group=rows.group,
            form=self.bound.form,
            theta=self.theta,
            draws=self.draws,
            residuals=self.bound.residuals(self.point.free),
            compute_flop=rows.quantities["compute_flop"],
            n_rows=len(rows),
            n_models=rows.n_units if rows.spec.clustered else None,
            ranges=ranges,
            status=status,
            reasons=reasons,
        )


def fit_conditional(
    form: Form,
    everything: GroupRows,
    conditions: Conditions,
    params: KappaParams,
    *,
    seed: int,
    sample: Sample | None = None,
) -> ConditionalFit:
    """Fit a form under conditions: to all runs, or on compute alone to the efficient ones.

    Parameters
    ----------
    form : Form
    everything : GroupRows
    conditions : Conditions
    params : KappaParams
    seed : int
    sample : Sample, optional
        The rows of a long table that are refitted.
    """
    weight = everything.quantities[WEIGHT] if conditions.weighted else np.ones(len(everything))
    counts = np.ones((1, len(everything)))
    if form.terms == 1:
        counts = _efficient(everything, counts, params)
    kept = counts[0] > 0
    rows = everything.taken(kept)
    bound = Bound(form, rows.inputs(form), rows.quantities["loss"], conditions, params.delta)
    point = fit_point(bound, weight[kept])
    drawn = (
        everything
        if sample is None or form.terms == 1
        else everything.taken(np.isin(np.arange(len(everything)), sample.rows))
    )
    refits = bootstrap_weights(drawn.units, params.bootstrap_replicates, seed)
    if form.terms == 1:
        refits = _efficient(everything, refits, params)
    among = Bound(form, drawn.inputs(form), drawn.quantities["loss"], conditions, params.delta)
    own = weight if drawn is everything else weight[sample.rows] if sample is not None else weight
    found = settle(among, np.tile(point.free, (len(refits), 1)), refits * own)
    free = found.free
    if drawn is not everything and sample is not None:
        free = point.free + sample.scale * (free - np.median(free[found.converged], axis=0))
    draws = among.theta(np.clip(free, among.lowest, among.highest))
    head = form.terms + form.floor
    usable = found.converged & form.admits(draws) & (draws[:, head : head + form.terms] > 0).all(axis=1)
    evidence = evidence_under(bound, rows, point, weight[kept], draws[usable], float(usable.mean()), params)
    return ConditionalFit(bound, rows, point, draws[usable], evidence)


def _efficient(rows: GroupRows, weights: Floats, params: KappaParams) -> Floats:
    """Return the weights of the efficient runs, those of the others 0."""
    return efficient_weights(rows.spec.frontier or "all", rows.quantities, weights, params.frontier_tolerance_dex)
