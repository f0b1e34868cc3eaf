"""Stage compare: this quarter beside the one before it, on the real ledgers with small settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency import storage
from race_to_efficiency.comparison import difference
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.provenance.quarters import compare as compare_quarters
from race_to_efficiency.report.annex.change_tables import moves
from race_to_efficiency.report.words.names import missing_in_words
from race_to_efficiency.settings.params import Workspace, open_workspace
from race_to_efficiency.stages import compare

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def checkout(own_quarter: Workspace) -> Path:
    return own_quarter.root


@pytest.fixture(scope="module")
def made(
    small_quarter: Workspace, summaries: dict[str, dict[str, Any]]
) -> tuple[Workspace, dict[str, Any], dict[str, Any]]:
    return small_quarter, summaries["compare"], storage.read_json(small_quarter.processed / "changes.json")


def test_it_compares_with_the_quarter_before_under_the_same_settings_and_code(
    made: tuple[Workspace, dict[str, Any], dict[str, Any]],
) -> None:
    workspace, summary, document = made
    assert (document["from"]["quarter"], document["to"]["quarter"]) == ("2025Q4", "2026Q1")
    items = [item for item in [*document["estimates"], *document["forecasts"]] if item["delta"] is not None]
    assert any(item["delta"] for item in items)
    for item in items:
        parts = {part["cause"]: part for part in item["parts"]}
        assert abs(sum(part["value"] for part in item["parts"]) - item["delta"]) < 1e-10
        assert parts["code"]["value"] == parts["resampling"]["value"] == 0
        assert parts["settings"]["value"] == parts["entered_late"]["value"] == 0
        assert [row["row"] for row in parts["reference_date"]["rows"]] in ([], ["2025-12-31 -> 2026-03-31"])
    ids = {item["id"] for item in items}
    years = workspace.params.report.headline_years
    assert {"gamma.route.D", "kappa_total.pooled.power_law", "kappa_reducible.pooled.chinchilla"} <= ids
    assert {f"R.{reading}.{year}" for reading in ("total", "reducible") for year in years} <= ids
    assert summary["moved"] == sum(moves(item) for item in document["estimates"])


def test_its_new_side_is_what_the_stages_before_wrote_to_the_last_bit(
    made: tuple[Workspace, dict[str, Any], dict[str, Any]],
) -> None:
    """What is refitted with less work must not be another number; no group of kappa was fitted again."""
    workspace, summary, document = made
    written = {
        item["id"]: item["value"]
        for name in ("kappa.json", "gamma.json")
        for item in storage.read_json(workspace.processed / name)["estimates"]
        if item["value"] is not None
    }
    assert {item["id"]: item["new"] for item in document["estimates"] if item["new"] is not None} == written
    printed = {
        (row["reading"], row["years"]): row["point"] for row in storage.read_json(workspace.processed / "headline.json")
    }
    assert {(item["reading"], item["years"]): item["new"] for item in document["forecasts"]} == printed
    assert summary["told"]["fitted"] == 0


def test_it_says_what_race_diff_says_of_unpublished_quarters(
    made: tuple[Workspace, dict[str, Any], dict[str, Any]], checkout: Path
) -> None:
    """Held without the names of rows, which take as long again."""
    workspace, _, document = made
    compared = compare_quarters(open_workspace(checkout, "2025Q4"), workspace, name_changed_rows=False)
    for key in ("estimates", "forecasts"):
        bare = [{**item, "parts": [{**part, "rows": []} for part in item["parts"]]} for item in document[key]]
        assert compared[key] == bare
    assert storage.dumps(compared["data"]) == storage.dumps(document["data"])


@pytest.mark.parametrize("quarter", ["2012Q3", "2019Q4"])
def test_an_early_quarter_is_compared_as_far_as_it_goes_and_says_why(checkout: Path, quarter: str) -> None:
    """Before the first training run there is no kappa to forecast with; gamma may be there already."""
    workspace = open_workspace(checkout, quarter)
    compare.run(workspace)
    document = storage.read_json(workspace.processed / "changes.json")
    assert document["forecasts"] == []
    assert "fewer than two independent families speak" in document["forecasts_missing"]
    assert all(item["symbol"].startswith("gamma") for item in document["estimates"])


def test_quarters_that_cannot_be_compared_are_written_as_a_code_that_the_report_says(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise DataInvalid("the ledger of runs holds no row", remedy="give one")

    monkeypatch.setattr(difference, "difference", refused)
    workspace = open_workspace(checkout, "2012Q3")
    summary = compare.run(workspace)
    told = summary["told"]["missing"]
    assert summary["missing"] == told["why"]
    assert storage.read_json(workspace.processed / "changes.json") == {"missing": told}
    assert told == {
        "code": compare.NOT_COMPARED, "quarter": "2012Q3", "before": "2012Q2", "why": "the ledger of runs holds no row"
    }  # fmt: skip
    said = "2012Q3 cannot be compared with 2012Q2: the ledger of runs holds no row"
    assert missing_in_words(told) == said
    assert missing_in_words(said) == said  # as quarters of race 0.1 published it
