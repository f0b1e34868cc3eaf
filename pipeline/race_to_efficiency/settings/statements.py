"""Settings of the dated statements: the section `statements` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from race_to_efficiency.settings.section import Count, Flop, Fraction, Number, SettingsSection, SettingText, setting

YearsAhead = Annotated[Count, Field(ge=1, le=200)]
QuartersAhead = Annotated[Count, Field(ge=1, le=40)]


class StatementParams(SettingsSection):
    """Which dated statements are made each quarter."""

    quantile_levels: Annotated[
        tuple[Fraction, ...],
        setting("levels printed with a statement", before=[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], min_length=1),
    ]
    largest_run_years: Annotated[
        tuple[YearsAhead, ...], setting("horizons for the largest known run", unit="years", before=[1, 2, 4])
    ]
    first_run_flop: Annotated[Flop, setting("compute of the 'first run of' statement", unit="FLOP")]
    first_run_watts: Annotated[Number, setting("power of the 'first run of' statement", unit="W", gt=0, le=1e20)]
    threshold_years: Annotated[
        Count, setting("when the first-run probabilities are stated for", unit="years", before=2, ge=1, le=200)
    ]
    search_years: Annotated[
        Count,
        setting("how far ahead a date is looked for before 'not by then'", unit="years", before=20, ge=2, le=200),
    ]
    record_quarters: Annotated[
        tuple[QuartersAhead, ...], setting("horizons for chip and speedrun records", unit="quarters", before=[4, 8])
    ]
    speedrun_seconds: Annotated[
        Number, setting("threshold of the speedrun probability", unit="s", before=60.0, gt=0, le=1e6)
    ]
    resolve_quarters: Annotated[
        Count,
        setting("when re-estimates (growth split, kappa_eff) resolve", unit="quarters", before=4, ge=1, le=40),
    ]
    closed_groups: Annotated[
        tuple[SettingText, ...],
        setting("groups of which no further run can be published", before=["chinchilla_besiroglu2024"]),
    ]
    next_scale_factor: Annotated[
        Number, setting("compute of a next-scale run over the group's largest", before=10.0, gt=1, le=1e9)
    ]
    next_scale_tolerance: Annotated[
        Number, setting("factor within which a new run's compute is that scale", before=3.0, gt=1, le=1e9)
    ]
    next_scale_residual_log2: Annotated[
        Number,
        setting("scatter of a run's log2 loss where the group's own is smaller", before=0.005, ge=0, le=10),
    ]
