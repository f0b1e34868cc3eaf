"""What DVC's users compare: the metrics and the tables behind the plots, as DVC itself reads them."""

from __future__ import annotations

import math
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from dvc_view import dvc_repo
from race_to_efficiency import storage
from race_to_efficiency.commands import reproduction

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace


@pytest.fixture(scope="module")
def checkout(root: Path, small_quarter: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dvc")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(root / name, folder / name)
    for name in ("metrics.json", "plots"):
        source, target = small_quarter.processed / name, folder / "data" / "processed" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(
            source, storage.write_text(target.parent / "x", "").parent / name
        )
    storage.write_text(folder / ".dvc" / "config", storage.read_text(root / ".dvc" / "config"))
    reproduction.outside_git(folder)
    return folder


def test_dvc_shows_the_headline_as_metrics(checkout: Path, small_quarter: Workspace) -> None:
    with dvc_repo(checkout) as repo:
        ((shown,),) = ([item["data"] for item in found["data"].values()] for found in repo.metrics.show().values())
    assert len(shown) >= 12
    assert all(math.isfinite(value) for value in shown.values())
    headline = storage.read_json(small_quarter.processed / "headline.json")
    points = {(row["form"], row["target"], row["years"]): row["point"] for row in headline}
    names = {"R_total": ("total", "relative_loss"), "r_reducible": ("reducible", "reducible_loss")}
    names["R_whole_loss"] = ("reducible", "relative_loss")
    for name, (form, target) in names.items():
        own = {years: value for (f, t, years), value in points.items() if (f, t) == (form, target)}
        assert own
        assert {f"{name}_{years:g}y": value for years, value in own.items()}.items() <= shown.items()
    # and those that `race show headline` prints, R and its like in five years
    brief = storage.read_json(small_quarter.processed / "report" / "brief.json")["numbers"]
    printed = {"R_total_5y": "R", "r_reducible_5y": "r", "R_whole_loss_5y": "L_over_L0"}
    for name, symbol in printed.items():
        assert shown[name] == brief[f"{symbol}.constant_power.frontier_trend.5y.point"]["value"]
    gamma = {item["id"]: item for item in storage.read_json(small_quarter.processed / "gamma.json")["estimates"]}
    (interval,) = (it for it in gamma["gamma.route.D"]["intervals"] if it["level"] == 0.95)
    assert (shown["gamma_low95"], shown["gamma"], shown["gamma_high95"]) == (
        interval["low"],
        gamma["gamma.route.D"]["value"],
        interval["high"],
    )
    every = [*gamma.values(), *storage.read_json(small_quarter.processed / "kappa.json")["estimates"]]
    assert sum(value for name, value in shown.items() if name.startswith("estimates_")) == len(every)


def test_every_plot_s_columns_are_there(checkout: Path) -> None:
    entries = storage.read_yaml(checkout / "dvc.yaml")["plots"]
    assert len(entries) == 4
    for entry in entries:
        ((_, definition),) = entry.items()
        for axis in ("x", "y"):
            ((path, columns),) = definition[axis].items()
            table = pd.read_csv(checkout / path)
            assert len(table) > 0
            assert ({columns} if isinstance(columns, str) else {*columns}) <= set(table.columns)


def test_families_and_fan_are_those_of_the_files(checkout: Path, small_quarter: Workspace) -> None:
    families = pd.read_csv(checkout / "data/processed/plots/kappa_families.csv")
    kappa = storage.read_json(small_quarter.processed / "kappa.json")["estimates"]
    stated = {(it["group"], it["symbol"]): it["value"] for it in kappa if it["symbol"].startswith("kappa_")}
    assert {(row.group, row.symbol) for row in families.itertuples()} == set(stated)
    fan = pd.read_csv(checkout / "data/processed/plots/fan.csv")
    ends = fan[["low95", "low80", "median", "high80", "high95"]].to_numpy()
    assert (ends[:, 1:] >= ends[:, :-1]).all()


def test_only_a_tree_without_git_is_told_to_have_no_history(tmp_path: Path) -> None:
    inside, outside = tmp_path / "repository", tmp_path / "copy"
    (inside / ".git").mkdir(parents=True)
    for folder in (inside, outside):
        reproduction.outside_git(folder)
    assert not (inside / ".dvc" / "config.local").exists()
    assert "no_scm = true" in storage.read_text(outside / ".dvc" / "config.local")
    storage.write_text(outside / ".dvc" / "config.local", "[cache]\n")
    reproduction.outside_git(outside)
    assert storage.read_text(outside / ".dvc" / "config.local") == "[cache]\n"
