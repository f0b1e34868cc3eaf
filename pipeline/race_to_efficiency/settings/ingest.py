"""Settings of the intake: the section `ingest` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from race_to_efficiency.settings.section import Count, SettingsSection, setting


class IngestParams(SettingsSection):
    """Settings of the ingest stage: what makes a training run comparable enough to be used is in the ledger itself."""

    max_cell_characters: Annotated[
        Count, setting("longest text a ledger cell may hold", unit="characters", ge=1, le=1_000_000)
    ]
