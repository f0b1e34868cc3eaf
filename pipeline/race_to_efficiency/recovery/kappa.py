"""Does `race fit kappa` find a truth that is known? Clean, contaminated, clustered and weakly curved tables of runs.

A refused fit counts as a miss wherever coverage is measured; bounds marked as the study's own were not set beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.resampling import stream
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW
from race_to_efficiency.recovery.attempts import (
    FLOOR_NATS,
    LAW_KAPPA,
    REDUCIBLE_KAPPA,
    TOTAL_KAPPA,
    clustered,
    curved,
    leverage,
    losses_over_time,
    power_law,
    two_terms,
)
from race_to_efficiency.recovery.attempts_forms import (
    EQUAL,
    equal_exponents,
    experts,
    given_floor,
    repeated,
    under_tuned,
    weighted,
)
from race_to_efficiency.recovery.attempts_misfits import (
    few_sizes,
    misfit,
    penalised,
    right,
    selected,
    shrinking_noise,
    tied_sizes,
    two_floors,
)
from race_to_efficiency.recovery.attempts_pool import pooled_families
from race_to_efficiency.recovery.attempts_predictions import larger_runs
from race_to_efficiency.recovery.summary import Quantity

if TYPE_CHECKING:
    from race_to_efficiency.recovery.attempts import Attempt


@dataclass(frozen=True)
class Case:
    """One case of the study.

    Parameters
    ----------
    bound : str
        Number of the bound it belongs to.
    attempt : callable
        One data set: generator -> named outcomes, None where there is none.
    quantities : tuple of Quantity
    note : str
        What is simulated.
    most : int or None
        Data sets at most, where one takes seconds.
    """

    bound: str
    attempt: Attempt
    quantities: tuple[Quantity, ...]
    note: str
    most: int | None = None


def _line(bias: float, low: float, high: float | None, *more: Quantity) -> tuple[Quantity, ...]:
    """Return what every power-law case is judged by, and more."""
    return (
        Quantity("relative bias of kappa", "kappa", "bias", -bias, bias, truth=TOTAL_KAPPA),
        Quantity("coverage of kappa", "covered", "share", low, high),
        *more,
    )


def _with_floor(truth: float) -> tuple[Quantity, ...]:
    """Return what a case with a visible floor is judged by."""
    return (
        Quantity("relative median bias of kappa", "kappa", "median_bias", -0.01, 0.01, truth=truth),
        Quantity("relative median bias of E", "floor", "median_bias", -0.01, 0.01, truth=FLOOR_NATS),
        Quantity("coverage of kappa", "covered", "share", 0.92, 0.98),
        Quantity("coverage of E", "floor_covered", "share", 0.92, 0.98),
        Quantity("refused", "refused", "share", None, 0.05),
        Quantity("not trusted", "not_trusted", "share"),
        Quantity("z_curv found", "z_curv", "median"),
    )


_CLEAN = _line(0.003, 0.935, 0.965, Quantity("not trusted", "not_trusted", "share"))
_ROBUST = _line(
    0.005,
    0.925,
    None,
    Quantity("sd over that of clean least squares", "kappa", "sd_ratio", None, 1.25, other="clean_ols"),
)
_CLUSTERS = (Quantity("coverage of kappa", "covered", "share", 0.92, None),)
_FEW_CLUSTERS = (
    Quantity("refused, or states its real coverage", "honest", "share", 1.0, None),
    Quantity("not trusted", "not_trusted", "share"),
    Quantity("coverage of kappa", "covered", "share"),
)
_LEVERAGE = (
    Quantity("an outlier named", "any_flagged", "share", 0.95, None, own=True),
    Quantity("both outliers named", "all_flagged", "share"),
    Quantity("not trusted", "not_trusted", "share"),
    Quantity("coverage of kappa", "covered", "share"),
)
_WEAK = (
    Quantity("says weak or refuses", "not_trusted", "share", 0.95, None, own=True),
    Quantity("coverage of kappa", "covered", "share"),
)
_CONDITIONAL = (
    Quantity("relative median bias of kappa", "kappa", "median_bias", -0.03, 0.03, truth=EQUAL / 2.0, own=True),
    Quantity("coverage of kappa", "covered", "share", 0.85, None, own=True),
    Quantity("not trusted", "not_trusted", "share"),
)
_FREE_FLOOR = (*_CONDITIONAL, Quantity("coverage of E", "floor_covered", "share", 0.85, None, own=True))
_LOWER_EDGE = (
    Quantity("relative median bias of kappa", "kappa", "median_bias", -0.05, 0.05, truth=EQUAL / 2.0, own=True),
    Quantity("the same, both sides alike", "kappa_plain", "median_bias", truth=EQUAL / 2.0),
    Quantity("coverage of kappa", "covered", "share"),
)
_LARGER = (
    Quantity("coverage of a new run", "new_run", "share", 0.93, 0.97),
    Quantity("the same, the form in doubt", "new_run_wide", "share", 0.93, None),
    Quantity("squared error of a new run over the interval's, less 1", "new_run_square", "bias"),
    Quantity("coverage of N*", "optimum", "share", 0.93, 0.97),
    Quantity("squared error of ln N* over the interval's, less 1", "optimum_square", "bias"),
    Quantity("width of N*, high over low", "optimum_width", "median"),
    Quantity("refused", "refused", "share"),
)
_ALARM = (Quantity("a wrong law seen", "seen", "share", None, 0.05),)
_SEEN = (Quantity("a wrong law seen", "seen", "share", 0.80, None), Quantity("refused", "refused", "share"))
_TANGENT = (Quantity("coverage of the tangent at the pivot", "covered", "share", 0.92, 0.98),)
_ROWS = (
    Quantity("relative median bias of kappa", "kappa", "median_bias", -0.03, 0.03, truth=REDUCIBLE_KAPPA, own=True),
    Quantity("coverage of kappa", "covered", "share", 0.92, None, own=True),
    Quantity("coverage of E", "floor_covered", "share"),
    Quantity("not trusted", "not_trusted", "share"),
)
_FAMILIES = (
    Quantity("coverage of the mean over families", "mean", "share", 0.92, None, own=True),
    Quantity("coverage of a new family's kappa", "new", "share", 0.92, None, own=True),
    Quantity("coverage of its R after 5 years", "r", "share", 0.92, None, own=True),
    Quantity("coverage of its E/L0 at the anchor", "anchor", "share"),
)
_JOINT = (
    Quantity("correlation reported", "correlation_reported", "share", 1.0, None),
    Quantity("coverage of the joint region", "covered", "share", 0.92, 0.98, own=True),
    Quantity("correlation of kappa and gamma", "correlation", "median"),
    Quantity("width of R(10) over that of an independent box", "width_over_box", "median"),
)

STUDY: dict[str, Case] = {
    "kappa_clean_20": Case("1", power_law(20), _CLEAN, "power law, 20 clean runs"),
    "kappa_clean_50": Case("1", power_law(50), _CLEAN, "power law, 50 clean runs"),
    "kappa_clean_245": Case("1", power_law(245), _CLEAN, "power law, 245 clean runs"),
    "kappa_outliers_50": Case("2", power_law(50, outliers=True), _ROBUST, "5 % outliers of ten sigma, 50 runs"),
    "kappa_outliers_245": Case("2", power_law(245, outliers=True), _ROBUST, "the same, 245 runs"),
    "kappa_outliers_245_quiet": Case(
        "2", power_law(245, noise=0.002, outliers=True), _ROBUST, "the same, noise only twice the Huber threshold"
    ),
    "kappa_leverage_50": Case("2", leverage(50, 2), _LEVERAGE, "the two largest of 50 runs off by ten sigma"),
    "kappa_floor_z6_50": Case("3", curved(50, 6.0), _with_floor(REDUCIBLE_KAPPA), "floor form, 50 runs, z_curv 6"),
    "kappa_floor_z30_50": Case("3", curved(50, 30.0), _with_floor(REDUCIBLE_KAPPA), "floor form, 50 runs, z_curv 30"),
    "kappa_two_terms_100": Case("3", two_terms(100), _with_floor(LAW_KAPPA), "chinchilla form, 100 runs"),
    "kappa_floor_z1_30": Case("3", curved(30, 1.0, decades=2.0), _WEAK, "floor form, curvature too weak to see"),
    "kappa_clustered_10": Case("4", clustered(10), _CLUSTERS, "10 models with 6 checkpoints each, ICC .5"),
    "kappa_clustered_20": Case("4", clustered(20), _CLUSTERS, "20 models"),
    "kappa_clustered_40": Case("4", clustered(40), _CLUSTERS, "40 models"),
    "kappa_clustered_6": Case("4", clustered(6), _FEW_CLUSTERS, "6 models: too few for a trusted interval"),
    "kappa_given_floor_100": Case("forms", given_floor(100), _CONDITIONAL, "E given, 100 runs", 50),
    "kappa_equal_exponents_100": Case("forms", equal_exponents(100), _FREE_FLOOR, "alpha = beta, 100 runs", 50),
    "kappa_weighted_100": Case("forms", weighted(100), _FREE_FLOOR, "every other run loud, and light", 50),
    "kappa_repeated_150": Case("forms", repeated(150), _FREE_FLOOR, "tokens seen up to 60 times, 150 runs", 20),
    "kappa_experts_150": Case("forms", experts(150), _FREE_FLOOR, "up to 64 times the active parameters", 20),
    "kappa_under_tuned_150": Case("forms", under_tuned(150), _LOWER_EDGE, "3 of 10 runs not well tuned", 20),
    "kappa_larger_runs_100": Case("runs", larger_runs(100, 0.6), _LARGER, "a run ten times larger, and the best", 500),
    "kappa_larger_runs_flat_100": Case(
        "runs", larger_runs(100, 0.15), _LARGER, "the same, all runs near the optimum: its curve is flat", 500
    ),
    "law_right_100": Case("law", misfit(right), _ALARM, "the right law: false alarms"),
    "law_wrong_100": Case(
        "law", misfit(penalised), _SEEN, "1 % lost at a decade off 20 tokens a parameter, by squares"
    ),
    "law_two_floors_100": Case("law", misfit(two_floors), _SEEN, "two floors .1 nats apart in one group"),
    "rows_selected_400": Case("rows", selected(400, FLOOR), _ROWS, "floor form, the efficient of 400 runs", 200),
    "rows_tangent_400": Case("rows", selected(400, POWER_LAW), _TANGENT, "the same runs, power law", 500),
    "rows_tied_60": Case("rows", tied_sizes(60, CHINCHILLA), _WEAK, "20 tokens a parameter, chinchilla form", 100),
    "rows_uneven_60": Case("rows", shrinking_noise(60), _ROWS, "floor form, noise that falls by a factor of 4", 200),
    "rows_five_sizes": Case("rows", few_sizes(5, 3), _ROWS, "15 models of 5 sizes, 6 checkpoints each, ICC .5", 200),
    "families_3": Case("families", pooled_families(3), _FAMILIES, "three families seen, and a new one"),
    "families_6": Case("families", pooled_families(6), _FAMILIES, "six families"),
    "joint_8y": Case("6", losses_over_time(8.0, free_floor=False), _JOINT, "losses over 8 years, no floor"),
    "joint_floor_8y": Case("6", losses_over_time(8.0, free_floor=True), _JOINT, "8 years, free floor"),
    "joint_floor_2y": Case(
        "6",
        losses_over_time(2.0, free_floor=True),
        (Quantity("refused", "refused", "share", 1.0, None),),
        "2 years, free floor: must refuse",
    ),
}
"""Cases by name."""


def simulate_outcomes(name: str, n_datasets: int, seed: int) -> dict[str, list[float | None]]:
    """Simulate data sets of a case and return every outcome as a column.

    Parameters
    ----------
    name : str
        Key of `STUDY`.
    n_datasets, seed : int
    """
    rng = stream(seed, "recovery", name)
    found = [STUDY[name].attempt(rng) for _ in range(n_datasets)]
    keys = sorted({key for one in found for key in one})
    return {key: [one.get(key) for one in found] for key in keys}
