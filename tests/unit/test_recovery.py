"""The study around the cases: chunks, resuming, workers, pooling, and a table that hides no miss."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cli import main
from race_to_efficiency.executors.place import HERE, Place
from race_to_efficiency.recovery import (
    kappa as recovery_kappa,
)
from race_to_efficiency.recovery import (
    predictive as recovery_predictive,
)
from race_to_efficiency.recovery import (
    study as recovery,
)
from race_to_efficiency.recovery import (
    trends as recovery_trends,
)
from race_to_efficiency.recovery.summary import Quantity, Row, measured, meets_bound, rows_of
from race_to_efficiency.recovery.table import bounds_met, markdown
from scipy import stats

CHEAP = ["joint_floor_2y", "predictive_trend_10"]


def run(tmp_path, cases=CHEAP, n_datasets=120, seed=3, place=HERE):
    told = []
    found = recovery.study(
        cases,
        tmp_path,
        n_datasets=n_datasets,
        seed=seed,
        place=place,
        progress=lambda _left, task: told.append(task),
    )
    return found, [(task.case, task.chunk) for task in told]


def test_every_case_of_every_module_is_in_the_study_and_has_a_bound():
    modules = (recovery_kappa.STUDY, recovery_trends.CASES, recovery_predictive.CASES)
    assert len(set(recovery.EVERY_CASE)) == sum(map(len, modules))
    for name, case in recovery_kappa.STUDY.items():
        assert any(item.low is not None or item.high is not None for item in case.quantities), name


@given(n=st.integers(1, 400))
def test_chunks_hold_every_data_set_once_and_full_ones_do_not_depend_on_the_total(n):
    tasks = recovery.tasks_of(["a"], n, 1, "code")
    assert sum(task.n_datasets for task in tasks) == n
    assert all(0 < task.n_datasets <= recovery.CHUNK for task in tasks)
    longer = {task.key for task in recovery.tasks_of(["a"], n + recovery.CHUNK, 1, "code")}
    assert {task.key for task in tasks if task.n_datasets == recovery.CHUNK} <= longer


def test_two_workers_find_what_one_finds(tmp_path):
    alone, _ = run(tmp_path / "one")
    both, told = run(tmp_path / "two", place=Place(2))
    assert alone == both
    assert sorted(told) == [(case, chunk) for case in CHEAP for chunk in range(3)]


def test_a_study_goes_on_where_it_stopped(tmp_path, monkeypatch):
    first, told = run(tmp_path)
    assert len(told) == 6
    assert run(tmp_path) == (first, [])
    (tmp_path / "predictive_trend_10" / "0001.json").unlink()
    (tmp_path / "joint_floor_2y" / "0002.json").write_text("{ cut o")
    again, told = run(tmp_path)
    assert again == first
    assert sorted(told) == [("joint_floor_2y", 2), ("predictive_trend_10", 1)]
    monkeypatch.setattr(recovery, "cases_digest", lambda: "other code")
    changed, told = run(tmp_path)
    assert len(told) == 6
    assert changed.rows == first.rows
    other, told = run(tmp_path, seed=4)
    assert len(told) == 6
    assert other.rows != first.rows


def test_more_data_sets_keep_the_chunks_there_are(tmp_path):
    run(tmp_path, n_datasets=100)
    _, told = run(tmp_path, n_datasets=200)
    assert sorted(told) == [(case, chunk) for case in CHEAP for chunk in (2, 3)]


def test_the_digest_follows_the_estimators_and_not_the_table(tmp_path, monkeypatch):
    import race_to_efficiency

    package = tmp_path / "race_to_efficiency"
    names = ("calibration/a.py", "evaluation/b.py", "recovery/table.py", "report/c.py", "settings/x.py")
    for name in names:
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("1")
    monkeypatch.setattr(race_to_efficiency, "__file__", str(package / "__init__.py"))
    before = recovery.cases_digest()
    changes = {}
    for name in names:
        (package / name).write_text("2")
        changes[name] = recovery.cases_digest() != before
        (package / name).write_text("1")
    assert changes == dict(zip(names, (True, True, False, False, True), strict=True))


def test_pooled_chunks_are_the_mean_over_data_sets_and_refusals_are_misses():
    parts = [(30, 10, 0.4, 9), (50, 50, -0.1, 40)]  # data sets, answered, bias, covered
    chunks = [
        {
            "n_datasets": n,
            "refused": 1 - answered / n,
            "bias": bias,
            "sd": 0.5,
            "coverage": covered / answered,
            "bounds": {"coverage": 0.92, "bias": 0.01},
            "note": "",
        }
        for n, answered, bias, covered in parts
    ]
    coverage, bias = recovery.case_rows("truncated_50", chunks)
    assert coverage.value == pytest.approx(49 / 80)
    assert coverage.refused == pytest.approx(20 / 80)
    assert bias.value == pytest.approx((10 * 0.4 - 50 * 0.1) / 60)
    rng = np.random.default_rng(1)
    raw = [rng.standard_normal(answered) for _, answered, _, _ in parts]
    raw = [0.5 * (x - x.mean()) / x.std() + bias for x, (_, _, bias, _) in zip(raw, parts, strict=True)]
    assert bias.stderr == pytest.approx(np.concatenate(raw).std() / np.sqrt(60))
    assert (coverage.meets, bias.meets, coverage.bound, coverage.own_bound) == ("no", "no", "5", False)


def test_a_chunk_all_of_whose_data_sets_were_refused_is_pooled_too():
    empty = {"n_datasets": 50, "refused": 1.0, "bias": None, "coverage": None, "bounds": {"coverage": 0.9}, "note": ""}
    (coverage, *_) = recovery.case_rows("records_63", [empty])
    assert (coverage.value, coverage.meets, coverage.refused) == (None, "no", 1.0)


def test_pooling_chunks_of_a_real_case_is_right(tmp_path):
    found, _ = run(tmp_path, cases=["predictive_trend_10"])
    row = found.rows[0]
    kept = [json.loads(path.read_text())["result"] for path in sorted(tmp_path.rglob("*.json"))]
    inside = sum(round(item["coverage"] * item["n_datasets"]) for item in kept)
    assert row.value == pytest.approx(inside / 120)
    assert row.stderr == pytest.approx(np.sqrt(row.value * (1 - row.value) / 120))


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.95, 0.935, 0.965, "yes"),
        (0.935, 0.935, 0.965, "yes"),
        (0.9349, 0.935, 0.965, "no"),
        (0.97, 0.935, 0.965, "no"),
        (0.97, 0.92, None, "yes"),
        (None, 0.92, None, "no"),
        (float("nan"), None, 1.0, "no"),
        (0.5, None, None, "no bound"),
    ],
)
def test_a_bound_is_met_by_the_value_as_it_stands(value, low, high, expected):
    assert meets_bound(value, low, high) == expected


def test_quantities_and_their_errors_against_repeated_studies():
    rng = np.random.default_rng(2)
    quantities = {
        "share": Quantity("q", "hit", "share"),
        "bias": Quantity("q", "x", "bias", truth=2.0),
        "median_bias": Quantity("q", "x", "median_bias", truth=2.0),
        "sd_ratio": Quantity("q", "x", "sd_ratio", other="y"),
    }
    seen = {kind: [] for kind in quantities}
    for _ in range(300):
        x = 2.2 + rng.standard_normal(150)
        y = 0.5 * (x + rng.standard_normal(150))
        columns = {"x": list(x), "y": list(y), "hit": list((x > 2.2).astype(float))}
        for kind, quantity in quantities.items():
            seen[kind].append(measured(quantity, columns))
    truth = {"share": 0.5, "bias": 0.1, "median_bias": 0.1, "sd_ratio": np.sqrt(2.0)}
    for kind, pairs in seen.items():
        values, errors = np.array(pairs).T
        assert values.mean() == pytest.approx(truth[kind], abs=4 * values.std() / np.sqrt(300))
        assert np.median(errors) == pytest.approx(values.std(), rel=0.15)
    pair = measured(Quantity("q", "x", "median"), {"x": [None, 3.0, 1.0, 2.0]})
    assert pair[0] == stats.scoreatpercentile([3.0, 1.0, 2.0], 50)
    assert measured(Quantity("q", "none", "share"), {}) == (None, None)
    assert measured(Quantity("q", "x", "bias"), {"x": [None, None]}) == (None, None)


def test_a_miss_is_shown_counted_and_never_hidden():
    quantities = (
        Quantity("coverage", "hit", "share", 0.9, None),
        Quantity("other", "hit", "share", None, 0.6, own=True),
    )
    rows = rows_of("case_a", "1", quantities, {"hit": [1.0, 0.0], "refused": [0.0, 1.0]})
    study = recovery.Study(tuple(rows), {"case_a": "what it is"}, 2, 1, "abc")
    page = markdown(study, "race recovery")
    assert "| case_a | 1 | coverage | 0.5000 | 0.3536 | at least 0.9 | NO | 50.0% | 2 |" in page
    assert "| at most 0.6 * | yes |" in page
    assert "`case_a`, coverage 0.5000 (at least 0.9, 1.1 s.e. beyond it)" in page
    assert "coverage .935 to .965 | 1 of 2 |" in page
    assert bounds_met(study) == "1 of 2 bounds are met; 1 are missed"
    assert [row.quantity for row in study.failed] == ["coverage"]


def test_a_row_is_json():
    row = Row("a", "1", "q", 0.5, 0.1, None, 0.6, False, "yes", 0.0, 4)
    assert json.loads(json.dumps(row.to_json()))["high"] == 0.6


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("{}")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_answers_in_json_and_a_part_of_the_study_leaves_the_committed_table_alone(checkout, capsys):
    words = ["recovery", "--case", "joint_floor_2y", "--datasets", "5", "--workers", "1"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["value"] for row in answer["rows"]] == [1.0]
    assert answer["n_missed"] == 0
    assert not (checkout / "reports").exists()
    assert main([*words, "--output", "study/there.md"]) == 0
    assert "| joint_floor_2y | 6 | refused | 1.0000 |" in (checkout / "study" / "there.md").read_text()
    assert "written to study/there.md" in capsys.readouterr().out


def test_a_missed_bound_is_a_result_and_a_wrong_word_is_an_error(checkout, capsys):
    # two data sets cannot cover 93.5 to 96.5 %
    assert main(["recovery", "--case", "kappa_clean_20", "--datasets", "2", "--workers", "1"]) == 0
    assert "missed" in capsys.readouterr().out
    assert main(["recovery", "--case", "nothing"]) == 2
    assert main(["recovery", "--case", "joint_floor_2y", "--output", "x.pdf"]) == 2
    assert "there is no case 'nothing'" in capsys.readouterr().err


def test_the_committed_table_holds_every_case(root):
    names = ("recovery.md", "recovery_forms.md", "recovery_larger_runs.md")
    pages = [(root / "reports" / name).read_text() for name in names]
    assert all("Made by `race recovery --datasets" in page for page in pages)
    page = "".join(pages)
    assert [name for name in recovery.EVERY_CASE if f"| {name} |" not in page] == []
    assert "not explained yet" not in page
