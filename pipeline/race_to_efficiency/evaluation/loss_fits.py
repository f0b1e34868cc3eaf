"""The law of loss fitted below a compute cut-off, with what it predicts above it and how far it has been off before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.grades import evidence_level
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy, excess_per_decade
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.evaluation.predictive import Predictive, student
from race_to_efficiency.scaling_laws import curvature_z

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.settings.kappa import TrustGates

_PARAMETERS = 5
_MINIMUM_LATER = 3

LN_PER_DECADE = float(np.log(10.0))
"""Log2 loss per doubling of compute, as a discrepancy counts: ln(loss) per decade."""


@dataclass(frozen=True)
class Fit:
    """A chinchilla fit below one cut-off with its bootstrap.

    Parameters
    ----------
    theta : (5,) float
        A, B, E, alpha, beta.
    replicates : (b, 5) float
        Fits of resampled clusters.
    residual_log2 : float
        Residual standard deviation of log2 loss.
    free : float
        Rows less parameters.
    discrepancy : float
        How far a law's slope is off beyond a cut-off, as families published earlier show it, log2 loss per doubling.
    learned_walk : float
        The same with what the earlier cut-offs of the group itself show.
    """

    theta: Floats
    replicates: Floats
    residual_log2: float
    free: float
    discrepancy: float = 0.0
    learned_walk: float = 0.0

    def log2_loss(self, theta: Floats, params: Floats, tokens: Floats) -> Floats:
        """Return log2 of A N^-alpha + B D^-beta + E, (..., m) for (..., 5) parameters and m runs."""
        a, b, e, alpha, beta = (theta[..., k, None] for k in range(_PARAMETERS))
        loss = a * np.exp(-alpha * np.log(params)) + b * np.exp(-beta * np.log(tokens)) + e
        return np.asarray(np.log2(loss))

    def evidence(self, known: pd.DataFrame, gates: TrustGates) -> int:
        """Return the steps of evidence of this fit; it is sound where its kappa is identified as a family's must be.

        Parameters
        ----------
        known : DataFrame
            The runs it was fitted to: params, tokens, compute_flop.
        gates : TrustGates
        """
        n, d = known["params"].to_numpy(dtype=np.float64), known["tokens"].to_numpy(dtype=np.float64)
        kappas, kappa = CHINCHILLA.kappa(self.replicates), float(CHINCHILLA.kappa(self.theta))
        share = float(np.clip(1.0 - self.theta[2] * np.exp2(-self.log2_loss(self.theta, n, d)), 0.0, 1.0).mean())
        scatter, length = self.residual_log2 * np.log(2.0), float(np.log(known["compute_flop"]).agg(np.ptp))
        sound = (
            kappa > 0
            and float(curvature_z(kappa, share, length, len(known), scatter)) >= gates.z_curv_trusted
            and len(known) >= gates.min_rows_per_parameter * _PARAMETERS
            and length >= gates.min_compute_decades * LN_PER_DECADE
            and float(kappas.std(ddof=1)) <= gates.max_relative_stderr * kappa
        )
        return evidence_level(sound=sound, scatter=scatter)

    def predict(self, model: str, runs: pd.DataFrame, beyond: Floats, settings: BacktestParams) -> Predictive:
        """Return the predictive of each run's log2 loss.

        Parameters
        ----------
        model : str
            A candidate of kind 'loss': bootstrap, with _heavy tails, with the _discrepancy of the law beyond the
            cut-off as other families show it, or as _learned at earlier cut-offs too.
        runs : DataFrame
            params and tokens.
        beyond : (m,) float
            Doublings of compute beyond the cut-off.
        """
        n, d = runs["params"].to_numpy(dtype=np.float64), runs["tokens"].to_numpy(dtype=np.float64)
        centre = self.log2_loss(self.theta, n, d)
        low, high = np.quantile(self.log2_loss(self.replicates, n, d), [0.1587, 0.8413], axis=0)
        walk = self.discrepancy if "discrepancy" in model else 0.0
        walk = self.learned_walk if "learned" in model else walk
        common = ((high - low) / 2.0) ** 2 + (walk * beyond) ** 2
        total = common + self.residual_log2**2
        degrees = min(self.free, settings.members.tail_degrees if "heavy" in model else self.free)
        return Predictive(student(centre, np.sqrt(total), degrees), common / total)


def fit_below(rows: pd.DataFrame, settings: BacktestParams, rng: np.random.Generator) -> Fit | None:
    """Fit the chinchilla form to the runs below a cut-off; None when the fit does not converge.

    Parameters
    ----------
    rows : DataFrame
        params, tokens, loss_nats, cluster.
    """
    from race_to_efficiency.calibration.kappa.robust import fit_chinchilla_batch

    clusters, index = np.unique(rows["cluster"].to_numpy(dtype=str), return_inverse=True)
    counts = rng.multinomial(clusters.size, np.full(clusters.size, 1.0 / clusters.size), size=settings.loss.replicates)
    weights = counts[:, index].astype(np.float64)
    n, d = rows["params"].to_numpy(dtype=np.float64), rows["tokens"].to_numpy(dtype=np.float64)
    loss = rows["loss_nats"].to_numpy(dtype=np.float64)
    best = fit_chinchilla_batch(n, d, loss, np.ones(len(rows)), thorough=False)
    if not best.converged[0]:
        return None
    # replicates start from the best fit alone: their spread is wanted, not each one's very last digit
    fit = fit_chinchilla_batch(n, d, loss, weights, starts=best.theta)
    usable = fit.converged & np.isfinite(fit.theta).all(axis=1)
    if usable.sum() < settings.loss.replicates / 2:
        return None
    free = float(len(rows) - _PARAMETERS)
    found = Fit(best.theta[0], fit.theta[usable], 0.0, free)
    residual = np.log2(loss) - found.log2_loss(found.theta, n, d)
    return Fit(found.theta, found.replicates, float(np.sqrt(residual @ residual / free)), free)


def learned_walk(earlier: Sequence[tuple[float, Fit]], known: pd.DataFrame, discrepancy: float) -> float:
    """Return how far the law's slope is off, by other families and by the group's own earlier cut-offs.

    Parameters
    ----------
    earlier : sequence of (float, Fit)
        log2 compute of each earlier cut-off and the fit below it.
    known : DataFrame
        Runs up to the present cut-off.
    discrepancy : float
        Of other families, log2 loss per doubling: it weighs as one more cut-off.

    Returns
    -------
    float
        log2 loss per doubling, a root mean square.
    """
    own = [one / LN_PER_DECADE for one in slopes_off(earlier, known)]
    return float(np.sqrt(np.mean(np.square([discrepancy, *own]))))


def slopes_off(fits: Sequence[tuple[float, Fit]], known: pd.DataFrame) -> list[float]:
    """Return how far a group's law was off beyond each cut-off with enough known runs above it, ln(loss) per decade.

    Parameters
    ----------
    fits : sequence of (float, Fit)
        log2 compute of each cut-off and the fit below it.
    known : DataFrame
        Runs whose loss is known.
    """
    compute = np.log2(known["compute_flop"].to_numpy(dtype=np.float64))
    found = []
    for cut, fit in fits:
        later = known[compute > cut]
        if len(later) < _MINIMUM_LATER:
            continue
        params, tokens = later["params"].to_numpy(dtype=np.float64), later["tokens"].to_numpy(dtype=np.float64)
        error = np.log2(later["loss_nats"].to_numpy(dtype=np.float64)) - fit.log2_loss(fit.theta, params, tokens)
        decades = (compute[compute > cut] - cut) * np.log10(2.0)
        found.append(excess_per_decade(error * np.log(2.0), decades, fit.residual_log2 * np.log(2.0)))
    return found


def known_discrepancy(cutoffs: Sequence[tuple[str, str, float]], family: str, settings: BacktestParams) -> float:
    """Return how far a law of a new family is off beyond a cut-off, log2 loss per doubling.

    Parameters
    ----------
    cutoffs : sequence of (str, str, float)
        Family, group and `slopes_off` of the groups published by then.
    family : str
        Whose larger runs are to be predicted: the others speak.
    settings : BacktestParams
        Its stated rate speaks as one more family.
    """
    stated = ("", "", settings.loss.walk_per_doubling * LN_PER_DECADE)
    found = Discrepancy.of("chinchilla", [stated, *(one for one in cutoffs if one[0] != family)])
    return 0.0 if found is None else found.sd_per_decade / LN_PER_DECADE
