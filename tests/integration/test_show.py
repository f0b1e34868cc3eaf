"""Every view of ``race show`` is a screen of 40 lines and 80 columns; names stand whole, and options pick rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import json_documents
import pytest
from race_to_efficiency import cli, storage
from race_to_efficiency.commands.screens import listing, screen
from race_to_efficiency.commands.tables import estimate_cells
from race_to_efficiency.commands.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

Show = Callable[..., str] if TYPE_CHECKING else Any

LARGE, PUBLISHED = "2026Q2", "2025Q1"
"""The quarter with most to show, and the one of which most is settled."""

NAMES = {
    "scenarios": "scenario", "due": "id", "routes": "route", "estimates": "id", "gamma": "id", "statements": "id",
}  # fmt: skip


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Run ``race show`` in a checkout on a line of 80 columns; return what it printed."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(folder: Path, *words: str, code: int = 0) -> str:
        monkeypatch.chdir(folder)
        found = cli.main(["show", *words])
        shown = capsys.readouterr()
        assert found == code, shown.err
        return shown.err if code else shown.out

    return call


@pytest.fixture(scope="module")
def listed() -> dict[str, str]:
    """What is kept of each view of the small quarter as JSON: several tests hold something against it."""
    return {}


@pytest.fixture
def every(small_quarter: Workspace, show: Show, listed: dict[str, str]) -> Callable[[str], Any]:
    """Return a view of the small quarter as one document."""

    def document(view: str) -> Any:
        if view not in listed:
            listed[view] = show(small_quarter.root, view, "--json")
        return json_documents.read(listed[view])

    return document


def assert_one_screen(text: str) -> list[str]:
    lines = text.splitlines()
    assert 3 <= len(lines) <= 40
    assert max(map(len, lines)) <= 80
    return lines


def names_in(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines() if line.strip()}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_the_small_quarter_is_one_screen(view: str, small_quarter: Workspace, show: Show) -> None:
    assert_one_screen(show(small_quarter.root, view))


@pytest.mark.parametrize("quarter", [PUBLISHED, LARGE])
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_a_published_quarter_is_one_screen(view: str, quarter: str, root: Path, show: Show) -> None:
    if not (root / "reports" / quarter).is_dir():
        pytest.skip("nothing is published in this checkout; the small quarter covers the views")
    assert_one_screen(show(root, view, "--quarter", quarter))


@pytest.mark.parametrize("view", NAMES)
def test_every_name_stands_whole_in_the_whole_listing(
    view: str, small_quarter: Workspace, show: Show, every: Callable[[str], Any]
) -> None:
    document = json_documents.check(f"show_{view}", every(view))
    text = show(small_quarter.root, view, "--details")
    assert {row[NAMES[view]] for row in document[VIEWS[view].rows]} <= names_in(text)
    assert max(map(len, text.splitlines())) <= 80


def test_what_is_left_out_is_counted(small_quarter: Workspace, show: Show, every: Callable[[str], Any]) -> None:
    rows = every("estimates")["estimates"]
    lines = show(small_quarter.root, "estimates").splitlines()
    shown = names_in("\n".join(lines)) & {row["id"] for row in rows}
    counted = re.search(r"\.\.\. and (\d+) more: ", lines[-1])
    assert counted is not None
    assert int(counted[1]) == len(rows) - len(shown)
    pooled = {"kappa_total.pooled.power_law", "kappa_reducible.pooled.chinchilla", "gamma.route.D"}
    assert pooled <= shown


PICKED: dict[tuple[str, str], Callable[[dict[str, Any]], bool]] = {
    ("estimates", "--symbol=kappa_total"): lambda row: "kappa_total" in row["id"],
    ("estimates", "--group=gadre2024_c4"): lambda row: row["group"] == "gadre2024_c4",
    ("gamma", "--status=weak"): lambda row: row["status"] == "weak",
    ("routes", "--symbol=A_frontier"): lambda row: row["route"] == "A_frontier",
    ("due", "--target=frontier_power"): lambda row: "frontier_power" in row["id"],
    ("due", "--status=overdue"): lambda row: row["status"] == "overdue",
    ("statements", "--target=speedrun"): lambda row: "speedrun" in row["id"],
    ("scores", "--target=frontier_power"): lambda row: "frontier_power" in row["target"],
    ("scenarios", "--scenario=hare"): lambda row: row["scenario"] == "hare",
}


@pytest.mark.parametrize(("view", "option"), PICKED, ids=" ".join)
def test_an_option_picks_rows_and_no_other(
    view: str, option: str, small_quarter: Workspace, show: Show, every: Callable[[str], Any]
) -> None:
    key, wanted = VIEWS[view].rows, PICKED[view, option]
    rows = every(view)[key]
    expected = [row for row in rows if wanted(row)]
    assert 0 < len(expected) < len(rows)
    assert json_documents.read(show(small_quarter.root, view, option, "--json"))[key] == expected
    assert_one_screen(show(small_quarter.root, view, option))


def test_what_picks_nothing_is_refused_and_the_nearest_is_named(small_quarter: Workspace, show: Show) -> None:
    assert "constant_power?" in show(small_quarter.root, "scenarios", "--scenario", "constant_powr", code=2)
    told = show(small_quarter.root, "routes", "--scenario", "hare", code=2)
    assert "--scenario picks nothing here" in told
    assert "--symbol" in told


def test_what_is_due_is_what_no_one_has_settled(small_quarter: Workspace, show: Show) -> None:
    """Counted from the records: what is open, overdue or left to a hand, and every statement of the quarter."""
    record, own = (
        storage.read_json(small_quarter.processed / f"{name}.json") for name in ("track_record", "statements")
    )
    due = json_documents.read(show(small_quarter.root, "due", "--json"))["due"]
    awaited = sum(total[state] for total in record["totals"] for state in ("open", "overdue", "by_hand"))
    assert len(due) == awaited + len(own["statements"])
    assert [row["by"] for row in due] == sorted(row["by"] for row in due)
    lines = show(small_quarter.root, "due").splitlines()
    first = next(row for row in due if row["status"] == "open")
    assert lines[2].startswith(first["id"])


def test_a_refused_number_is_the_word_wherever_estimates_are_listed() -> None:
    item = {"id": "kappa_total.mine.power_law", "symbol": "kappa_total", "value": -0.11, "unit": "1", "n_rows": 9}
    item |= {"intervals": [{"method": "profile", "level": 0.95, "low": -1.0, "high": 1.0}], "status": "refused"}
    told = "\n".join(screen("estimates", {"as_of": "2026-03-31", "estimates": [item]}, (), details=False))
    assert "-0.11" not in told
    assert re.search(r"kappa_total\.mine\.power_law +refused +- +1 +9 +refused$", told) is not None
    assert estimate_cells({**item, "status": "weak"}) == ("-0.11", "[-1, 1]")
    assert estimate_cells({**item, "status": "weak", "intervals": []}) == ("-0.11", "-")


def test_a_name_too_long_for_its_values_has_a_line_of_its_own() -> None:
    short, long = ("gamma", "1.5", "x"), ("a" * 79, "2.5", "y")
    _, first, second = listing(("id", ">value", "unit"), [short, long])
    assert first == ["gamma    1.5  x"]
    assert second == ["a" * 79, "         2.5  y"]
