"""The equation solved at what a quarter found, remarks on numbers no one measured, and files that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import json_documents
import pytest
from race_to_efficiency import cli, storage
from race_to_efficiency.commands.measured import interval_ends, remarks
from race_to_efficiency.commands.quarter_solution import crossing, scenario_point, scenario_time
from race_to_efficiency.provenance.published_files import published_json
from race_to_efficiency.relative_loss import relative_loss

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace


@pytest.mark.parametrize(("reading", "target"), [("total", "relative_loss"), ("reducible", "reducible_loss")])
def test_the_years_to_a_target_are_those_of_the_draws(small_quarter: Workspace, reading: str, target: str) -> None:
    """The forecast stage finds each draw's own crossing: its quantiles, by another road, for every threshold it has."""
    stone = storage.read_parquet(small_quarter.processed / "milestones.parquet")
    own = stone[
        (stone["scenario_id"] == "constant_power") & (stone["target"] == target) & (stone["form"] == reading)
        & (stone["anchor"] == "frontier_trend") & (stone["group"] == "pooled") & (stone["output_type"] == "quantile")
    ]  # fmt: skip
    checked = 0
    for threshold, rows in list(own.groupby("threshold"))[-3:]:
        found = scenario_time(small_quarter, "constant_power", float(threshold), reading)
        drawn = {f"{row.output_type_id:g}": row.value for row in rows.itertuples()}
        for level, years in found["quantiles"].items():
            if years is not None and drawn.get(level) is not None:
                assert years == pytest.approx(drawn[level], abs=0.02), (threshold, level)
                checked += 1
    assert checked >= 8


def test_a_scenario_s_values_solve_back_to_the_target(
    small_quarter: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(small_quarter.root)

    def solved(*words: str) -> Any:
        assert cli.main(["solve", *words, "--scenario", "constant_power", "--json"]) == 0
        return json_documents.read(capsys.readouterr().out)

    values = scenario_point(None, "constant_power", "total")
    gamma = solved("gamma", "--target", "0.7", "--by", "5")
    fleet = solved("fleet", "--target", "0.7", "--by", "5")
    years = json_documents.check("solve_quarter", solved("time", "--target", "0.7"))
    kappa, tau = values["kappa"], values["baseline_years"]
    implied = solved("kappa", "--target", "0.7", "--by", "5")["value"]
    assert relative_loss(5.0, implied, values["gamma"], baseline_years=tau) == pytest.approx(0.7, rel=1e-9)
    assert relative_loss(5.0, kappa, gamma["value"], baseline_years=tau) == pytest.approx(0.7, rel=1e-9)
    assert relative_loss(5.0, kappa, values["gamma"], fleet=fleet["value"], baseline_years=tau) == pytest.approx(0.7)
    assert relative_loss(years["point"], kappa, values["gamma"], baseline_years=tau) == pytest.approx(0.7, abs=1e-3)
    assert years["quantiles"]["0.1"] < years["point"] < years["quantiles"]["0.9"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("time", "--target=0.9", "--scenario=constant_powr"), "did you mean constant_power?"),
        (("gamma", "--target=0.9", "--by=5", "--scenario=turtel"), "did you mean turtle?"),
        (("time", "--target=0.9", "--scenario=hare", "--kappa=0.05"), "--scenario takes the place of --kappa"),
        (("fleet", "--target=0.9", "--by=5", "--scenario=measured_growth"), "race solve time"),
        (("time", "--target=0.9", "--gamma=2"), "--kappa is needed"),
        (("time", "--target=1.5", "--scenario=hare"), "--target"),
    ],
)
def test_what_a_scenario_cannot_answer_is_refused_with_a_way_on(
    words: tuple[str, ...], told: str, small_quarter: Workspace, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(small_quarter.root)
    assert cli.main(["solve", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_crossing_lies_between_the_years_around_it() -> None:
    years, losses = (0.0, 1.0, 2.0), (1.0, 0.5, 0.125)
    assert crossing(years, losses, 1.0) == 0.0
    assert crossing(years, losses, 0.5) == 1.0
    assert crossing(years, losses, 0.25) == pytest.approx(1.5)
    assert crossing(years, losses, 0.1) is None
    assert crossing(years[1:], losses[1:], 0.5**0.5) == pytest.approx(0.5)


@pytest.fixture
def published(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The newest published folder, with the checkout as the place where one stands."""
    entries = storage.read_json(root / "reports" / "registry.json")["entries"] if (root / "reports").is_dir() else []
    if not entries:
        pytest.skip("nothing is published in this checkout: there is no measured range")
    monkeypatch.chdir(root)
    return root / "reports" / str(max(entries, key=lambda entry: entry["quarter"])["folder"])


@pytest.mark.parametrize(
    ("name", "symbol", "form"),
    [("kappa", "kappa_total", "total"), ("kappa", "kappa_reducible", "reducible"), ("gamma", "gamma", "total")],
)
def test_a_number_outside_every_published_interval_is_remarked_upon(
    name: str, symbol: str, form: str, published: Path
) -> None:
    ends = list(interval_ends(published_json(published / f"{name}.json"), symbol))
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    for value in (low, high, (low + high) / 2):
        assert remarks({name: value, "kappa_form": form}) == []
    for value in (low - 1e-3, high + 1e-3):
        (told,) = remarks({name: value, "kappa_form": form})
        assert f"{len(ends)} estimates" in told
        assert f"from {low:.2g} to {high:.2g}" in told


def test_where_nothing_is_published_nothing_is_remarked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert remarks({"kappa": 50.0, "gamma": 99.0}) == []


@pytest.mark.parametrize(
    "words",
    [("predict", "--fit", "mine.json", "--compute", "1e24"), ("fit", "kappa", "mine.csv"), ("score", "mine.csv")],
)
def test_a_missing_file_of_one_s_own_is_no_matter_for_a_run(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*words]) == 6
    told = capsys.readouterr().err
    assert "check the path" in told
    assert "race run" not in told
