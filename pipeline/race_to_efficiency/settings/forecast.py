"""Settings of the forecast: the section `forecast` of params.yaml."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import field_validator, model_validator

from race_to_efficiency.settings.scenarios import ScenarioParams
from race_to_efficiency.settings.section import (
    Count,
    Flop,
    Fraction,
    Name,
    Number,
    SettingsSection,
    SettingText,
    setting,
)

HUB_LEVELS_BEFORE = [0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99]
"""What 0.1 forecast; its published settings do not name them."""


class AnchorParams(SettingsSection):
    """What R = 1 means on the day of the forecast: a compute, in FLOP."""

    name: Annotated[Name, setting("unique among the anchors")]
    title: Annotated[SettingText | None, setting("words for the report; absent: none")] = None
    source: Annotated[Literal["frontier_trend", "largest_known_run", "fixed"], setting("where the compute is from")]
    compute_flop: Annotated[Flop | None, setting("of a fixed anchor; absent: from the source", unit="FLOP")] = None
    count_algorithmic_gain: Annotated[
        bool | None,
        setting(
            "translate today's compute into a group's own recipe: effective compute is larger by the algorithmic "
            "progress since the group's runs were published; false: it is in the group's own terms; absent: true"
        ),
    ] = None

    @model_validator(mode="after")
    def _fixed_has_compute(self) -> AnchorParams:
        if (self.source == "fixed") != (self.compute_flop is not None):
            raise ValueError("compute_flop is given for a fixed anchor, and only there")
        return self


class TrustParams(SettingsSection):
    """Where a forecast stops being more than arithmetic (each limit is dated in anchors.json)."""

    beyond_range_widths: Annotated[
        Number, setting("how many widths of the fitted range of compute beyond it", before=1.0, gt=0, le=1000)
    ]
    near_floor_ratio: Annotated[Number, setting("loss over the floor", before=1.1, gt=1, le=1000)]
    min_curvature_z: Annotated[Number, setting("z of the floor", before=4.0, gt=0, le=1000)]
    hardware_component: Annotated[
        SettingText, setting("component that the limit of CMOS bounds", before="hardware_tensor16.mean_chip")
    ]


class CrossoverParams(SettingsSection):
    """Two scenarios whose curves may cross."""

    ahead_first: Annotated[Name, setting("the scenario that starts with the larger fleet")]
    ahead_later: Annotated[Name, setting("the one that may overtake it")]


class ForecastParams(SettingsSection):
    """Everything the forecast can be told."""

    draws: Annotated[Count, setting("joint draws", ge=500, le=200_000)]
    horizon_years: Annotated[Number, setting("how far ahead", unit="years", gt=0, le=200)]
    steps_per_year: Annotated[Count, setting("points of the curves a year", ge=1, le=12)]
    quantile_levels: Annotated[
        tuple[Fraction, ...], setting("levels of the forecast table", before=HUB_LEVELS_BEFORE, min_length=1)
    ]
    total_targets: Annotated[
        tuple[Fraction, ...], setting("losses over today's that are dated", before=[0.9, 0.8, 0.7, 0.6])
    ]
    reducible_targets: Annotated[
        tuple[Fraction, ...], setting("reducible losses over today's that are dated", before=[0.5, 0.25])
    ]
    nats_anchors: Annotated[
        tuple[Name, ...], setting("anchors whose loss is also given in nats a token", before=["frontier_trend"])
    ]
    algorithmic_component: Annotated[
        SettingText, setting("component that translates compute between recipes", before="algorithmic.mixture")
    ]
    long_run_flop: Annotated[
        Flop, setting("runs from here on give the measured baseline time", unit="FLOP", before=1e25)
    ]
    check_anchor_flop: Annotated[Flop, setting("compute the paper's kappa is checked at", unit="FLOP", before=5e26)]
    write_draws: Annotated[bool, setting("write every draw too, as parquet", before=False)]
    threads: Annotated[Count, setting("threads that forecast; no number depends on them", before=2, ge=1, le=64)]
    trust: Annotated[TrustParams, setting("where a forecast stops being more than arithmetic")]
    anchors: Annotated[tuple[AnchorParams, ...], setting("what R = 1 means", min_length=1)]
    scenarios: Annotated[tuple[ScenarioParams, ...], setting("what is assumed", min_length=1)]
    scenario_files: Annotated[
        tuple[SettingText, ...], setting("YAML lists of further scenarios, relative to the checkout", before=[])
    ]
    crossovers: Annotated[tuple[CrossoverParams, ...], setting("pairs of scenarios that may cross")]

    @field_validator("quantile_levels")
    @classmethod
    def _increasing(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in pairwise(levels)):
            raise ValueError(f"quantile_levels must increase, got {list(levels)}")
        return levels

    @model_validator(mode="after")
    def _named_once(self) -> ForecastParams:
        for what, items in (("scenario", self.scenarios), ("anchor", self.anchors)):
            names = [item.name for item in items]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} names must differ, got {', '.join(twice)} more than once")
        unknown = sorted(set(self.nats_anchors) - {item.name for item in self.anchors})
        if unknown:
            raise ValueError(f"nats_anchors names no anchor: {', '.join(unknown)}")
        return self
