"""A small quarter of our own making for the forecast: kappa and gamma files whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from race_to_efficiency.calibration.kappa.pooled import POOLS, Member, pooled_estimate
from race_to_efficiency.settings.forecast import AnchorParams, ForecastParams
from race_to_efficiency.settings.scenarios import ScenarioParams
from small_settings import section

GROUPS = (
    ("alpha_one", "alpha", 0.34, 0.36, 1.8, 480.0, 2100.0, "2022-03-29"),
    ("beta_one", "beta", 0.25, 0.27, 1.6, 60.0, 150.0, "2024-03-13"),
    ("beta_two", "beta", 0.26, 0.26, 1.7, 70.0, 140.0, "2024-03-13"),
)
"""group, family, alpha, beta, E, A, B, released."""

N_BOOTSTRAP = 400


def kappa_files(*, refused: tuple[str, ...] = ()) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return a kappa.json and a kappa_draws table."""
    rng = np.random.default_rng(3)
    frames, estimates = [], []
    for group, family, alpha, beta, floor, a, b, released in GROUPS:
        shake = rng.normal(0.0, 0.02, N_BOOTSTRAP)
        alphas, betas = alpha * np.exp(shake), beta * np.exp(shake)
        frames.append(
            pd.DataFrame(
                {
                    "family": family,
                    "group": group,
                    "form": "chinchilla",
                    "draw": np.arange(N_BOOTSTRAP),
                    "kappa": alphas * betas / (alphas + betas),
                    "E": floor * np.exp(2.0 * shake),
                    "A": a * np.exp(5.0 * shake),
                    "B": b * np.exp(5.0 * shake),
                    "alpha": alphas,
                    "beta": betas,
                    "pivot_compute_flop": np.nan,
                }
            )
        )
        total = rng.normal(0.055, 0.003, N_BOOTSTRAP)
        frames.append(
            pd.DataFrame(
                {
                    "family": family,
                    "group": group,
                    "form": "power_law",
                    "draw": np.arange(N_BOOTSTRAP),
                    "kappa": total,
                    "A": 3.0,
                    "pivot_compute_flop": 1e20,
                }
            )
        )
        point = {"kappa_reducible": alpha * beta / (alpha + beta), "E": floor, "A": a, "B": b}
        point |= {"alpha": alpha, "beta": beta}
        for symbol, value in point.items():
            estimates.append(record(symbol, group, "chinchilla", value, released, refused=group in refused))
        estimates.append(record("kappa_total", group, "power_law", 0.055, released, refused=group in refused))
    estimates += pooled_records(estimates)
    return {"estimates": estimates}, pd.concat(frames, ignore_index=True)


def pooled_records(estimates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pools of the groups' records, each group admitted unless refused."""
    members = [
        Member(
            group=item["group"],
            family=item["group"].partition("_")[0],
            laboratory=item["group"].partition("_")[0],
            form=item["form"],
            value=item["value"],
            stderr=0.02 * item["value"],
            status=item["status"],
            verdict="refused" if item["status"] == "refused" else "admitted",
            n_rows=3,
            window=tuple(item["window"]),
            outside_decades=0.0,
        )
        for item in estimates
        if item["symbol"].startswith("kappa_")
    ]
    found = (pooled_estimate(form, members, section("fit_kappa", groups=[])) for form in POOLS)
    return [estimate.to_json() for estimate in found if estimate is not None]


def record(
    symbol: str, group: str, form: str, value: float, released: str, *, refused: bool = False, spread: float = 0.1
) -> dict[str, Any]:
    """Return one record of kappa.json."""
    return {
        "id": f"{symbol}.{group}.{form}",
        "symbol": symbol,
        "group": group,
        "form": form,
        "value": value,
        "intervals": [
            {"method": "percentile_bootstrap", "level": 0.95, "low": value * (1 - spread), "high": value * (1 + spread)}
        ],
        "status": "refused" if refused else "trusted",
        "reasons": ["its bootstrap failed"] if refused else [],
        "diagnostics": {"z_curv": 9.0},
        "window": [released, released],
        "rows_used": [f"training_runs/{group}-{k}" for k in range(3)],
    }


def gamma_files(n: int = 1000) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return a gamma.json and a gamma_draws table."""
    rng = np.random.default_rng(4)
    hardware, algorithm = rng.normal(0.26, 0.03, n), np.exp(rng.normal(0.0, 0.4, n))
    joule, utilisation = rng.normal(0.75, 0.1, n), rng.normal(0.05, 0.02, n)
    draws = pd.DataFrame(
        {
            "draw": np.arange(n),
            "hardware_tensor16.mean_chip": hardware,
            "utilisation.ols": utilisation,
            "training_flop_per_joule.ols": joule,
            "algorithmic.mixture": algorithm,
            "route.D": joule + algorithm,
            "route.A": hardware + utilisation + algorithm,
            "growth.power": rng.normal(1.1, 0.1, n),
            "growth.duration": rng.normal(0.3, 0.1, n),
            "level.frontier_compute_log2_flop": rng.normal(89.0, 0.5, n),
        }
    )
    names = [name for name in draws.columns if name != "draw" and not name.startswith("route.")]
    estimates = [
        {
            "id": f"gamma.{name}",
            "component": name.split(".")[0],
            "estimator": name.split(".")[1],
            "value": float(draws[name].median()),
            "status": "trusted",
            "reasons": [],
            "window": None if name.startswith(("level", "algorithmic")) else ["2012-01-01", "2024-01-01"],
            "diagnostics": {"weights": {"training_flop_per_joule": 1.0}} if name.startswith("algorithmic") else {},
        }
        for name in names
    ]
    routes = [
        {
            "route": "D",
            "value": float(draws["route.D"].median()),
            "components": ["training_flop_per_joule.ols", "algorithmic.mixture"],
            "status": "weak",
            "reasons": ["algorithmic.mixture fails a check"],
            "caps": {},
        },
        {
            "route": "A",
            "value": float(draws["route.A"].median()),
            "components": ["hardware_tensor16.mean_chip", "utilisation.ols", "algorithmic.mixture"],
            "status": "trusted",
            "reasons": [],
            "caps": {"utilisation.ols": 0.2},
        },
        {"route": "Z", "components": ["speedrun_time.ols"], "status": "refused", "reasons": ["no rows"], "caps": {}},
    ]
    return {"estimates": estimates, "routes": routes}, draws


def ledgers() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return as-of views of training_runs and notable_training_runs."""
    runs = pd.DataFrame(
        [
            {"run_id": f"{group}-{k}", "group": group, "compute_flop": flop, "released": pd.Timestamp(released)}
            for group, *_, released in GROUPS
            for k, flop in enumerate((1e18, 1e20, 1e22))
        ]
    ).assign(exclusion="")
    notable = pd.DataFrame(
        {
            "model_id": ["small", "big", "biggest", "withdrawn"],
            "compute_flop": [1e22, 2e25, 5e26, 9e27],
            "hours": [100.0, 2000.0, 3000.0, 9.0],
            "exclusion": ["", "", "", "later_than_as_of"],
        }
    )
    return runs, notable


def settings(**changes: Any) -> ForecastParams:
    """Return small forecast settings."""
    base: dict[str, Any] = {
        "draws": 1500,
        "crossovers": (),
        "anchors": (
            AnchorParams(name="frontier_trend", source="frontier_trend"),
            AnchorParams(name="within_range", source="fixed", compute_flop=1e21, count_algorithmic_gain=False),
        ),
        "scenarios": (
            ScenarioParams(name="static", gamma=0.0),
            ScenarioParams(name="constant_power", route="D"),
            ScenarioParams(
                name="measured_growth",
                route="D",
                convention="run",
                fleet={"path": "growth"},
                power_growth="measured",
                duration_growth="measured",
                max_power_multiple=64.0,
                max_duration_multiple=4.0,
            ),
            ScenarioParams(name="paper", gamma=2.0, kappa={"value": 0.05, "form": "total"}),
        ),
    }
    made: ForecastParams = section("forecast", **(base | changes))
    return made
