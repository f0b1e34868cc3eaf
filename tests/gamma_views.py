"""As-of views of the project's own ledgers, read once a test session, and small tables made by hand."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from quarter_worlds import gamma_of
from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.components import Inputs
from race_to_efficiency.calibration.gamma.roadmap import Kappas
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.vintages import view_of
from race_to_efficiency.quarter.world import GAMMA_TABLES
from small_settings import section

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import SimpleNamespace

RAW = Path(__file__).resolve().parent.parent / "data" / "raw"
SEED = 20260331


@cache
def _intake(name: str):
    return read_ledger(name, RAW)


@cache
def views(as_of: str) -> dict[str, pd.DataFrame]:
    day = dt.date.fromisoformat(as_of)
    return {name: view_of(_intake(name), day).rows for name in GAMMA_TABLES}


def inputs(as_of: str, **settings: object) -> Inputs:
    params = section("fit_gamma", **{"draws": 1000, **settings})
    return Inputs(views(as_of), params, dt.date.fromisoformat(as_of), SEED)


@cache
def result(as_of: str) -> SimpleNamespace:
    """Everything fitted on the ledgers as of a date, with few draws."""
    made = inputs(as_of, draws=400)
    kappa = Kappas(total=0.05, reducible=0.16)
    return gamma_of(made.views, made.params, kappa, as_of=made.as_of, seed=made.seed)


def inputs_of(tables: dict[str, pd.DataFrame], as_of: str = "2025-12-31", **settings: object) -> Inputs:
    return Inputs(tables, section("fit_gamma", **{"draws": 400, **settings}), dt.date.fromisoformat(as_of), SEED)


def series_of(
    years: Sequence[float], values: Sequence[float], clusters: Sequence[str] | None = None, **extra: object
) -> Series:
    """A series whose decimal years are taken as they are."""
    years = np.asarray(years, dtype=float)
    labels = [f"row {index}" for index in range(len(years))] if clusters is None else list(clusters)
    return Series(
        table="made",
        row_ids=np.asarray([f"row {index}" for index in range(len(years))], dtype=object),
        dates=np.datetime64("2000-01-01") + np.round((years - 2000.0) * 365.25).astype(int),
        value=np.asarray(values, dtype=float),
        clusters=np.asarray(labels, dtype=object),
        decimal_year=years,
        **extra,
    )


def chips(years: Sequence[float], flop_per_w: Sequence[float], **extra: Sequence[object]) -> pd.DataFrame:
    """An accelerators view of one design family a chip, 100 W each."""
    count = len(years)
    rows = {
        "accelerator_id": [f"chip-{index}" for index in range(count)],
        "manufacturer": ["Maker"] * count,
        "name": [f"{chr(65 + index % 26)}{chr(65 + index // 26)} {index}" for index in range(count)],
        "released": pd.to_datetime(
            [dt.date(int(year), 1, 1) + dt.timedelta(days=round((year % 1) * 365)) for year in years]
        ),
        "tdp_w": [100.0] * count,
        "fp16_tensor_flop_s": np.asarray(flop_per_w, dtype=float) * 100.0,
        "fp32_flop_s": [np.nan] * count,
        "release_price_usd": [np.nan] * count,
        "exclusion": [""] * count,
    }
    return pd.DataFrame(rows | extra)
