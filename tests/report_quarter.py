"""A small quarter of our own making for the report: every file a stage would have written, with hostile names in it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from race_to_efficiency import storage
from race_to_efficiency.calibration.common.estimates import Estimate, Interval
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.settings.params import Workspace
from report_edges import write_edges

if TYPE_CHECKING:
    from pathlib import Path

QUARTER = "2026Q1"
AS_OF = date(2026, 3, 31)
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '=HYPERLINK("http://example.test/?x="&A1,"click")',
    "</script><script>alert(2)</script>",
    "chip \u202egnp.exe",
    "\u2066left\u2069 \u200fright",
    "x" * 10_000,
    "$\\frac{1}{0}$ {name} [[7]] `code` **bold** | pipe",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab\there\x00\x07",
)
"""Names a ledger row may bear: markup, formulas, direction marks, control characters, endless, template syntax."""

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)
GROUPS = ("chinchilla_besiroglu2024", "gadre2024_c4")
HORIZONS = np.arange(0.0, 10.01, 0.25)
N = 200


def estimate(name: str, symbol: str, value: float, unit: str, *, spread: float = 0.1, **fields: Any) -> Estimate:
    """Return an estimate with 95 % and 80 % intervals of a relative spread."""
    ends = [(0.95, 2.0), (0.8, 1.3)]
    intervals = tuple(Interval("draws", q, value * (1 - s * spread), value * (1 + s * spread)) for q, s in ends)
    return Estimate(name, symbol, value, unit, intervals=intervals, computed_by="tests.report_quarter", **fields)


def kappa_document(rng: np.random.Generator) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return kappa.json, the draws and the training runs they come from."""
    runs, estimates, frames = [], [], []
    for number, group in enumerate(GROUPS):
        floor, scale, kappa = 1.7 + 0.1 * number, 1500.0, 0.16 - 0.03 * number
        compute = np.geomspace(1e18, 1e22, 24)
        loss = floor + scale * compute**-kappa
        ids = [f"{group}-{index:03d}" for index in range(24)]
        runs.append(pd.DataFrame({"run_id": ids, "group": group, "compute_flop": compute, "loss_nats": loss}))
        rows = tuple(f"training_runs/{name}" for name in ids)
        shared = {"group": group, "n_rows": 24, "window": ("2022-03-29", "2022-03-29"), "rows_used": rows}
        weak = (
            {"status": "weak", "reasons": (f"5.4% of the refits of {HOSTILE[0]} did not converge",)} if number else {}
        )
        diagnostics = {"z_curv": 8.25, "n_starts": 32, "n_starts_agreeing": 30, "residual_sd": 0.0076}
        estimates += [
            estimate(f"kappa_total.{group}.power_law", "kappa_total", 0.055, "1", form="power_law",
                     pivot_compute_flop=1e20, diagnostics=diagnostics, **shared, **weak),
            estimate(f"A.{group}.power_law", "A", floor + scale * 1e20**-kappa, "nats/token", form="power_law",
                     **shared),
            estimate(f"kappa_reducible.{group}.floor", "kappa_reducible", kappa, "1", form="floor", **shared),
            estimate(f"E.{group}.floor", "E", floor, "nats/token", form="floor", **shared),
            estimate(f"A.{group}.floor", "A", scale, "nats/token", form="floor", **shared),
            estimate(f"kappa_reducible.{group}.chinchilla", "kappa_reducible", kappa, "1", form="chinchilla",
                     diagnostics=diagnostics, **shared, **weak),
        ]  # fmt: skip
        shake = rng.normal(0, 0.03, N)
        frames += [
            pd.DataFrame({
                "family": group.partition("2")[0].partition("_")[0], "group": group, "form": form, "draw": np.arange(N),
                "kappa": (kappa if form == "chinchilla" else 0.055) * np.exp(shake),
                "E": floor * np.exp(0.4 * shake) if form == "chinchilla" else np.nan,
            })
            for form in ("chinchilla", "power_law")
        ]  # fmt: skip
    families = [{"family": g, "value": 0.15, "stderr": 0.01, "status": "trusted", "groups": [g]} for g in GROUPS]
    for symbol, form, value in (("kappa_total", "power_law", 0.056), ("kappa_reducible", "chinchilla", 0.152)):
        estimates.append(
            estimate(f"{symbol}.pooled.{form}", symbol, value, "1", group="pooled", form=form, status="weak",
                     reasons=("2 families: no prediction for a new one",), pivot_compute_flop=1e20,
                     diagnostics={"families": families, "prediction_identified": False})
        )  # fmt: skip
    document = {"quarter": QUARTER, "as_of": AS_OF.isoformat(), "estimates": [item.to_json() for item in estimates]}
    return document, pd.concat(frames, ignore_index=True), pd.concat(runs, ignore_index=True)


def gamma_document() -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Return gamma.json and the ledgers its two drawn series come from; chips bear the hostile names."""
    dates = pd.date_range("2017-05-01", periods=24, freq="120D")
    chips = pd.DataFrame({
        "accelerator_id": [*(f"chip-{i}" for i in range(24 - len(HOSTILE))), *HOSTILE], "released": dates,
        "fp16_tensor_flop_s": 1e14 * 2.0 ** (0.3 * np.arange(24) / 3.0), "tdp_w": 300.0,
    })  # fmt: skip
    models = pd.DataFrame({
        "model_id": [f"model-{i}" for i in range(24)], "released": dates, "hours": 1000.0, "power_draw_w": 1e6,
        "compute_flop": 1e22 * 2.0 ** (0.75 * np.arange(24) / 3.0),
    })  # fmt: skip
    line = {"level": 38.0, "center_year": 2021.0}
    rows = {
        "hardware_tensor16.mean_chip": (0.264, "accelerators", chips["accelerator_id"], ["chip"]),
        "training_flop_per_joule.ols": (0.752, "notable_training_runs", models["model_id"], ["chip", "format"]),
        "algorithmic.mixture": (1.1, "notable_training_runs", models["model_id"], ["algorithm"]),
        "growth.power": (1.13, "notable_training_runs", models["model_id"], []),
    }
    estimates, components = [], []
    for key, (value, table, ids, covers) in rows.items():
        component, estimator = key.split(".")
        item = estimate(
            f"gamma.{key}", f"gamma_{component}", value, "doublings/yr", component=component, estimator=estimator,
            n_rows=24, window=("2017-05-01", "2024-12-01"), rows_used=tuple(f"{table}/{name}" for name in ids),
            diagnostics=line,
        )  # fmt: skip
        estimates.append(item)
        components.append({
            "component": component, "estimator": estimator, "coverage": covers, "basis": "joule", "meaning": "a rate",
            "caveat": "read with care", "estimate": item.id,
        })  # fmt: skip
    routes = []
    for name, value, parts in (("D", 1.85, ["training_flop_per_joule.ols", "algorithmic.mixture"]),
                               ("A", 1.36, ["hardware_tensor16.mean_chip", "algorithmic.mixture"])):  # fmt: skip
        item = estimate(
            f"gamma.route.{name}", "gamma_route", value, "doublings/yr", spread=0.3, component="route", estimator=name,
            status="weak", reasons=("algorithmic.mixture fails a check, 3.3 years old",),
        )  # fmt: skip
        estimates.append(item)
        routes.append({
            "route": name, "components": parts, "omits": ["format"], "basis": "joule", "conversion": [],
            "estimate": item.id, "default": name == "D", "value": value,
        })  # fmt: skip
    choice = {"component": "route.D", "kind": "window", "sign_changes": False, "value": 1.6, "delta": -0.25}
    layer = {
        "reading": "total", "target": 0.8, "by": "2031-03-31", "layer": "hardware", "owner": "chip makers",
        "headroom": 7.6, "measured": 0.264, "low": 0.18, "high": 0.35, "required": None, "gap": None,
        "reason": "no kappa_total is known here", "years_of_headroom": 28.8,
    }  # fmt: skip
    document = {
        "quarter": QUARTER, "as_of": AS_OF.isoformat(), "estimates": [item.to_json() for item in estimates],
        "components": components, "routes": routes, "roadmap": [layer],
        "fragility": [{**choice, "change": f"training_flop_per_joule.ols: without {name}"} for name in HOSTILE[:4]],
        "slope_change": [{
            "component": "speedrun_time.ols", "clock": "date", "at": 2025.0, "searched": False, "slope_before": 6.5,
            "slope_after": 1.1, "p_value": 0.015, "found": True, "method": "block bootstrap",
        }],
        "published": [{
            "value_id": "epoch2022", "quantity": HOSTILE[0], "published": 0.4, "published_low": 0.3,
            "published_high": 0.5, "ours": 0.29, "ours_low": 0.1, "ours_high": 0.4, "verdict": "agrees",
            "estimate": "gamma.hardware_tensor16.mean_chip", "note": HOSTILE[2], "source": "Epoch (2022)",
        }],
    }  # fmt: skip
    return document, {"accelerators": chips, "notable_training_runs": models}


def forecast_tables(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return forecast.parquet and milestones.parquet: exact quantiles of the equation over a few draws."""
    kappa = {"total": rng.normal(0.056, 0.004, N), "reducible": rng.normal(0.15, 0.02, N)}
    floor, gamma = rng.uniform(0.85, 0.97, N), rng.normal(1.85, 0.4, N)
    rows, milestones = [], []
    for scenario, rate in (("constant_power", gamma), ("static", np.zeros(N)), (HOSTILE[0], np.full(N, 0.5))):
        for form, target in (
            ("total", "relative_loss"),
            ("reducible", "reducible_loss"),
            ("reducible", "relative_loss"),
        ):
            named = {
                "target": target, "form": form, "scenario_id": scenario, "anchor": "frontier_trend", "group": "pooled",
                "status": "weak", "reasons": "gamma_weak;anchor_beyond_range", "run_id": "2026Q1-abc", "unit": "1",
            }  # fmt: skip
            under = floor if (form, target) == ("reducible", "relative_loss") else 0.0
            for years in HORIZONS:
                draws = relative_loss(years, kappa[form], rate, floor=under)
                for level, value in zip(LEVELS, np.quantile(draws, LEVELS), strict=True):
                    rows.append({**named, "horizon": years, "output_type": "quantile", "output_type_id": level,
                                 "value": value})  # fmt: skip
            for level, value in zip(LEVELS, [*np.linspace(1, 9, 9), np.inf, np.inf], strict=True):
                milestones.append({**named, "threshold": 0.8, "output_type_id": level, "value": value,
                                   "unreachable_probability": 0.12})  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(milestones)


def scenario_documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return scenarios.json and anchors.json."""
    spread = {"value": 1.85, "median": 1.86, "low": 1.1, "high": 3.0}
    base = {"fleet": {"path": "constant", "multiple": 1.0}, "convention": "cumulative", "label": "assumption",
            "baseline_years": 1.0, "power_growth": 0.0, "duration_growth": 0.0}  # fmt: skip
    measured = {"name": "constant_power", "title": "Constant power", "gamma": None, "route": "D",
                "measured_rates": {"gamma": spread}}  # fmt: skip
    run = {"name": "measured_growth", "title": "Measured growth", "gamma": 0.75, "convention": "run",
           "fleet": {"path": "growth", "multiple": 1.0}, "power_growth": 1.1, "max_power_multiple": 64.0}  # fmt: skip
    scenarios = {
        "draws": 10_000,
        "pools": {
            form: {"value": value, "kappa": {"median": value}, "families": ["chinchilla", "gadre"],
                   "groups": [{"group": group, "family": group[:5], "verdict": "admitted"} for group in GROUPS]}
            for form, value in (("total", 0.056), ("reducible", 0.15))
        },
        "scenarios": [
            {**base, "name": "static", "title": "Static", "gamma": 0.0},
            {**base, **measured, "sensitivity": [
                {"form": "total", "years": 5.0, "variance_shares": {"kappa": 0.4, "compute_growth": 0.6}}]},
            {**base, "name": HOSTILE[0], "title": HOSTILE[0], "gamma": 0.5, "note": HOSTILE[2],
             "fleet": {"path": "constant", "multiple": 10.0}},
            {**base, **run},
        ],
        "crossovers": [{
            "ahead_first": "static", "ahead_later": "constant_power", "probability_within_horizon": 0.98,
            "years": {"0.025": 1.9, "0.5": 3.5, "0.975": None}, "probability_ahead_from_start": 0.0,
            "probability_never": 0.02,
        }],
    }  # fmt: skip
    ends = {"median": 0.95, "low": 0.86, "high": 0.99}
    group = {"group": GROUPS[0], "decades_beyond_fitted_range": 5.9}
    anchors = {
        "baseline_years": {"paper": 1.0, "measured": 0.26},
        "largest_known_run": {"model_id": HOSTILE[0], "compute_flop": 5e26},
        "anchors": [{"name": "frontier_trend", "title": "the frontier's trend", "status": "weak", "groups": [group],
                     "compute_flop": {"median": 6e26}, "floor": ends, "kappa_eff": {"median": 0.0023}}],
        "trust_limits": [
            {"limit": "range", "form": "both", "scenario_id": "constant_power", "anchor": "frontier_trend",
             "years": 0.0, "low": 0.0, "high": 2.5, "passed_at_start": True, "words": "left by 10% from the first day"},
            {"limit": "near_floor", "form": "reducible", "scenario_id": "constant_power", "anchor": "frontier_trend",
             "years": 4.5, "low": 3.0, "high": None, "passed_at_start": False, "words": "within 10% of the floor"},
        ],
    }  # fmt: skip
    return scenarios, anchors


def record_tables() -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Return statements and scores."""
    rule = {"resolution_source": f"Epoch AI, {HOSTILE[2]}", "resolution_rule": "the table as published by 2027-06-30"}
    statements = [
        {"id": "2026Q1.largest_run_1y", "what": f"compute of the largest known run, named {HOSTILE[0]}",
         "by": "2027-03-31", "unit": "FLOP", "baseline": {"method": "last_value", "quantiles": {"0.5": 5e26}},
         "quantiles": {"0.025": 1e27, "0.1": 1.3e27, "0.5": 2e27, "0.9": 3e27, "0.975": 4e27}, **rule},
        {"id": "2026Q1.first_1e28", "what": "date of the first run of 1e28 FLOP", "by": "2046-03-31",
         "unit": "decimal year", "quantiles": {"0.025": 2027.2, "0.5": 2028.5, "0.975": None}, **rule},
        {"id": "2026Q1.gigawatt", "what": "a run of 1 GW is known", "by": "2028-03-31", "probability": 0.31,
         "baseline": {"method": "published", "probability": 0.5}, "unit": "1", **rule},
    ]  # fmt: skip
    score = {"n": 40, "n_eff": 21.5, "wis": 0.21, "wis_naive": 0.18, "skill": -0.17, "interval_coverage_50": 0.45,
             "interval_coverage_80": 0.7, "interval_coverage_95": 0.9, "bias": -0.12, "vintage": "real",
             "verdict": "fail"}  # fmt: skip
    bands = {"band_low_50": 0.3, "band_high_50": 0.7, "band_low_80": 0.6, "band_high_80": 0.95, "band_low_95": 0.92,
             "band_high_95": 1.0}  # fmt: skip
    rows = [{"target": "mean_chip", "horizon_quarters": h, **score, **bands} for h in (1, 4)]
    nothing = {key: np.nan for key in score if key not in ("vintage", "verdict")}
    rows.append({"target": HOSTILE[0], "horizon_quarters": 4, **nothing, "n": 0, "n_eff": 0.0, "vintage": "none yet",
                 "verdict": "too few to judge"})  # fmt: skip
    return statements, pd.DataFrame(rows)


SCORES: dict[str, Any] = {
    "pit": [{"horizon_quarters": h, "n": 40, "edges": [k / 10 for k in range(11)],
             "shares": [0.05] * 5 + [0.15] * 5, "targets": ["mean_chip"]} for h in (None, 1, 4)],
    "models": [{"target": HOSTILE[0], "members": ["trend", "walk"], "baseline": "last_value", "horizons": [
        {"horizon_quarters": 4, "n_eff": 6.5, "weights": {"trend": 0.25, "walk": 0.75}}]}],
    "predecessors": [{"model": "race-0.1", "first_origin": "2023Q1", "ratio": 0.9, "cells": 8, "below_last_value": 5,
                      "below_last_value_earlier": 4, "coverage": {"80": 0.8}, "coverage_earlier": {"80": 0.7},
                      "targets": [{"target": HOSTILE[0], "n": 40, "wis": 0.2, "wis_earlier": 0.15,
                                   "wis_last_value": 0.3, "ratio": 1.33, "worse_than": ["earlier"],
                                   "because": HOSTILE[2]}]}],
    "bounds": [{"target": "mean_chip", "unit": "FLOP/s/W", "bound": [1e15, 2e15], "source": HOSTILE[1],
                "moved_mean": 0.01, "moved_most": 0.02, "power_implied_above_cap": 0.001}],
    "grades": [
        {"grade": "very high", "meaning": "near", "n": 40, "targets": 3, "coverage_80": 0.8, "coverage_95": 0.95,
         "wis": 0.006, "wis_ratio": None, "horizons": 0},
        {"grade": "high", "meaning": "further", "n": 30, "targets": 3, "coverage_80": 0.7, "coverage_95": 0.9,
         "wis": 0.012, "wis_ratio": 1.9, "horizons": 2},
    ],
    "lateness": [{"target": "mean_chip", "rows": 40, "late_share": 0.1, "median_lag_days": 288.0}],
    "rules": {"bias": "1 - 2 PIT: +1 when every forecast was too high"},
}  # fmt: skip


def changes_document() -> dict[str, Any]:
    """Return changes.json: numbers that moved with parts that sum to the change, one that is new, hostile row ids."""

    def moved(name: str, old: float, parts: dict[str, float], row: str = "chip-9", **fields: Any) -> dict[str, Any]:
        items = [
            {"cause": cause, "value": value, "rows": [{"row": row, "effect": value}]} for cause, value in parts.items()
        ]
        return {"id": name, "unit": "1", "old": old, "new": old + sum(parts.values()),
                "delta": old + sum(parts.values()) - old, "parts": items, **fields}  # fmt: skip

    kinds = ("added", "revised", "withdrawn", "reclassified", "entered_late")
    rows: dict[str, list[dict[str, Any]]] = {
        "added": [{"id": HOSTILE[0], "cells": []}, {"id": HOSTILE[5], "cells": []}],
        "revised": [{"id": HOSTILE[3], "cells": [{"column": "tdp_w", "old": 192.0, "new": 340.0}]}],
        "withdrawn": [], "reclassified": [], "entered_late": [{"id": HOSTILE[6], "cells": []}],
    }  # fmt: skip
    gamma = {"group": None, "form": None, "unit": "doublings/yr"}
    kappa = {"component": None, "estimator": None, "group": "pooled"}
    estimates = [
        moved("gamma.hardware_tensor16.mean_chip", 0.244, {"added": 0.03, "revised": -0.01, "settings": 0.0},
              f"accelerators/{HOSTILE[1]}", symbol="gamma_hardware_tensor16", component="hardware_tensor16",
              estimator="mean_chip", **gamma),
        moved("gamma.route.D", 1.9, {"added": -0.07, "revised": 0.02}, f"speedrun_records/{HOSTILE[2]}",
              symbol="gamma_route", component="route", estimator="D", **gamma),
        moved("kappa_total.pooled.power_law", 0.0575, {"added": -0.0015}, "training_runs: 85 rows of gadre2024_c4",
              symbol="kappa_total", form="power_law", **kappa),
        {"id": f"kappa_reducible.{HOSTILE[4]}.floor", "symbol": "kappa_reducible", "group": HOSTILE[4], "form": "floor",
         "component": None, "estimator": None, "unit": "1", "old": None, "new": 0.2, "delta": None, "parts": []},
    ]  # fmt: skip
    intervals = {"old_interval_95": [0.5, 0.8], "new_interval_95": [0.49, 0.79]}
    date_moved = {"reference_date": 0.0014}
    return {
        "from": {"quarter": "2025Q4", "as_of": "2025-12-31"}, "to": {"quarter": QUARTER, "as_of": AS_OF.isoformat()},
        "data": {"accelerators": {"counts": {kind: len(rows[kind]) for kind in kinds}, **rows}},
        "estimates": estimates, "forecasts_missing": None,
        "forecasts": [
            moved("R.total.5", 0.71, {"added": -0.01}, reading="total", years=5.0, **intervals),
            moved("R.reducible_whole_loss.5", 0.984, date_moved, "2025-12-31 -> 2026-03-31",
                  reading="reducible, whole loss", years=5.0, **intervals),
        ],
    }  # fmt: skip


def write_quarter(processed: Path, *, changes: bool = True) -> Path:
    """Write every file of the quarter under ``processed``; return it."""
    rng = np.random.default_rng(20260331)
    kappa, draws, runs = kappa_document(rng)
    gamma, ledgers = gamma_document()
    forecast, milestones = forecast_tables(rng)
    scenarios, anchors = scenario_documents()
    statements, scores = record_tables()
    sources = pd.DataFrame({
        "source_id": [f"source-{i}" for i in range(len(HOSTILE))], "citation": HOSTILE, "title": HOSTILE,
        "identifier": ["https://arxiv.org/abs/2501.02156", "javascript:alert(3)", *HOSTILE[2:]],
        "licence": "CC-BY 4.0", "released": pd.Timestamp("2024-01-01"), "exclusion": "",
    })  # fmt: skip
    quarantine = pd.DataFrame({
        "table": "accelerators", "file": "accelerators.csv", "line": range(len(HOSTILE)), "row_id": HOSTILE,
        "column": "tdp_w", "rule": "a number", "value": HOSTILE, "remedy": "correct the cell",
    })  # fmt: skip
    account = {"tables": {"accelerators": {
        "read": 281, "used": 161, "excluded": {"superseded": 102, "undated": 9}, "quarantined": 9, "vintage": "real",
        "pseudo": False}}}  # fmt: skip
    documents = {"kappa": kappa, "gamma": gamma, "scenarios": scenarios, "anchors": anchors, "account": account,
                 "statements": {"statements": statements}, "scores": SCORES}  # fmt: skip
    if changes:
        documents["changes"] = changes_document()
    tables = {"kappa_draws": draws, "forecast": forecast, "milestones": milestones, "scores": scores,
              "quarantine": quarantine}  # fmt: skip
    stamp = {"quarter": QUARTER, "as_of": AS_OF.isoformat()}
    for name, document in documents.items():
        stamped = {**stamp, **document} if name in ("account", "scenarios", "scores") else document
        storage.write_json(processed / f"{name}.json", stamped)
    for name, frame in tables.items():
        storage.write_parquet(processed / f"{name}.parquet", frame)
    write_edges(processed, documents, tables)
    for name, frame in {"training_runs": runs, "sources": sources, **ledgers}.items():
        storage.write_parquet(processed / "ledger" / f"{name}.parquet", frame)
    return processed


def workspace(root: Path) -> Workspace:
    """Return a workspace for the report stage, with the settings it reads."""
    from race_to_efficiency.units import Quarter
    from small_settings import params

    assert Quarter.parse(QUARTER).as_of == AS_OF
    given = params(quarter=QUARTER, seed=1, report={"reconstructed": False})
    return Workspace(root=root, params=given, processed=root / "data" / "processed", reports=root / "reports")
