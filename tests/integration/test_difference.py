"""Two quarters of the real ledgers compared: one planted cause gets the whole change, and every part is named.

The plants are row versions recorded in the quarter after the last one, so that nothing else differs but the reference
date. Settings are cut down to two groups of runs and few draws: causes do not depend on them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import json_documents
import numpy as np
import pandas as pd
import pytest
from known_ledgers import without_news
from quick_fits import asked_forms_alone, equal_rows_once, equal_views_once, without_fragility
from race_to_efficiency import storage
from race_to_efficiency.cli import application
from race_to_efficiency.comparison.attribution import CAUSES
from race_to_efficiency.comparison.difference import Side, difference, read_ledgers
from race_to_efficiency.forecasting import plans
from race_to_efficiency.ledger.intake import Intake
from race_to_efficiency.ledger.vintages import view_of
from race_to_efficiency.provenance import quarters as provenance_quarters
from race_to_efficiency.quarter.evaluate import Quarters, world_of
from race_to_efficiency.quarter.forecast import HEADLINE_NODE, POINTS_NODE, forecast_id
from race_to_efficiency.quarter.gamma import ROUTE_NODE
from race_to_efficiency.quarter.here import memory_of
from race_to_efficiency.quarter.kappa_document import KAPPA_DOCUMENT
from race_to_efficiency.settings.params import open_workspace, read_params
from race_to_efficiency.stages import fit_kappa
from race_to_efficiency.units import Quarter, decimal_years
from small_settings import write_params
from typer.testing import CliRunner

BEFORE, AFTER = Quarter(2026, 1), Quarter(2026, 2)
RECORDED = pd.Timestamp("2026-05-01")
CHIP = "nvidia-b200"
MEAN_CHIP = "gamma.hardware_tensor16.mean_chip"
Ledgers = dict[str, Intake]
Compare = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _one_fit() -> Iterator[None]:
    """Causes do not depend on forms not asked for, on grades, nor on fitting or looking at the same rows again."""
    with asked_forms_alone(), without_fragility(), equal_rows_once(), equal_views_once():
        yield


@pytest.fixture(scope="module")
def params_file(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_params(tmp_path_factory.mktemp("settings") / "params.yaml")


@pytest.fixture(scope="module")
def ledgers(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Ledgers:
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path_factory.mktemp("ledgers") / "raw"))
    return read_ledgers(without_news(raw), max_characters=20_000)


@pytest.fixture(scope="module")
def side(params_file: Path, root: Path) -> Side:
    return Side(BEFORE, read_params(params_file), root)


@pytest.fixture(scope="module")
def compare(side: Side) -> Compare:
    """Compare 2026Q1 with 2026Q2; what two comparisons share is fitted once."""
    quarters = Quarters()

    def run(
        ledgers: Ledgers, *, before: Side | None = None, after: Side | None = None, names: bool = True
    ) -> dict[str, Any]:
        after = after or replace(side, quarter=AFTER)
        return difference(ledgers, before or side, after, quarters=quarters, name_changed_rows=names)

    return run


def planted(ledgers: Ledgers, table: str, row: str, **cells: Any) -> Ledgers:
    """Return the ledgers with one more version of one row; a row that is not there is a copy of ``like``."""
    intake = ledgers[table]
    key = str(intake.rows.columns[0])
    like = cells.pop("like", row)
    last = intake.rows[intake.rows[key] == like].tail(1)
    version = last.assign(**{key: row, "recorded": RECORDED, "line": intake.rows["line"].max() + 1, **cells})
    rows = pd.concat([intake.rows, version.astype(intake.rows.dtypes.to_dict())], ignore_index=True)
    return {**ledgers, table: replace(intake, rows=rows)}


def item_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in [*document["estimates"], *document["forecasts"]] if item["id"] == name)


def parts_of(item: dict[str, Any]) -> dict[str, float]:
    return {part["cause"]: part["value"] for part in item["parts"]}


def rows_of(item: dict[str, Any], cause: str) -> list[str]:
    return [row["row"] for part in item["parts"] if part["cause"] == cause for row in part["rows"]]


def held(document: dict[str, Any]) -> None:
    """Hold what is true of every comparison: its schema, each cause once, parts that sum to the change."""
    json_documents.check("diff", json_documents.read(storage.dumps(document)))
    compared = [item for item in [*document["estimates"], *document["forecasts"]] if item["delta"] is not None]
    assert len(compared) > 50
    for item in compared:
        assert tuple(part["cause"] for part in item["parts"]) == CAUSES
        assert item["delta"] == item["new"] - item["old"]
        assert abs(sum(part["value"] for part in item["parts"]) - item["delta"]) < 1e-10, item["id"]


def share(item: dict[str, Any], cause: str) -> float:
    """Return the part of one cause over the sum of all parts' sizes: 1 when it alone did anything."""
    sizes = {name: abs(value) for name, value in parts_of(item).items()}
    assert item["delta"] != 0
    return sizes[cause] / sum(sizes.values())


def slope(ledgers: Ledgers, day: Quarter) -> float:
    """Return the mean-chip rate by numpy's polyfit: log2 of FLOP/s per watt on release date."""
    rows = view_of(ledgers["accelerators"], day.as_of).used
    rows = rows[rows["fp16_tensor_flop_s"].gt(0) & rows["tdp_w"].gt(0) & rows["released"].notna()]
    per_watt = np.log2(rows["fp16_tensor_flop_s"].to_numpy(float) / rows["tdp_w"].to_numpy(float))
    return float(np.polyfit(decimal_years(rows["released"].to_numpy("datetime64[D]")), per_watt, 1)[0])


def test_nothing_changed_gives_zero_everywhere(ledgers: Ledgers, compare: Compare, side: Side) -> None:
    document = compare(ledgers, after=side)
    held(document)
    assert all(item["delta"] == 0 for item in [*document["estimates"], *document["forecasts"]])
    assert all(part["value"] == 0 for item in document["estimates"] for part in item["parts"])
    assert not any(sum(table["counts"].values()) for table in document["data"].values())
    assert [row["years"] for row in document["forecasts"] if row["reading"] == "total"] == [1, 3, 5, 10]


PLANTS = {
    "revised": {"row": CHIP, "fp16_tensor_flop_s": 9.9e15},
    "added": {"row": "acme-one", "like": CHIP, "name": "Acme One", "released": pd.Timestamp("2026-04-20")},
    "withdrawn": {"row": CHIP, "withdrawn": True},
    "reclassified": {"row": CHIP, "released": pd.NaT},
}


@pytest.mark.parametrize(  # the others take the same way through the command; test_attribution.py has all of them
    "cause", ["revised", "added", *(pytest.param(one, marks=pytest.mark.slow) for one in ("withdrawn", "reclassified"))]
)
def test_one_planted_row_is_the_whole_change(ledgers: Ledgers, compare: Compare, side: Side, cause: str) -> None:
    plant = PLANTS[cause]
    changed = planted(ledgers, "accelerators", **plant)
    document = compare(changed)
    held(document)
    counts = document["data"]["accelerators"]["counts"]
    assert counts == {name: int(name == cause) for name in counts}
    item = item_of(document, MEAN_CHIP)
    assert share(item, cause) >= 0.99
    assert rows_of(item, cause) == [f"accelerators/{plant['row']}"]
    assert side.settings.fit_gamma.windows.hardware is None
    expected = slope(changed, AFTER) - slope(changed, BEFORE)
    assert item["delta"] == pytest.approx(expected, rel=1e-6)
    route = item_of(document, "gamma.route.A")
    assert share(route, cause) >= 0.99
    assert rows_of(route, cause) == [f"accelerators/{plant['row']}"]


@pytest.mark.slow
def test_one_revised_training_run_moves_kappa_and_the_forecast(ledgers: Ledgers, compare: Compare) -> None:
    view = view_of(ledgers["training_runs"], BEFORE.as_of).used
    run = view[view["group"] == "gadre2024_c4"].sort_values("loss_nats").iloc[0]
    document = compare(planted(ledgers, "training_runs", run["run_id"], loss_nats=float(run["loss_nats"]) * 0.97))
    held(document)
    for name in ("kappa_reducible.gadre2024_c4.chinchilla", "kappa_reducible.pooled.chinchilla"):
        item = item_of(document, name)
        assert share(item, "revised") >= 0.99
        assert rows_of(item, "revised") == [f"training_runs/{run['run_id']}"]
    assert share(item_of(document, "R.reducible.5"), "revised") >= 0.99
    assert item_of(document, "kappa_reducible.muennighoff2023.chinchilla")["delta"] == 0


def test_one_setting_alone(ledgers: Ledgers, compare: Compare, side: Side) -> None:
    windows = side.settings.fit_gamma.windows.model_copy(update={"hardware": pd.Timestamp("2019-01-01").date()})
    gamma = side.settings.fit_gamma.model_copy(update={"windows": windows})
    document = compare(ledgers, after=replace(side, settings=side.settings.model_copy(update={"fit_gamma": gamma})))
    held(document)
    item = item_of(document, MEAN_CHIP)
    assert share(item, "settings") >= 0.99
    (named,) = rows_of(item, "settings")
    assert named.startswith("fit_gamma.windows.hardware: ")
    assert named.endswith("-> 2019-01-01")


def test_the_reference_date_is_a_cause_of_its_own_and_is_named(ledgers: Ledgers, compare: Compare) -> None:
    item = item_of(compare(ledgers), "gamma.level.frontier_compute_log2_flop")
    assert share(item, "reference_date") >= 0.99
    assert rows_of(item, "reference_date") == ["2026-03-31 -> 2026-06-30"]


SAME_CHIP = "gamma.mlperf_same_chip.cell_effects"


def grown(ledgers: Ledgers, n: int) -> tuple[Ledgers, dict[str, set[int]]]:
    """Return the ledgers with n results of a late round that says it was known long before, and what was there."""
    intake = ledgers["mlperf_training"]
    base = view_of(intake, BEFORE.as_of).used
    latest = base[(base["round"] == "v5.0") & base["minutes"].notna()].head(n)
    again = pd.concat([latest] * (n // len(latest) + 1)).head(n).drop(columns="exclusion")
    copies = [f"{name}-again-{at}" for at, name in enumerate(again["result_id"])]
    day = pd.Timestamp("2025-11-12")
    late = again.assign(result_id=copies, round="v5.1", released=day, recorded=day, minutes=again["minutes"] * 0.8)
    late["line"] = intake.rows["line"].max() + 1 + np.arange(n)
    rows = pd.concat([intake.rows, late], ignore_index=True).astype(intake.rows.dtypes)
    held = {"mlperf_training": set(intake.rows["line"]) | set(intake.quarantined["line"])}
    return {**ledgers, "mlperf_training": replace(intake, rows=rows, n_read=intake.n_read + n)}, held


def test_backdated_rows_are_what_entered_late_and_named(ledgers: Ledgers, compare: Compare, side: Side) -> None:
    """184 rows that nobody had when the quarter was published, dated half a year before its end, and nothing else."""
    changed, sealed = grown(ledgers, 184)
    before = compare(ledgers, after=side, names=False)
    everything = [*before["estimates"], *before["forecasts"]]
    published = {item["id"]: item["new"] for item in everything if item["new"] is not None}
    document = compare(changed, before=replace(side, sealed=sealed, published=published), after=side)
    held(document)
    counts = document["data"]["mlperf_training"]["counts"]
    assert counts == {name: 184 * (name == "entered_late") for name in counts}
    assert document["from"]["ledger_lines"]["mlperf_training"] == len(sealed["mlperf_training"])
    moved = [item for item in [*document["estimates"], *document["forecasts"]] if item["delta"]]
    assert SAME_CHIP in {item["id"] for item in moved}
    for item in moved:
        assert share(item, "entered_late") >= 0.99, item["id"]
        assert abs(parts_of(item)["code"]) < 0.01 * abs(item["delta"]), item["id"]
    named = rows_of(item_of(document, SAME_CHIP), "entered_late")
    assert 80 < int(named[0].removesuffix(" rows")) <= 184  # those the cells are made of
    assert all(row.startswith("mlperf_training/v5.0/") and "-again-" in row for row in named[1:])
    assert len(named) > 1
    unsealed = compare(changed, before=replace(side, published=published), after=side, names=False)
    assert parts_of(item_of(unsealed, SAME_CHIP))["entered_late"] == 0  # without the seal the blame would be the code's


def test_a_changed_estimator_is_the_code(
    ledgers: Ledgers, compare: Compare, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of the hardware trend: rates come out 3 % higher than they were published."""
    from race_to_efficiency.calibration.gamma import components_hardware

    changed, sealed = grown(ledgers, 4)
    before = compare(ledgers, after=side, names=False)
    published = {item["id"]: item["new"] for item in before["estimates"] if item["new"] is not None}
    true = components_hardware.chip_series

    def steeper(*words: Any) -> Any:
        series = true(*words)
        return None if series is None else replace(series, value=1.03 * series.value)

    monkeypatch.setattr(components_hardware, "chip_series", steeper)
    old = replace(side, sealed=sealed, published=published)
    document = difference(changed, old, side, quarters=Quarters(), name_changed_rows=False)
    item = item_of(document, MEAN_CHIP)
    assert share(item, "code") >= 0.99
    assert item["delta"] == pytest.approx(0.03 * item["old"], rel=1e-9)
    assert share(item_of(document, SAME_CHIP), "entered_late") >= 0.99


@pytest.mark.slow
def test_the_seed_alone_is_resampling_noise(ledgers: Ledgers, compare: Compare, side: Side) -> None:
    document = compare(ledgers, after=replace(side, settings=side.settings.model_copy(update={"seed": 8})), names=False)
    held(document)
    for name in ("gamma.algorithmic.mixture", "gamma.route.D", "kappa_total.pooled.power_law", "R.total.5"):
        assert share(item_of(document, name), "resampling") >= 0.99, name
    assert item_of(document, MEAN_CHIP)["delta"] == 0


def test_several_causes_at_once_and_the_code_sum_to_the_change(ledgers: Ledgers, compare: Compare, side: Side) -> None:
    changed = planted(ledgers, "accelerators", **PLANTS["revised"])
    changed = planted(changed, "accelerators", **{**PLANTS["added"], "like": "nvidia-h100-sxm5-80gb"})
    changed = planted(changed, "accelerators", "nvidia-h100-pcie", withdrawn=True)
    published = {MEAN_CHIP: 0.3, "R.total.5": 0.7}
    document = compare(changed, before=replace(side, published=published), names=False)
    held(document)
    item = item_of(document, MEAN_CHIP)
    assert item["old"] == 0.3
    assert {cause for cause, value in parts_of(item).items() if value} == {"added", "revised", "withdrawn", "code"}
    today = compare(changed, names=False)
    assert parts_of(item)["code"] == item_of(today, MEAN_CHIP)["old"] - 0.3
    assert item_of(document, "R.total.5")["old"] == 0.7


def test_what_a_stage_found_is_not_computed_again_and_is_the_same_to_the_last_bit(
    ledgers: Ledgers, side: Side, tmp_path: Path
) -> None:
    """The stage reads files ingest wrote, the comparison the ledgers themselves: one node answers both."""
    from types import SimpleNamespace

    view = view_of(ledgers["training_runs"], BEFORE.as_of)
    storage.write_parquet(tmp_path / "ledger" / "training_runs.parquet", view.rows)
    settings = side.settings
    here = SimpleNamespace(root=tmp_path, processed=tmp_path, params=settings, seed=settings.seed, quarter=BEFORE)
    fit_kappa.run(here)  # type: ignore[arg-type]
    known = {item["id"]: item for item in storage.read_json(tmp_path / "kappa.json")["estimates"]}
    memory = memory_of(tmp_path)
    world = world_of({"training_runs": view}, settings=side.settings, as_of=BEFORE.as_of, root=tmp_path)
    document = Quarters(memory).ask(world, KAPPA_DOCUMENT).document
    assert {item["id"]: item for item in document["estimates"]} == known
    assert memory.computed == []
    later = Quarters(memory).ask(replace(world, as_of=AFTER.as_of), KAPPA_DOCUMENT)
    assert later.document == document
    assert memory.computed == []


@pytest.mark.parametrize("printed", [True, False])
def test_a_world_between_two_quarters_is_asked_for_values_and_nothing_is_judged_there(
    ledgers: Ledgers, side: Side, monkeypatch: pytest.MonkeyPatch, printed: bool
) -> None:
    """Its points are those that the headline prints, where there are none its medians; no quantile is worked out."""
    if not printed:
        monkeypatch.setattr(plans, "points_of", lambda *_: None)
    views = {name: view_of(intake, BEFORE.as_of) for name, intake in ledgers.items()}
    world = world_of(views, settings=side.settings, as_of=BEFORE.as_of, root=side.root)
    quarters = Quarters()
    values = quarters.values(world)
    asked = {name.partition(":")[0] for name in quarters.memory.computed}
    assert asked.isdisjoint({"gamma.checked", "gamma.mixture", "gamma.route", "forecast.headline"})
    rows = quarters.ask(world, HEADLINE_NODE).document["rows"]
    assert len(rows) > 10
    for row in rows:
        assert row["point"] == values[forecast_id(row["reading"], row["years"])]
        assert (row["point"] == row["median"]) or printed
    told = quarters.ask(world, POINTS_NODE).document["rows"]
    assert all(("median" in row) != printed for row in told)
    fits = quarters.ask(world, ROUTE_NODE, "D").document["fits"]
    assert [fit["estimate"]["value"] for fit in fits] == [values["gamma.route.D"]]


def test_the_command_tells_it_as_one_document(
    root: Path, params_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`race diff --json` on a copy of the ledgers with one revised line, and `race audit explain` for one number."""
    without_news(Path(shutil.copytree(root / "data" / "raw", tmp_path / "data" / "raw")))
    shutil.copy(params_file, tmp_path / "params.yaml")
    ledger = tmp_path / "data" / "raw" / "accelerators.csv"
    lines = ledger.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    last = next(line for line in reversed(lines) if line.startswith(f"{CHIP},"))
    cells = last.split(",")
    assert len(cells) == len(header), "the line is picked to hold no quoted comma"
    cells[header.index("fp16_tensor_flop_s")] = "9.9e15"
    cells[header.index("recorded")] = "2026-05-01"
    ledger.write_text("\n".join([*lines, ",".join(cells)]) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(application(), ["diff", "2026Q1", "2026Q2", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    held(document)
    assert {"data", "estimates", "forecasts"} <= document.keys()
    keys = {"symbol", "group", "component", "old", "new", "delta", "parts"}
    assert all(keys <= item.keys() for item in document["estimates"])
    assert all(part.keys() == {"cause", "value", "rows"} for item in document["estimates"] for part in item["parts"])
    assert share(item_of(document, MEAN_CHIP), "revised") >= 0.99
    (change,) = document["data"]["accelerators"]["revised"]
    assert change["id"] == CHIP
    assert [cell["new"] for cell in change["cells"]] == [9.9e15]
    asked = []
    monkeypatch.setattr(provenance_quarters, "read_ledgers", lambda raw, max_characters: {})
    monkeypatch.setattr(provenance_quarters, "difference", lambda *args, **kwargs: asked.append(args) or {})
    again = CliRunner().invoke(application(), ["diff", "2026Q1", "2026Q2", "--json"])
    assert again.stdout == result.stdout
    assert asked == [], "nothing it read has changed"
    settings = tmp_path / "params.yaml"
    changes: list[tuple[list[str], Path, tuple[str, str]]] = [
        (["--no-rows"], settings, ("", "")),
        ([], settings, ("seed: ", "seed: 1")),
        ([], ledger, ("9.9e15", "9.8e15")),
        ([], tmp_path / "data" / "raw" / "sources.csv", ("\n", " \n")),
    ]
    for number, (more, path, (old, new)) in enumerate(changes, 1):
        text = path.read_text(encoding="utf-8")
        assert not old or old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert CliRunner().invoke(application(), ["diff", "2026Q1", "2026Q2", "--json", *more]).exit_code == 0
        assert len(asked) == number, f"{path.name} changed, and what was remembered is told all the same"


def test_a_comparison_is_remembered_for_every_published_byte_alone(root: Path, tmp_path: Path) -> None:
    workspace = open_workspace(root, "2025Q4")
    shutil.copytree(workspace.reports, tmp_path / "reports")
    copied = replace(workspace, reports=tmp_path / "reports")
    told = provenance_quarters.earlier_state(copied)
    assert told == provenance_quarters.earlier_state(copied)
    for path in sorted(path for path in (tmp_path / "reports" / "2025Q4").rglob("*") if path.is_file()):
        good = path.read_bytes()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        assert provenance_quarters.earlier_state(copied) != told
        path.write_bytes(good)
