"""Settings of `race fit`: the section `own_tables` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from race_to_efficiency.settings.section import Count, SettingsSection, setting


class OwnTablesParams(SettingsSection):
    """What `race fit` takes where its options do not say otherwise."""

    seed: Annotated[Count, setting("seed of the draws", before=20260331, ge=0, lt=2**63)]
    bootstrap_replicates: Annotated[
        Count, setting("bootstrap refits of `race fit kappa`", before=4000, ge=100, le=1_000_000)
    ]
    draws: Annotated[Count, setting("bootstrap draws of `race fit gamma`", before=4000, ge=100, le=1_000_000)]
