"""Kappa of an analyst's own table of runs: the same fits, intervals and gate as the ledger's groups."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM, Conditions
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS
from race_to_efficiency.calibration.kappa.group_fit import fit_form
from race_to_efficiency.calibration.kappa.group_records import estimates_of
from race_to_efficiency.calibration.kappa.groups import fit_group
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.named_options import Option, Words
from race_to_efficiency.own_tables.efficient_runs import frontier_candidates
from race_to_efficiency.own_tables.held_out import held_out_rows, split_below
from race_to_efficiency.own_tables.long_fit import LONG_RUNS, LongFitter, sample_of
from race_to_efficiency.own_tables.outlying_runs import without_outliers
from race_to_efficiency.own_tables.refusals import LOOKED_AT, first_law, refusals_of, tried
from race_to_efficiency.own_tables.run_checks import examine, once_each, sharpened, unread_doubts
from race_to_efficiency.own_tables.table_fit import TableFit, in_unit, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.groups import FormFitter
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.own_tables.refusals import Tried
    from race_to_efficiency.own_tables.run_checks import TableFindings
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import FrontierRule, KappaParams


_MOST_CELLS = 600_000
"""Refits times rows: bounds the time of the bootstrap to a second or two, on slow processors too."""

MOST_FITTED_GROUPS = 200
"""Groups that are fitted, each alone; a column of more values is no column of groups."""

UNCONDITIONAL = Conditions()

_CONDITIONAL_REFITS = 300
"""Refits under conditions, each of which takes ten times as long."""

_LEAST_REFITS, _LEAST_ROWS = 200, 240
"""Refits that are made in any case; rows below which a refit takes no less time."""


def fit_table(
    table: RunTable,
    params: KappaParams,
    *,
    cluster: str | None,
    frontier: FrontierRule | None,
    seed: int,
    conditions: Conditions = UNCONDITIONAL,
    step: Callable[[str], None] = lambda _: None,
) -> TableFit:
    """Check a table, fit every form it has columns for, and judge the fits.

    Parameters
    ----------
    table : RunTable
    params : KappaParams
        Its `forms` are those asked for.
    cluster : str or None
        A column, ``none``, or None to look for shared models.
    frontier : str or None
        Rule for the efficient runs; None to choose one.
    seed : int
    conditions : Conditions
        What is fixed or tied, and how runs count.
    step : callable
        Told what is being done.

    Raises
    ------
    DataInvalid
        When the table lacks the columns of every form asked for.
    """
    if cluster not in (None, "none") and cluster not in table.cells:
        raise UsageError(f"there is no column '{cluster}'", why=f"columns: {', '.join(table.cells)}")
    step(f"checking {len(table):,} rows {table.group}".rstrip())
    table, doubts = sharpened(once_each(table))
    doubts = (*doubts, *unread_doubts(table))
    asked = tuple(name for name in params.forms if not conditions.lacks(EVERY_FORM[name]))
    if not asked:
        lacks = "; ".join(f"{name} has no {', '.join(conditions.lacks(EVERY_FORM[name]))}" for name in params.forms)
        raise UsageError("no form asked for has the parameters that are fixed or tied", why=lacks)
    table = table.noting(
        *(f"no {name} fit: a condition is on another form" for name in params.forms if name not in asked)
    )
    params = params.model_copy(update={"forms": asked})
    needed = {name: [part for part in EVERY_FORM[name].inputs if part not in table.quantities] for name in asked}
    possible = tuple(name for name in params.forms if not needed[name])
    if not possible:
        lacking = "; ".join(f"{name} needs {' and '.join(parts)}" for name, parts in needed.items())
        remedy = Words("add the columns, or ask for a form that the table has them for: ", Option("forms", "power_law"))
        raise DataInvalid(f"{table.name} lacks columns", where=table.name, why=lacking, remedy=remedy)
    table = table.noting(*(f"no {' and '.join(needed[name])}: no {name} fit" for name in params.forms if needed[name]))
    law = cache(partial(first_law, table, params.delta))
    findings = examine(
        table,
        cluster=cluster,
        frontier=frontier,
        doubts=doubts,
        tolerance_dex=params.frontier_tolerance_dex,
        delta=params.delta,
        law=law if len(table) <= LOOKED_AT else None,
    )
    # no table of cut-offs is shown of an analyst's runs
    params = params.model_copy(update={"forms": possible, "extrapolation_cutoffs": ()})
    apart = tuple(name for name in possible if conditions.any or name not in FORMS)
    plain = params.model_copy(update={"forms": tuple(name for name in possible if name not in apart)})
    points = {} if findings.fatal else tried(table, findings, plain, law)
    reasons = {name: points[name].hopeless if name in points else findings.fatal for name in possible}
    hopeful = tuple(name for name in possible if not reasons.get(name))
    without = {
        name: refusals_of(table, EVERY_FORM[name], (*why, *findings.doubts), seed)
        for name, why in reasons.items()
        if why
    }
    plain = plain.model_copy(update={"forms": tuple(name for name in hopeful if name not in apart)})
    fitted = _fitted(table, findings, plain, points, seed, step) if plain.forms else TableFit(table, findings, (), ())
    apart = tuple(name for name in hopeful if name in apart)
    fitted = _under_conditions(fitted, table, params.model_copy(update={"forms": apart}), conditions, seed, step)
    records = {name: [item for item in fitted.estimates if item.form == name] for name in hopeful} | without
    return replace(fitted, estimates=tuple(in_unit(one, table.loss_unit) for name in possible for one in records[name]))


def _fitted(
    table: RunTable,
    findings: TableFindings,
    params: KappaParams,
    points: Mapping[str, Tried],
    seed: int,
    step: Callable[[str], None],
) -> TableFit:
    """Fit a table whose checks leave hope."""
    codes = _codes(findings, table)
    index, whole = np.arange(len(table)), len(table) <= LONG_RUNS

    def quickly(form: Form, everything: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
        point = points[form.name].point if whole and form.name in points else None
        return _quickly(form, everything, params, seed=seed, point=point)

    fitter: FormFitter = quickly
    if not whole:
        sample = sample_of(len(table), codes, seed)
        index, table = sample.rows, table.noting(sample.words)
        fitter = LongFitter(table, findings, codes, sample, lambda rows: rows_of(table, findings, codes, rows), quickly)
    rows = rows_of(table, findings, codes, index)

    def fit_one(form: Form, everything: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
        step(f"fitting the {form.name} form")
        return fitter(form, everything, params, seed=seed)

    try:
        with np.errstate(all="ignore"):  # a fit without a finite value is refused in words
            fits = fit_group(rows, params, seed=seed, fitter=fit_one)
    except (ValueError, np.linalg.LinAlgError) as error:
        why = (f"the rows cannot be fitted: {error}",)
        forms = [FORMS[name] for name in params.forms]
        return TableFit(
            table, findings, (), tuple(item for form in forms for item in refusals_of(table, form, why, seed))
        )
    estimates = tuple(estimate for fit in fits for estimate in estimates_of(fit, params, seed=seed))
    if len(table) > LONG_RUNS:
        of_all = [name for name in params.forms if name == CHINCHILLA.name or findings.frontier == "all"]
        estimates = tuple(_of_all(item, table, codes) if item.form in of_all else item for item in estimates)
    return TableFit(table, findings, tuple(fits), estimates)


def _under_conditions(
    fitted: TableFit,
    table: RunTable,
    params: KappaParams,
    conditions: Conditions,
    seed: int,
    step: Callable[[str], None],
) -> TableFit:
    """Add the fits under conditions, and of the forms beside the ledger's three, to those of the others."""
    if not params.forms:
        return fitted
    from race_to_efficiency.own_tables.conditional_table import fit_conditional

    findings, codes = fitted.findings, _codes(fitted.findings, table)
    sample = sample_of(len(table), codes, seed) if len(table) > LONG_RUNS else None
    for form in map(EVERY_FORM.__getitem__, params.forms):
        step(f"fitting the {form.name} form")
        index = np.arange(len(table))
        if sample is not None and form.terms == 1 and findings.frontier != "all":
            index = frontier_candidates(findings.frontier, table.quantities, codes, params.frontier_tolerance_dex)
        rows = rows_of(table, findings, codes, index)
        found = fit_conditional(form, rows, conditions, params, seed=seed, sample=sample)
        estimates = (*fitted.estimates, *found.estimates(params, seed=seed))
        fitted = replace(fitted, conditional=(*fitted.conditional, found), estimates=estimates)
    return replace(fitted, table=fitted.table.noting(*filter(None, (conditions.words,))))


def _codes(findings: TableFindings, table: RunTable) -> NDArray[np.int64] | None:
    """Return the model of each run as a number; None where no two runs share one."""
    if findings.clusters is None:
        return None
    names, codes = np.unique(findings.clusters, return_inverse=True)
    return codes if len(names) < len(table) else None


def _quickly(
    form: Form, everything: GroupRows, params: KappaParams, *, seed: int, point: BatchFit | None = None
) -> GroupFit:
    """Fit a form with its refits from the point estimate: an analyst waits for them."""
    return without_outliers(fit_form(form, everything, params, seed=seed, from_point=True, point=point), params)


def fit_divided(
    table: RunTable,
    params: KappaParams,
    *,
    group: str | None,
    cluster: str | None,
    frontier: FrontierRule | None,
    seed: int,
    conditions: Conditions = UNCONDITIONAL,
    bounded: bool = True,
    below: float | None = None,
    discrepancies: Mapping[str, Discrepancy] | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> list[TableFit]:
    """Fit a table, or each group of its rows alone; see `fit_table`.

    Parameters
    ----------
    table : RunTable
    params : KappaParams
    group : str or None
        A column: one fit for each of its values.
    cluster, frontier, seed, conditions, step
        See `fit_table`.
    bounded : bool
        Make no more refits than take a second or two.
    below : float, optional, FLOP
        Fit to the runs of at most so much compute, and predict the larger ones.
    discrepancies : mapping of str to Discrepancy, optional
        By form: how far it may be off beyond the runs.

    Raises
    ------
    UsageError
        When there is no such column.
    """
    if group is not None and group not in table.cells:
        raise UsageError(f"there is no column '{group}'", why=f"columns: {', '.join(table.cells)}")
    parts = [table] if group is None else table.divided(group)
    if not 0 < len(parts) <= MOST_FITTED_GROUPS:
        many = f"it has {len(parts):,} values; at most {MOST_FITTED_GROUPS} groups are fitted"
        raise UsageError(f"column '{group}' names no groups", why=many if parts else "every cell of it is empty")
    if bounded:
        cells = sum(max(min(len(part), LONG_RUNS), _LEAST_ROWS) for part in parts)
        refits = min(params.bootstrap_replicates, max(_MOST_CELLS // cells, _LEAST_REFITS))
        if conditions.any or set(params.forms) - set(FORMS):
            refits = min(refits, _CONDITIONAL_REFITS)
        if refits < params.bootstrap_replicates:
            parts[0] = parts[0].noting(f"{refits:,} bootstrap refits a form; --bootstrap asks for more")
        params = params.model_copy(update={"bootstrap_replicates": refits})
    choices: dict[str, Any] = {
        "cluster": cluster,
        "frontier": frontier,
        "seed": seed,
        "conditions": conditions,
        "step": step,
    }
    known = discrepancies or {}
    if below is None:
        return [replace(fit_table(part, params, **choices), discrepancies=known) for part in parts]
    found = []
    for part in map(once_each, parts):
        smaller, small = split_below(part, below)
        fit = replace(fit_table(smaller, params, **choices), discrepancies=known)
        rows = held_out_rows(fit.laws, fit.findings.frontier, part, small, tolerance_dex=params.frontier_tolerance_dex)
        found.append(replace(fit, held_out=tuple(rows)))
    return found


def _of_all(estimate: Estimate, table: RunTable, codes: NDArray[np.int64] | None) -> Estimate:
    """Return an estimate of a long table with the rows it rests on, in short."""
    named = (f"{table.title}/{len(table)} rows, lines {table.lines.min()} to {table.lines.max()}",)
    clusters = len(table) if codes is None else int(codes.max()) + 1
    return replace(estimate, n_rows=len(table), n_clusters=clusters, rows_used=named)
