"""Every number of the report is made with outputs that a stage tells of: on the small quarter of the real ledgers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import report_quarter
import yaml
from race_to_efficiency import storage
from race_to_efficiency.quarter.lineage import Edges, file_of, gathered
from race_to_efficiency.settings.params import open_workspace
from race_to_efficiency.stages import fit_kappa, forecast
from race_to_efficiency.stages import report as stage
from small_quarter import FEW, GROUPS, QUARTER
from small_settings import DOCUMENT, document

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

R = "R.constant_power.frontier_trend.5y.q0.5"
WHOLE = "L_over_L0.constant_power.frontier_trend.5y.q0.5"


@pytest.fixture(scope="module")
def numbers(small_quarter: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = storage.read_json(small_quarter.processed / "report" / "numbers.json")
    return found


@pytest.fixture(scope="module")
def edges(small_quarter: Workspace) -> Edges:
    return Edges.read(gathered(small_quarter.processed))


def test_every_number_is_made_with_outputs_that_are_known_to_the_last(numbers, edges):
    assert len(numbers) > 1500
    for name, entry in numbers.items():
        assert entry["nodes"], name
        for output in edges.reached(entry["nodes"]):
            assert output in edges or output.startswith("setting."), (name, output)


def test_no_number_was_read_out_of_prose(numbers):
    assert [name for name, entry in numbers.items() if re.search(r"\.said\d*$", name) or "source" in entry] == []


def test_a_number_that_is_an_estimate_is_traced_to_the_rows_of_its_fit(numbers, edges, small_quarter):
    """A fit of kappa sees every run of its group: also those that lie off the frontier it then fits."""
    runs = storage.read_parquet(small_quarter.processed / "ledger" / "training_runs.parquet")
    held = 0
    for file in ("kappa", "gamma"):
        for item in storage.read_json(small_quarter.processed / f"{file}.json")["estimates"]:
            nodes = numbers.get(f"{item['id']}.value", {"nodes": [item["id"]]})["nodes"]
            traced = set(edges.rows(nodes))
            assert set(item["rows_used"]) <= traced, item["id"]
            if item["group"] in GROUPS:
                own = runs[(runs["group"] == item["group"]) & (runs["exclusion"] == "")]
                assert traced == set("training_runs/" + own["run_id"]), item["id"]
                held += 1
    assert held > 20


OUTPUTS = (
    (r"R\.(\w+)\.\w+\.[\d.]+y\.", r"curve\.{0}\.total\.(pooled|given)"),
    (r"r\.(\w+)\.\w+\.[\d.]+y\.", r"curve\.{0}\.reducible\.(pooled|given)"),
    (r"L_over_L0\.(\w+)\.(\w+)\.[\d.]+y\.", r"loss\.{0}\.{1}\.(pooled|given)"),
    (r"years_to\.(total|reducible)\.(?:relative|reducible)_loss\.", r"(curve\.constant_power\.{0}|loss\..*)\.pooled"),
    (r"(?:anchor|floor)\.(\w+)\.", r"anchor\.{0}"),
    (r"crossover\.(\w+)\.(\w+)\.", r"crossover\.{0}\.{1}"),
    (r"pool\.(\w+)\.", r"pool\.{0}"),
    (r"width\.(\w+)\.", r"curve\.constant_power\.{0}\.pooled"),
    (r"explorer\.\w+\.(total|reducible)\.kappa", r"pool\.{0}|setting\.forecast\.scenarios\.\w+\.kappa"),
    (r"explorer\.(\w+\.(?:total|reducible))\.[\d.]+y", r"page\.explorer\.{0}"),
    (r"account\.(?!total\.)(\w+)\.", r"ledger\.{0}"),
    (r"score\.(?!loss\.all\.)(.+)\.\d+q\.", r"backtest\.{0}"),
    (r"statement\.(\d{4}Q\d\.\w+)\.(?!.*record)", r"statement\.{0}"),
    (r"statement\.(\d{4}Q\d)\..*\.record", r"record\.{0}"),
    (r"record\.(\d{4}Q\d)\.", r"record\.{0}"),
    (r"change\.(R\.\w+\.\d+|gamma\.\w+\.(?:[a-zA-Z_]+|quantile_0\.9))\.(?:old|new|delta|added)", r"change\.{0}"),
    (r"(?:influence|forms|extrapolation)\.(\w+)\.power_law\.", r"kappa_total\.{0}\.power_law"),
    (r"(?:influence|forms|extrapolation)\.(\w+)\.(floor|chinchilla)\.", r"kappa_reducible\.{0}\.{1}"),
    (r"profile\.(\w+)\.", r"(E|kappa_reducible)\.{0}\.chinchilla"),
    (r"slope_change\.(\w+\.[a-z_]+)\.(?:date|age)\.", r"gamma\.{0}"),
    (r"published\.(\w+)\.published", r"row\.published_values/{0}"),
    (r"product\.b_time", r"gamma\.algorithmic_lm\.ln_loss"),
    (r"product\.product", r"gamma\.algorithmic\.mixture|kappa_total\.pooled\.power_law"),
    (r"roadmap\.\w+\.[\d.]+\.[\d-]+\.algorithm\.(?:measured|low|high)$", r"gamma\.algorithmic\.mixture"),
    (r"roadmap\..*\.hardware\.headroom$", r"setting\.fit_gamma\.caps\.cmos_headroom"),
)
"""Number -> output, both as patterns; a part of the number's id stands in the output's name."""


@pytest.mark.parametrize(("number", "output"), OUTPUTS, ids=[number for number, _ in OUTPUTS])
def test_a_number_is_made_with_the_output_it_is_named_for_and_no_other(number, output, numbers):
    found = {name: match for name in numbers if (match := re.match(number, name))}
    assert found
    for name, match in found.items():
        wanted = output
        for place, part in enumerate(match.groups()):
            wanted = wanted.replace(f"{{{place}}}", re.escape(part))
        assert all(re.fullmatch(wanted, node) for node in numbers[name]["nodes"]), (name, numbers[name]["nodes"])


def test_a_roadmap_asks_a_layer_for_what_the_others_leave(numbers):
    """Software is what training runs gain beyond chips; what it must deliver hangs on the others and on kappa."""
    key = "roadmap.total.0.8.2031-03-31"
    chips, runs, algorithm = (f"gamma.{name}" for name in SERIES)
    kappa, target = "kappa_total.pooled.power_law", "setting.fit_gamma.roadmap"
    assert numbers[f"{key}.software.measured"]["nodes"] == [runs, chips]
    assert set(numbers[f"{key}.hardware.required"]["nodes"]) == {target, kappa, runs, chips, algorithm}
    assert set(numbers[f"{key}.software.required"]["nodes"]) == {target, kappa, chips, algorithm}
    assert set(numbers[f"{key}.all_layers.required"]["nodes"]) == {target, kappa}
    assert set(numbers[f"{key}.all_layers.gap"]["nodes"]) == {target, kappa, runs, chips, algorithm}
    assert set(numbers[f"{key}.power.gap"]["nodes"]) == {target, kappa, runs, chips, algorithm, "gamma.growth.power"}


SERIES = ("hardware_tensor16.mean_chip", "training_flop_per_joule.ols", "algorithmic.mixture")


def test_a_bill_rests_on_the_prices_it_takes_and_a_race_on_both_fleets(numbers, edges):
    prices = {f"setting.cost.values.{name}" for name in DOCUMENT["cost"]["values"] if name != "baseline_power_w"}
    fleet, anchor = "setting.forecast.scenarios.hare.fleet", "anchor.frontier_trend"
    behind = {name: set(edges.reached(numbers[name]["nodes"])) - set(numbers[name]["nodes"]) for name in numbers}
    power = prices & behind["cost.hare.power"]
    assert len(power) == 6
    assert prices & behind["cost.hare.energy.5y"] == power
    assert prices < behind["cost.hare.money.5y"]
    assert all({fleet, anchor} < behind[f"cost.hare.{what}"] for what in ("power", "energy.5y", "money.5y"))
    race = {"pool.total", "scenario.hare", "scenario.turtle"}
    assert race < behind["contest.0.8.years.hare"]
    assert not prices & behind["contest.0.8.years.hare"]
    assert power == prices & behind["contest.0.8.energy.turtle"]
    assert prices < behind["contest.0.8.money.turtle"]


def test_a_setting_that_a_number_is_made_with_stands_in_params(numbers, edges, small_quarter):
    settings = yaml.safe_load((small_quarter.root / "params.yaml").read_text(encoding="utf-8"))
    named = {output for entry in numbers.values() for output in edges.reached(entry["nodes"])}
    paths = {output.partition(".")[2] for output in named if output.startswith("setting.")}
    assert len(paths) > 20
    absent = {"fleet"}  # a key that a scenario may leave out: its meaning then stands with the model
    for path in paths:
        place = settings
        for key in path.split("."):
            place = {item["name"]: item for item in place} if isinstance(place, list) else place
            if key in absent and key not in place:
                break
            assert key in place, path
            place = place[key]


def test_a_figure_of_a_ledger_is_its_row_and_the_equation_needs_none(numbers, edges):
    shown = [entry["nodes"] for entry in numbers.values() if entry["nodes"][0].startswith("row.")]
    assert len(shown) > 10
    assert all(edges.rows([node]) == [node.removeprefix("row.")] for nodes in shown for node in nodes)
    severity = [entry["nodes"] for name, entry in numbers.items() if name.startswith("severity.")]
    assert len(severity) > 100
    assert all(edges.rows(nodes) == [] for nodes in severity)


def test_a_changed_row_is_behind_the_count_of_the_changed(numbers, edges, small_quarter):
    data = storage.read_json(small_quarter.processed / "changes.json")["data"]
    counts = 0
    for table, item in data.items():
        assert item["counts"].pop("entered_late") == 0, "only a published quarter knows what it had"
        for kind, count in item["counts"].items():
            rows = edges.rows(numbers[f"changed_rows.{table}.{kind}"]["nodes"])
            assert rows == sorted(f"{table}/{row['id']}" for row in item[kind])
            assert len(rows) == count
            counts += count
    assert counts == len(edges.rows(numbers["changes.rows"]["nodes"])) > 0


def test_a_group_out_of_the_pool_leaves_the_trace_of_r_and_stays_in_its_own_kappas(numbers, edges, own_quarter):
    out = GROUPS[-1]
    groups = [item | ({"untuned": True} if item["group"] == out else {}) for item in FEW["fit_kappa"]["groups"]]
    fewer = {**FEW, "fit_kappa": {**FEW["fit_kappa"], "groups": groups}}
    (own_quarter.root / "params.yaml").write_text(yaml.safe_dump(document(**fewer)), encoding="utf-8")
    space = open_workspace(own_quarter.root, QUARTER)
    fit_kappa.run(space)
    forecast.run(space)
    without = Edges.read(gathered(space.processed))
    forms = {R: ("kappa_total", "power_law"), WHOLE: ("kappa_reducible", "chinchilla")}
    for name, (symbol, form) in forms.items():
        own = numbers[f"{symbol}.{out}.{form}.value"]["nodes"]
        rows = set(edges.rows(own))
        assert rows
        assert rows <= set(edges.rows(numbers[name]["nodes"]))
        assert not rows & set(without.rows(numbers[name]["nodes"]))
        assert set(without.rows(own)) == rows


def test_a_number_made_with_an_output_that_no_stage_tells_of_stops_the_stage(tmp_path: Path):
    space = report_quarter.workspace(tmp_path)
    report_quarter.write_quarter(space.processed)
    (space.processed / file_of("forecast")).unlink()
    with pytest.raises(ValueError, match=r"number '[^']+' is made with '[^']+', which no stage's edges know"):
        stage.run(space)
    assert not (space.processed / "report").exists()
