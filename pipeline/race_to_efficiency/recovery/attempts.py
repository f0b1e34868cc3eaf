"""Simulated tables of runs with a known kappa, each put through the whole of `race fit kappa`.

That is `fit_table`: checks of the table, point fit, headline interval, trust gate. A refused fit covers nothing. The
fit of L(t) alone stands at the end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW, Form
from race_to_efficiency.calibration.kappa.joint_fit import fit_joint
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.own_tables.run_fit import UNCONDITIONAL, fit_table
from race_to_efficiency.own_tables.run_table import RunTable
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.scaling_laws import curvature_z
from race_to_efficiency.settings.params import shipped_params

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.conditions import Conditions
    from race_to_efficiency.settings.kappa import FrontierRule

    Outcome = dict[str, float | None]
    Attempt = Callable[[np.random.Generator], Outcome]

ATTEMPT_REPLICATES = 200
"""Bootstrap replicates a data set, as many as the stage draws: the 95 % ends are the fifth draws from either side."""

RUN_NOISE = 0.0076
"""Residual sd of ln L: that of the 240 Chinchilla runs about their fit."""

TOTAL_KAPPA = 0.05
REDUCIBLE_KAPPA = 0.17
FLOOR_NATS = 1.8
OUTLYING = 10.0
"""Size of an outlier's error in units of the noise."""

OUTLIER_SHARE = 0.05
INTRACLASS = 0.5
ROWS_PER_CLUSTER = 6
JOINT_KAPPA, JOINT_GAMMA, JOINT_FLOOR = 0.15, 0.8, 0.6

LAW = (482.01, 2085.43, 1.8172, 0.3478, 0.3658)
"""A, B, E, alpha and beta as Besiroglu et al. (2024) published them."""

LAW_KAPPA = LAW[3] * LAW[4] / (LAW[3] + LAW[4])


def table_of(loss: Floats, **quantities: Floats) -> RunTable:
    """Return a table as `race fit kappa` reads it."""
    count = len(loss)
    return RunTable(
        name="simulated.csv",
        n_read=count,
        lines=np.arange(2, count + 2),
        names=tuple(f"run {k}" for k in range(count)),
        quantities={**quantities, "loss": loss},
    )


def sized_runs(rng: np.random.Generator, n_rows: int, off_decades: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """Return params and tokens over four decades of compute, and decades off 20 tokens a parameter, (n,) each."""
    compute, off = 10.0 ** rng.uniform(18.0, 22.0, n_rows), off_decades * rng.uniform(-1.0, 1.0, n_rows)
    params = np.sqrt(compute / 6.0 / (20.0 * 10.0**off))
    return params, compute / 6.0 / params, off


def judged(
    table: RunTable,
    form: Form,
    truth: float,
    rng: np.random.Generator,
    *,
    clusters: NDArray[Any] | None = None,
    conditions: Conditions = UNCONDITIONAL,
    frontier: FrontierRule = "all",
) -> tuple[Outcome, Estimate | None]:
    """Fit one form and compare kappa (and E) with the truth; a refusal covers nothing."""
    changes = {"forms": (form.name,), "bootstrap_replicates": ATTEMPT_REPLICATES, "extrapolation_cutoffs": ()}
    params = shipped_params().fit_kappa.model_copy(update=changes)
    if clusters is not None:
        table = replace(table, cells={"cluster": np.array([str(item) for item in clusters], dtype=object)})
    seed = int(rng.integers(2**31))
    try:
        column = None if clusters is None else "cluster"
        found = fit_table(table, params, cluster=column, frontier=frontier, seed=seed, conditions=conditions).estimates
    except DataInvalid:
        return {"refused": 1.0, "covered": 0.0, "floor_covered": 0.0, "not_trusted": 1.0}, None
    kappa = found[0]
    refused = kappa.status == "refused"
    floor = next((item for item in found if item.symbol == "E"), None)
    return {
        "refused": float(refused),
        "not_trusted": float(kappa.status != "trusted"),
        "kappa": None if refused else kappa.value,
        "covered": float(not refused and _holds(kappa, truth)),
        "floor": None if refused or floor is None else floor.value,
        "floor_covered": float(not refused and floor is not None and _holds(floor, FLOOR_NATS)),
        "z_curv": kappa.diagnostics.get("z_curv"),
    }, kappa


def _holds(estimate: Estimate, truth: float) -> bool:
    """Return whether the headline 95 % interval holds the truth; an open end holds everything beyond."""
    interval = estimate.interval(0.95)
    if interval is None:
        return False
    low = -np.inf if interval.low is None else interval.low
    high = np.inf if interval.high is None else interval.high
    return low <= truth <= high


def power_law(n_rows: int, *, noise: float = RUN_NOISE, outliers: bool = False) -> Attempt:
    """Return one attempt on L = (C0/C)^kappa over four decades; 5 % of the runs may err ten times as much.

    Parameters
    ----------
    n_rows : int
    noise : float
        Residual sd of ln L.
    outliers : bool
        Each run is an outlier with probability 5 %, to either side.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        log_compute = rng.uniform(np.log(1e18), np.log(1e22), n_rows)
        error = noise * rng.standard_normal(n_rows)
        line = np.log(3.0) - TOTAL_KAPPA * (log_compute - np.log(1e20))
        centred = log_compute - log_compute.mean()
        clean = -float(centred @ (line + error) / (centred @ centred))
        if outliers:
            error = np.where(rng.random(n_rows) < OUTLIER_SHARE, OUTLYING, 1.0) * error
        table = table_of(np.exp(line + error), compute_flop=np.exp(log_compute))
        outcome, _ = judged(table, POWER_LAW, TOTAL_KAPPA, rng)
        return {**outcome, "clean_ols": clean}

    return attempt


def leverage(n_rows: int, n_outliers: int) -> Attempt:
    """Return one attempt on a power law whose largest runs, two decades beyond the others, are off by ten sigma."""

    def attempt(rng: np.random.Generator) -> Outcome:
        log_compute = rng.uniform(np.log(1e18), np.log(1e22), n_rows)
        log_compute[:n_outliers] = np.log(1e24) + rng.uniform(-0.5, 0.5, n_outliers)
        error = RUN_NOISE * rng.standard_normal(n_rows)
        error[:n_outliers] += OUTLYING * RUN_NOISE
        loss = np.exp(np.log(3.0) - TOTAL_KAPPA * (log_compute - np.log(1e20)) + error)
        outcome, kappa = judged(table_of(loss, compute_flop=np.exp(log_compute)), POWER_LAW, TOTAL_KAPPA, rng)
        named = set() if kappa is None else set(kappa.diagnostics["leverage_outliers"])
        planted = {f"run {k}" for k in range(n_outliers)}
        return {**outcome, "any_flagged": float(bool(planted & named)), "all_flagged": float(planted <= named)}

    return attempt


def clustered(n_clusters: int) -> Attempt:
    """Return one attempt on a power law with checkpoints: half of the error's variance belongs to the model."""

    def attempt(rng: np.random.Generator) -> Outcome:
        model = np.repeat(np.arange(n_clusters), ROWS_PER_CLUSTER)
        # A model's checkpoints lie within one decade of compute; the models' sizes spread over four.
        start = rng.uniform(np.log(1e18), np.log(1e22), n_clusters)[model]
        log_compute = start + rng.uniform(0.0, np.log(10.0), len(model))
        shared = rng.standard_normal(n_clusters)[model] * np.sqrt(INTRACLASS)
        error = RUN_NOISE * (shared + rng.standard_normal(len(model)) * np.sqrt(1.0 - INTRACLASS))
        loss = np.exp(np.log(3.0) - TOTAL_KAPPA * (log_compute - np.log(1e20)) + error)
        table = table_of(loss, compute_flop=np.exp(log_compute))
        outcome, kappa = judged(table, POWER_LAW, TOTAL_KAPPA, rng, clusters=model)
        stated = kappa is not None and "stated_coverage" in kappa.diagnostics
        return {**outcome, "honest": float(bool(outcome["refused"]) or stated)}

    return attempt


def curved(n_rows: int, z_curv: float, *, decades: float = 4.0) -> Attempt:
    """Return one attempt on L = E + A C^-kappa with the noise that gives the curvature signal asked for.

    Parameters
    ----------
    n_rows : int
    z_curv : float
        Curvature of ln L over its standard error, at the truth.
    decades : float
        Range of compute.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        log_compute = rng.uniform(0.0, decades * np.log(10.0), n_rows)
        reducible = 1.2 * np.exp(-REDUCIBLE_KAPPA * (log_compute - 0.5 * decades * np.log(10.0)))
        loss = FLOOR_NATS + reducible
        share = float(np.mean(reducible / loss))
        at_one = float(curvature_z(REDUCIBLE_KAPPA, share, np.ptp(log_compute), n_rows, 1.0))
        loss = loss * np.exp(at_one / z_curv * rng.standard_normal(n_rows))
        table = table_of(loss, compute_flop=1e18 * np.exp(log_compute))
        return judged(table, FLOOR, REDUCIBLE_KAPPA, rng)[0]

    return attempt


def two_terms(n_rows: int) -> Attempt:
    """Return one attempt on L = E + A N^-alpha + B D^-beta with the published values of Besiroglu et al. (2024)."""

    def attempt(rng: np.random.Generator) -> Outcome:
        compute = 10.0 ** rng.uniform(18.0, 22.0, n_rows)
        params = np.sqrt(compute / 6.0 / (20.0 * 10.0 ** rng.uniform(-1.0, 1.0, n_rows)))
        tokens = compute / 6.0 / params
        a, b, _, alpha, beta = LAW
        loss = FLOOR_NATS + a * params**-alpha + b * tokens**-beta
        table = table_of(
            loss * np.exp(RUN_NOISE * rng.standard_normal(n_rows)), params=params, tokens=tokens, compute_flop=compute
        )
        return judged(table, CHINCHILLA, LAW_KAPPA, rng)[0]

    return attempt


def losses_over_time(years: float, *, free_floor: bool) -> Attempt:
    """Return one attempt to fit kappa and gamma to forty losses over time alone."""

    def attempt(rng: np.random.Generator) -> Outcome:
        time = np.sort(rng.uniform(0.0, years, 40))
        floor = JOINT_FLOOR if free_floor else 0.0
        loss = 3.0 * relative_loss(time, JOINT_KAPPA, JOINT_GAMMA, floor=floor)
        found = fit_joint(time, loss * np.exp(0.002 * rng.standard_normal(40)), floor="free" if free_floor else "none")
        if found.status == "refused":
            return {"refused": 1.0, "covered": 0.0, "correlation_reported": 0.0}
        draws = found.draws(1000, int(rng.integers(2**31)))
        shuffled = rng.permutation(draws["gamma"])
        widths = [
            float(np.subtract(*np.quantile(relative_loss(10.0, draws["kappa"], gamma), [0.975, 0.025])))
            for gamma in (draws["gamma"], shuffled)
        ]
        return {
            "refused": 0.0,
            "kappa": found.point()["kappa"],
            "covered": float(found.region_holds(JOINT_KAPPA, JOINT_GAMMA)),
            "correlation": found.correlations["kappa_gamma"],
            "correlation_reported": float(np.isfinite(found.correlations["kappa_gamma"])),
            "width_over_box": widths[0] / widths[1],
        }

    return attempt
