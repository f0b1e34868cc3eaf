"""Settings of the efficiency rate: the section `fit_gamma` of params.yaml."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from race_to_efficiency.settings.section import Count, Fraction, Number, SettingsSection, SettingText, setting

EfficiencyBasis = Literal["joule", "accelerator_hour", "dollar"]
RateDoublings = Annotated[Number, Field(gt=0, le=200)]
GammaYears = Annotated[Number, Field(gt=0, le=200)]
Weight = Annotated[Number, Field(ge=0, le=1e6)]


class RouteParams(SettingsSection):
    """One way of composing gamma; its components must not overlap (checked when the route is built)."""

    id: Annotated[str, setting("name of the route", pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)]
    components: Annotated[tuple[SettingText, ...], setting("what is added, as component.estimator", min_length=1)]
    basis: Annotated[EfficiencyBasis | None, setting("what gamma is per; absent: joule")] = None
    title: Annotated[SettingText | None, setting("words for the report; absent: none")] = None


class MixtureWeights(SettingsSection):
    """Weights of the algorithmic mixture: a stated judgement, normalised over the parts available at a date."""

    algorithmic_lm: Annotated[Weight, setting("language models' progress on held-out text")]
    algorithmic_published: Annotated[Weight, setting("published rates")]
    speedrun_tokens: Annotated[Weight, setting("tokens of speedrun records")]

    @model_validator(mode="after")
    def _some_weight(self) -> MixtureWeights:
        if self.algorithmic_lm + self.algorithmic_published + self.speedrun_tokens <= 0:
            raise ValueError("at least one weight of the algorithmic mixture must be positive")
        return self


class Windows(SettingsSection):
    """First date of each series, ISO; null means every row of the table."""

    hardware: Annotated[date | None, setting("accelerators", before=None)]
    hardware_recent: Annotated[date, setting("accelerators, the recent slope", before="2022-09-01")]
    utilisation: Annotated[date | None, setting("utilisation of training runs", before=None)]
    training_flop_per_joule: Annotated[date | None, setting("FLOP per joule of training runs", before="2012-01-01")]
    frontier_compute: Annotated[date | None, setting("largest training runs", before="2018-01-01")]
    identity: Annotated[date | None, setting("growth of compute, power and run length", before="2012-01-01")]
    algorithmic_lm: Annotated[date | None, setting("language models", before=None)]
    algorithmic_lm_recent: Annotated[date, setting("language models, the recent slope", before="2018-01-01")]
    speedrun: Annotated[date | None, setting("speedrun records", before=None)]
    speedrun_recent: Annotated[date, setting("speedrun records, the recent slope", before="2025-01-01")]
    mlperf: Annotated[date | None, setting("MLPerf rounds", before=None)]


class Gate(SettingsSection):
    """What an estimate needs to be called trusted.

    It is weak below `min_rows` or `min_clusters`, when its series ended more than `max_age_years` before the quarter's
    end, and when moving the start by `start_shift_years` or leaving two rows out changes its sign or status, takes it
    out of its own 95 % interval, or moves it by more than `max_relative_move` of its value and one standard error.
    Below `min_rows_refused` rows there is no estimate.
    """

    min_rows: Annotated[Count, setting("rows below which it is weak", before=10, ge=4, le=100_000)]
    min_rows_refused: Annotated[Count, setting("rows below which it is refused", before=5, ge=4, le=100_000)]
    min_clusters: Annotated[Count, setting("clusters below which it is weak", before=10, ge=3, le=100_000)]
    max_age_years: Annotated[GammaYears, setting("time since the series ended", unit="years", before=2.0)]
    start_shift_years: Annotated[GammaYears, setting("how far the start is moved", unit="years", before=2.0)]
    max_relative_move: Annotated[Number, setting("largest move, of its value", before=1 / 3, gt=0, le=100)]


class Caps(SettingsSection):
    """Doublings still possible in bounded terms; they limit long forecasts.

    `cmos_headroom` is the physical limit of CMOS energy efficiency: 7.6 (5.6 to 10) doublings (Ho, Erdil & Besiroglu
    2023).
    """

    cmos_headroom: Annotated[RateDoublings, setting("left to CMOS", unit="doublings")]
    cmos_headroom_low: Annotated[RateDoublings, setting("its lower end", unit="doublings")]
    cmos_headroom_high: Annotated[RateDoublings, setting("its upper end", unit="doublings")]
    format_bits: Annotated[
        Number, setting("narrowest training format counted on; the series stand at 16", unit="bits", gt=0, le=64)
    ]
    utilisation_limit: Annotated[Number, setting("utilisation at its best", gt=0, le=1)]
    power_usage_effectiveness: Annotated[Number, setting("facility over machine power today", ge=1, le=100)]

    @property
    def format_headroom(self) -> float:
        """Doublings left between 16 bits and the narrowest format counted on."""
        return max(0.0, math.log2(16.0 / self.format_bits))

    @model_validator(mode="after")
    def _ordered(self) -> Caps:
        if not self.cmos_headroom_low <= self.cmos_headroom <= self.cmos_headroom_high:
            raise ValueError("cmos_headroom must lie between cmos_headroom_low and cmos_headroom_high")
        return self


class RoadmapTarget(SettingsSection):
    """A relative loss to reach by a date, in one reading of the equation."""

    reading: Annotated[Literal["total", "reducible"], setting("which loss")]
    target: Annotated[Fraction, setting("loss over today's")]
    by: Annotated[date, setting("when")]
    kappa: Annotated[Number | None, setting("kappa to reach it with; absent: the fitted one", gt=0, le=10)] = None


class Change(SettingsSection):
    """A test for a change of slope at a date, or at an age of a fixed-effect cell; searched for when neither is set."""

    component: Annotated[SettingText, setting("the series, as component.estimator")]
    at: Annotated[date | None, setting("date of the bend; absent: an age, or searched for")] = None
    at_age_years: Annotated[
        GammaYears | None, setting("age of the bend; absent: a date, or searched for", unit="years")
    ] = None


class GammaParams(SettingsSection):
    """Everything the calibration of gamma can be told."""

    draws: Annotated[Count, setting("bootstrap draws of every component", ge=100, le=1_000_000)]
    quantile: Annotated[Fraction, setting("which quantile a quantile regression follows", before=0.9)]
    deflator_per_year: Annotated[
        Number,
        setting("growth of the price level; 0 keeps prices nominal", unit="1/year", before=0.0, gt=-0.5, lt=0.5),
    ]
    block_rows: Annotated[
        Count, setting("length of a block of consecutive records", unit="rows", before=6, ge=2, le=10_000)
    ]
    default_route: Annotated[str, setting("the headline's route")]
    routes: Annotated[tuple[RouteParams, ...], setting("ways of composing gamma", min_length=1)]
    mixture: Annotated[MixtureWeights, setting("what 'algorithmic' is made of")]
    windows: Annotated[Windows, setting("first date of each series")]
    gate: Annotated[Gate, setting("what an estimate must show before it is trusted")]
    caps: Annotated[Caps, setting("doublings still possible in bounded terms")]
    roadmap: Annotated[tuple[RoadmapTarget, ...], setting("losses to reach by a date")]
    slope_changes: Annotated[
        tuple[Change, ...],
        setting(
            "tests for a change of slope",
            before=[
                {"component": "speedrun_time.ols", "at": "2025-01-01"},
                {"component": "speedrun_tokens.ols", "at": "2025-01-01"},
                {"component": "mlperf_same_chip.cell_effects", "at_age_years": 1.0},
                {"component": "mlperf_same_chip.cell_effects"},
                {"component": "hardware_tensor16.running_maximum", "at": "2022-09-01"},
                {"component": "hardware_tensor16.mean_chip", "at": "2022-09-01"},
            ],
        ),
    ]

    @model_validator(mode="after")
    def _named_once(self) -> GammaParams:
        names = [route.id for route in self.routes]
        if len(set(names)) != len(names):
            raise ValueError(f"route ids must differ, got {names}")
        if self.default_route not in names:
            raise ValueError(f"default_route {self.default_route!r} is not among the routes {names}")
        return self
