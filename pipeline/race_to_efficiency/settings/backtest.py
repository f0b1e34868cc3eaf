"""Settings of the backtest: the section `backtest` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from race_to_efficiency.settings.section import (
    Count,
    Fraction,
    Number,
    QuarterName,
    SettingsSection,
    SettingText,
    setting,
)

Kind = Literal["observation", "aggregate", "record", "improvement", "panel", "loss"]
KINDS: tuple[Kind, ...] = ("observation", "aggregate", "record", "improvement", "panel", "loss")
"""Kinds of target a model of scatter is chosen for."""

Years = Annotated[Number, Field(gt=0, le=200)]

CANDIDATES_BEFORE = {
    "observation": ["trend", "trend_heavy", "trend_walk", "trend_heavy_walk"],
    "aggregate": ["trend", "trend_heavy", "trend_walk", "trend_heavy_walk"],
    "record": ["ensemble", "releases", "releases_recent", "jumps", "drift"],
    "improvement": ["ensemble", "jumps_recent", "drift_recent", "jumps"],
    "panel": ["drift", "drift_heavy", "drift_walk", "drift_recent"],
    "loss": ["bootstrap_learned", "bootstrap_heavy_learned", "bootstrap_walk", "bootstrap"],
}
"""What 0.1 chose from; its published settings do not name it."""


class LossParams(SettingsSection):
    """How larger training runs are predicted from smaller ones."""

    compute_doublings_per_year: Annotated[
        Number,
        setting("compute growth by which a compute step counts as time", unit="doublings/yr", gt=0, le=100),
    ]
    cutoff_step_doublings: Annotated[
        Number, setting("distance of the nested compute cut-offs", unit="doublings", gt=0, le=100)
    ]
    minimum_rows: Annotated[Count, setting("runs below a cut-off needed for a fit", ge=8, le=100_000)]
    replicates: Annotated[Count, setting("bootstrap refits below each cut-off", ge=20, le=100_000)]
    walk_per_doubling: Annotated[
        Number, setting("how far the slope of log2 loss beyond the cut-off may be off, per doubling", ge=0, le=10)
    ]


class BacktestParams(SettingsSection):
    """Rolling origins, candidate models of scatter, and the rules of the verdict."""

    first_origin: Annotated[QuarterName, setting("first quarter a forecast is made in")]
    horizon_quarters: Annotated[Count, setting("longest horizon", unit="quarters", ge=1, le=40)]
    minimum_rows: Annotated[Count, setting("rows a view must hold before it forecasts", before=6, ge=4, le=100_000)]
    minimum_span_years: Annotated[Years, setting("time those rows must span", unit="years", before=0.5)]
    candidates: Annotated[
        dict[Kind, Annotated[tuple[SettingText, ...], Field(min_length=1)]],
        setting("models of scatter by kind of target; the first is the default", before=CANDIDATES_BEFORE),
    ]
    choose_by: Annotated[QuarterName, setting("origins up to here choose the model, later ones confirm it")]
    choose_by_target: Annotated[dict[str, QuarterName], setting("the same for series that began later")]
    choose_margin: Annotated[
        Number, setting("the default model stays unless another's score is better by this share", ge=0, le=1)
    ]
    tail_degrees: Annotated[Number, setting("degrees of freedom of the heavy-tailed models", before=4.0, gt=2, le=1000)]
    slope_walk: Annotated[
        Number,
        setting("random walk of a slope, per square root of year", unit="doublings/yr", before=0.2, ge=0, le=100),
    ]
    recent_years: Annotated[
        Years, setting("window of jumps_recent, half-life of the weights in drift_recent", unit="years", before=1.0)
    ]
    recent_window_years: Annotated[Years, setting("window of the trend in releases_recent", unit="years", before=5.0)]
    release_window_years: Annotated[
        Years, setting("window in which the rate of releases is counted", unit="years", before=3.0)
    ]
    near_record_doublings: Annotated[
        Number,
        setting(
            "a release counts towards the record's trend this near to the record",
            unit="doublings",
            before=4.0,
            gt=0,
            le=100,
        ),
    ]
    draws: Annotated[Count, setting("simulated futures behind a record's quantiles", before=2000, ge=200, le=1_000_000)]
    moore_doublings_per_year: Annotated[
        Number, setting("the Moore baseline", unit="doublings/yr", before=0.5, ge=-100, le=100)
    ]
    minimum_n_eff: Annotated[Number, setting("independent outcomes needed for pass or fail", ge=1, le=1e6)]
    band_level: Annotated[Fraction, setting("level of the binomial bands around coverage", before=0.95)]
    loss: Annotated[LossParams, setting("larger runs predicted from smaller ones")]

    @model_validator(mode="after")
    def _every_kind(self) -> BacktestParams:
        missing = [kind for kind in KINDS if kind not in self.candidates]
        if missing:
            raise ValueError(f"candidates names no model for {', '.join(missing)}")
        return self
