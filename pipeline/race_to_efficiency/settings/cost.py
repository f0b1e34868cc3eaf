"""Unit costs behind money and energy: the section `cost` of params.yaml, where each value has its source."""

from __future__ import annotations

from typing import Annotated

from race_to_efficiency.settings.section import Number, SettingsSection, setting


class CostValues(SettingsSection):
    """One cluster of accelerators, what it costs to buy and to run, and the baseline fleet's power."""

    accelerator_price_usd: Annotated[Number, setting("one accelerator", unit="USD", ge=0, le=1e9)]
    server_price_ratio: Annotated[Number, setting("price of a server over its accelerators", ge=1, le=100)]
    interconnect_price_ratio: Annotated[Number, setting("price of a cluster over its servers", ge=1, le=100)]
    accelerator_flop_s: Annotated[Number, setting("peak of one accelerator", unit="FLOP/s", gt=0, le=1e25)]
    accelerator_power_w: Annotated[Number, setting("rated power of one accelerator", unit="W", gt=0, le=1e7)]
    server_power_ratio: Annotated[Number, setting("power of a server over its accelerators", ge=1, le=100)]
    power_draw_fraction: Annotated[Number, setting("mean draw over rated power while training", gt=0, le=1)]
    power_usage_effectiveness: Annotated[Number, setting("facility over machine power (PUE)", ge=1, le=100)]
    utilisation: Annotated[Number, setting("useful over peak FLOP (MFU)", gt=0, le=1)]
    energy_price_usd_per_kwh: Annotated[Number, setting("electricity", unit="USD/kWh", ge=0, le=1000)]
    accelerator_life_years: Annotated[Number, setting("years in service", unit="years", gt=0, le=200)]
    discount_rate_per_year: Annotated[Number, setting("discount rate", unit="1/year", ge=0, le=10)]
    price_decline_doublings_per_year: Annotated[
        Number, setting("decline of capital cost per FLOP beyond energy's", unit="doublings/yr", ge=-100, le=100)
    ]
    baseline_power_w: Annotated[
        Number, setting("facility power of the baseline fleet (fleet = 1)", unit="W", gt=0, le=1e16)
    ]


class CostParams(SettingsSection):
    """Unit costs behind money and energy."""

    values: Annotated[CostValues, setting("unit costs by name")]
