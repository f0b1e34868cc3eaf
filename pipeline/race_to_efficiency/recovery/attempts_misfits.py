"""Simulated tables that break what a fit assumes: a wrong law, mixed floors, selected runs, tied sizes, uneven noise.

What is judged is whether the fit says so where it must, and whether its intervals hold where they should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, Coordinates
from race_to_efficiency.calibration.kappa.lack_of_fit import lack_of_fit
from race_to_efficiency.calibration.kappa.robust import fit_batch
from race_to_efficiency.recovery.attempts import (
    FLOOR_NATS,
    INTRACLASS,
    LAW,
    REDUCIBLE_KAPPA,
    ROWS_PER_CLUSTER,
    RUN_NOISE,
    judged,
    sized_runs,
    table_of,
)
from race_to_efficiency.settings.params import shipped_params

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.recovery.attempts import Attempt, Outcome

WASTE = 0.05
"""Mean share of its loss that a run loses by its settings; the best of a compute lose next to nothing."""

LOUD, QUIET = 0.012, 0.003
"""Residual sd of ln L of the smallest and the largest runs where the noise shrinks with compute."""

PENALTY = 0.01
"""Share of its loss that a run a decade off 20 tokens per parameter loses beyond what the law says."""

FLOORS_APART = 0.1
"""Nats/token between the floors of two kinds of runs in one group."""

REDUCIBLE_NATS = 1.2
"""L - E in the middle of the simulated computes of a floor form."""


def law_loss(params: Floats, tokens: Floats) -> Floats:
    """Return the loss of the published law, (n,) nats/token."""
    return np.asarray(np.exp(CHINCHILLA.log_loss(np.array(LAW), [params, tokens])))


def misfit(spoilt: Callable[[Floats, Floats, np.random.Generator], Floats]) -> Attempt:
    """Return one attempt on 100 runs of the published law, spoilt; whether its own residuals speak against it.

    Parameters
    ----------
    spoilt : callable
        Losses without noise, decades off 20 tokens a parameter and a generator -> the losses of another law.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        params, tokens, off = sized_runs(rng, 100)
        loss = spoilt(law_loss(params, tokens), off, rng) * np.exp(RUN_NOISE * rng.standard_normal(100))
        inputs = [params, tokens]
        fit = fit_batch(CHINCHILLA, inputs, loss, np.ones(100), thorough=False)
        if not fit.converged[0]:
            return {"refused": 1.0, "seen": 0.0}
        space, theta = Coordinates.of(CHINCHILLA, inputs, loss), fit.theta[0]
        residuals = np.log(loss) - CHINCHILLA.log_loss(theta, inputs)
        told = lack_of_fit(space, space.solver(theta), theta, residuals, [str(k) for k in range(100)], inputs)
        level = shipped_params().fit_kappa.gates.lack_of_fit_level
        return {"refused": 0.0, "seen": float(told is not None and bool(told.rejects(level)))}

    return attempt


def right(loss: Floats, _off: Floats, _rng: np.random.Generator) -> Floats:
    """Return the losses as they are."""
    return loss


def penalised(loss: Floats, off: Floats, _rng: np.random.Generator) -> Floats:
    """Return losses of a law that punishes runs out of balance by the square of their decades."""
    return np.asarray(loss * (1.0 + PENALTY * off**2))


def two_floors(loss: Floats, _off: Floats, rng: np.random.Generator) -> Floats:
    """Return losses of two kinds of runs, whose floors differ."""
    return loss + FLOORS_APART * (rng.random(len(loss)) < 0.5)


def floor_loss(log_compute: Floats) -> Floats:
    """Return the loss of a floor form over four decades, (n,) nats/token."""
    middle = log_compute - np.log(1e20)
    return np.asarray(FLOOR_NATS + REDUCIBLE_NATS * np.exp(-REDUCIBLE_KAPPA * middle))


def selected(n_rows: int, form: Form) -> Attempt:
    """Return one attempt on runs of which most waste compute: the efficient ones are picked and fitted.

    A floor form is judged by its kappa, a power law by the slope of ln L in ln C at the pivot of the picked runs.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        log_compute = rng.uniform(np.log(1e18), np.log(1e22), n_rows)
        wasted = WASTE * rng.exponential(1.0, n_rows)
        loss = floor_loss(log_compute) * np.exp(wasted + 0.1 * RUN_NOISE * rng.standard_normal(n_rows))
        table = table_of(loss, compute_flop=np.exp(log_compute))
        if form is FLOOR:
            return judged(table, form, REDUCIBLE_KAPPA, rng, frontier="pareto")[0]
        order = np.argsort(log_compute)
        chosen = log_compute[order][loss[order] <= np.minimum.accumulate(loss[order])]
        excess = float(floor_loss(np.array(chosen.mean()))) - FLOOR_NATS
        return judged(table, form, REDUCIBLE_KAPPA * excess / (excess + FLOOR_NATS), rng, frontier="pareto")[0]

    return attempt


def tied_sizes(n_rows: int, form: Form) -> Attempt:
    """Return one attempt on runs of 20 tokens a parameter: which of the two falls the loss cannot be told apart."""

    def attempt(rng: np.random.Generator) -> Outcome:
        params, tokens, _ = sized_runs(rng, n_rows, off_decades=0.0)
        compute = 6.0 * params * tokens
        loss = floor_loss(np.log(compute)) * np.exp(RUN_NOISE / 3.0 * rng.standard_normal(n_rows))
        table = table_of(loss, params=params, tokens=tokens, compute_flop=compute)
        return judged(table, form, REDUCIBLE_KAPPA, rng)[0]

    return attempt


def shrinking_noise(n_rows: int) -> Attempt:
    """Return one attempt on a floor form whose small runs scatter four times as much as its large ones."""

    def attempt(rng: np.random.Generator) -> Outcome:
        share = rng.uniform(0.0, 1.0, n_rows)
        log_compute = np.log(1e18) + share * np.log(1e4)
        noise = LOUD * (QUIET / LOUD) ** share
        loss = floor_loss(log_compute) * np.exp(noise * rng.standard_normal(n_rows))
        return judged(table_of(loss, compute_flop=np.exp(log_compute)), FLOOR, REDUCIBLE_KAPPA, rng)[0]

    return attempt


def few_sizes(n_sizes: int, models_a_size: int) -> Attempt:
    """Return one attempt on a floor form of few sizes, each trained as several models with checkpoints that share."""

    def attempt(rng: np.random.Generator) -> Outcome:
        size = np.repeat(np.arange(n_sizes), models_a_size * ROWS_PER_CLUSTER)
        model = np.repeat(np.arange(n_sizes * models_a_size), ROWS_PER_CLUSTER)
        log_compute = np.log(1e18) + np.log(1e4) * size / (n_sizes - 1) + rng.uniform(0.0, np.log(3.0), len(model))
        shared = rng.standard_normal(n_sizes * models_a_size)[model] * np.sqrt(INTRACLASS)
        error = RUN_NOISE / 3.0 * (shared + rng.standard_normal(len(model)) * np.sqrt(1.0 - INTRACLASS))
        table = table_of(floor_loss(log_compute) * np.exp(error), compute_flop=np.exp(log_compute))
        return judged(table, FLOOR, REDUCIBLE_KAPPA, rng, clusters=model)[0]

    return attempt
