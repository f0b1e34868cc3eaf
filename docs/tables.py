"""The tutorials' own tables, simulated from a law that the reader can hold the fits against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

FLOOR, ALPHA, BETA = 1.8, 0.34, 0.36
"""Law of the simulated runs, in nats a token: FLOOR + 400 N^-ALPHA + 1500 D^-BETA, 0.4 % noise."""

RATE = 0.45
"""Doublings a year of the simulated chips."""


def law(params: Any, tokens: Any) -> Any:
    """Return the loss of the law, nats a token."""
    return FLOOR + 400 * params**-ALPHA + 1500 * tokens**-BETA


def runs() -> pd.DataFrame:
    """Return 42 training runs as a toolkit may log them: sizes and tokens in millions, one loss lost."""
    rng = np.random.default_rng(11)
    params = np.repeat(np.geomspace(20e6, 2e9, 14), 3)
    tokens = params * np.tile([8.0, 20.0, 50.0], 14)
    loss = law(params, tokens) * np.exp(rng.normal(0, 0.004, len(params)))
    table = pd.DataFrame(
        {
            "run": [f"run-{k:02d}" for k in range(1, len(params) + 1)],
            "model": np.repeat([f"m{k:02d}" for k in range(1, 15)], 3),
            "params_M": (params / 1e6).round(1),
            "tokens_M": (tokens / 1e6).round(0).astype(int),
            "val_loss": loss.round(4).astype(str),
        }
    )
    table.loc[4, "val_loss"] = "n/a"
    return table


def chips() -> pd.DataFrame:
    """Return 30 chips with a release month, speed and power."""
    rng = np.random.default_rng(12)
    years = np.sort(rng.uniform(2014, 2026, 30))
    power = rng.choice([250.0, 300.0, 400.0, 700.0], 30)
    speed = 1.5e11 * 2 ** (RATE * (years - 2014) + rng.normal(0, 0.35, 30)) * power
    months = [f"{int(year)}-{int(12 * (year % 1)) + 1:02d}" for year in years]
    return pd.DataFrame(
        {"released": months, "maker": rng.choice(["A", "B", "C"], 30), "flop_s": speed.round(-9), "tdp_w": power}
    )


def forecasts() -> pd.DataFrame:
    """Return two forecasters' quantiles of six outcomes, in scoringutils' columns."""
    rng = np.random.default_rng(14)
    rows = []
    for target in range(1, 7):
        outcome = float(rng.normal(10, 2))
        for model, middle, spread in (("careful", 10.0, 2.0), ("bold", 11.0, 0.8)):
            for level, z in ((0.1, -1.2816), (0.25, -0.6745), (0.5, 0.0), (0.75, 0.6745), (0.9, 1.2816)):
                said = round(middle + spread * z, 3)
                rows.append((model, f"t{target}", level, said, round(outcome, 3)))
    return pd.DataFrame(rows, columns=["model", "target", "quantile_level", "predicted", "observed"])


def write_tables(folder: Path) -> None:
    """Write every table as CSV into a folder."""
    for made in (runs, chips, forecasts):
        made().to_csv(folder / f"{made.__name__}.csv", index=False)
