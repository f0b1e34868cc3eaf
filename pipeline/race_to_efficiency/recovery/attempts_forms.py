"""Simulated tables whose truth lies beside the three plain forms, or of which something is known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.conditions import Conditions
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, Form
from race_to_efficiency.calibration.kappa.mixture_of_experts import EXPERTS
from race_to_efficiency.calibration.kappa.repeated_data import REPEATED
from race_to_efficiency.own_tables.further_columns import WEIGHT
from race_to_efficiency.recovery.attempts import FLOOR_NATS, RUN_NOISE, judged, sized_runs, table_of

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.recovery.attempts import Attempt, Outcome

EQUAL = 0.35
"""alpha and beta of the simulated laws: both, so that a tie is the truth, and kappa is half of it."""

_LAW = (480.0, 700.0, FLOOR_NATS, EQUAL, EQUAL)
REPETITIONS = (15.4, 5.3)
"""R_D and R_N as Muennighoff et al. (2023) found them."""

_EXPERTS = (-0.15, 0.0, 0.08, 0.0)
UNTUNED_SHARE = 0.3
WORST_EXCESS = 0.06
"""ln(loss) that runs without tuning lose on average at the largest compute; none at the smallest."""

LOUD = 5.0
"""Noise of the runs that a weight makes light of, in units of the others'."""


def _attempt(
    form: Form, n_rows: int, conditions: Conditions, rng: np.random.Generator, error: Floats, **more: Floats
) -> Outcome:
    """Simulate the plain law, or what ``more`` makes of it, and fit it under conditions."""
    params, tokens, _ = sized_runs(rng, n_rows)
    quantities = {"params": params, "tokens": tokens, "compute_flop": 6.0 * params * tokens}
    theta: tuple[float, ...] = _LAW
    if form is REPEATED:
        quantities["unique_tokens"], theta = tokens / more["epochs"], (*_LAW, *REPETITIONS)
    if form is EXPERTS:
        quantities["total_params"], theta = params * more["experts"], (*_LAW, *_EXPERTS)
    if conditions.weighted:
        quantities[WEIGHT] = more[WEIGHT]
    if "untuned" in more:
        decades = np.log10(quantities["compute_flop"] / 1e18) / 4.0
        error = error + WORST_EXCESS * decades * more["untuned"]
    loss = np.exp(form.log_loss(np.array(theta), [quantities[name] for name in form.inputs]) + error)
    return judged(table_of(loss, **quantities), form, EQUAL / 2.0, rng, conditions=conditions)[0]


def given_floor(n_rows: int) -> Attempt:
    """Return one attempt with E fixed at its true value."""
    known = Conditions(fixed={"E": FLOOR_NATS})
    return lambda rng: _attempt(CHINCHILLA, n_rows, known, rng, RUN_NOISE * rng.standard_normal(n_rows))


def equal_exponents(n_rows: int) -> Attempt:
    """Return one attempt with beta tied to alpha, as in the truth."""
    tied = Conditions(tied={"beta": "alpha"})
    return lambda rng: _attempt(CHINCHILLA, n_rows, tied, rng, RUN_NOISE * rng.standard_normal(n_rows))


def weighted(n_rows: int) -> Attempt:
    """Return one attempt in which every other run is five times as noisy and counts a fifth."""
    loud = np.where(np.arange(n_rows) % 2, LOUD, 1.0)

    def attempt(rng: np.random.Generator) -> Outcome:
        error = RUN_NOISE * loud * rng.standard_normal(n_rows)
        return _attempt(CHINCHILLA, n_rows, Conditions(weighted=True), rng, error, weight=1.0 / loud)

    return attempt


def repeated(n_rows: int) -> Attempt:
    """Return one attempt in which half the runs see their tokens once, the others up to 60 times."""

    def attempt(rng: np.random.Generator) -> Outcome:
        epochs = np.where(rng.random(n_rows) < 0.5, 1.0, 10.0 ** rng.uniform(0.0, np.log10(60.0), n_rows))
        error = RUN_NOISE * rng.standard_normal(n_rows)
        return _attempt(REPEATED, n_rows, Conditions(), rng, error, epochs=epochs)

    return attempt


def experts(n_rows: int) -> Attempt:
    """Return one attempt with 1 to 64 times as many parameters as a token uses."""

    def attempt(rng: np.random.Generator) -> Outcome:
        spread = np.exp2(rng.integers(0, 7, n_rows).astype(np.float64))
        error = RUN_NOISE * rng.standard_normal(n_rows)
        held = Conditions(fixed={"gamma": 0.0, "zeta": 0.0})
        return _attempt(EXPERTS, n_rows, held, rng, error, experts=spread)

    return attempt


def under_tuned(n_rows: int) -> Attempt:
    """Return one attempt in which three runs of ten are not well tuned, the larger the worse; and a plain fit of it."""

    def attempt(rng: np.random.Generator) -> Outcome:
        state = rng.bit_generator.state
        found = {}
        for name, above in (("lower", 0.1), ("plain", 1.0)):
            rng.bit_generator.state = state  # the same runs
            untuned = (rng.random(n_rows) < UNTUNED_SHARE) * rng.exponential(1.0, n_rows)
            error = RUN_NOISE * rng.standard_normal(n_rows)
            found[name] = _attempt(CHINCHILLA, n_rows, Conditions(above=above), rng, error, untuned=untuned)
        return {**found["lower"], "kappa_plain": found["plain"]["kappa"]}

    return attempt
