"""Kappa of an analyst's own table of runs: the same fits, intervals and gate as the ledger's groups."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS
from race_to_efficiency.calibration.kappa.group_fit import fit_form
from race_to_efficiency.calibration.kappa.group_records import estimates_of
from race_to_efficiency.calibration.kappa.group_rows import GroupRows
from race_to_efficiency.calibration.kappa.groups import fit_group
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.own_tables.held_out import held_out_rows, split_below
from race_to_efficiency.own_tables.long_fit import LONG_RUNS, LongFitter, sample_of
from race_to_efficiency.own_tables.refusals import group_name, hopeless, refusals_of
from race_to_efficiency.own_tables.run_checks import TableFindings, examine, once_each, sharpened
from race_to_efficiency.scaling_laws import FLOP_PER_PARAMETER_TOKEN
from race_to_efficiency.settings.kappa import KappaGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.calibration.kappa.groups import FormFitter
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import FrontierRule, KappaParams


_MOST_CELLS = 1_000_000
"""Refits times rows: bounds the time of the bootstrap to a second or two."""

MOST_FITTED_GROUPS = 200
"""Groups that are fitted, each alone; a column of more values is no column of groups."""

_LEAST_REFITS, _LEAST_ROWS = 200, 240
"""Refits that are made in any case; rows below which a refit takes no less time."""


@dataclass(frozen=True)
class TableFit:
    """What `race fit kappa` found.

    Parameters
    ----------
    table : RunTable
        Rows used.
    findings : TableFindings
    fits : tuple of GroupFit
    estimates : tuple of Estimate
    held_out : tuple of dict
        How well the laws predict larger runs that were held out; see `held_out`.
    discrepancies : mapping of str to Discrepancy
        How far each form may be off beyond the runs, as the ledger's families show it.
    """

    table: RunTable
    findings: TableFindings
    fits: tuple[GroupFit, ...]
    estimates: tuple[Estimate, ...]
    held_out: tuple[dict[str, Any], ...] = ()
    discrepancies: Mapping[str, Discrepancy] = field(default_factory=dict)

    @property
    def laws(self) -> tuple[Law, ...]:
        """The fitted laws, for use; a form that was refused without a number has none."""
        ranges = {name: (float(q.min()), float(q.max())) for name, q in self.table.quantities.items() if name != "loss"}
        sizes = [self.table.quantities[name] for name in CHINCHILLA.inputs if name in self.table.quantities]
        own = dict(ranges)  # the chinchilla form counts 6 params tokens, whatever the column says
        if len(sizes) == 2:
            spent = FLOP_PER_PARAMETER_TOKEN * sizes[0] * sizes[1]
            own["compute_flop"] = (float(spent.min()), float(spent.max()))
        records = {item.form: item for item in self.estimates if item.value is not None}
        # of runs that stand in the ledger too, the other families speak
        beyond = {form: found.without(self.table.group) for form, found in self.discrepancies.items()}
        return tuple(
            Law.of(
                fit, own if fit.form is CHINCHILLA else ranges, record.status, record.reasons, beyond.get(fit.form.name)
            )
            for fit in self.fits
            if (record := records.get(fit.form.name)) and fit.form.admits(fit.record.theta)
        )

    @property
    def all_refused(self) -> bool:
        """Whether not one estimate may be used."""
        return all(estimate.status == "refused" for estimate in self.estimates)


def fit_table(
    table: RunTable,
    params: KappaParams,
    *,
    cluster: str | None,
    frontier: FrontierRule | None,
    seed: int,
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
    needed = {name: [part for part in FORMS[name].inputs if part not in table.quantities] for name in params.forms}
    possible = tuple(name for name in params.forms if not needed[name])
    if not possible:
        lacking = "; ".join(f"{name} needs {' and '.join(parts)}" for name, parts in needed.items())
        raise DataInvalid(f"{table.name} lacks columns", where=table.name, why=lacking)
    table = table.noting(*(f"no {' and '.join(needed[name])}: no {name} fit" for name in params.forms if needed[name]))
    findings = examine(
        table,
        cluster=cluster,
        frontier=frontier,
        doubts=doubts,
        tolerance_dex=params.frontier_tolerance_dex,
        delta=params.delta,
    )
    params = params.model_copy(update={"forms": possible})
    reasons = dict.fromkeys(possible, findings.fatal) if findings.fatal else hopeless(table, findings, params)
    hopeful = tuple(name for name in possible if not reasons.get(name))
    without = {
        name: refusals_of(table, FORMS[name], (*why, *findings.doubts), seed) for name, why in reasons.items() if why
    }
    params = params.model_copy(update={"forms": hopeful})
    fitted = _fitted(table, findings, params, seed, step) if hopeful else TableFit(table, findings, (), ())
    records = {name: [item for item in fitted.estimates if item.form == name] for name in hopeful} | without
    return replace(fitted, estimates=tuple(item for name in possible for item in records[name]))


def _fitted(
    table: RunTable, findings: TableFindings, params: KappaParams, seed: int, step: Callable[[str], None]
) -> TableFit:
    """Fit a table whose checks leave hope."""
    codes = None
    if findings.clusters is not None:
        names, codes = np.unique(findings.clusters, return_inverse=True)
        codes = codes if len(names) < len(table) else None
    fitter: FormFitter = _quickly
    index = np.arange(len(table))
    if len(table) > LONG_RUNS:
        sample = sample_of(len(table), codes, seed)
        index, table = sample.rows, table.noting(sample.words)
        fitter = LongFitter(table, findings, codes, sample, lambda rows: _rows(table, findings, codes, rows), _quickly)
    rows = _rows(table, findings, codes, index)

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


def _quickly(form: Form, everything: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
    """Fit a form with its refits from the point estimate: an analyst waits for them."""
    return _without_outliers(fit_form(form, everything, params, seed=seed, from_point=True), params)


def fit_divided(
    table: RunTable,
    params: KappaParams,
    *,
    group: str | None,
    cluster: str | None,
    frontier: FrontierRule | None,
    seed: int,
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
    cluster, frontier, seed, step
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
        if refits < params.bootstrap_replicates:
            parts[0] = parts[0].noting(f"{refits:,} bootstrap refits a form; --bootstrap asks for more")
        params = params.model_copy(update={"bootstrap_replicates": refits})
    choices: dict[str, Any] = {"cluster": cluster, "frontier": frontier, "seed": seed, "step": step}
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


def _rows(
    table: RunTable, findings: TableFindings, codes: NDArray[np.int64] | None, index: NDArray[np.intp]
) -> GroupRows:
    """Return some rows of the table as a group of their own."""
    group = group_name(table)
    ids = tuple(table.names[k] for k in index.tolist())
    clusters = ids if codes is None or findings.clusters is None else tuple(map(str, findings.clusters[index].tolist()))
    return GroupRows(
        spec=KappaGroup(group=group, family=group, frontier=findings.frontier, clustered=codes is not None),
        ids=ids,
        clusters=clusters,
        quantities={name: values[index] for name, values in table.quantities.items()},
        window=None,
        excluded=table.excluded,
        doubts=findings.doubts,
        table=table.title,
    )


def _without_outliers(fit: GroupFit, params: KappaParams) -> GroupFit:
    """Doubt a fit that hangs on runs far from it and with much leverage: what it says without them."""
    outliers = np.flatnonzero(fit.influence.leverage_outlier)
    if not len(outliers) or len(outliers) > 0.2 * len(fit.rows):
        return fit
    weights = np.ones(len(fit.rows))
    weights[outliers] = 0.0
    other = fit_batch(fit.form, fit.rows.inputs(fit.form), fit.rows.quantities["loss"], weights, delta=params.delta)
    kappa = float(fit.form.kappa(other.theta[0]))
    if not other.converged[0] or abs(kappa - fit.kappa) <= fit.stderr_of(fit.form.symbol):
        return fit
    names = ", ".join(fit.rows.ids[k] for k in outliers[:8])
    return fit.doubted(
        f"{len(outliers)} runs with leverage lie far from the fit ({names}): without them kappa is {kappa:.4g}"
    )
