"""``race predict --quarter`` gives the headline again, and says what was meant where a name or a year is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import json_documents
import pytest
from race_to_efficiency.commands.quarter_forecast import QuarterForecast
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

BRIEF = {
    "energy": "energy.gamma.route.D.5y",
    "reducible": "r.constant_power.frontier_trend.5y",
    "total": "R.constant_power.frontier_trend.5y",
    "whole": "L_over_L0.constant_power.frontier_trend.5y",
}
"""The numbers of the brief's first screen, by reading; only the whole loss tells one anchor from another."""


@pytest.fixture(scope="module")
def found(small_quarter: Workspace) -> dict[str, Any]:
    document = QuarterForecast(small_quarter).of(None, [5.0])
    return json_documents.check("predict_quarter", document)


@pytest.mark.parametrize("reading", BRIEF)
def test_it_reproduces_the_headline(found: dict[str, Any], numbers: dict[str, Any], reading: str) -> None:
    row = next(item for item in found["results"] if item["reading"] == reading)
    point, ends = ("value", ("low", "high")) if reading == "energy" else ("point", ("q0.1", "q0.9"))
    assert row["point"] == numbers[f"{BRIEF[reading]}.{point}"]["value"]
    for level, end in zip(("0.1", "0.9"), ends, strict=True):
        if f"{BRIEF[reading]}.{end}" in numbers:
            assert row["quantiles"][level] == pytest.approx(numbers[f"{BRIEF[reading]}.{end}"]["value"], rel=1e-12)
    levels = [row["quantiles"][level] for level in ("0.025", "0.1", "0.5", "0.9", "0.975")]
    assert levels == sorted(levels)


def test_at_constant_power_compute_grows_by_what_the_energy_falls(numbers: dict[str, Any]) -> None:
    """One printed rate: 1/620 in the title and x 620 in the table are the same doublings of efficiency."""
    grown = numbers["compute_multiple.constant_power.5y"]["value"]
    assert grown * numbers[f"{BRIEF['energy']}.value"]["value"] == pytest.approx(1.0, rel=1e-12)


def test_a_scenario_with_an_assumed_gamma_has_no_energy(small_quarter: Workspace) -> None:
    rows = QuarterForecast(small_quarter).of("turtle", [1.0, 5.0])["results"]
    assert {(row["t"], row["reading"]) for row in rows} == {
        (year, reading) for year in (1.0, 5.0) for reading in ("reducible", "total", "whole")
    }


def test_what_is_not_there_is_refused_and_the_nearest_named(small_quarter: Workspace) -> None:
    with pytest.raises(UsageError) as misspelt:
        QuarterForecast(small_quarter).of("constant_pwoer", [5.0])
    assert misspelt.value.remedy == "did you mean constant_power?"
    with pytest.raises(UsageError) as between:
        QuarterForecast(small_quarter).of(None, [4.9])
    assert between.value.remedy == "--t 5 is the nearest"
