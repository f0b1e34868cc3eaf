"""Names of the reference cases mapped to our functions, and the rule each kind of case is judged by."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import planning, scaling_laws
from race_to_efficiency import relative_loss as rl

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("id", "function", "inputs", "expected", "expected_float64", "kind", "condition", "rtol", "strict", "note")


@dataclass(frozen=True)
class Case:
    id: str
    function: str
    inputs: dict[str, Any]
    expected: float
    kind: str
    rtol: float
    strict: bool


def read_cases(path: Path) -> list[Case]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Case(
                id=row["id"],
                function=row["function"],
                inputs=json.loads(row["inputs"]),
                expected=float(row["expected_float64"] or "nan"),
                kind=row["kind"],
                rtol=float(row["rtol"] or 0.0),
                strict=row["strict"] == "yes",
            )
            for row in csv.DictReader(stream)
        ]


def _fleet(i: dict[str, Any]) -> dict[str, float]:
    return {"fleet": i.get("m", 1.0), "baseline_years": i.get("tau0", 1.0)}


def _on(function: Callable[..., Any], *names: str, **extra: str) -> Callable[[dict[str, Any]], Any]:
    """Call ``function`` with positional inputs by name and the fleet; ``extra`` maps keywords to inputs."""
    return lambda i: function(*(i[n] for n in names), **_fleet(i), **{k: i[v] for k, v in extra.items()})


def _shape(kind: str) -> Callable[[dict[str, Any]], Any]:
    return lambda i: rl.relative_loss(i["t"], i["kappa"], i["gamma"], **_fleet(i), headroom=i["Y"], saturation=kind)


def _plain(function: Callable[..., Any], *names: str) -> Callable[[dict[str, Any]], Any]:
    return lambda i: function(*(i[n] for n in names))


def _gradient(index: int) -> Callable[[dict[str, Any]], Any]:
    return lambda i: rl.relative_loss_gradient(i["t"], i["kappa"], i["gamma"], **_fleet(i))[index]


def _crossover(basis: str) -> Callable[[dict[str, Any]], Any]:
    return lambda i: rl.crossover_time(
        i["m_h"], i["g_h"], i["m_t"], i["g_t"], basis=basis, baseline_years=i.get("tau0", 1.0)
    )


_R = ("t", "kappa", "gamma")

FUNCTIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "relative_loss": _on(rl.relative_loss, *_R),
    "log_relative_loss": _on(rl.log_relative_loss, *_R),
    "loss_reduction": _on(rl.loss_reduction, *_R),
    "relative_loss_irreducible": _on(rl.relative_loss, "t", "kappa_r", "gamma", floor="e"),
    "growth_integral": _plain(rl.growth_integral, "t", "gamma"),
    "log_compute_ratio": _on(rl.log_compute_ratio, "t", "gamma"),
    "relative_loss_fleet_in_c0": lambda i: rl.relative_loss(
        i["t"], i["kappa"], i["gamma"], **_fleet(i), fleet_in_baseline=True
    ),
    "dR_dkappa": _gradient(0),
    "dR_dgamma": _gradient(1),
    "dR_dt": _gradient(2),
    "dR_dm": _gradient(3),
    "decay_rate": _on(rl.decay_rate, *_R),
    "kappa_effective": _on(rl.effective_kappa, "t", "kappa_r", "gamma", floor="e"),
    "time_to_target": _on(rl.time_to_target, "Rstar", "kappa", "gamma"),
    "time_to_target_irreducible": _on(rl.time_to_target, "Rstar", "kappa_r", "gamma", floor="e"),
    "gamma_required": _on(rl.gamma_required, "Rstar", "tstar", "kappa"),
    "fleet_required": lambda i: rl.fleet_required(
        i["Rstar"], i["tstar"], i["kappa"], i["gamma"], baseline_years=i["tau0"]
    ),
    "fleet_required_in_c0": lambda i: rl.fleet_required(
        i["Rstar"], i["tstar"], i["kappa"], i["gamma"], baseline_years=i["tau0"], fleet_in_baseline=True
    ),
    "kappa_implied": _on(rl.kappa_implied, "R", "t", "gamma"),
    "crossover_cumulative": _crossover("cumulative"),
    "crossover_throughput": _crossover("throughput"),
    "crossover_in_c0": _crossover("fleet_in_baseline"),
    "relative_loss_growing_fleet": _on(rl.relative_loss, *_R, fleet_growth="pi"),
    "relative_loss_piecewise": lambda i: rl.relative_loss(
        i["t"], i["kappa"], i["gamma"], baseline_years=i["tau0"], fleet_breaks=i["breaks"], fleet_multiples=i["mults"]
    ),
    "relative_loss_sat_hard": _shape("hard"),
    "relative_loss_sat_exp": _shape("exponential"),
    "relative_loss_sat_logistic": _shape("logistic"),
    "relative_loss_sat_tanh": _shape("tanh"),
    "relative_loss_delayed": _on(rl.relative_loss, *_R, start_delay="d"),
    "relative_loss_delayed_frozen": lambda i: rl.relative_loss(
        i["t"], i["kappa"], i["gamma"], **_fleet(i), start_delay=i["d"], frozen=True
    ),
    "optimal_delay_deadline": _plain(planning.optimal_delay_deadline, "T", "gamma"),
    "optimal_delay_job": _plain(planning.optimal_delay_job, "W", "gamma"),
    "min_completion_time_job": _plain(planning.min_completion_time_job, "W", "gamma"),
    "optimal_run_length": _plain(planning.optimal_run_length, "lam", "c", "e"),
    "compute_equivalent_gain": _on(rl.compute_equivalent_gain, "t", "gamma"),
    "gamma_fleet_exchange": _plain(rl.gamma_fleet_exchange, "t", "gamma"),
    "chinchilla_exponent": _plain(scaling_laws.chinchilla_exponent, "alpha", "beta"),
    "chinchilla_nopt": _plain(scaling_laws.chinchilla_nopt, "C", "A", "B", "alpha", "beta"),
    "chinchilla_loss": _plain(scaling_laws.chinchilla_loss, "C", "E", "A", "B", "alpha", "beta"),
}

NOT_COMPUTED = frozenset({
    "relative_loss_window", "d2R_dkappa_dgamma", "decay_rate_asymptote", "relative_loss_floor", "dt_dkappa",
    "dt_dgamma", "kappa_from_two_points", "fleet_energy", "ceg_from_loss", "confounded_kappa",
    "gamma_from_doubling_months", "gamma_from_annual_factor", "gamma_from_two_points", "gamma_sum_sd",
    "landauer_doublings", "vintage_mean_efficiency", "R_mean_binormal", "R_sd_binormal", "R_sd_delta",
    "R_quantile_binormal", "R_cdf_binormal", "t_quantile_binormal", "t_sd_delta", "t_cdf_binormal",
})  # fmt: skip
"""Quantities of the reference table that no command and no stage needs, and that are no part of the package."""


def failure(case: Case) -> str | None:
    """Return what is wrong with our answer to a case, or None."""
    call = FUNCTIONS[case.function]
    if case.kind == "domain_error":
        try:
            value = call(case.inputs)
        except ValueError:
            return None
        return f"{case.id} {case.function}{case.inputs}: expected ValueError, got {value!r}"
    value = float(call(case.inputs))
    if agrees(case, value):
        return None
    error = abs(value - case.expected) / abs(case.expected) if case.expected else math.inf
    return (
        f"{case.id} {case.function}{case.inputs}: got {value!r}, expected {case.expected!r} ({case.kind}), {error:.2e}"
    )


def agrees(case: Case, value: float) -> bool:
    """Judge by kind; a case that is not strict may miss its tolerance tenfold."""
    if math.isnan(value):
        return False
    if case.kind in ("zero", "underflow"):
        return value == 0.0
    if case.kind in ("inf", "overflow"):
        return value == case.expected and math.isinf(value)
    rtol = case.rtol if case.strict else 10.0 * case.rtol
    spacing = 4.0 * math.ulp(0.0) if case.kind == "subnormal" else 0.0
    return abs(value - case.expected) <= max(rtol * abs(case.expected), spacing)
