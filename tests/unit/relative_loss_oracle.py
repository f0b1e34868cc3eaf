"""The same quantities at 50 digits from their definitions (mpmath): what our float64 answers are judged against.

Nothing of the package is used here. Integrals of smooth shapes are done by mpmath's quadrature, inverses by its root
finder, and every case carries the condition number its float64 inputs imply.

Run as a program it writes tests/data/relative_loss_cases.csv again: ``python tests/unit/relative_loss_oracle.py``.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import sys
from pathlib import Path
from typing import Any

import mpmath as mp

mp.mp.dps = 50
L2 = mp.log(2)
EPS = 2.0**-52
ZERO = mp.mpf(0)
SLOPE_SERIES = [n / mp.factorial(n + 1) for n in range(1, 50)]
"""Taylor coefficients n/(n + 1)! of the derivative of (e^z - 1)/z, lowest power first."""


def _root(function, low, high):
    """Root of an increasing function: 40 bisections, then secant steps until they no longer move it."""
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    f_low, f_high = function(low), function(high)
    for _ in range(12):
        if f_high == f_low:
            break
        nxt = high - f_high * (high - low) / (f_high - f_low)
        low, f_low, high, f_high = high, f_high, nxt, function(nxt)
    return high


def integral(t, g):
    """Integral of 2^(g s) from 0 to t."""
    return t if g == 0 or t == 0 else mp.expm1(g * t * L2) / (g * L2)


def ratio(t, gamma, m=1, tau0=1):
    return 1 + m / tau0 * integral(t, gamma)


def relative_loss(t, kappa, gamma, m=1, tau0=1, e=ZERO):
    return e + (1 - e) * mp.exp(-kappa * mp.log(ratio(t, gamma, m, tau0)))


def relative_loss_irreducible(t, kappa_r, gamma, m, tau0, e):
    return relative_loss(t, kappa_r, gamma, m, tau0, e)


def log_relative_loss(t, kappa, gamma, m=1, tau0=1):
    return -kappa * mp.log(ratio(t, gamma, m, tau0))


def loss_reduction(t, kappa, gamma, m=1, tau0=1):
    return -mp.expm1(-kappa * mp.log1p(m / tau0 * integral(t, gamma)))


def growth_integral(t, gamma):
    return integral(t, gamma)


def log_compute_ratio(t, gamma, m=1, tau0=1):
    return mp.log1p(m / tau0 * integral(t, gamma))


def decay_rate(t, kappa, gamma, m, tau0):
    return kappa * m * mp.power(2, gamma * t) / (tau0 + m * integral(t, gamma))


def dr_dkappa(t, kappa, gamma, m, tau0):
    return -relative_loss(t, kappa, gamma, m, tau0) * log_compute_ratio(t, gamma, m, tau0)


def dr_dt(t, kappa, gamma, m, tau0):
    return -relative_loss(t, kappa, gamma, m, tau0) * decay_rate(t, kappa, gamma, m, tau0)


def dr_dm(t, kappa, gamma, m, tau0):
    return -kappa * relative_loss(t, kappa, gamma, m, tau0) * integral(t, gamma) / (tau0 * ratio(t, gamma, m, tau0))


def _dg_dgamma(t, gamma):
    """Derivative of the integral: of (e^z - 1)/z at z, by its series near 0."""
    z = gamma * t * L2
    if abs(z) >= 1:
        return t * t * L2 * (mp.exp(z) * (z - 1) + 1) / z**2
    return t * t * L2 * sum(factor * z**power for power, factor in enumerate(SLOPE_SERIES))


def dr_dgamma(t, kappa, gamma, m, tau0):
    fall = -kappa * relative_loss(t, kappa, gamma, m, tau0) / ratio(t, gamma, m, tau0)
    return fall * m / tau0 * _dg_dgamma(t, gamma)


def gamma_fleet_exchange(t, gamma):
    return _dg_dgamma(t, gamma) / integral(t, gamma)


def kappa_effective(t, kappa_r, gamma, m, tau0, e):
    r = relative_loss(t, kappa_r, gamma, m, tau0)
    return kappa_r * (1 - e) * r / (e + (1 - e) * r)


def time_to_target(Rstar, kappa, gamma, m, tau0, e=ZERO):
    if Rstar <= e:
        return mp.inf
    static = tau0 / m * mp.expm1(-mp.log((Rstar - e) / (1 - e)) / kappa)
    if gamma == 0:
        return static
    x = gamma * L2 * static
    return mp.inf if x <= -1 else mp.log1p(x) / (gamma * L2)


def time_to_target_irreducible(Rstar, kappa_r, gamma, m, tau0, e):
    return time_to_target(Rstar, kappa_r, gamma, m, tau0, e)


def gamma_required(Rstar, tstar, kappa, m, tau0, e=ZERO):
    """Root of ln phi(z) = ln(A/t), on a bracket its convexity gives."""
    aim = mp.log(tau0 / m * mp.expm1(-mp.log((Rstar - e) / (1 - e)) / kappa) / tstar)
    low, high = (ZERO, 2 * aim + 1) if aim > 0 else (-2 * mp.exp(-aim), ZERO)
    root = _root(lambda z: (mp.log(mp.expm1(z) / z) if z != 0 else ZERO) - aim, low, high)
    return root / (tstar * L2)


def fleet_required(Rstar, tstar, kappa, gamma, tau0, e=ZERO):
    return tau0 * mp.expm1(-mp.log((Rstar - e) / (1 - e)) / kappa) / integral(tstar, gamma)


def fleet_required_in_c0(Rstar, tstar, kappa, gamma, tau0):
    return mp.exp(-mp.log(Rstar) / kappa) / ratio(tstar, gamma, 1, tau0)


def kappa_implied(R, t, gamma, m, tau0):
    return -mp.log(R) / log_compute_ratio(t, gamma, m, tau0)


def _crossing(advantage, start):
    """Root of an increasing function of time, above a lower bound."""
    low, high = start, 2 * start
    while advantage(high) < 0:
        low, high = high, 2 * high
    return _root(advantage, low, high)


def crossover_throughput(m_h, g_h, m_t, g_t):
    return mp.inf if g_t <= g_h else mp.log(m_h / m_t, 2) / (g_t - g_h)


def crossover_cumulative(m_h, g_h, m_t, g_t):
    start = crossover_throughput(m_h, g_h, m_t, g_t)
    return _crossing(lambda t: m_t * integral(t, g_t) - m_h * integral(t, g_h), start)


def crossover_in_c0(m_h, g_h, m_t, g_t, tau0):
    start = crossover_throughput(m_h, g_h, m_t, g_t)
    return _crossing(lambda t: m_t * ratio(t, g_t, 1, tau0) - m_h * ratio(t, g_h, 1, tau0), start)


def relative_loss_growing_fleet(t, kappa, gamma, pi, m, tau0):
    return relative_loss(t, kappa, gamma + pi, m, tau0)


def relative_loss_piecewise(t, kappa, gamma, breaks, mults, tau0):
    total = ZERO
    for i, (start, multiple) in enumerate(zip(breaks, mults, strict=True)):
        end = min(t, breaks[i + 1]) if i + 1 < len(breaks) else t
        if end > start:
            total += multiple * mp.power(2, gamma * start) * integral(end - start, gamma)
    return mp.exp(-kappa * mp.log1p(total / tau0))


def relative_loss_delayed(t, kappa, gamma, d, m, tau0):
    added = m / tau0 * mp.power(2, gamma * d) * integral(max(t - d, ZERO), gamma)
    return mp.exp(-kappa * mp.log1p(added))


def relative_loss_delayed_frozen(t, kappa, gamma, d, m, tau0):
    return mp.exp(-kappa * mp.log1p(m / tau0 * mp.power(2, gamma * d) * max(t - d, ZERO)))


def log2_efficiency(kind, s, gamma, Y):
    if kind == "hard":
        return min(gamma * s, Y)
    if kind == "exp":
        return Y * (1 - mp.exp(-gamma * s / Y))
    if kind == "tanh":
        return Y * mp.tanh(gamma * s / Y)
    K = mp.power(2, Y) - 1
    return mp.log((1 + K) / (1 + K * mp.power(2, -gamma * (1 + K) / K * s)), 2)


def saturating_work(kind, t, gamma, Y, pi=ZERO, start=ZERO, panels=8):
    """Integral of 2^(pi s) E(s) by quadrature over panels of at most a quarter of the turning time."""
    turn = abs(Y / gamma) if gamma != 0 else t
    inner = {x for k in range(1, 100) if start < (x := k * turn / 2) < t}
    edges = sorted(inner | {start + (t - start) * k / panels for k in range(panels + 1)})
    with mp.workdps(30):
        return mp.quad(lambda s: mp.power(2, pi * s + log2_efficiency(kind, s, gamma, Y)), edges)


def _saturated(kind):
    def value(t, kappa, gamma, Y, m, tau0):
        return mp.exp(-kappa * mp.log1p(m / tau0 * saturating_work(kind, t, gamma, Y)))

    return value


relative_loss_sat_hard = _saturated("hard")
relative_loss_sat_exp = _saturated("exp")
relative_loss_sat_logistic = _saturated("logistic")
relative_loss_sat_tanh = _saturated("tanh")


def compute_equivalent_gain(t, gamma, m, tau0):
    return ratio(t, gamma, m, tau0) / ratio(t, ZERO, m, tau0)


def optimal_delay_deadline(T, gamma):
    return max(ZERO, T - 1 / (gamma * L2)) if gamma > 0 else ZERO


def optimal_delay_job(W, gamma):
    return max(ZERO, mp.log(W * gamma * L2, 2) / gamma) if gamma > 0 else ZERO


def min_completion_time_job(W, gamma):
    wait = optimal_delay_job(W, gamma)
    return wait + W * mp.power(2, -gamma * wait)


def optimal_run_length(lam, c, e):
    return 2 * c / (lam * c + mp.sqrt(lam**2 * c**2 + 4 * lam * e * c))


def chinchilla_exponent(alpha, beta):
    return alpha * beta / (alpha + beta)


def chinchilla_nopt(C, A, B, alpha, beta):
    return mp.power(alpha * A / (beta * B), 1 / (alpha + beta)) * mp.power(C / 6, beta / (alpha + beta))


def chinchilla_loss(C, E, A, B, alpha, beta):
    n = chinchilla_nopt(C, A, B, alpha, beta)
    return E + A * mp.power(n, -alpha) + B * mp.power(C / (6 * n), -beta)


def exact(value):
    return [mp.mpf(v) for v in value] if isinstance(value, list) else mp.mpf(value)


def evaluate(function: str, inputs: dict[str, Any]):
    """Value at 50 digits for float64 inputs taken exactly."""
    return globals()[function.lower()](**{name: exact(value) for name, value in inputs.items()})


def condition(function: str, inputs: dict[str, Any]) -> float:
    """Sum over the inputs of |dln f/dln x|, by central differences at 50 digits."""
    points = {name: exact(value) for name, value in inputs.items()}
    base = globals()[function.lower()](**points)
    if base == 0 or not mp.isfinite(base):
        return 0.0
    total, step = mp.mpf(0), mp.mpf(10) ** (-9 if "_sat_" in function else -20)
    for name, value in points.items():
        if isinstance(value, list) or value == 0:
            continue
        up, down = value * (1 + step), value * (1 - step)
        if function == "relative_loss_delayed" and name in ("t", "d") and inputs["t"] == inputs["d"]:
            continue
        rise = globals()[function.lower()](**{**points, name: up}) - globals()[function.lower()](
            **{**points, name: down}
        )
        total += abs(rise / (2 * step) / base)
    return float(total)


def tolerance(function: str, inputs: dict[str, Any], least: float = 2e-14) -> float:
    """Eight roundings of every input, at least 2e-14: the rule of the shared reference table."""
    return max(least, 8.0 * EPS * (1.0 + condition(function, inputs)))


def classify(value) -> tuple[str, float]:
    number = float(value)
    if value == 0:
        return "zero", 0.0
    if math.isinf(number):
        return ("overflow" if mp.isfinite(value) else "inf"), number
    if number == 0.0:
        return "underflow", 0.0
    return ("subnormal" if abs(number) < sys.float_info.min else "value"), number


CORNERS: list[tuple[str, dict[str, Any], str]] = [
    ("relative_loss", {"t": 35.0, "kappa": 0.05, "gamma": 1e-17, "m": 1.0, "tau0": 1.0}, "printed form gives 1"),
    ("relative_loss", {"t": 35.0, "kappa": 0.05, "gamma": -5e-324, "m": 1.0, "tau0": 1.0}, "smallest gamma"),
    ("relative_loss", {"t": 1e6, "kappa": 0.05, "gamma": -1e3, "m": 1e12, "tau0": 1.0}, "gamma t far below -1023"),
    ("relative_loss", {"t": 1e5, "kappa": 0.2, "gamma": 1.0, "m": 1.0, "tau0": 1.0}, "underflows"),
    ("relative_loss", {"t": 5330.0, "kappa": 0.2, "gamma": 1.0, "m": 1.0, "tau0": 1.0}, "subnormal"),
    ("relative_loss", {"t": 1e-300, "kappa": 0.05, "gamma": 2.0, "m": 1e-12, "tau0": 1.0}, "tiny t and fleet"),
    ("loss_reduction", {"t": 1e-310, "kappa": 0.5, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "subnormal reduction"),
    ("loss_reduction", {"t": 1e-30, "kappa": 0.05, "gamma": 2.0, "m": 1e-12, "tau0": 3.0}, "log form loses digits"),
    ("loss_reduction", {"t": 3.0, "kappa": 1e-15, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "tiny kappa"),
    ("growth_integral", {"t": 1030.0, "gamma": 1.0}, "overflow of G"),
    ("growth_integral", {"t": 1026.0, "gamma": 1.0}, "e^z overflows"),
    ("growth_integral", {"t": 1033.0, "gamma": 1.0}, "overflows"),
    ("growth_integral", {"t": 1e300, "gamma": -1e10}, "z beyond float64"),
    ("log_compute_ratio", {"t": 1e6, "gamma": 3.0, "m": 1e12, "tau0": 1e-3}, "six hundred thousand doublings"),
    ("log_compute_ratio", {"t": 1e-20, "gamma": 3.0, "m": 1e-12, "tau0": 7.0}, "tiny ratio"),
    ("time_to_target", {"Rstar": 1e-300, "kappa": 0.01, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "A overflows"),
    ("time_to_target", {"Rstar": 0.1, "kappa": 0.001, "gamma": 0.0, "m": 1.0, "tau0": 1.0}, "overflows at gamma 0"),
    ("time_to_target", {"Rstar": 1.0 - 2.0**-53, "kappa": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "R next to 1"),
    (
        "time_to_target",
        {"Rstar": 0.93, "kappa": 0.05, "gamma": -0.5, "m": 1.0, "tau0": 1.0},
        "below the limit of decay",
    ),
    ("gamma_required", {"Rstar": 1e-300, "tstar": 1.0, "kappa": 0.01, "m": 1.0, "tau0": 1.0}, "A overflows"),
    (
        "gamma_required",
        {"Rstar": 0.9, "tstar": 7.225263339969954, "kappa": 0.05, "m": 1.0, "tau0": 1.0},
        "gamma near 0",
    ),
    ("gamma_required", {"Rstar": 0.999999, "tstar": 1e6, "kappa": 0.5, "m": 1e6, "tau0": 1.0}, "a far below 1"),
    ("fleet_required", {"Rstar": 1e-20, "tstar": 2000.0, "kappa": 0.01, "gamma": 2.0, "tau0": 1.0}, "both overflow"),
    ("crossover_cumulative", {"m_h": 1e12, "g_h": -3.0, "m_t": 1e-12, "g_t": 4.0}, "far apart"),
    ("crossover_cumulative", {"m_h": 10.0, "g_h": 1.0, "m_t": 1.0, "g_t": 1.001}, "nearly equal gammas"),
    ("relative_loss_sat_tanh", {"t": 3.0, "kappa": 0.1, "gamma": 40.0, "Y": 300.0, "m": 1.0, "tau0": 1.0}, "large Y"),
    ("relative_loss_sat_exp", {"t": 40.0, "kappa": 0.1, "gamma": 2.0, "Y": 0.1, "m": 9.0, "tau0": 1.0}, "small Y"),
    ("relative_loss_sat_logistic", {"t": 90.0, "kappa": 0.1, "gamma": 2.0, "Y": 60.0, "m": 1.0, "tau0": 1.0}, "0.3 Y"),
    (
        "relative_loss_irreducible",
        {"t": 9.0, "kappa_r": 0.15, "gamma": 2.0, "m": 1.0, "tau0": 1.0, "e": 1.0 - 1e-9},
        "deep floor",
    ),
    (
        "time_to_target_irreducible",
        {"Rstar": 0.975001, "kappa_r": 0.15, "gamma": 2.0, "m": 1.0, "tau0": 1.0, "e": 0.975},
        "just above the floor",
    ),
]
"""Hand-picked corners, each with why it is there."""

DOMAIN_ERRORS: list[tuple[str, dict[str, Any], str]] = [
    ("relative_loss", {"t": -1.0, "kappa": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "t below 0"),
    ("relative_loss", {"t": 1.0, "kappa": 0.0, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "kappa 0"),
    ("relative_loss", {"t": 1.0, "kappa": 0.05, "gamma": 2.0, "m": -1.0, "tau0": 1.0}, "fleet below 0"),
    ("relative_loss", {"t": 1.0, "kappa": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 0.0}, "tau0 0"),
    ("time_to_target", {"Rstar": 0.0, "kappa": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "target 0"),
    ("time_to_target", {"Rstar": 1.1, "kappa": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 1.0}, "target above 1"),
    (
        "relative_loss_irreducible",
        {"t": 1.0, "kappa_r": 0.05, "gamma": 2.0, "m": 1.0, "tau0": 1.0, "e": 1.0},
        "floor 1",
    ),
]


def drawn(rng: random.Random, count: int) -> list[tuple[str, dict[str, Any], str]]:
    """Random cases over twelve decades of every argument."""

    def decades(low: float, high: float) -> float:
        return float(f"{10 ** rng.uniform(low, high):.6g}")

    cases: list[tuple[str, dict[str, Any], str]] = []
    for _ in range(count):
        gamma = rng.choice((-1.0, 1.0, 1.0)) * decades(-12, 1.5)
        common = {"kappa": decades(-3, 0), "gamma": gamma, "m": decades(-12, 12), "tau0": decades(-3, 2)}
        name = rng.choice(("relative_loss", "loss_reduction", "dR_dgamma", "dR_dm", "dR_dt", "decay_rate"))
        cases.append((name, {"t": decades(-12, 3), **common}, "random"))
        aim = {"Rstar": float(f"{rng.uniform(0.05, 0.999):.6g}"), "kappa": decades(-2, 0), "m": decades(-3, 3)}
        cases.append(("gamma_required", {**aim, "tstar": decades(-2, 3), "tau0": 1.0}, "random"))
        cases.append(("time_to_target", {**aim, "gamma": decades(-12, 1), "tau0": decades(-2, 2)}, "random"))
    return cases


def rows() -> list[dict[str, str]]:
    cases = CORNERS + drawn(random.Random(20250102), 25)
    table = []
    for number, (function, inputs, note) in enumerate(cases, start=1):
        value = evaluate(function, inputs)
        kind, number64 = classify(value)
        table.append(
            {
                "id": f"M{number:04d}",
                "function": function,
                "inputs": json.dumps(inputs),
                "expected": mp.nstr(value, 17) if mp.isfinite(value) else "inf",
                "expected_float64": repr(number64),
                "kind": kind,
                "condition": f"{condition(function, inputs):.4g}",
                "rtol": f"{tolerance(function, inputs):.3g}" if kind in ("value", "subnormal") else "",
                "strict": "yes",
                "note": note,
            }
        )
    for number, (function, inputs, note) in enumerate(DOMAIN_ERRORS, start=len(cases) + 1):
        table.append(
            {
                "id": f"M{number:04d}",
                "function": function,
                "inputs": json.dumps(inputs),
                "expected": "",
                "expected_float64": "",
                "kind": "domain_error",
                "condition": "",
                "rtol": "",
                "strict": "yes",
                "note": note,
            }
        )
    return table


def main() -> None:
    stream = io.StringIO()
    table = rows()
    writer = csv.DictWriter(stream, fieldnames=list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    path = Path(__file__).resolve().parents[1] / "data" / "relative_loss_cases.csv"
    path.write_text(stream.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
