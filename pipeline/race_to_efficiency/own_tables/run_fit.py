"""Kappa of an analyst's own table of runs: the same fits, intervals and gate as the ledger's groups."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import FORMS
from race_to_efficiency.calibration.kappa.group_rows import GroupRows
from race_to_efficiency.calibration.kappa.groups import estimates_of, fit_group
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.own_tables.run_checks import Findings, examine, once_each, sharpened
from race_to_efficiency.settings.kappa import KappaGroup

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import FrontierRule, KappaParams

_REFITS_OF_A_REFUSED = 100
_MOST_ROWS = 2000
_MOST_CELLS = 4_000_000


@dataclass(frozen=True)
class TableFit:
    """What `race fit kappa` found.

    Parameters
    ----------
    table : RunTable
        Rows used.
    findings : Findings
    fits : tuple of GroupFit
    estimates : tuple of Estimate
    """

    table: RunTable
    findings: Findings
    fits: tuple[GroupFit, ...]
    estimates: tuple[Estimate, ...]

    @property
    def all_refused(self) -> bool:
        """Whether not one estimate may be used."""
        return all(estimate.status == "refused" for estimate in self.estimates)


def fit_table(
    table: RunTable, params: KappaParams, *, cluster: str | None, frontier: FrontierRule | None, seed: int
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

    Raises
    ------
    DataInvalid
        When the table lacks the columns of every form asked for.
    """
    if cluster not in (None, "none") and cluster not in table.cells:
        raise UsageError(f"there is no column '{cluster}'", why=f"columns: {', '.join(table.cells)}")
    table, doubts = sharpened(once_each(table).sampled(_MOST_ROWS, seed=seed))
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
    refits = min(params.bootstrap_replicates, _MOST_CELLS // len(table))
    if findings.fatal:
        refits = _REFITS_OF_A_REFUSED
    params = params.model_copy(update={"forms": possible, "bootstrap_replicates": refits})
    rows = _rows(table, findings)
    try:
        with np.errstate(all="ignore"):  # a fit without a finite value is refused in words
            fits = [_without_outliers(fit, params) for fit in fit_group(rows, params, seed=seed)]
    except (ValueError, np.linalg.LinAlgError) as error:
        raise DataInvalid(f"{table.name} cannot be fitted", where=table.name, why=str(error)) from error
    estimates = tuple(estimate for fit in fits for estimate in estimates_of(fit, params, seed=seed))
    return TableFit(table, findings, tuple(fits), estimates)


def _rows(table: RunTable, findings: Findings) -> GroupRows:
    """Return the table as a group of its own."""
    group = re.sub(r"[^A-Za-z0-9_]+", "_", table.title).strip("_") or "table"
    clustered = findings.clusters is not None and len(set(findings.clusters)) < len(table)
    known = dict(table.quantities)
    return GroupRows(
        spec=KappaGroup(group=group, family=group, frontier=findings.frontier, clustered=clustered),
        ids=tuple(table.names),
        clusters=findings.clusters or tuple(table.names),
        quantities=known,
        window=None,
        excluded=table.excluded,
        fatal=findings.fatal,
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
