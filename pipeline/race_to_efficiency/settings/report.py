"""Settings of the report: the section `report` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from race_to_efficiency.settings.section import Count, Name, SettingsSection, SettingText, setting


class ReportParams(SettingsSection):
    """Settings of the report stage."""

    title: Annotated[SettingText, setting("title of the report", before="The race to efficiency")]
    headline_scenario: Annotated[Name, setting("scenario of the headline")]
    headline_anchor: Annotated[Name, setting("what R = 1 means in the headline")]
    headline_years: Annotated[
        tuple[Annotated[Count, Field(ge=1, le=200)], ...],
        setting("horizons of the headline", unit="years", min_length=1),
    ]
    reconstructed: Annotated[
        bool, setting("the quarter is worked out after its time; said on the page and in the chain")
    ]
