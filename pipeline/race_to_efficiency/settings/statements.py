"""Settings of the dated statements: the section `statements` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

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

QuartersAhead = Annotated[Count, Field(ge=1, le=16)]
"""A statement looks four years ahead at most."""


class QuestionParams(SettingsSection):
    """A quantity asked for every quarter."""

    target: Annotated[Name, setting("what is asked for")]
    quarters: Annotated[QuartersAhead, setting("how far ahead", unit="quarters")]
    rate: Annotated[
        SettingText | None, setting("growth in gamma.json that speaks of the same; absent: there is none")
    ] = None


class RoundParams(SettingsSection):
    """The benchmarks asked for at the next round."""

    target: Annotated[Name, young_setting("the panel")]
    most: Annotated[Count, young_setting("benchmarks asked for, the youngest first", ge=0, le=20)]
    rate: Annotated[SettingText, young_setting("growth in gamma.json that speaks of the same")]


class EventParams(SettingsSection):
    """A round number of a target that may be reached."""

    target: Annotated[Name, setting("what may reach it")]
    quarters: Annotated[QuartersAhead, setting("how far ahead", unit="quarters")]


class StatementParams(SettingsSection):
    """Which dated statements are made each quarter."""

    quantile_levels: Annotated[
        tuple[Fraction, ...],
        setting("levels printed with a statement", before=[0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], min_length=1),
    ]
    quantities: Annotated[tuple[QuestionParams, ...], young_setting("quantities asked for")]
    rounds: Annotated[RoundParams, setting("the benchmarks of the next round")]
    events: Annotated[tuple[EventParams, ...], young_setting("events asked for")]
    event_steps: Annotated[
        tuple[Annotated[Number, Field(ge=1, lt=10)], ...],
        young_setting("round numbers of a decade an event may name", min_length=1),
    ]
    event_odds: Annotated[tuple[Fraction, Fraction], young_setting("least and greatest probability worth asking")]
    publication_gap_days: Annotated[
        Count, young_setting("after its first publication a source is expected again", unit="d", ge=1, le=3650)
    ]
    reconstruct_from: Annotated[
        QuarterName, young_setting("first quarter whose statements are made again by today's code")
    ]
    next_scale_tolerance: Annotated[
        Number, setting("factor within which a new run's compute is the scale asked for", before=3.0, gt=1, le=1e9)
    ]
