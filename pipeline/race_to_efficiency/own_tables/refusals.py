"""Tables of runs that no fit can save: refused before any bootstrap, with the reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS
from race_to_efficiency.calibration.kappa.group_records import PARAMETER_UNITS
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.own_tables.efficient_runs import efficient_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.own_tables.run_checks import TableFindings
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import KappaParams

_UNRELATED_P = 0.01
"""Above it the loss shows no dependence: one table of noise in a hundred is fitted all the same."""
_ROWS_PER_TERM = 4
"""With fewer rows a term the test has little power, and would refuse what is only short."""
_GLANCE = 20_000
"""Rows, spread over the table, that are ranked: more would change no answer, and take longer."""

LOOKED_AT = 1_000
"""Rows, spread over the table, whose point estimate is tried first."""


def unrelated(quantities: Mapping[str, Floats]) -> tuple[str, ...]:
    """Return that loss has nothing to do with scale: an F test of its ranks on a quadratic of the logs.

    The efficient frontier of pure noise falls by its very choice, and would be fitted. Of ranks, so that no single wild
    loss hides a law.

    References
    ----------
    Conover & Iman (1981), The American Statistician 35, for tests of ranks.
    """
    from scipy.special import fdtrc

    glance = slice(None, None, 1 + len(quantities["loss"]) // _GLANCE)
    names = [name for name in ("params", "tokens") if name in quantities]
    names = names if len(names) == 2 else ["compute_flop"]
    logs = [np.log(quantities[name][glance]) for name in names]
    logs = [x - x.mean() for x in logs]
    terms = np.stack([*logs, *(logs[i] * logs[k] for i in range(len(logs)) for k in range(i, len(logs)))], axis=1)
    loss = quantities["loss"][glance]
    if len(loss) < _ROWS_PER_TERM * terms.shape[1]:
        return ()
    ranks = np.searchsorted(np.sort(loss), loss) - 0.5 * len(loss)
    ranks -= ranks.mean()
    terms = (terms - terms.mean(axis=0)) / np.maximum(terms.std(axis=0), 1e-300)
    basis, sizes, _ = np.linalg.svd(terms, full_matrices=False)
    basis = basis[:, sizes > 1e-9 * max(float(sizes[0]), 1e-300)]
    size, free = basis.shape[1], len(loss) - basis.shape[1] - 1
    told, whole = float(np.square(basis.T @ ranks).sum()), float(ranks @ ranks)
    if not (size and whole > 0):
        return ()
    p = float(fdtrc(size, free, told / size / max((whole - told) / free, 1e-300)))
    words = f"no sign that loss depends on {' and '.join(names)} (F test of ranks, p = {p:.2g}): there is no law to fit"
    return (words,) if p > _UNRELATED_P else ()


class Tried(NamedTuple):
    """A form's point estimate, and why it is refused by that alone: no refit would change it."""

    point: BatchFit
    hopeless: tuple[str, ...]


def first_fit(form: Form, inputs: Sequence[Floats], loss: Floats, delta: float) -> BatchFit:
    """Return a form's point estimate, searched for from everywhere but not from every start to its end."""
    with np.errstate(all="ignore"):
        return fit_batch(form, inputs, loss, np.ones(len(loss)), delta=delta, thorough=False)


def looked_at(table: RunTable) -> dict[str, Floats]:
    """Return the quantities of the rows whose point estimate is tried first."""
    some = np.unique(np.linspace(0, len(table) - 1, min(len(table), LOOKED_AT)).astype(int))
    return {name: values[some] for name, values in table.quantities.items()}


def first_law(table: RunTable, delta: float) -> BatchFit:
    """Return the chinchilla fit to the rows `looked_at`."""
    seen = looked_at(table)
    return first_fit(CHINCHILLA, [seen[name] for name in CHINCHILLA.inputs], seen["loss"], delta)


def tried(
    table: RunTable, findings: TableFindings, params: KappaParams, law: Callable[[], BatchFit]
) -> dict[str, Tried]:
    """Return the point estimates of the forms that have rows enough, by name.

    Parameters
    ----------
    table : RunTable
    findings : TableFindings
    params : KappaParams
    law : callable
        Returns `first_law` of the table, which may have been made before.
    """
    found: dict[str, Tried] = {}
    quantities = looked_at(table)
    whole = np.ones((1, len(quantities["loss"])))
    efficient = efficient_weights(findings.frontier, quantities, whole, params.frontier_tolerance_dex)
    for form in map(FORMS.__getitem__, params.forms):
        kept = (whole if form is CHINCHILLA else efficient)[0] > 0
        inputs, loss = [quantities[name][kept] for name in form.inputs], quantities["loss"][kept]
        if len(loss) < 2 * len(form.columns):
            continue  # refused by name after the fit, which takes no time
        fit = law() if form is CHINCHILLA else first_fit(form, inputs, loss, params.delta)
        with np.errstate(all="ignore"):
            kappa = float(form.kappa(fit.theta[0]))
            left = np.log(loss) - form.log_loss(fit.theta[0], inputs)
        sd, most = float(np.sqrt(np.square(left).sum() / (len(loss) - len(form.columns)))), params.gates.max_residual_sd
        why = [] if fit.converged[0] else [f"the fit does not converge: the rows do not determine the {form.name} form"]
        why += [f"kappa {kappa:.3g} is not positive: loss does not fall with compute here"] if not kappa > 0 else []
        if not np.isfinite(sd):
            why = ["the fit has no finite value"]
        elif sd > most:
            why.append(f"residual sd {sd:.2g} of ln(loss) > {most:g}: not one comparable group")
        found[form.name] = Tried(fit, tuple(why))
    return found


def refusals_of(table: RunTable, form: Form, reasons: tuple[str, ...], seed: int) -> tuple[Estimate, ...]:
    """Return the records of a form that is not fitted: no number, and why."""
    group = group_name(table)
    return tuple(
        Estimate(
            id=f"{symbol}.{group}.{form.name}",
            symbol=symbol,
            value=None,
            unit=PARAMETER_UNITS.get(symbol, "1"),
            group=group,
            form=form.name,
            estimator="huber_least_squares",
            n_rows=len(table),
            status="refused",
            reasons=reasons,
            rows_excluded=tuple((f"{table.title}/{name}", why) for name, why in table.excluded),
            seed=seed,
            computed_by="race_to_efficiency.own_tables.run_fit.fit_table",
        )
        for symbol in (form.symbol, *(name for name in form.columns if name != "kappa"))
    )


def group_name(table: RunTable) -> str:
    """Return the table's title as ids may hold it."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", table.title).strip("_") or "table"
