"""``import race_to_efficiency as race``: the same numbers as the command's, from frames, arrays and files."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from importlib import import_module

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
from quick_fits import asked_forms_alone, equal_rows_once
from race_to_efficiency import cli, storage
from race_to_efficiency.api import facts
from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
from race_to_efficiency.calibration.kappa.forms import POWER_LAW
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.calibration.kappa.prediction import predicted
from race_to_efficiency.errors import DataInvalid, InputMissing, NotTrustworthy, UsageError
from runs_for_tests import law, simulated
from scipy.stats import norm, t

BOOT = 100

QUANTILES = {
    "model_id": ["a"] * 3 + ["b"] * 3,
    "horizon": [1] * 6,
    "output_type_id": [0.25, 0.5, 0.75] * 2,
    "value": [1.0, 2.0, 4.0, 2.0, 3.0, 5.0],
    "observed": [3.0] * 6,
}


@pytest.fixture(scope="module", autouse=True)
def _one_fit():
    """Ways to hand the same runs over are compared: equal rows are fitted once, and no form that is not asked for."""
    with asked_forms_alone(), equal_rows_once():
        yield


@pytest.fixture(scope="module")
def runs():
    params, tokens, loss = simulated(1, n=60)
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": loss})


@pytest.fixture(scope="module")
def fit(runs):
    return race.fit_kappa(runs, name="runs.csv", bootstrap=BOOT, compare=True)


@pytest.fixture(scope="module")
def chips():
    year = np.round(np.arange(2008, 2024, 0.4), 3)
    noise = np.random.default_rng(1).normal(0, 0.3, len(year))
    return pd.DataFrame({"day": year, "speed": 2.0 ** (0.4 * (year - 2008) + noise)})


def printed(capsys, *words):
    code = cli.main([*map(str, words), "--json"])
    out = capsys.readouterr().out
    assert code == 0, out
    return json.loads(out)


def close(ours, theirs):
    """Two documents are the same, their numbers to 1e-12."""
    if isinstance(ours, dict):
        assert set(ours) == set(theirs)
        return all(close(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        assert len(ours) == len(theirs)
        return all(close(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, float) and theirs is not None and np.isfinite(ours):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=0)
        return True
    assert ours == theirs or theirs is None
    return True


def plain(document):
    return json.loads(storage.dumps(document))


def test_the_command_prints_the_numbers_of_the_library(capsys, tmp_path, runs, fit, chips):
    runs.to_csv(tmp_path / "runs.csv", index=False)
    chips.to_csv(tmp_path / "chips.csv", index=False)
    assert close(
        plain(fit.to_json()), printed(capsys, "fit", "kappa", tmp_path / "runs.csv", "--bootstrap", BOOT, "--compare")
    )
    rate = race.fit_gamma(chips, name="chips.csv", date="day", value="speed", draws=200)
    words = ("--date", "day", "--value", "speed", "--draws", 200)
    assert close(plain(rate.to_json()), printed(capsys, "fit", "gamma", tmp_path / "chips.csv", *words))
    saved = fit.save(tmp_path / "fit.json")
    for says, asked in (
        (race.predict_loss(fit, compute=[1e22, 1e23]), ("--compute", 1e22, "--compute", 1e23)),
        (race.predict_loss(fit, compute=1e22, form="floor"), ("--compute", 1e22, "--form", "floor")),
        (race.predict_loss(fit, 1e10, 1e11, level=0.8), ("--params", 1e10, "--tokens", 1e11, "--level", 0.8)),
        (race.optimal_allocation(fit, 1e23), ("--budget", 1e23)),
    ):
        assert close(plain(says.to_json()), printed(capsys, "predict", "--fit", saved, *asked))
    pd.DataFrame(QUANTILES).to_csv(tmp_path / "forecasts.csv", index=False)
    scored = race.score(QUANTILES, baseline="a")
    assert close(plain(scored.to_json()), printed(capsys, "score", tmp_path / "forecasts.csv", "--baseline", "a"))
    both = printed(capsys, "predict", "--kappa", "0.05", "--gamma", "2", "--t", 1, "--t", 5)
    assert [row["relative_loss"] for row in both["results"]] == race.relative_loss([1, 5], 0.05, 2.0).tolist()


def test_frames_arrays_and_files_give_one_fit(tmp_path, runs):
    runs.to_parquet(tmp_path / "runs.parquet")
    given = {"forms": "power_law", "bootstrap": BOOT}
    whole = plain(race.fit_kappa(tmp_path / "runs.parquet", **given).to_json())
    written = runs.assign(loss=runs["loss"].map(repr), tokens=runs["tokens"].astype("Float64"))
    grouped = runs.set_index([name for name in runs if name != "loss"])
    levels = runs.set_axis(pd.MultiIndex.from_tuples([("run", name, "") for name in runs]), axis=1)
    arrays = {name: runs[name].to_numpy() for name in runs}
    for data in (runs, dict(runs.items()), arrays, runs.convert_dtypes(), runs.to_dict("records"), levels,
                 runs.to_records(index=False), grouped, grouped["loss"], runs.rename_axis("loss")):  # fmt: skip
        assert plain(race.fit_kappa(data, name="runs.parquet", **given).to_json()) == whole
    texts = race.fit_kappa(written, name="runs.parquet", **given)
    assert texts.law().kappa == pytest.approx(whole["estimates"][0]["value"], rel=1e-6)


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        (3, UsageError, "type int are no table"),
        ([3, 4], UsageError, "type list are no table"),
        ([{"loss": 3.0}, 4.0], UsageError, "type list are no table"),
        (np.ones((9, 3)), UsageError, "type ndarray are no table"),
        (pd.Series([3.0] * 9, name="loss"), UsageError, "type Series are no table"),
        ({}, DataInvalid, "differ in length"),
        ({"params": [1e8], "tokens": [1e9, 2e9]}, DataInvalid, "params 1, tokens 2"),
        ({"params": np.ones((2, 2))}, DataInvalid, "one-dimensional"),
        ({"params": [1e8] * 9, "tokens": [1e9] * 9, "bpb": [0.9] * 9}, DataInvalid, "columns={'loss': 'bpb'}"),
        ("absent.csv", InputMissing, "absent.csv"),
    ],
)
def test_what_is_no_table_of_runs_is_refused_in_words_a_caller_can_use(data, error, said):
    with pytest.raises(error) as caught:
        race.fit_kappa(data)
    assert said in str(caught.value)
    assert "--" not in str(caught.value)


def test_wrong_arguments_name_themselves(runs, chips):
    for given in ({"forms": "cubic"}, {"loss_unit": "bytes"}, {"frontier": "best"}, {"delta": 0}, {"bootstrap": 5},
                  {"fit_below": 1e9}, {"group": "nobody"}, {"columns": {"loss": "nobody"}}):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            race.fit_kappa(runs, **given)
        assert "--" not in str(caught.value)
    for given in ({"value": "nobody"}, {"quantile": 2.0}, {"start": "soon"}, {"date_order": "up"},
                  {"truncated_below": 1, "censored_below": 1}):  # fmt: skip
        with pytest.raises(UsageError):
            race.fit_gamma(chips, **{"date": "day", "value": "speed", **given})


WRONG = ("x", "", b"x", 1 + 2j, {}, object(), np.array([[1.0, "x"]], dtype=object))


@pytest.mark.parametrize("wrong", WRONG, ids=[type(one).__name__ + str(k) for k, one in enumerate(WRONG)])
def test_an_argument_that_is_no_number_is_refused_by_name(fit, runs, wrong):
    for name, asked in {
        "compute": lambda: race.predict_loss(fit, compute=wrong),
        "tokens": lambda: race.predict_loss(fit, 1e9, wrong),
        "level": lambda: race.optimal_allocation(fit, 1e22, level=wrong),
        "fit_below": lambda: race.fit_kappa(runs, fit_below=wrong),
        "years": lambda: race.forecast(0.05, 2.0, wrong),
        "kappa": lambda: race.forecast(wrong, 2.0, [1.0]),
        "gamma": lambda: race.forecast(0.05, wrong, [1.0]),
    }.items():
        with pytest.raises((UsageError, ValueError), match=rf"{name} must be (a |.*)(number|positive)"):
            asked()


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, np.nan, "0.9"])
def test_a_level_that_is_no_coverage_is_refused(fit, level):
    for asked in (race.predict_loss, race.optimal_allocation):
        with pytest.raises(UsageError, match="level must be a number between 0 and 1"):
            asked(fit, compute=1e22, level=level)


def test_a_prediction_is_graded_by_its_law_and_by_its_distance(fit):
    own = fit.estimate(form="power_law").grade
    largest = fit.law("power_law").ranges["compute_flop"][1]
    far = np.array([0.0, 0.2, 0.9, 2.0, 5.0])
    found = race.predict_loss(fit, compute=largest * 10.0**far, form="power_law")
    steps = own.evidence + own.agreement + np.array([0, 0, 1, 2, 3])
    assert found.grades == tuple(GRADES[min(step, 4)] for step in steps)
    assert [row["grade"] for row in found.to_json()["results"]] == list(found.grades)
    for line, grade in zip(found.summary().splitlines()[1:], found.grades, strict=False):
        assert line.endswith(f"; {grade} confidence")


def test_what_a_notebook_or_a_screen_shows_is_the_grade(fit, chips):
    rate = race.fit_gamma(chips, date="day", value="speed", draws=200)
    for result in (fit, rate, race.predict_loss(fit, compute=[1e22, 1e26])):
        shown = f"{result._repr_html_()} {result.summary()}"
        assert not re.search(r"\b(weak|trusted)\b", shown)
        assert "confidence" in shown
        grades = result.grades if hasattr(result, "grades") else [item.grade.confidence for item in result.estimates]
        assert all(f"<td>{grade}</td>" in shown for grade in grades)
    assert {"status", "grade"} <= set(fit.to_frame()) & set(rate.to_frame())  # programs read both


def test_results_are_frozen_short_and_whole(fit, chips):
    rate = race.fit_gamma(chips, date="day", value="speed", draws=200)
    results = [fit, rate, race.predict_loss(fit, compute=[1e22, 1e23]), race.optimal_allocation(fit, 1e23),
               race.forecast(fit, rate, [1, 2, 5]), race.load_quarter("2026Q1"), race.score(QUANTILES)]  # fmt: skip
    for result in results:
        with pytest.raises(FrozenInstanceError):
            result.name = "other"
        assert len(repr(result)) < 200
        assert "<table" in result._repr_html_()
        frame = result.to_frame()
        assert len(frame)
        assert json.loads(storage.dumps(result.to_json()))
        axes = race.plot(result)
        assert type(axes).__name__ == "Axes"
        assert axes.has_data()
        assert result.summary()
    with pytest.raises(ValueError, match="read-only"):
        fit.law().theta[0] = 1.0
    with pytest.raises(UsageError):
        race.plot("a text")


def test_a_frame_says_of_every_estimate_what_the_estimate_says(fit, chips):
    rate = race.fit_gamma(chips, date="day", value="speed", draws=200)
    for found, named in ((fit, "value"), (rate, "doublings_per_year")):
        rows = found.to_frame().to_dict("records")
        assert len(rows) == len(found.estimates)
        for row, item in zip(rows, found.estimates, strict=True):
            ends = item.interval()
            assert (row[named], row["low"], row["high"]) == (item.value, ends.low, ends.high)
            assert row["low"] < row[named] < row["high"]
            assert (row["n_rows"], row["grade"], row["status"]) == (item.n_rows, item.grade.confidence, item.status)
    refused = race.fit_gamma(chips.iloc[:3], date="day", value="speed", draws=200).to_frame()
    assert refused[["doublings_per_year", "low", "high"]].isna().all(axis=None)


def test_names_that_look_like_mathematics_stand_in_a_picture_as_they_are(tmp_path, runs, chips):
    name = "$\\frac{$"
    for result in (
        race.fit_kappa(runs.assign(part=[name, "b"] * 30), name=name, group="part", forms="power_law", bootstrap=BOOT),
        race.fit_gamma(chips.assign(part=name), name=name, date="day", value="speed", group="part", draws=200),
    ):
        path = tmp_path / "picture.svg"
        with mpl.rc_context({"svg.fonttype": "none"}):
            result.plot().figure.savefig(path)
        assert name in path.read_text(encoding="utf-8")


def test_a_saved_fit_says_what_it_said_before(tmp_path, fit):
    again = race.load_fit(fit.save(tmp_path / "fit.json"))
    for compute in (1e19, 1e24):
        first, second = (race.predict_loss(one, compute=compute).to_frame() for one in (fit, again))
        pd.testing.assert_frame_equal(first, second, rtol=1e-15)
    assert again.to_frame().equals(fit.to_frame())
    document = storage.read_json(tmp_path / "fit.json")
    for change in ({"kind": "other"}, {"laws": [{}]}, {"laws": [{**document["laws"][0], "theta": [-1, 1, 1, 1, 1]}]}):
        storage.write_json(tmp_path / "bad.json", {**document, **change})
        with pytest.raises(DataInvalid):
            race.load_fit(tmp_path / "bad.json")


def test_the_optimum_is_where_no_other_allocation_of_the_budget_does_better(fit):
    best = race.optimal_allocation(fit, 1e22).to_frame().iloc[0]
    sizes = best["params"] * np.geomspace(1 / 3, 3, 401)  # the best itself, and others in steps of 0.6 %
    losses = race.predict_loss(fit, sizes, 1e22 / 6 / sizes).to_frame()["loss"]
    assert sizes[losses.argmin()] == pytest.approx(best["params"], rel=1e-2)
    assert best["loss"] == pytest.approx(losses.min(), rel=1e-9)
    assert best["tokens_per_param"] == pytest.approx(best["tokens"] / best["params"], rel=1e-12)


def test_larger_runs_are_held_out_and_covered(runs):
    spent = np.sort(6 * runs["params"] * runs["tokens"])
    edge = float(spent[30])  # the run at the edge is fitted
    assert race.fit_kappa(runs, fit_below=edge, forms="power_law", bootstrap=BOOT).account["used"] == 31
    found = race.fit_kappa(runs, fit_below=1e21, bootstrap=BOOT)
    rows = {row["form"]: row for row in found.held_out}
    assert set(rows) == {"chinchilla", "floor", "power_law"}
    compute = 6 * runs["params"] * runs["tokens"]
    row = rows["chinchilla"]
    assert (row["n_fitted"], row["n_predicted"]) == ((compute <= 1e21).sum(), (compute > 1e21).sum())
    assert row["coverage"] > 0.8
    assert row["mean_absolute_error"] < 0.02
    assert found.account["used"] + found.account["excluded"] == 60
    by_row = {item["row"]: item for item in row["runs"]}
    for k in np.flatnonzero(compute > 1e21)[:3]:
        item = by_row[f"line {k + 2}"]
        assert item["loss"] == runs["loss"][k]
        said = race.predict_loss(found, runs["params"][k], runs["tokens"][k]).to_frame().iloc[0]
        assert (item["predicted"], item["low"], item["high"]) == pytest.approx(
            (said["loss"], said["loss_new_run_low"], said["loss_new_run_high"]), rel=1e-12
        )
    # a power law is an optimistic or pessimistic tangent beyond its runs: worse than the law that is the truth
    assert abs(rows["power_law"]["mean_error"]) > 3 * abs(row["mean_error"])


def test_decades_beyond_count_six_params_tokens_whatever_the_compute_column_says(runs):
    other = runs.assign(compute_flop=2 * runs["params"] * runs["tokens"])
    found = race.fit_kappa(other, forms="chinchilla", bootstrap=BOOT)
    last = runs.loc[(runs["params"] * runs["tokens"]).idxmax()]
    said = race.predict_loss(found, [last["params"], 10 * last["params"]], last["tokens"]).to_frame()
    assert said["decades_beyond"].tolist() == pytest.approx([0, 1], abs=1e-9)


def test_texts_of_a_frame_are_tidied_and_nothing_stands_for_nothing(runs):
    made = [" a ", None, np.nan, "a"] * 15
    found = race.fit_kappa(runs.assign(made=made), group="made", forms="power_law", bootstrap=BOOT)
    assert found.groups == ("table_a",)
    assert found.account == {"read": 60, "used": 30, "excluded": 30, "quarantined": 0}


def test_a_refused_law_predicts_nothing(runs):
    noise = runs.head(30).assign(loss=np.random.default_rng(3).uniform(2, 4, 30))
    found = race.fit_kappa(noise, bootstrap=BOOT, forms="chinchilla")
    assert found.estimate().status == "refused"
    with pytest.raises((NotTrustworthy, UsageError)):
        race.predict_loss(found, compute=1e23)


def test_bands_are_the_equation_at_every_pair_of_draws(fit, chips):
    rate = race.fit_gamma(chips, date="day", value="speed", draws=200)
    bands = race.forecast(fit, rate, [0, 1, 5])
    kappa, gamma = fit.law("power_law").kappa, rate.estimate().value
    assert bands.point == pytest.approx(race.relative_loss([0, 1, 5], kappa, gamma), rel=1e-12)
    frame = bands.to_frame()
    assert frame.iloc[0, 1:].eq(1.0).all()
    later = frame.iloc[2]
    assert later["low95"] < later["low80"] < later["median"] < later["high80"] < later["high95"]
    low = race.relative_loss(5, fit.draws("power_law")["kappa"].max(), rate.draws[""].max())
    high = race.relative_loss(5, fit.draws("power_law")["kappa"].min(), rate.draws[""].min())
    assert low <= later["low95"] <= later["high95"] <= high
    anchored = race.forecast(fit, rate, [5], anchor_compute=1e22)
    chinchilla = fit.law("chinchilla")
    total = race.predict_loss(fit, compute=1e22).to_frame()["loss"][0]
    assert anchored.inputs["floor"] == pytest.approx(chinchilla.theta[2] / total, rel=1e-9)
    with pytest.raises(UsageError, match="anchor_compute"):
        race.forecast(fit, rate, [5], form="floor")


def test_a_ledger_is_what_was_known_by_a_day_and_a_quarter_what_it_stated():
    now = race.load_ledger("training_runs")
    assert {"run_id", "source_id", "loss_nats"} <= set(now)
    assert len(race.load_ledger("training_runs", as_of="2023-12-31")) < len(now)
    for wrong in ({"table": "nobody"}, {"table": "accelerators", "as_of": "soon"}):
        with pytest.raises(UsageError):
            race.load_ledger(**wrong)
    stated = race.load_quarter("2025Q4")
    published = storage.read_json(race_data() / "published" / "2025Q4.json")
    assert stated.to_json()["statements"] == published["statements"]
    with pytest.raises(InputMissing, match="2026Q1"):
        race.load_quarter("1999Q1")


def race_data():
    return import_module("race_to_efficiency.api.facts").facts_folder()


def test_it_is_imported_at_once_and_lazily():
    program = (
        "import sys, time; start = time.process_time(); import race_to_efficiency as race; "
        "print(time.process_time() - start, 'numpy' in sys.modules, 'pandas' in sys.modules, *race.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, numpy, pandas, *names = done.stdout.split()
    assert float(seconds) < 0.3
    assert (numpy, pandas) == ("False", "False")
    assert len(names) <= 12
    assert set(names) <= set(dir(race))
    with pytest.raises(AttributeError):
        race.nothing  # noqa: B018


@pytest.mark.parametrize("name", race.__all__)
def test_every_public_name_says_its_parameters_and_its_example_runs(name):
    function = getattr(race, name)
    function = function.relative_loss if inspect.ismodule(function) else function
    text = inspect.getdoc(function)
    for part in ("Parameters", "Returns", "Raises", "References", "Examples"):
        assert f"\n{part}\n---" in text, part
    signature = inspect.signature(function)
    described = text.split("Parameters\n---")[1].split("Returns\n---")[0]
    for parameter in signature.parameters:
        assert parameter in described, parameter
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(inspect.unwrap(function), name, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_the_law_it_was_made_with_is_within_its_intervals(fit):
    truth = law(np.array([1e10]), np.array([2e11]))[0]
    said = race.predict_loss(fit, 1e10, 2e11).to_frame().iloc[0]
    assert said["loss_mean_low"] <= truth <= said["loss_mean_high"]
    assert said["loss_new_run_high"] - said["loss_new_run_low"] > 2 * 1.96 * 0.0045 * truth


def normal_law(rows=4000, sd=0.01, models=None):
    """A power law whose refits and residuals are normal with known spreads."""
    rng = np.random.default_rng(5)
    draws = np.stack([3.0 * np.exp(rng.normal(0, 0.004, rows)), np.full(rows, 0.05)], axis=1)
    residuals = rng.normal(0, sd, rows)
    compute = np.geomspace(1e18, 1e21, rows)
    ranges = {"compute_flop": (1e18, 1e21)}
    return Law("g", POWER_LAW, np.array([3.0, 0.05]), draws, residuals, compute, rows, models, ranges, "trusted", ())


def test_the_intervals_of_mean_and_new_run_are_those_of_the_two_spreads_together():
    compute = np.array([1e20, 1e23])
    for level, z in ((0.95, 1.95996), (0.8, 1.28155)):
        found = predicted(normal_law(), [compute], level=level)
        middle = np.log(3.0) - 0.05 * np.log(compute)
        for ends, sd in (((found.mean_low, found.mean_high), 0.004), ((found.new_low, found.new_high), 0.01077)):
            assert np.log(ends[0]) == pytest.approx(middle - z * sd, abs=0.04 * z * sd)
            assert np.log(ends[1]) == pytest.approx(middle + z * sd, abs=0.04 * z * sd)
    assert found.decades_beyond == pytest.approx([0, 2])
    known = Discrepancy.of("power_law", [(f"family {k}", "g", 0.015 * norm.ppf(0.75)) for k in range(5000)])
    off = predicted(replace(normal_law(), discrepancy=known), [compute])
    width = np.log(off.new_high / off.new_low) / 2 / 1.95996
    assert width == pytest.approx([0.01077, np.hypot(0.01077, 0.03)], rel=0.05)
    few = predicted(normal_law(models=5), [compute])
    whole = predicted(normal_law(), [compute])
    assert (few.mean_high - few.mean_low > 1.2 * (whole.mean_high - whole.mean_low)).all()
    few_runs = normal_law(rows=12)
    sure = replace(few_runs, draws=np.tile(few_runs.theta, (12, 1)))
    widest = np.abs(few_runs.residuals).max() * np.sqrt(12 / 10) * t.ppf(0.975, 10) / 1.95996
    found = predicted(sure, [compute], level=1 - 1e-9)
    assert np.log(found.new_high / found.loss) == pytest.approx(widest, rel=1e-4)
    assert np.log(found.loss / found.new_low) == pytest.approx(widest, rel=1e-4)


def test_own_tables_carry_the_discrepancy_of_the_last_publication_and_of_their_own_family_the_others(
    tmp_path, monkeypatch
):
    record = Discrepancy.of("power_law", [("a", "a1", 0.9), ("b", "b1", 0.02), ("c", "c1", 0.02)])
    older = Discrepancy.of("power_law", [("a", "a1", 5.0)])
    for name, stated in (("2025Q4", older), ("2026Q1", record)):
        storage.write_json(tmp_path / "data" / "published" / f"{name}.json", {"discrepancy": [stated.to_json()]})
    storage.write_json(tmp_path / "data" / "published" / "2026Q2.json", {"statements": []})  # says nothing of it
    assert facts.published_discrepancies(tmp_path) == {"power_law": record}
    assert facts.published_discrepancies(tmp_path / "nowhere") == {}
    monkeypatch.setattr(facts, "facts_folder", lambda root=None: tmp_path / "data")
    compute = np.geomspace(1e18, 1e21, 24)
    loss = 3.0 * (compute / 1e20) ** -0.05 * (1 + 0.002 * np.sin(2.4 * np.arange(24)))
    runs = {"compute_flop": compute, "loss": loss, "of": ["a1"] * 24}
    alone = race.fit_kappa({**runs, "of": ["x"] * 24}, forms="power_law", bootstrap=100, group="of")
    own = race.fit_kappa(runs, forms="power_law", bootstrap=100, group="of")
    assert alone.law().discrepancy == record
    assert [item.family for item in own.law().discrepancy.families] == ["b", "c"]
    again = race.load_fit(own.save(tmp_path / "fit.json"))
    found = race.predict_loss(again, compute=[1e20, 1e23], level=0.95)
    assert f"off by {0.02 / norm.ppf(0.75):.2g} of ln(loss) a decade, as the cut-offs of 2 families" in found.notes[-1]
    half = np.log(found.columns["loss_mean_high"] / found.columns["loss"])
    assert half[1] == pytest.approx(2 * 0.02 / norm.ppf(0.75) * t.ppf(0.975, 2), rel=0.03)
    assert half[0] < 0.01
    with_none = replace(own, laws=tuple(replace(law, discrepancy=None) for law in own.laws))
    bare = race.predict_loss(with_none, compute=1e23)
    assert "the intervals take the form as the truth" in bare.notes[-1]
