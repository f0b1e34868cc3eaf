"""The forecast stage on a small quarter of our own: its files, their honesty, and that a user's scenario gets there."""

from __future__ import annotations

from types import SimpleNamespace

import json_documents
import numpy as np
import pandas as pd
import pytest
from forecast_quarter import GROUPS, gamma_files, kappa_files, ledgers, settings
from race_to_efficiency import storage
from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.errors import DataInvalid, InputMissing, NotTrustworthy
from race_to_efficiency.forecasting.tables import FORECAST_COLUMNS, MILESTONE_COLUMNS, headline_rows
from race_to_efficiency.relative_loss import relative_loss, time_to_target
from race_to_efficiency.settings.scenarios import ScenarioParams
from race_to_efficiency.stages import forecast
from race_to_efficiency.units import Quarter
from small_settings import part

LEVELS = (0.01, 0.025, *np.round(np.arange(0.05, 0.951, 0.05), 2), 0.975, 0.99)


def workspace(folder, *, kappa=None, gamma=None, seed: int = 11, **changes) -> SimpleNamespace:
    """Return a workspace with everything the stage reads, in a folder of its own."""
    processed = folder / "processed"
    (kappa_document, kappa_draws), (gamma_document, gamma_draws) = kappa or kappa_files(), gamma or gamma_files()
    runs, notable = ledgers()
    stamp = {"quarter": "2026Q1", "as_of": "2026-03-31"}
    storage.write_json(processed / "kappa.json", stamp | kappa_document)
    storage.write_json(processed / "gamma.json", stamp | gamma_document)
    storage.write_parquet(processed / "kappa_draws.parquet", kappa_draws)
    storage.write_parquet(processed / "gamma_draws.parquet", gamma_draws)
    storage.write_parquet(processed / "ledger" / "training_runs.parquet", runs)
    storage.write_parquet(processed / "ledger" / "notable_training_runs.parquet", notable)
    params = SimpleNamespace(
        forecast=settings(**changes),
        fit_gamma=SimpleNamespace(caps=part("fit_gamma", "caps")),
        report=SimpleNamespace(
            headline_scenario="constant_power", headline_anchor="frontier_trend", headline_years=(1, 3, 5, 10)
        ),
    )
    return SimpleNamespace(root=folder, processed=processed, quarter=Quarter(2026, 1), params=params, seed=seed)


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> SimpleNamespace:
    space = workspace(tmp_path_factory.mktemp("quarter"))
    summary = forecast.run(space)
    return SimpleNamespace(
        space=space,
        summary=summary,
        forecast=storage.read_parquet(space.processed / "forecast.parquet"),
        milestones=storage.read_parquet(space.processed / "milestones.parquet"),
        scenarios=storage.read_json(space.processed / "scenarios.json"),
        anchors=storage.read_json(space.processed / "anchors.json"),
        headline=storage.read_json(space.processed / "headline.json"),
    )


def test_the_table_is_complete_and_tidy(done):
    table = done.forecast
    assert tuple(table.columns) == FORECAST_COLUMNS
    key = ["target", "form", "scenario_id", "anchor", "group", "horizon", "output_type", "output_type_id"]
    assert not table.duplicated(key).any()
    assert np.isfinite(table["value"]).all()
    assert set(table["horizon"]) == set(np.arange(41) / 4)
    quantile = table[table["output_type"] == "quantile"]
    assert sorted(set(quantile["output_type_id"])) == pytest.approx(sorted(LEVELS))
    assert table.loc[table["output_type"] == "mean", "output_type_id"].isna().all()
    assert set(table["reference_date"]) == {"2026-03-31"}
    assert table.loc[table["horizon"] == 5, "target_end_date"].eq("2031-03-31").all()
    assert set(table["status"]) <= {"trusted", "weak"}
    assert (table["status"].eq("weak") == table["reasons"].ne("")).all()
    assert set(table["run_id"]) == {table["run_id"].iloc[0]}
    assert set(table["grade"]) <= set(GRADES)
    assert set(done.milestones["grade"]) <= set(GRADES)
    assert len(table) == done.summary["rows"]


def test_curves_start_at_one_fall_with_time_and_quantiles_never_cross(done):
    ratios = done.forecast[done.forecast["unit"] == "1"]
    assert ratios.loc[ratios["horizon"] == 0, "value"].eq(1.0).all()
    curve = ["target", "form", "scenario_id", "anchor", "group"]
    rows = done.forecast[done.forecast["output_type"] == "quantile"]
    rows = rows.sort_values([*curve, "output_type_id", "horizon"])
    falls = rows.groupby([*curve, "output_type_id"])["value"].diff().dropna()
    assert (falls <= 1e-15).all()
    ordered = rows.sort_values([*curve, "horizon", "output_type_id"]).groupby([*curve, "horizon"])["value"].diff()
    assert (ordered.dropna() >= 0).all()


def test_given_numbers_are_the_equation_exactly(done):
    rows = done.forecast[(done.forecast["scenario_id"] == "paper") & (done.forecast["anchor"] == "within_range")]
    assert set(rows["form"]) == {"total"}  # its kappa is a total one: the reducible reading does not exist for it
    assert set(rows["group"]) == {"given"}
    np.testing.assert_allclose(rows["value"], relative_loss(rows["horizon"].to_numpy(), 0.05, 2.0), rtol=3e-15)


def test_the_draws_of_the_headline_are_of_the_pool_that_is_printed(done):
    """Static: R = (1 + t)^-kappa is monotone in kappa: its ends are those where the record expects a new family."""
    record = next(item for item in kappa_files()[0]["estimates"] if item["id"] == "kappa_total.pooled.power_law")
    cells = done.forecast.query(
        "scenario_id == 'static' and form == 'total' and anchor == 'within_range' and horizon == 9 and "
        "output_type == 'quantile'"
    )
    kappa = -np.log10(cells["value"].to_numpy())
    for item in record["intervals"]:
        if item["method"] == "prediction":
            for end, share in ((item["low"], 0.5 - item["level"] / 2), (item["high"], 0.5 + item["level"] / 2)):
                found = np.interp(end, kappa[::-1], 1 - cells["output_type_id"].to_numpy()[::-1])
                assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 1500))
    point = done.forecast.query(
        "scenario_id == 'static' and form == 'total' and anchor == 'within_range' and horizon == 9 and "
        "output_type == 'point'"
    )["value"].item()
    assert point == pytest.approx(10.0 ** -record["value"], rel=1e-12)


def test_nats_and_ratios_tell_the_same_story(done):
    table = done.forecast[(done.forecast["scenario_id"] == "constant_power") & (done.forecast["horizon"] == 10)]
    nats = table[table["target"] == "loss"]
    assert set(nats["group"]) == {group for group, *_ in GROUPS}
    assert set(nats["unit"]) == {"nats/token"}
    for anchor in done.anchors["anchors"]:
        if anchor["name"] == "frontier_trend":
            for group in anchor["groups"]:
                cells = nats[(nats["group"] == group["group"]) & (nats["output_type_id"] == 0.5)]
                assert group["floor"]["median"] * group["loss_nats"]["median"] < cells["value"].iloc[0]
                assert cells["value"].iloc[0] < group["loss_nats"]["median"]


def test_milestones_are_years_by_quantile_and_never_a_mean(done):
    table = done.milestones
    assert tuple(table.columns) == MILESTONE_COLUMNS
    assert set(table["output_type"]) == {"quantile"}
    assert set(table["unit"]) == {"years"}
    assert not table["value"].isna().any()
    assert (table["value"] >= 0).all()
    never = np.isinf(table["value"])
    assert table.loc[never, "date"].isna().all()
    assert (table.loc[never, "unreachable_probability"] > 0).all()
    paper = table.query("scenario_id == 'paper' and threshold == 0.7 and anchor == 'frontier_trend'")
    np.testing.assert_allclose(paper["value"], time_to_target(0.7, 0.05, 2.0), rtol=1e-12)
    assert set(table.loc[table["target"] == "reducible_loss", "threshold"]) == {0.5, 0.25}
    # at a frontier start nine tenths of the whole loss cannot be reached: the floor is above
    whole = table.query("target == 'relative_loss' and form == 'reducible' and anchor == 'frontier_trend'")
    assert (whole.loc[whole["threshold"] == 0.6, "unreachable_probability"] == 1.0).all()


def test_a_mapped_milestone_is_where_the_forecast_curve_passes(done):
    """Years to a half of the reducible loss under constant power: P(t* <= t) = P(r(t) <= 1/2)."""
    curve = done.forecast.query(
        "scenario_id == 'constant_power' and target == 'reducible_loss' and anchor == 'frontier_trend' and "
        "output_type == 'quantile' and output_type_id == 0.5"
    ).sort_values("horizon")
    target = done.milestones.query(
        "scenario_id == 'constant_power' and target == 'reducible_loss' and threshold == 0.5 and "
        "anchor == 'frontier_trend' and output_type_id == 0.5"
    )
    median = float(target["value"].iloc[0])
    before = curve[curve["horizon"] <= median]["value"].iloc[-1]
    after = curve[curve["horizon"] > median]["value"].iloc[0]
    assert after < 0.5 <= before


def test_the_headline_is_easily_selected(done):
    assert done.headline == headline_rows(done.forecast)
    assert [row["years"] for row in done.headline] == [1, 1, 1, 3, 3, 3, 5, 5, 5, 10, 10, 10]
    assert [row["reading"] for row in done.headline[:3]] == ["total", "reducible", "reducible, whole loss"]
    for row in done.headline:
        assert row["low95"] < row["low80"] < row["median"] < row["high80"] < row["high95"]
        assert row["status"] == "weak"
        assert "anchor_beyond_range" in row["reasons"]
        assert row["grade"] == "very low"
    near = headline_rows(done.forecast, scenario_id="static", anchor="within_range", years=(1,))
    assert (near[0]["status"], near[0]["reasons"]) == ("weak", ["kappa_weak"])  # two families
    assert headline_rows(done.forecast, scenario_id="nobody") == []
    for row in done.headline:
        json_documents.check("run", row, "/$defs/HeadlineRow")
    json_documents.check("stage", {"stage": "forecast", "quarter": "2026Q1", **with_line("forecast", done.summary)})


def test_a_pool_that_is_trusted_gives_curves_that_are(tmp_path):
    document, draws = kappa_files()
    for item in document["estimates"]:
        item |= {"status": "trusted", "reasons": []}
    space = workspace(tmp_path, kappa=(document, draws), draws=600)
    forecast.run(space)
    rows = storage.read_parquet(space.processed / "forecast.parquet")
    near = headline_rows(rows, scenario_id="static", anchor="within_range", years=(1,))
    assert near[0]["status"] == "trusted"


def test_a_grade_falls_with_the_decades_that_compute_has_gone(tmp_path):
    document, draws = kappa_files()
    for item in document["estimates"]:
        item |= {"status": "trusted", "reasons": []}
        if item["group"] == "alpha_two":
            item["diagnostics"] = {**item["diagnostics"], "residual_sd": 0.02}
    space = workspace(tmp_path, kappa=(document, draws), draws=600)
    forecast.run(space)
    rows = storage.read_parquet(space.processed / "forecast.parquet")
    anchors = {item["name"]: item for item in storage.read_json(space.processed / "anchors.json")["anchors"]}
    rows = rows[rows["output_type"] == "mean"]

    def steps(name, group, **chosen):
        own = rows[(rows["anchor"] == name) & (rows["scenario_id"] == "static") & (rows["group"] == group)]
        for column, value in chosen.items():
            own = own[own[column] == value]
        begun = [
            item["decades_beyond_fitted_range"]
            for item in anchors[name]["groups"]
            if group in ("pooled", item["group"])
        ]
        # compute of a constant fleet of constant efficiency: X = 1 + t
        far = np.median(begun) + np.log10(1.0 + own["horizon"].to_numpy())
        return own["grade"].map(GRADES.index).to_numpy(), np.digitize(far, [0.25, 1.0, 3.0], right=True)

    for name in anchors:
        found, far = steps(name, "pooled", form="total")
        np.testing.assert_array_equal(found, far)
    nats = rows.loc[rows["target"] == "loss", "anchor"].iloc[0]
    for group in rows.loc[rows["target"] == "loss", "group"].unique():
        found, far = steps(nats, group)
        np.testing.assert_array_equal(found, np.minimum(far + (group == "alpha_two"), 4))
    # with kappa given nothing is estimated; a route that is weak takes a step
    given = rows[(rows["scenario_id"] == "paper") & (rows["anchor"] == "within_range")]
    assert set(given["grade"]) <= {"low", "very low"}
    milestones = storage.read_parquet(space.processed / "milestones.parquet")
    own = milestones.query("scenario_id == 'static' and form == 'total' and output_type_id == 0.5 and value < 1000")
    for row in own.itertuples():
        begun = [item["decades_beyond_fitted_range"] for item in anchors[row.anchor]["groups"]]
        far = np.median(begun) + np.log10(1.0 + row.value)
        assert row.grade == GRADES[np.digitize(far, [0.25, 1.0, 3.0], right=True)]
    assert len(own) > 1


def test_documents_tell_what_was_assumed_and_where_trust_ends(done):
    assert done.scenarios["independence"].startswith("kappa and gamma are drawn independently")
    pools = done.scenarios["pools"]
    assert pools["total"]["families"] == ["alpha", "beta"]
    assert pools["total"]["value"] == pytest.approx(0.055, rel=1e-9)
    names = {item["name"]: item for item in done.scenarios["scenarios"]}
    assert names["constant_power"]["label"] == "assumption"
    assert names["constant_power"]["measured_rates"]["gamma"]["median"] == pytest.approx(1.75, abs=0.1)
    share = names["measured_growth"]["sensitivity"][0]["variance_shares"]
    assert sum(share.values()) == pytest.approx(1.0)
    assert names["paper"]["sensitivity"] == []
    limits = {(item["limit"], item["scenario_id"], item["anchor"]) for item in done.anchors["trust_limits"]}
    assert ("hardware_headroom", None, None) in limits
    assert ("series_length", "constant_power", None) in limits
    assert ("range", "static", "within_range") in limits
    assert done.anchors["baseline_years"]["paper"] == 1.0
    assert done.anchors["baseline_years"]["measured"] == pytest.approx(2500 / 8766)
    assert done.anchors["largest_known_run"]["row"] == "notable_training_runs/biggest"


def test_conventions_never_share_a_curve(done):
    kinds = done.forecast.groupby("scenario_id")["convention"].nunique()
    assert (kinds == 1).all()
    assert done.forecast.loc[done.forecast["scenario_id"] == "measured_growth", "convention"].eq("run").all()


def test_the_same_inputs_give_the_same_bytes(tmp_path, done):
    again = workspace(tmp_path)
    again.params.forecast = again.params.forecast.model_copy(update={"threads": 1})
    forecast.run(again)
    for name in ("forecast.parquet", "milestones.parquet", "scenarios.json", "anchors.json", "headline.json"):
        assert (again.processed / name).read_bytes() == (done.space.processed / name).read_bytes(), name
    other = workspace(tmp_path / "other", seed=12)
    forecast.run(other)
    assert (
        storage.read_parquet(other.processed / "forecast.parquet")["run_id"].iloc[0] != done.forecast["run_id"].iloc[0]
    )


def test_a_users_scenario_flows_through(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "- {name: mine, route: A, fleet: {path: delayed, multiple: 3, start_years: 1}}\n"
    )
    space = workspace(
        tmp_path,
        scenario_files=("mine.yaml",),
        draws=600,
        crossovers=({"ahead_first": "static", "ahead_later": "mine"},),
    )
    forecast.run(space)
    rows = storage.read_parquet(space.processed / "forecast.parquet")
    mine = rows[(rows["scenario_id"] == "mine") & (rows["horizon"] <= 1)]
    assert mine.loc[mine["unit"] == "1", "value"].eq(1.0).all()
    milestones = storage.read_parquet(space.processed / "milestones.parquet")
    assert (milestones.loc[milestones["scenario_id"] == "mine", "value"] >= 1).all()
    (crossing,) = storage.read_json(space.processed / "scenarios.json")["crossovers"]
    assert 0.9 < crossing["probability"] <= 1
    assert crossing["years"]["0.025"] < crossing["years"]["0.975"]
    assert crossing["words"].startswith("mine overtakes static after")


def test_crossing_conventions_is_refused(tmp_path):
    space = workspace(tmp_path, draws=600, crossovers=({"ahead_first": "static", "ahead_later": "measured_growth"},))
    with pytest.raises(DataInvalid, match="differ in convention"):
        forecast.run(space)


def test_every_draw_is_written_on_request(tmp_path, done):
    space = workspace(tmp_path)
    forecast.run(space, draws=True)
    table = pd.read_parquet(space.processed / "forecast_draws.parquet")
    assert len(table) == 1500 * 41 * (3 * 2 + 1)
    column = table.query("scenario_id == 'constant_power' and form == 'reducible' and horizon == 5")["value"]
    cells = done.forecast.query(
        "scenario_id == 'constant_power' and target == 'reducible_loss' and anchor == 'within_range' and "
        "horizon == 5 and output_type == 'quantile'"
    )
    np.testing.assert_array_equal(cells["value"], np.quantile(column, cells["output_type_id"]))
    assert not (done.space.processed / "forecast_draws.parquet").exists()


def test_a_family_the_rule_leaves_out_is_named_with_the_reason_and_not_drawn(tmp_path):
    document, draws = kappa_files()
    for item in document["estimates"]:
        if item["group"] == "pooled" and item["form"] == "chinchilla":
            item["diagnostics"]["groups"][2]["verdict"] = "contradicted_by_cutoff"
    space = workspace(tmp_path, kappa=(document, draws), draws=600)
    forecast.run(space)
    pools = storage.read_json(space.processed / "scenarios.json")["pools"]
    assert (
        pools["reducible"]["groups"][2] | {"group": "beta_two", "verdict": "contradicted_by_cutoff"}
        == (pools["reducible"]["groups"][2])
    )
    rows = storage.read_parquet(space.processed / "forecast.parquet")
    assert set(rows.loc[rows["target"] == "loss", "group"]) == {"alpha_one", "beta_one"}


def test_what_is_missing_or_refused_stops_in_words(tmp_path):
    refused = kappa_files(refused=tuple(group for group, *_ in GROUPS))
    with pytest.raises(NotTrustworthy, match="fewer than two independent families speak"):
        forecast.run(workspace(tmp_path / "a", kappa=refused))
    space = workspace(tmp_path / "b")
    (space.processed / "gamma_draws.parquet").unlink()
    with pytest.raises(InputMissing, match=r"gamma_draws\.parquet is missing"):
        forecast.run(space)
    scenarios = (ScenarioParams(name="static", gamma=0.0), ScenarioParams(name="gone", route="Z"))
    space = workspace(tmp_path / "c", scenarios=scenarios, draws=600)
    assert forecast.run(space)["scenarios"] == 1
    left_out = storage.read_json(space.processed / "scenarios.json")["left_out"]
    assert left_out == {"gone": "scenario gone needs route.Z, and this quarter has no draws of it"}


def test_an_early_quarter_does_with_what_it_has(tmp_path):
    """No frontier level, no long run: the anchors and scenarios that need them are left out with the reason."""
    gamma_document, gamma_draws = gamma_files()
    scenarios = (
        ScenarioParams(name="static", gamma=0.0),
        ScenarioParams(name="m", gamma=1.0, baseline_years="measured"),
    )
    space = workspace(
        tmp_path,
        gamma=(gamma_document, gamma_draws.drop(columns="level.frontier_compute_log2_flop")),
        scenarios=scenarios,
        nats_anchors=("within_range",),
        draws=600,
        long_run_flop=1e29,
    )
    forecast.run(space)
    anchors = storage.read_json(space.processed / "anchors.json")
    assert [item["name"] for item in anchors["anchors"]] == ["within_range"]
    assert anchors["left_out"] == {"frontier_trend": "this quarter has no draws of level.frontier_compute_log2_flop"}
    assert anchors["baseline_years"]["measured"] is None
    left_out = storage.read_json(space.processed / "scenarios.json")["left_out"]
    assert left_out == {"m": "scenario m needs the measured baseline years, and no run's duration is known"}
    assert storage.read_json(space.processed / "headline.json") == []
