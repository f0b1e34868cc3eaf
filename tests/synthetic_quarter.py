"""A small checkout of our own making: three ledgers, settings, and six 'stages' in one function.

The stage here does what the true ones do in kind: it reads the ledgers as of the quarter's last day and the settings,
and writes estimates with their rows, a forecast, and a page whose numerals carry ids. Provenance is tested on it since
it runs in milliseconds and every figure in it can be worked out by hand.
"""

from __future__ import annotations

import csv
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from race_to_efficiency import storage
from race_to_efficiency.provenance import made_from
from race_to_efficiency.quarter.forecast_lineage import curve_of
from race_to_efficiency.quarter.lineage import Lineage
from race_to_efficiency.settings.params import Workspace
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from pathlib import Path

QUARTERS = ("2025Q1", "2025Q2", "2025Q3")

SOURCES = """\
source_id,title,authors,year,identifier,citation,licence,released,recorded,recorded_basis,withdrawn
chips,A table of chips,A. Writer,2025,https://chips.example/table,"Writer, A. (2025). A table of chips.",CC-BY 4.0,\
2025-01-10,2025-01-10,snapshot,false
runs,Training runs,B. Author,2024,arXiv:2404.00001,"Author, B. (2024). Training runs.",no licence stated,\
2024-04-15,2024-04-15,stated,false
"""

ACCELERATORS = """\
accelerator_id,name,flop_per_joule,source_id,released,recorded,recorded_basis,withdrawn
chip-a,Chip A,1.0e11,chips,2020-01-01,2025-01-10,snapshot,false
chip-b,"Chip B, second edition",2.0e11,chips,2022-01-01,2025-01-10,snapshot,false
chip-c,Chip C,9.0e11,chips,2024-01-01,2025-01-10,snapshot,false
chip-c,Chip C,4.0e11,chips,2024-01-01,2025-05-20,snapshot,false
chip-d,Chip D µ,8.0e11,chips,2025-08-01,2025-09-01,snapshot,false
"""

TRAINING_RUNS = """\
run_id,compute_flop,loss_nats,source_id,released,recorded,recorded_basis,withdrawn
run-1,1.0e18,3.2,runs,2024-04-15,2024-04-15,stated,false
run-2,1.0e19,2.8,runs,2024-04-15,2024-04-15,stated,false
run-3,1.0e20,2.5,runs,2024-04-15,2024-04-15,stated,false
run-4,1.0e21,9.9,runs,2024-04-15,2024-04-15,stated,false
"""

ALIASES = """\
old_name,new_name,snapshot,evidence
Chip C old,Chip C,2025-05-20,same figures
"""

PARAMS = """\
# settings
quarter: 2025Q3
seed: 7
fit_kappa:
  delta: 0.001
forecast:
  horizon_years: 5
report:
  headline_scenario: constant_power
  headline_anchor: frontier_trend
"""

DVC = """\
stages:
  ingest:
    cmd: race stage ingest
    deps: [data/raw/accelerators.csv, data/raw/training_runs.csv, data/raw/sources.csv, pipeline/ledger]
    outs:
      - data/processed/account.json:
          cache: false
      - data/processed/ledger
  fit:
    cmd: race stage fit
    deps: [data/processed/ledger, params.yaml]
    outs: [data/processed/kappa.json, data/processed/gamma.json, data/processed/milestones.parquet]
  report:
    cmd: race stage report
    deps: [data/processed/kappa.json, data/processed/gamma.json]
    outs:
      - data/processed/report/report.html
      - data/processed/report/numbers.json
      - data/processed/report/forecast.parquet
      - data/processed/report/figures/fan.svg
"""


def make_checkout(root: Path) -> Path:
    """Write the ledgers, settings and pipeline description under ``root``."""
    for name, text in (
        ("data/raw/sources.csv", SOURCES),
        ("data/raw/accelerators.csv", ACCELERATORS),
        ("data/raw/training_runs.csv", TRAINING_RUNS),
        ("data/raw/accelerator_aliases.csv", ALIASES),
        ("data/raw/README.md", "# What the tables hold\n"),
        ("params.yaml", PARAMS),
        ("dvc.yaml", DVC),
        ("requirements.lock", "numpy==2.4.0\n"),
    ):
        storage.write_text(root / name, text)
    return root


def workspace(root: Path, quarter: str) -> Workspace:
    """Return the workspace of a quarter, with just the settings the stage below reads."""
    settings = storage.read_yaml(root / "params.yaml")
    params: Any = SimpleNamespace(quarter=quarter, seed=settings["seed"], settings=settings)
    return Workspace(
        root=root, params=params, processed=root / "data" / "processed" / quarter, reports=root / "reports"
    )


def _rows(path: Path, as_of: str) -> dict[str, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["recorded"] <= as_of]
    return {next(iter(row.values())): row for row in rows}


def _estimate(
    identity: str, value: float, unit: str, rows: list[str], excluded: list[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "id": identity,
        "symbol": identity.partition(".")[0],
        "value": value,
        "unit": unit,
        "group": None,
        "component": None,
        "form": "power_law" if "kappa" in identity else None,
        "estimator": "ols",
        "intervals": [{"method": "ols", "level": 0.95, "low": value * 0.5, "high": value * 1.5}],
        "stderr": None,
        "n_rows": len(rows),
        "status": "weak",
        "reasons": ["few rows"],
        "diagnostics": {},
        "rows_used": rows,
        "rows_excluded": [{"row": row, "reason": reason} for row, reason in excluded],
        "digests": {},
        "seed": 7,
        "computed_by": "synthetic_quarter.run_stages",
    }


def run_stages(space: Workspace, *, slope_factor: float = 1.0) -> None:
    """Read the ledgers as of the quarter, fit two slopes, forecast, and write what the six stages write."""
    as_of = space.quarter.as_of.isoformat()
    chips = _rows(space.raw / "accelerators.csv", as_of)
    runs = _rows(space.raw / "training_runs.csv", as_of)
    years = np.array([float(row["released"][:4]) for row in chips.values()])
    logs = np.log2([float(row["flop_per_joule"]) for row in chips.values()])
    gamma = float(np.polyfit(years - years.mean(), logs, 1)[0]) * slope_factor
    good = {key: row for key, row in runs.items() if float(row["loss_nats"]) < 9}
    compute = np.log([float(row["compute_flop"]) for row in good.values()])
    kappa = -float(np.polyfit(compute - compute.mean(), np.log([float(r["loss_nats"]) for r in good.values()]), 1)[0])
    delta = float(storage.read_yaml(space.root / "params.yaml")["fit_kappa"]["delta"])
    kappa *= 1 + delta
    kappas = [
        _estimate(
            "kappa_total.pooled.power_law",
            kappa,
            "1",
            [f"training_runs/{key}" for key in good],
            [(f"training_runs/{key}", "outlier") for key in runs if key not in good],
        )
    ]
    gammas = [_estimate("gamma.route.D", gamma, "doublings/yr", [f"accelerators/{key}" for key in chips], [])]
    head = {"quarter": str(space.quarter), "as_of": as_of}
    influence = [{"group": None, "form": "power_law", "set": "used", "run": "run-1", "change": 0.01}]
    storage.write_json(space.processed / "kappa.json", {**head, "estimates": kappas, "influence": influence})
    storage.write_json(space.processed / "gamma.json", {**head, "estimates": gammas})
    view = pd.DataFrame({"run_id": list(runs), "exclusion": ["" if key in good else "outlier" for key in runs]})
    storage.write_parquet(space.processed / "ledger" / "training_runs.parquet", view)
    chip_view = pd.DataFrame({"accelerator_id": [*chips, "chip-w"], "exclusion": ["" for _ in chips] + ["withdrawn"]})
    storage.write_parquet(space.processed / "ledger" / "accelerators.parquet", chip_view)
    storage.write_json(space.processed / "account.json", {**head, "read": len(chips) + len(runs)})
    write_edges(space, list(chips), list(good), [key for key in runs if key not in good])
    write_report(space, kappa, gamma)
    note = {"quarter": str(space.quarter), "inputs": "", "ledgers": made_from.ledger_digests(space)}
    storage.write_json(space.processed / made_from.NOTE, {**note, "state": made_from.DONE})


def write_edges(space: Workspace, chips: list[str], good: list[str], outliers: list[str]) -> None:
    """Write what each output rests on, one file a stage."""
    used, aside = [f"training_runs/{key}" for key in good], [(f"training_runs/{key}", "outlier") for key in outliers]
    lineage = Lineage()
    rows = [f"accelerators/{key}" for key in chips]
    code = "race_to_efficiency.stages.{}".format
    lineage.add("ledger.accelerators", code=code("ingest"), rows=rows, left_out=[("accelerators/chip-w", "withdrawn")])
    lineage.add("ledger.training_runs", code=code("ingest"), rows=used, left_out=aside)
    lineage.write(space.processed, "ingest")
    lineage = Lineage()
    lineage.add("kappa_total.pooled.power_law", code=code("fit_kappa"), rows=used, left_out=aside)
    lineage.write(space.processed, "fit_kappa")
    lineage = Lineage()
    lineage.add("gamma.route.D", code=code("fit_gamma"), rows=rows)
    lineage.write(space.processed, "fit_gamma")
    lineage = Lineage()
    curve = curve_of("constant_power", "total", "pooled")
    lineage.add(curve, code=code("forecast"), sources=("kappa_total.pooled.power_law", "gamma.route.D"))
    lineage.write(space.processed, "forecast")
    lineage = Lineage()
    lineage.add("equation.time_to_target", code="race_to_efficiency.relative_loss")
    lineage.add("row.accelerators/chip-b", code=code("report"), rows=["accelerators/chip-b"])
    lineage.write(space.processed, "report")


def write_report(space: Workspace, kappa: float, gamma: float) -> None:
    """Write the forecast table, numbers.json and the page."""
    years = np.arange(1.0, 6.0)
    value = (1 + (np.exp2(gamma * years) - 1) / (gamma * np.log(2))) ** -kappa
    forecast = pd.DataFrame(
        {
            "reference_date": space.quarter.as_of.isoformat(),
            "target": "relative_loss",
            "scenario_id": "constant_power",
            "horizon": years,
            "output_type": "quantile",
            "output_type_id": 0.5,
            "value": value,
            "unit": "1",
            "form": "total",
            "group": "pooled",
            "status": "weak",
        }
    )
    report = space.processed / "report"
    storage.write_parquet(report / "forecast.parquet", forecast)
    storage.write_parquet(space.processed / "forecast.parquet", forecast)
    storage.write_parquet(space.processed / "milestones.parquet", forecast.iloc[:2])
    numbers = {
        "kappa_total": {
            "value": kappa,
            "unit": "1",
            "text": f"{kappa:.4f}",
            "nodes": ["kappa_total.pooled.power_law"],
            "estimates": ["kappa_total.pooled.power_law"],
        },
        "gamma": {
            "value": gamma,
            "unit": "doublings/yr",
            "text": f"{gamma:.3f}",
            "nodes": ["gamma.route.D"],
            "estimates": ["gamma.route.D"],
        },
        "chip.paper": {"value": 2e11, "unit": "FLOP/J", "text": "2e11", "nodes": ["row.accelerators/chip-b"]},
        "severity.years": {
            "value": 5.38,
            "unit": "years",
            "text": "5.4",
            "nodes": ["equation.time_to_target"],
        },
        "rows.read": {"value": 4, "unit": "rows", "text": "4", "nodes": ["ledger.accelerators"]},
        "fit.loss": {"value": 2.5, "unit": "nats", "text": "2.5", "nodes": ["kappa_total.pooled.power_law"]},
        "R3": {
            "value": float(value[2]),
            "unit": "1",
            "text": f"{value[2]:.3f}",
            "nodes": ["curve.constant_power.total.pooled"],
            "forecast_rows": ["forecast:scenario_id=constant_power,horizon=3,output_type_id=0.5"],
            "status": "weak",
        },
        "R5": {
            "value": float(value[-1]),
            "unit": "1",
            "text": f"{value[-1]:.3f}",
            "nodes": ["kappa_total.pooled.power_law", "gamma.route.D"],
            "estimates": ["kappa_total.pooled.power_law", "gamma.route.D"],
        },
    }
    storage.write_json(report / "numbers.json", numbers)
    cells = "\n".join(
        f'<p>{name}: <data value="{item["value"]!r}" data-id="{name}">{item["text"]}</data></p>'
        for name, item in numbers.items()
    )
    storage.write_text(report / "report.html", f"<!doctype html>\n<title>{space.quarter}</title>\n{cells}\n")
    storage.write_bytes(report / "report.pdf", b"%PDF-1.7\n" + bytes(range(256)) + b"\n%%EOF\n")
    storage.write_text(report / "report.md", f"# {space.quarter}\n")
    storage.write_text(report / "figures" / "fan.svg", f"<svg><text>{gamma!r}</text></svg>\n")


def publish_all(root: Path, quarters: tuple[str, ...] = QUARTERS, **options: Any) -> Path:
    """Run and publish several quarters in turn and return the root."""
    from race_to_efficiency.provenance.publishing import publish

    for name in quarters:
        space = workspace(root, str(Quarter.parse(name)))
        run_stages(space)
        publish(space, **options)
    return root
