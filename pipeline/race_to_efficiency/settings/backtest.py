"""Settings of the backtest: the section `backtest` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from race_to_efficiency.settings.section import (
    Count,
    Fraction,
    Name,
    Number,
    QuarterName,
    SettingsSection,
    SettingText,
    setting,
    young_setting,
)

TargetKind = Literal["observation", "aggregate", "record", "improvement", "panel", "loss"]
"""Kinds of target, each forecast by members of its own."""

Years = Annotated[Number, Field(gt=0, le=200)]
Doublings = Annotated[Number, Field(gt=0, le=100)]


class LossParams(SettingsSection):
    """How larger training runs are predicted from smaller ones."""

    compute_doublings_per_year: Annotated[
        Number, setting("compute growth by which a compute step counts as time", unit="doublings/yr", gt=0, le=100)
    ]
    cutoff_step_doublings: Annotated[
        Number, setting("distance of the nested compute cut-offs", unit="doublings", gt=0, le=100)
    ]
    minimum_rows: Annotated[Count, setting("runs below a cut-off needed for a fit", ge=8, le=100_000)]
    replicates: Annotated[Count, setting("bootstrap refits below each cut-off", ge=20, le=100_000)]
    walk_per_doubling: Annotated[
        Number, setting("how far the slope of log2 loss beyond the cut-off may be off, per doubling", ge=0, le=10)
    ]


class MemberParams(SettingsSection):
    """The simple members a forecast averages, by kind of target, and the few numbers in them."""

    by_kind: Annotated[
        dict[TargetKind, Annotated[tuple[Name, ...], Field(min_length=1)]], young_setting("members by kind of target")
    ]
    tail_degrees: Annotated[Number, young_setting("degrees of freedom of trend_heavy", gt=2, le=1000)]
    line_half_life_years: Annotated[Years, young_setting("age at which a row of line_by_age weighs half", unit="years")]
    slope_prior_per_year: Annotated[
        Doublings, young_setting("prior sd about 0 that shrinks line_shrunk's slope", unit="doublings/yr")
    ]
    walk_half_life_years: Annotated[Years, young_setting("age at which a step of a walk weighs half", unit="years")]
    nothing_years: Annotated[
        Number, young_setting("years of nothing that shrink the drift of walk", unit="years", ge=0, le=200)
    ]
    jump_half_life_years: Annotated[Years, young_setting("age at which a jump of jumps weighs half", unit="years")]
    release_window_years: Annotated[Years, young_setting("window in which releases counts their rate", unit="years")]
    near_record_doublings: Annotated[
        Doublings,
        young_setting("a release counts towards the trend of releases this near the record", unit="doublings"),
    ]
    draws: Annotated[Count, young_setting("simulated futures behind a member that draws", ge=200, le=1_000_000)]

    @model_validator(mode="after")
    def _every_kind(self) -> MemberParams:
        missing = [kind for kind in get_args(TargetKind) if kind not in self.by_kind]
        if missing:
            raise ValueError(f"by_kind names no member for {', '.join(missing)}")
        return self


class LearningParams(SettingsSection):
    """How the members' weights are learnt from outcomes settled by each origin."""

    learning_rate: Annotated[
        Number, young_setting("a weight is exp(-rate x n_eff x score relative to the mean's)", ge=0, le=1000)
    ]
    horizon_kernel: Annotated[
        Number, young_setting("width in log horizon within which outcomes at other horizons count", gt=0, le=100)
    ]
    prior_outcomes: Annotated[Number, young_setting("effective outcomes that equal weights are worth", ge=0, le=1e6)]


class RevisionParams(SettingsSection):
    """What is believed of revisions of a standing record before any snapshot shows one."""

    prior_events: Annotated[Number, young_setting("events the prior is worth", gt=0, le=1000)]
    prior_years: Annotated[Years, young_setting("time watched the prior is worth", unit="years")]
    prior_doublings: Annotated[Doublings, young_setting("size of the prior's event, downwards", unit="doublings")]


class LimitParams(SettingsSection):
    """One physical limit and where it comes from."""

    value: Annotated[Number, young_setting("the limit", gt=0, le=1e40)]
    source: Annotated[SettingText, young_setting("where it comes from", min_length=1)]


class BoundParams(SettingsSection):
    """What physics allows: quantiles beyond are impossible."""

    chip_flop_s_per_w: Annotated[LimitParams, setting("16-bit rate no CMOS chip exceeds", unit="FLOP/s/W")]
    efficiency_growth_per_year: Annotated[LimitParams, setting("fastest growth of FLOP per joule", unit="doublings/yr")]
    power_w: Annotated[LimitParams, setting("power one training run can have", unit="W")]
    training_chip_w: Annotated[LimitParams, setting("least power of a chip that trains", unit="W")]
    cost_2023usd: Annotated[LimitParams, setting("cost of one training run", unit="USD of 2023")]
    run_hours: Annotated[LimitParams, setting("longest run", unit="h")]
    duration_growth_per_year: Annotated[LimitParams, setting("growth of their length", unit="doublings/yr")]
    usual_hours: Annotated[LimitParams, setting("usual length of the largest runs", unit="h")]
    speedrun_flop_per_token: Annotated[LimitParams, setting("training FLOP per token of the speedrun", unit="FLOP")]
    speedrun_flop_s: Annotated[LimitParams, setting("peak of the speedrun's eight chips", unit="FLOP/s")]
    speedrun_token_halvings: Annotated[LimitParams, setting("fastest fall of the tokens needed", unit="halvings/yr")]
    benchmark_doublings: Annotated[LimitParams, setting("speed still possible on eight chips", unit="doublings")]


class BacktestParams(SettingsSection):
    """Rolling origins, the members of a forecast, and the rules of the verdict."""

    first_origin: Annotated[QuarterName, setting("first quarter a forecast is made in")]
    horizon_quarters: Annotated[Count, setting("longest horizon", unit="quarters", ge=1, le=40)]
    minimum_rows: Annotated[Count, setting("rows a view must hold before it forecasts", before=6, ge=4, le=100_000)]
    minimum_span_years: Annotated[Years, setting("time those rows must span", unit="years", before=0.5)]
    members: Annotated[MemberParams, setting("the simple members")]
    learning: Annotated[LearningParams, setting("how their weights are learnt")]
    revisions: Annotated[RevisionParams, setting("of a standing record")]
    bounds: Annotated[BoundParams, setting("what physics allows")]
    moore_doublings_per_year: Annotated[
        Number, setting("the Moore baseline", unit="doublings/yr", before=0.5, ge=-100, le=100)
    ]
    minimum_n_eff: Annotated[Number, setting("independent outcomes needed for pass or fail", ge=1, le=1e6)]
    band_level: Annotated[Fraction, setting("level of the binomial bands around coverage", before=0.95)]
    compared_from: Annotated[QuarterName, young_setting("first origin on which an earlier forecaster is compared")]
    loss: Annotated[LossParams, setting("larger runs predicted from smaller ones")]
