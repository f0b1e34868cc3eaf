"""Settings of the comparison with an earlier quarter: the section `compare` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from race_to_efficiency.settings.section import Count, SettingsSection, setting


class CompareParams(SettingsSection):
    """Settings of the compare stage: which earlier quarter this one is held against."""

    quarters_back: Annotated[
        Count, setting("the report tells what changed since this long ago", unit="quarters", ge=1, le=40)
    ]
