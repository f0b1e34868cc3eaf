"""The front chart draws what earlier quarters published, as they published it, beside this quarter's fan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


def test_the_last_quarters_medians_are_those_of_their_published_headlines(small_quarter: Workspace) -> None:
    """Held to data/published, and from there to the reports themselves, which kept each row to the last digit."""
    record = storage.read_json(small_quarter.processed / "track_record.json")
    quarters = [item["quarter"] for item in record["headlines"]]
    kept = sorted(path.stem for path in small_quarter.published.glob("20*.json") if path.stem < "2026Q1")
    assert quarters == kept[-4:]
    if not quarters:
        pytest.skip("nothing is published in this checkout: there is no earlier median")
    numbers = storage.read_json(small_quarter.processed / "report" / "numbers.json")
    for item in record["headlines"]:
        told = storage.read_json(small_quarter.published / f"{item['publication']}.json")["headline"]
        assert item["rows"] == told
        for row in (row for row in told if row["reading"] == "reducible"):
            shown = numbers[f"front.published.{item['publication']}.{row['years']:g}y"]
            assert shown["value"] == row["median"]


@pytest.mark.parametrize("name", ["fig-front", "fig-front-narrow"])
def test_each_is_drawn_dashed_in_both_drawings(small_quarter: Workspace, name: str) -> None:
    record = storage.read_json(small_quarter.processed / "track_record.json")
    page = storage.read_text(small_quarter.processed / "report" / "report.html")
    drawing = page[page.index(f'aria-labelledby="{name}-title"') :].partition("</svg>")[0]
    dashes = drawing.count('stroke-dasharray="2.4,1.6"')
    assert dashes == len(record["headlines"])
