"""Kappa of one comparable group, in every form, with joint draws and the tables of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from race_to_efficiency.calibration.common.grades import FORMS_APART
from race_to_efficiency.calibration.kappa.comparison import extrapolation_rows, ranked, score_form
from race_to_efficiency.calibration.kappa.compute_frontier import frontier_rows, stock_row
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS
from race_to_efficiency.calibration.kappa.group_fit import GroupFit, fit_form
from race_to_efficiency.calibration.kappa.influence import influence_table, leave_one_out
from race_to_efficiency.calibration.kappa.trust import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.settings.kappa import KappaParams

_FORMS_DIFFER = FORMS_APART[0]

GROUP_TABLES = ("influence", "extrapolation", "forms", "frontier", "profiles")
"""The report's tables of a group.

influence: most influential runs of each floor form; `set` is `used`, or `with_outliers` for fits that readmit them.
extrapolation: fits below a compute cut-off against the larger runs. forms: forms compared on the same efficient runs.
frontier: N*, D*, tokens per parameter, loss and kappa_eff by compute. profiles: points (kappa, E, deviance).
"""


class FormFitter(Protocol):
    """A function that fits one form to a group."""

    def __call__(self, form: Form, everything: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
        """Fit one form; see `fit_form`."""


def fits_and_tables(
    rows: GroupRows, readmitted: GroupRows | None, params: KappaParams, *, seed: int
) -> tuple[list[GroupFit], dict[str, list[dict[str, Any]]]]:
    """Fit every form to one group and make its tables.

    Parameters
    ----------
    rows : GroupRows
    readmitted : GroupRows or None
        The same with the outliers readmitted.
    params : KappaParams
    seed : int
        Root of every random number; a group's draws do not depend on which other groups are fitted.
    """
    fits = fit_group(rows, params, seed=seed)
    tables = group_tables(rows, fits, params)
    if readmitted is not None and not readmitted.lacks(CHINCHILLA) and len(readmitted) > len(rows):
        tables["influence"] += outlier_table(readmitted, params)
    return fits, tables


def fit_group(rows: GroupRows, params: KappaParams, *, seed: int, fitter: FormFitter = fit_form) -> list[GroupFit]:
    """Fit the forms asked for that a group has the quantities for; those that contradict each other are weak.

    Both floor forms are fitted where either is asked for: it stands no better for the other's not being asked.

    Parameters
    ----------
    rows : GroupRows
    params : KappaParams
    seed : int
    fitter : callable
        Fits one form, as `fit_form` does.
    """
    both = any(FORMS[name].floor for name in params.forms)
    wanted = [form for name, form in FORMS.items() if name in params.forms or (both and form.floor)]
    fits = {form.name: fitter(form, rows, params, seed=seed) for form in wanted if not rows.lacks(form)}
    fits = _contradicted(fits)
    return [fits[name] for name in params.forms if name in fits]


def _contradicted(fits: dict[str, GroupFit]) -> dict[str, GroupFit]:
    """Return the fits of a group, its two reducible forms doubted where they contradict each other."""
    floor, law = fits.get("floor"), fits.get("chinchilla")
    if floor is None or law is None:
        return fits
    count = min(len(floor.usable), len(law.usable))
    both = np.flatnonzero(floor.usable[:count] & law.usable[:count])
    gap = law.form.kappa(law.draws[both]) - floor.form.kappa(floor.draws[both])
    low, high = np.quantile(gap, [0.025, 0.975]) if len(both) > 1 else (-np.inf, np.inf)
    differ = abs(law.kappa - floor.kappa) > _FORMS_DIFFER * min(law.kappa, floor.kappa)
    if differ and not low <= 0 <= high:
        apart = (law.kappa, floor.kappa)
        return {name: fit.contradicted(*apart) if fit.form.floor else fit for name, fit in fits.items()}
    return fits


def group_tables(rows: GroupRows, fits: Sequence[GroupFit], params: KappaParams) -> dict[str, list[dict[str, Any]]]:
    """Return the report's tables of one group."""
    named = {"family": rows.family, "group": rows.group}
    influence = [
        {**named, "form": fit.form.name, "set": "used", **row}
        for fit in fits
        if fit.form.floor
        for row in influence_table(fit.influence, fit.rows.ids, fit.form, fit.stderr_of(fit.form.symbol))
    ]
    beyond = [
        {**named, **row}
        for fit in fits
        for row in extrapolation_rows(
            fit.form, fit.rows.quantities, fit.batches.edges, fit.batches.below, fit.batches.smaller
        )
    ]
    return {
        "influence": influence,
        "extrapolation": beyond,
        "forms": [{**named, **row} for row in compared(fits, delta=params.delta)],
        "frontier": [{**named, **row} for fit in fits for row in _frontier(fit, params)],
        "profiles": [{**named, "form": fit.form.name, **row} for fit in fits for row in _profile_rows(fit)],
    }


def compared(fits: Sequence[GroupFit], *, delta: float) -> list[dict[str, Any]]:
    """Return all forms scored on the efficient runs; the chinchilla form is refitted to them."""
    efficient = [fit for fit in fits if fit.form is not CHINCHILLA]
    scores = [
        score_form(fit.form, fit.rows.quantities, fit.record.theta, fit.influence.theta_left_out) for fit in efficient
    ]
    if efficient and not efficient[0].rows.lacks(CHINCHILLA) and len(efficient[0].rows) >= len(CHINCHILLA.columns) + 3:
        quantities = efficient[0].rows.quantities
        inputs = [quantities[name] for name in CHINCHILLA.inputs]
        point, influence = leave_one_out(CHINCHILLA, inputs, quantities["loss"], delta=delta)
        if point.converged[0]:
            scores.append(score_form(CHINCHILLA, quantities, point.theta[0], influence.theta_left_out))
    return ranked(scores)


def _frontier(fit: GroupFit, params: KappaParams) -> list[dict[str, Any]]:
    """Return the compute-efficient frontier of one fit."""
    draws = fit.draws[fit.usable]
    if judge(fit.evidence, params.gates)[0] == "refused" or len(draws) < 2:
        return []
    rows = frontier_rows(
        fit.form,
        fit.record.theta,
        draws,
        params.product_compute_flop,
        fit.rows.compute_range_flop,
        token_stock=params.token_stock,
    )
    if fit.form is CHINCHILLA:
        rows.append(stock_row(fit.record.theta, draws, params.token_stock))
    return rows


def _profile_rows(fit: GroupFit) -> list[dict[str, Any]]:
    """Return the points of a floor form's profile."""
    if fit.profile is None or not fit.form.floor:
        return []
    points = zip(fit.profile.kappa, fit.profile.floor, fit.profile.deviance, strict=True)
    return [{"kappa": float(k), "E": float(e), "deviance": float(d)} for k, e, d in points if d <= 20.0]


def outlier_table(rows: GroupRows, params: KappaParams) -> list[dict[str, Any]]:
    """Return what the excluded outliers do when they are readmitted: the influence table of the chinchilla form."""
    inputs, loss = rows.inputs(CHINCHILLA), rows.quantities["loss"]
    fit, influence = leave_one_out(CHINCHILLA, inputs, loss, delta=params.delta)
    if not fit.converged[0]:
        return []
    whole = {name: float(value) for name, value in zip(CHINCHILLA.columns, fit.theta[0], strict=True)}
    stderr = float(np.nanstd(influence.left_out) * np.sqrt(len(loss) - 1))
    return [
        {
            "family": rows.family,
            "group": rows.group,
            "form": CHINCHILLA.name,
            "set": "with_outliers",
            "with": whole,
            **row,
        }
        for row in influence_table(influence, rows.ids, CHINCHILLA, stderr)
    ]
