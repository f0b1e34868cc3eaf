"""Simulated tables whose law is used: a run nobody has made, and the best one, at ten times the largest compute."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.calibration.kappa.group_fit import fit_form
from race_to_efficiency.calibration.kappa.group_records import estimates_of
from race_to_efficiency.calibration.kappa.prediction import optimum, predicted
from race_to_efficiency.own_tables.run_checks import examine
from race_to_efficiency.own_tables.table_fit import TableFit, rows_of
from race_to_efficiency.recovery.attempts import ATTEMPT_REPLICATES, LAW, RUN_NOISE, table_of
from race_to_efficiency.settings.params import shipped_params

if TYPE_CHECKING:
    from race_to_efficiency.recovery.attempts import Attempt, Outcome

FURTHER = 10.0
"""Compute of the runs predicted over the largest fitted."""

FORM_ERROR = 0.02
"""ln(loss) a decade by which ten families are said to be off, half of what the ledger's show; the law is right here."""

_FAMILIES = [(f"family {k}", f"group {k}", FORM_ERROR) for k in range(10)]


def _best_params(compute: float | np.ndarray) -> np.ndarray:
    """Return the parameters that reach the least loss with a training compute of 6 params tokens."""
    a, b, _, alpha, beta = LAW
    scale = (alpha * a / (beta * b)) ** (1.0 / (alpha + beta))
    return np.asarray(scale * (np.asarray(compute) / 6.0) ** (beta / (alpha + beta)))


def squared_error(truth: float, low: float, high: float) -> float:
    """Return (ln truth - centre)^2 over the variance for which a 95 % interval is made; 1 on average when that is so.

    Examples
    --------
    >>> round(squared_error(2.0, 0.5, 2.0), 2)
    3.84
    """
    centre, spread = np.log(low * high) / 2.0, np.log(high / low) / (2.0 * ndtri(0.975))
    return float(((np.log(truth) - centre) / spread) ** 2)


def larger_runs(n_rows: int, decades: float) -> Attempt:
    """Return one attempt to predict a new run and the best allocation; a refused fit holds neither.

    Parameters
    ----------
    n_rows : int
    decades : float
        How far the sizes of the runs lie from the best ones, either way.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        compute = 10.0 ** rng.uniform(18.0, 21.0, n_rows)
        params = _best_params(compute) * 10.0 ** rng.uniform(-decades, decades, n_rows)
        quantities = {"params": params, "tokens": compute / 6.0 / params}
        loss = np.exp(CHINCHILLA.log_loss(np.array(LAW), list(quantities.values())))
        table = table_of(loss * np.exp(RUN_NOISE * rng.standard_normal(n_rows)), **quantities, compute_flop=compute)
        shipped = shipped_params().fit_kappa
        settings = shipped.model_copy(update={"bootstrap_replicates": ATTEMPT_REPLICATES, "extrapolation_cutoffs": ()})
        found = examine(
            table,
            cluster="none",
            frontier=None,
            doubts=(),
            tolerance_dex=settings.frontier_tolerance_dex,
            delta=settings.delta,
        )
        seed = int(rng.integers(2**31))
        large = np.array([FURTHER * compute.max()])
        size = _best_params(large)
        new = float(np.exp(CHINCHILLA.log_loss(np.array(LAW), [size, large / 6.0 / size])[0]))
        new *= float(np.exp(RUN_NOISE * rng.standard_normal()))
        rows = rows_of(table, found, None, np.arange(n_rows))
        with np.errstate(all="ignore"):  # a fit without a finite value is refused in words
            fit = fit_form(CHINCHILLA, rows, settings, seed=seed, from_point=True)
        laws = TableFit(table, found, (fit,), tuple(estimates_of(fit, settings, seed=seed))).laws
        if not laws or laws[0].status == "refused":
            return {"refused": 1.0, "new_run": 0.0, "new_run_wide": 0.0, "optimum": 0.0}
        law, tokens = laws[0], large / 6.0 / size
        plain = predicted(law, [size, tokens])
        wide = predicted(replace(law, discrepancy=Discrepancy.of(CHINCHILLA.name, _FAMILIES)), [size, tokens])
        _, low, high = optimum(law, large).params
        return {
            "refused": 0.0,
            "new_run": float(plain.new_low[0] <= new <= plain.new_high[0]),
            "new_run_wide": float(wide.new_low[0] <= new <= wide.new_high[0]),
            "new_run_square": squared_error(new, float(plain.new_low[0]), float(plain.new_high[0])),
            "optimum": float(low[0] <= size[0] <= high[0]),
            "optimum_square": squared_error(float(size[0]), float(low[0]), float(high[0])),
            "optimum_width": float(high[0] / low[0]),
        }

    return attempt
