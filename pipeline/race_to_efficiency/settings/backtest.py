"""Settings of the backtest and of the dated statements, checked; an unknown key is refused."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

_QUARTER = re.compile(r"^\d{4}Q[1-4]$")

Candidates = dict[str, tuple[str, ...]]


def _default_candidates() -> Candidates:
    return {
        "observation": ("trend", "trend_heavy", "trend_walk", "trend_heavy_walk"),
        "aggregate": ("trend", "trend_heavy", "trend_walk", "trend_heavy_walk"),
        "record": ("ensemble", "releases", "releases_recent", "jumps", "drift"),
        "improvement": ("ensemble", "jumps_recent", "drift_recent", "jumps"),
        "panel": ("drift", "drift_heavy", "drift_walk", "drift_recent"),
        "loss": ("bootstrap_learned", "bootstrap_heavy_learned", "bootstrap_walk", "bootstrap"),
    }


class LossParams(BaseModel):
    """How larger training runs are predicted from smaller ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    compute_doublings_per_year: float = Field(
        default=2.25,
        gt=0,
        description="compute growth by which a compute step counts as time: 4 quarters = 2.25 doublings",
    )
    cutoff_step_doublings: float = Field(default=3.0, gt=0, description="distance of the nested compute cut-offs")
    minimum_rows: int = Field(default=20, ge=8, description="runs below a cut-off needed for a fit")
    replicates: int = Field(default=60, ge=20, description="bootstrap refits below each cut-off")
    walk_per_doubling: float = Field(
        default=0.01, ge=0, description="how far the slope of log2 loss beyond the cut-off may be off, per doubling"
    )


class BacktestParams(BaseModel):
    """Rolling origins, candidate models of scatter, and the rules of the verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_origin: str = Field(default="2019Q1", description="first quarter a forecast is made in")
    horizon_quarters: int = Field(default=12, ge=1, le=40, description="longest horizon")
    minimum_rows: int = Field(default=6, ge=4, description="rows a view must hold before it forecasts")
    minimum_span_years: float = Field(default=0.5, gt=0, description="time those rows must span")
    candidates: Candidates = Field(
        default_factory=_default_candidates, description="models of scatter by kind of target; the first is the default"
    )
    choose_by: str = Field(default="2022Q4", description="origins up to here choose the model, later ones confirm it")
    choose_by_target: dict[str, str] = Field(
        default_factory=lambda: {"speedrun_record_time": "2026Q2", "fp8_record": "2025Q1"},
        description="the same for series that began later",
    )
    choose_margin: float = Field(
        default=0.05, ge=0, description="the default model stays unless another's score is better by this share"
    )
    tail_degrees: float = Field(default=4.0, gt=2, description="degrees of freedom of the heavy-tailed models")
    slope_walk: float = Field(
        default=0.2, ge=0, description="random walk of a slope, doublings/yr per square root of year"
    )
    recent_years: float = Field(
        default=1.0, gt=0, description="window of jumps_recent, and half-life of the weights in drift_recent"
    )
    recent_window_years: float = Field(default=5.0, gt=0, description="window of the trend in releases_recent")
    release_window_years: float = Field(
        default=3.0, gt=0, description="window in which the rate of releases is counted"
    )
    near_record_doublings: float = Field(
        default=4.0, gt=0, description="a release counts towards the record's trend within this distance of the record"
    )
    draws: int = Field(default=2000, ge=200, description="simulated futures behind a record's quantiles")
    moore_doublings_per_year: float = Field(default=0.5, description="the Moore baseline")
    minimum_n_eff: float = Field(default=20.0, ge=1, description="independent outcomes needed for pass or fail")
    band_level: float = Field(default=0.95, gt=0, lt=1, description="level of the binomial bands around coverage")
    loss: LossParams = Field(default_factory=LossParams)

    @field_validator("first_origin", "choose_by")
    @classmethod
    def _quarter(cls, value: str) -> str:
        if not _QUARTER.match(value):
            raise ValueError(f"'{value}' is not a quarter like 2019Q1")
        return value

    @field_validator("choose_by_target")
    @classmethod
    def _quarters(cls, value: dict[str, str]) -> dict[str, str]:
        for quarter in value.values():
            cls._quarter(quarter)
        return value

    @field_validator("candidates")
    @classmethod
    def _kinds(cls, value: Candidates) -> Candidates:
        known = _default_candidates()
        for kind, names in value.items():
            if kind not in known:
                raise ValueError(f"'{kind}' is no kind of target; the kinds are {', '.join(known)}")
            if not names:
                raise ValueError(f"kind '{kind}' needs at least one candidate model")
        return {**known, **value}


class StatementParams(BaseModel):
    """Which dated statements are made each quarter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantile_levels: tuple[float, ...] = Field(
        default=(0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975), description="levels printed with a statement"
    )
    largest_run_years: tuple[int, ...] = Field(default=(1, 2, 4), description="horizons for the largest known run")
    first_run_flop: float = Field(default=1e28, gt=0, description="compute of the 'first run of' statement, FLOP")
    first_run_watts: float = Field(default=1e9, gt=0, description="power of the 'first run of' statement, W")
    threshold_years: int = Field(default=2, ge=1, description="date by which the first-run probabilities are stated")
    search_years: int = Field(default=20, ge=2, description="how far ahead a date is looked for before 'not by then'")
    record_quarters: tuple[int, ...] = Field(default=(4, 8), description="horizons for chip and speedrun records")
    speedrun_seconds: float = Field(default=60.0, gt=0, description="threshold of the speedrun probability, s")
    mlperf_quarters: int = Field(default=4, ge=1, description="horizon of the MLPerf statements")
    resolve_quarters: int = Field(default=4, ge=1, description="when re-estimates (growth split, kappa_eff) resolve")
    closed_groups: tuple[str, ...] = Field(
        default=("chinchilla_besiroglu2024",), description="groups of which no further run can be published"
    )
    next_scale_factor: float = Field(
        default=10.0, gt=1, description="compute of a next-scale run over the group's largest"
    )
    next_scale_tolerance: float = Field(
        default=3.0, gt=1, description="factor within which a new run's compute counts as that scale"
    )
    next_scale_residual_log2: float = Field(
        default=0.005, ge=0, description="scatter of a single run's log2 loss where the group's own is smaller"
    )
