"""The `gamma` section of params.yaml: windows, routes, weights and caps of the efficiency rate, typed and checked."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Basis = Literal["joule", "accelerator_hour", "dollar"]
Positive = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A part of params.yaml: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RouteParams(Section):
    """One way of composing gamma; its components must not overlap (checked when the route is built)."""

    id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    components: tuple[str, ...] = Field(min_length=1)
    basis: Basis = "joule"
    title: str = ""


class MixtureWeights(Section):
    """Weights of the algorithmic mixture: a stated judgement, normalised over the parts available at a date."""

    algorithmic_lm: float = Field(default=1.0, ge=0)
    algorithmic_published: float = Field(default=1.0, ge=0)
    speedrun_tokens: float = Field(default=1.0, ge=0)

    @model_validator(mode="after")
    def _some_weight(self) -> MixtureWeights:
        if self.algorithmic_lm + self.algorithmic_published + self.speedrun_tokens <= 0:
            raise ValueError("at least one weight of the algorithmic mixture must be positive")
        return self


class Windows(Section):
    """First date of each series, ISO; null means every row of the table."""

    hardware: date | None = None
    hardware_recent: date = date(2022, 9, 1)
    utilisation: date | None = None
    training_flop_per_joule: date | None = date(2012, 1, 1)
    frontier_compute: date | None = date(2018, 1, 1)
    identity: date | None = date(2012, 1, 1)
    algorithmic_lm: date | None = None
    algorithmic_lm_recent: date = date(2018, 1, 1)
    speedrun: date | None = None
    speedrun_recent: date = date(2025, 1, 1)
    mlperf: date | None = None


class Gate(Section):
    """What an estimate needs to be called trusted.

    It is weak below `min_rows` or `min_clusters`, when its series ended more than `max_age_years` before the quarter's
    end, and when moving the start by `start_shift_years` or leaving two rows out changes its sign or status, takes it
    out of its own 95 % interval, or moves it by more than `max_relative_move` of its value and one standard error.
    Below `min_rows_refused` rows there is no estimate.
    """

    min_rows: int = Field(default=10, ge=4)
    min_rows_refused: int = Field(default=5, ge=4)
    min_clusters: int = Field(default=10, ge=3)
    max_age_years: Positive = 2.0
    start_shift_years: Positive = 2.0
    max_relative_move: Positive = 1 / 3


class Caps(Section):
    """Doublings still possible in bounded terms; they limit long forecasts.

    `cmos_headroom` is the physical limit of CMOS energy efficiency: 7.6 (5.6 to 10) doublings (Ho, Erdil & Besiroglu
    2023). `format_bits` is the narrowest training format counted on; 16-bit is where the series stand.
    """

    cmos_headroom: Positive = 7.6
    cmos_headroom_low: Positive = 5.6
    cmos_headroom_high: Positive = 10.0
    format_bits: Positive = 4.0
    utilisation_limit: float = Field(default=1.0, gt=0, le=1)
    power_usage_effectiveness: float = Field(default=1.1, ge=1)

    @property
    def format_headroom(self) -> float:
        """Doublings left between 16 bits and the narrowest format counted on."""
        return max(0.0, math.log2(16.0 / self.format_bits))

    @model_validator(mode="after")
    def _ordered(self) -> Caps:
        if not self.cmos_headroom_low <= self.cmos_headroom <= self.cmos_headroom_high:
            raise ValueError("cmos_headroom must lie between cmos_headroom_low and cmos_headroom_high")
        return self


class RoadmapTarget(Section):
    """A relative loss to reach by a date, in one reading of the equation."""

    reading: Literal["total", "reducible"]
    target: float = Field(gt=0, lt=1)
    by: date
    kappa: Positive | None = None


class Change(Section):
    """A test for a change of slope at a date, or at an age of a fixed-effect cell; searched for when neither is set."""

    component: str
    at: date | None = None
    at_age_years: Positive | None = None


def _routes() -> tuple[RouteParams, ...]:
    software = "utilisation.ols", "algorithmic.mixture"
    return (
        RouteParams(
            id="D",
            components=("training_flop_per_joule.ols", "algorithmic.mixture"),
            title="measured training FLOP per joule, and the algorithm",
        ),
        RouteParams(
            id="A", components=("hardware_tensor16.mean_chip", *software), title="mean chip, utilisation and algorithm"
        ),
        RouteParams(
            id="A_frontier",
            components=("hardware_tensor16.record_frontier", *software),
            title="record chip, utilisation and algorithm",
        ),
        RouteParams(
            id="B",
            components=("hardware_tensor16.mean_chip", "speedrun_time.recent"),
            title="mean chip and the speedrun's wall clock",
        ),
        RouteParams(
            id="B_frontier",
            components=("hardware_tensor16.record_frontier", "speedrun_time.recent"),
            title="record chip and the speedrun's wall clock",
        ),
        RouteParams(
            id="C",
            components=("mlperf_system.best_available",),
            basis="accelerator_hour",
            title="best eight-accelerator MLPerf time",
        ),
        RouteParams(
            id="C_joule",
            components=("mlperf_system.best_available",),
            title="the same per joule of rated power",
        ),
    )


def _targets() -> tuple[RoadmapTarget, ...]:
    return (
        RoadmapTarget(reading="total", target=0.8, by=date(2031, 3, 31)),
        RoadmapTarget(reading="reducible", target=0.5, by=date(2031, 3, 31)),
    )


def _changes() -> tuple[Change, ...]:
    return (
        Change(component="speedrun_time.ols", at=date(2025, 1, 1)),
        Change(component="speedrun_tokens.ols", at=date(2025, 1, 1)),
        Change(component="mlperf_same_chip.cell_effects", at_age_years=1.0),
        Change(component="mlperf_same_chip.cell_effects"),
        Change(component="hardware_tensor16.running_maximum", at=date(2022, 9, 1)),
        Change(component="hardware_tensor16.mean_chip", at=date(2022, 9, 1)),
    )


class GammaParams(Section):
    """Everything the calibration of gamma can be told.

    `default_route` is the headline. `deflator_per_year` is the yearly growth of the price level (0 keeps prices
    nominal). `block_rows` is the length in rows of a block of consecutive records.
    """

    draws: int = Field(default=4000, ge=100)
    quantile: float = Field(default=0.9, gt=0, lt=1)
    deflator_per_year: float = Field(default=0.0, gt=-0.5, lt=0.5)
    block_rows: int = Field(default=6, ge=2)
    default_route: str = "D"
    routes: tuple[RouteParams, ...] = Field(default_factory=_routes)
    mixture: MixtureWeights = MixtureWeights()
    windows: Windows = Windows()
    gate: Gate = Gate()
    caps: Caps = Caps()
    roadmap: tuple[RoadmapTarget, ...] = Field(default_factory=_targets)
    slope_changes: tuple[Change, ...] = Field(default_factory=_changes)

    @model_validator(mode="after")
    def _named_once(self) -> GammaParams:
        names = [route.id for route in self.routes]
        if len(set(names)) != len(names):
            raise ValueError(f"route ids must differ, got {names}")
        if self.default_route not in names:
            raise ValueError(f"default_route {self.default_route!r} is not among the routes {names}")
        return self
