"""What a fitted law says of runs nobody has made: loss with the interval of its mean and of a new run, the optimum.

The interval of the mean is that of the joint bootstrap refits, their distance from the fit scaled to what the fit
scatters (`scatter`). A new run also errs by itself: its residual is drawn from those of the fit, either sign alike,
widened for what the fit took up and for their small number. Beyond the runs the form may be off: by the law's
discrepancy, which grows with decades and is the same for mean and new run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities
from race_to_efficiency.calibration.kappa.intervals import expanded_tail
from race_to_efficiency.calibration.kappa.scatter import Scatter
from race_to_efficiency.scaling_laws import FLOP_PER_PARAMETER_TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.law import Law

_LEAST_ERRORS = 2000
"""Quantiles of the form's error at least: of a hundred, the largest would stand for the outermost 1 %."""

_PLACES = 400
"""Quantiles that stand for the draws, and for the errors of single runs: their sums are 160,000 a run asked for."""


class Predicted(NamedTuple):
    """Losses a law predicts, each (k,) float, nats/token; the decades of compute beyond the runs it was fitted to."""

    loss: Floats
    mean_low: Floats
    mean_high: Floats
    new_low: Floats
    new_high: Floats
    decades_beyond: Floats


def predicted(law: Law, inputs: Sequence[Floats], *, level: float = 0.95) -> Predicted:
    """Predict losses.

    Parameters
    ----------
    law : Law
    inputs : sequence of (k,) float
        One array an input of the form: params and tokens (and what else it takes), or compute in FLOP.
    level : float
        Coverage aimed at, in (0, 1).
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in inputs]
    compute = FLOP_PER_PARAMETER_TOKEN * arrays[0] * arrays[1] if law.form.terms > 1 else arrays[0]
    tail = expanded_tail(level, law.n_models)
    beyond = _beyond(law, compute)
    scatter, point = _scatter(law), law.form.log_loss(law.theta, arrays)
    errors, ends = _new_run_errors(law, scatter), np.empty((4, len(compute)))
    for k in range(len(compute)):
        draws = law.form.log_loss(law.draws, [values[k : k + 1] for values in arrays])[:, 0]
        draws = _with_discrepancy(point[k] + scatter.draws * (draws - point[k]), law, beyond[k])
        ends[:2, k] = _ends(draws, tail)
        new = (_summary(draws)[:, None] + errors[None, :]).ravel()
        ends[2:, k] = np.quantile(new, [tail, 1.0 - tail])
        # a new run is no surer than the mean; the summary of heavy-tailed draws cuts their tails a little
        ends[2, k], ends[3, k] = min(ends[2, k], ends[0, k]), max(ends[3, k], ends[1, k])
    low, high, new_low, new_high = np.exp(ends)
    return Predicted(np.exp(point), low, high, new_low, new_high, beyond)


class Optimum(NamedTuple):
    """The compute-optimal run of a budget: quantity -> (value, low, high), each (k,) float."""

    params: tuple[Floats, Floats, Floats]
    tokens: tuple[Floats, Floats, Floats]
    tokens_per_param: tuple[Floats, Floats, Floats]
    loss_nats: tuple[Floats, Floats, Floats]
    decades_beyond: Floats


def optimum(law: Law, compute: Floats, *, level: float = 0.95) -> Optimum:
    """Return the parameters and tokens that reach the least loss with a training compute.

    Parameters
    ----------
    law : Law
        Of the chinchilla form.
    compute : (k,) float, FLOP
    level : float

    Notes
    -----
    The ends are percentiles of the joint refits, scaled as those of the mean loss are and expanded where runs share
    models: where the curves of equal compute are flat the refits scatter, and the interval is as wide as they do. The
    loss also carries the discrepancy.
    """
    tail, beyond, stretch = expanded_tail(level, law.n_models), _beyond(law, compute), _scatter(law).draws
    found: dict[str, tuple[Floats, Floats, Floats]] = {}
    rows = [(frontier_quantities(law.form, law.theta, c), frontier_quantities(law.form, law.draws, c)) for c in compute]
    for name in ("params", "tokens", "tokens_per_param", "loss_nats"):
        value, spread = np.array([float(point[name]) for point, _ in rows]), [draws[name] for _, draws in rows]
        spread = [middle * (draws / middle) ** stretch for middle, draws in zip(value, spread, strict=True)]
        if name == "loss_nats":
            pairs = zip(spread, beyond, strict=True)
            spread = [np.exp(_with_discrepancy(np.log(draws), law, far)) for draws, far in pairs]
        ends = np.array([_ends(draws, tail) for draws in spread]).reshape(-1, 2)
        found[name] = (value, ends[:, 0], ends[:, 1])
    return Optimum(**found, decades_beyond=beyond)


def _beyond(law: Law, compute: Floats) -> Floats:
    low, high = law.ranges["compute_flop"]
    return np.maximum(np.maximum(np.log10(compute / high), np.log10(low / compute)), 0.0)


def _scatter(law: Law) -> Scatter:
    return law.scatter or Scatter.by_count(len(law.residuals), len(law.form.columns))


def _ends(draws: Floats, tail: float) -> Floats:
    """Return the draws with a share ``tail`` beyond them on either side, (2,): the k-th of m leaves k/(m + 1)."""
    return np.asarray(np.quantile(draws, [tail, 1.0 - tail], method="weibull"))


def _new_run_errors(law: Law, scatter: Scatter) -> Floats:
    """Return quantiles of the error of one run, (e,), symmetric about 0."""
    size = np.sort(np.abs(law.residuals)) * scatter.residuals
    return _summary(np.concatenate([-size[::-1], size]))


def _with_discrepancy(draws: Floats, law: Law, decades: float) -> Floats:
    """Return draws of ln(loss) with the form's error added to each, its quantiles in an order that owes draws nothing.

    A new family's error over a scale that so many families tell is Student's.
    """
    from scipy.special import stdtrit

    if law.discrepancy is None or decades == 0.0:
        return draws
    draws = np.tile(draws, -(-_LEAST_ERRORS // len(draws)))
    order = np.random.default_rng(np.random.SeedSequence([len(draws)])).permutation(len(draws))
    scale = float(law.discrepancy.sd_per_decade * decades)
    return np.asarray(draws + scale * stdtrit(law.discrepancy.degrees, (order + 0.5) / len(draws)))


def _summary(values: Floats) -> Floats:
    """Return at most `_PLACES` quantiles that stand for many values."""
    if len(values) <= _PLACES:
        return np.sort(values)
    return np.asarray(np.quantile(values, (np.arange(_PLACES) + 0.5) / _PLACES))
