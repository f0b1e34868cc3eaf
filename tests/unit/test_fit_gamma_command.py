"""race fit gamma: any dated table, in and out."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import statsmodels.api as sm
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.commands import fit_gamma
from race_to_efficiency.errors import DataInvalid, NotTrustworthy, UsageError
from race_to_efficiency.own_tables.table_rows import Question, read_rows
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def app():
    application = typer.Typer()
    application.callback()(lambda: None)
    fit_gamma.register(application)
    return application


def write(path, header, rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def call(app, *words):
    return CliRunner().invoke(app, ["gamma", *map(str, words)], catch_exceptions=True)


def fitted(app, *words, code=0):
    done = call(app, *words, "--json", "--draws", 400)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def trend(seed=0, count=40, rate=0.5):
    rng = np.random.default_rng(seed)
    years = np.sort(rng.uniform(2010, 2024, count))
    return years, 1e12 * 2.0 ** (rate * (years - 2017) + rng.normal(0, 0.4, count))


def test_a_mean_trend_is_statsmodels(app, tmp_path):
    years, values = trend()
    file = write(tmp_path / "t.csv", ["year", "speed"], zip(years, values, strict=True))
    document = fitted(app, file, "--date", "year", "--value", "speed")
    estimate = document["estimates"][0]
    theirs = sm.OLS(np.log2(values), sm.add_constant(years - years.mean())).fit()
    assert estimate["value"] == pytest.approx(theirs.params[1], rel=1e-9)
    first = estimate["intervals"][0]
    assert first["method"] == "ols"
    assert (first["low"], first["high"]) == pytest.approx(tuple(theirs.conf_int()[1]), rel=1e-6)
    assert estimate["n_rows"] == 40
    assert estimate["status"] == "trusted"
    assert document["account"] == {"read": 40, "used": 40, "outside_window": 0, "missing": 0, "quarantined": 0}
    time, factor = estimate["diagnostics"]["doubling_time"], estimate["diagnostics"]["factor_per_year"]
    assert time["value"] == pytest.approx(12 / estimate["value"])
    assert time["low"] < time["value"] < time["high"]
    assert (time["low"], time["high"]) == pytest.approx((12 / first["high"], 12 / first["low"]))
    assert factor["low"] < factor["value"] < factor["high"]
    Estimate.from_json(estimate)


def test_clusters_widen_the_first_interval(app, tmp_path):
    rng = np.random.default_rng(1)
    label = np.repeat(np.arange(12), 6)
    years = 2015 + np.repeat(rng.uniform(0, 8, 12), 6) + rng.uniform(0, 0.5, 72)
    values = 2.0 ** (0.3 * years - 600 + rng.normal(0, 1, 12)[label])
    rows = zip(years, values, label, strict=True)
    file = write(tmp_path / "t.csv", ["d", "v", "lab"], rows)
    estimate = fitted(app, file, "--date", "d", "--value", "v", "--cluster", "lab")["estimates"][0]
    spans = {item["method"]: item["high"] - item["low"] for item in estimate["intervals"] if item["level"] == 0.95}
    assert estimate["intervals"][0]["method"] == "cluster"
    assert estimate["n_clusters"] == 12
    assert spans["cluster"] > 1.3 * spans["ols"]


def test_each_group_is_fitted_alone(app, tmp_path):
    rows = [
        (year, value, name)
        for name, rate in (("b", 1.0), ("a", 0.2))
        for year, value in zip(*trend(2, 30, rate), strict=True)
    ]
    rows += [(2020.5, 1.0, "small"), (2021.5, 2.0, "small")]
    file = write(tmp_path / "t.csv", ["d", "v", "g"], rows)
    found = {
        item["group"]: item for item in fitted(app, file, "--date", "d", "--value", "v", "--group", "g")["estimates"]
    }
    assert list(found) == ["a", "b", "small"]
    assert found["b"]["value"] - found["a"]["value"] == pytest.approx(0.8, abs=1e-9)
    assert found["small"]["status"] == "refused"
    assert found["small"]["value"] is None
    assert found["a"]["id"] == "gamma.a.v.mean"


def test_frontier_and_quantile(app, tmp_path):
    years, values = trend(3, 60)
    file = write(tmp_path / "t.csv", ["d", "v"], zip(years, values, strict=True))
    records = np.concatenate([[True], values[1:] > np.maximum.accumulate(values)[:-1]])
    frontier = fitted(app, file, "--date", "d", "--value", "v", "--estimator", "frontier")["estimates"][0]
    assert frontier["value"] == pytest.approx(np.polyfit(years[records], np.log2(values[records]), 1)[0], rel=1e-8)
    quantile = fitted(app, file, "--date", "d", "--value", "v", "--estimator", "quantile", "--quantile", 0.75)
    theirs = sm.QuantReg(np.log2(values), sm.add_constant(years - years.mean())).fit(q=0.75, max_iter=5000)
    assert quantile["estimates"][0]["value"] == pytest.approx(theirs.params[1], abs=3e-3)
    assert quantile["estimates"][0]["estimator"] == "quantile_0.75"


def test_smaller_is_better(app, tmp_path):
    years, values = trend(4, 40)
    up = write(tmp_path / "up.csv", ["d", "v"], zip(years, values, strict=True))
    down = write(tmp_path / "down.csv", ["d", "v"], zip(years, 1 / values, strict=True))
    for estimator in ("mean", "frontier"):
        one = fitted(app, up, "--date", "d", "--value", "v", "--estimator", estimator)["estimates"][0]
        two = fitted(app, down, "--date", "d", "--value", "v", "--estimator", estimator, "--falling")["estimates"][0]
        assert two["value"] == pytest.approx(one["value"], rel=1e-9)
    falling = fitted(app, down, "--date", "d", "--value", "v")["estimates"][0]
    time = falling["diagnostics"]["doubling_time"]
    assert falling["value"] < 0
    assert time["low"] < time["value"] < time["high"] < 0


def test_a_rate_that_may_be_zero_has_two_pieces_of_doubling_times(app, tmp_path):
    rng = np.random.default_rng(5)
    rows = [(year, 2.0 ** rng.normal()) for year in np.linspace(2015, 2024, 20)]
    file = write(tmp_path / "t.csv", ["d", "v"], rows)
    estimate = fitted(app, file, "--date", "d", "--value", "v")["estimates"][0]
    time = estimate["diagnostics"]["doubling_time"]
    assert estimate["intervals"][0]["low"] < 0 < estimate["intervals"][0]["high"]
    assert (time["low"], time["high"]) == (None, None)
    (a, b), (c, d) = time["intervals"]
    assert (a, d) == (None, None)
    assert b < 0 < c


def test_six_rows_are_weak_and_say_what_their_interval_is_worth(app, tmp_path):
    rows = [
        ("2012-06-01", 1),
        ("2014-09-01", 2.1),
        ("2015-12-01", 4.4),
        ("2017-01-01", 9),
        ("2018-03-01", 18),
        ("2019-05-01", 44),
    ]
    file = write(tmp_path / "t.csv", ["date", "factor"], rows)
    estimate = fitted(app, file, "--date", "date", "--value", "factor")["estimates"][0]
    assert estimate["status"] == "weak"
    assert any("only 6 rows" in reason for reason in estimate["reasons"])
    assert any("covers" in reason for reason in estimate["reasons"])
    assert 0.85 < estimate["diagnostics"]["stated_coverage"] < 1.0


def test_too_few_rows_exit_4_and_still_print_json(app, tmp_path):
    file = write(tmp_path / "t.csv", ["d", "v"], [("2020-01-01", 1), ("2021-01-01", 2), ("2022-01-01", 4)])
    document = fitted(app, file, "--date", "d", "--value", "v", code=4)
    assert document["estimates"][0]["status"] == "refused"
    assert document["estimates"][0]["reasons"]
    done = call(app, file, "--date", "d", "--value", "v")
    assert isinstance(done.exception, NotTrustworthy)
    assert done.exception.exit_code == 4


def test_bad_rows_are_set_aside_one_by_one(app, tmp_path):
    years, values = trend(6, 20)
    good = [(f"{year:.4f}", f"{value:.6e}", "x") for year, value in zip(years, values, strict=True)]
    bad = [
        ("2020.5", "0", "x"),
        ("2020.5", "-3", "x"),
        ("2020.5", "n/a", "x"),
        ("someday", "3", "x"),
        ("2020.5", "inf", "x"),
        ("2020.5", "1e999", "x"),
        ("2020.5", "", "x"),
        ("", "3", "x"),
        ("2020.5",),
    ]
    file = write(tmp_path / "t.csv", ["d", "v", "note"], [*good[:10], *bad, *good[10:]])
    document = fitted(app, file, "--date", "d", "--value", "v")
    clean = write(tmp_path / "clean.csv", ["d", "v", "note"], good)
    expected = fitted(app, clean, "--date", "d", "--value", "v")["estimates"][0]
    assert document["estimates"][0]["value"] == expected["value"]
    assert document["account"] == {"read": 29, "used": 20, "outside_window": 0, "missing": 3, "quarantined": 6}
    assert [item["line"] for item in document["quarantined"]] == [12, 13, 15, 16, 17, 20]
    for item in document["quarantined"]:
        assert set(item) == {"file", "line", "column", "value", "rule", "remedy"}
        assert item["rule"]
        assert item["remedy"]


def test_thousands_separators_and_quoted_cells_with_line_breaks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('Release  date,"FP32\n(FLOP/s)"\n2020-01-01,"1,234,000"\n"2021-01-01","2e6"\n', encoding="utf-8")
    table = read_rows(path, Question("Release date", "FP32 (FLOP/s)"))
    assert (2**table.log2_value).tolist() == pytest.approx([1_234_000, 2_000_000])
    assert table.line.tolist() == [3, 4]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("\ufeffd,v\n2020-01-01,1\n".encode())
    assert read_rows(path, Question("d", "v")).n_read == 1


def test_a_column_that_is_not_there_lists_those_that_are(app, tmp_path):
    file = write(tmp_path / "t.csv", ["day", "speed"], [("2020-01-01", 1)])
    done = call(app, file, "--date", "date", "--value", "speed")
    assert isinstance(done.exception, UsageError)
    assert "'day', 'speed'" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "words", "error"),
    [
        ("", ("--date", "d", "--value", "v"), DataInvalid),
        ("d,v,v\n2020-01-01,1,2\n", ("--date", "d", "--value", "v"), DataInvalid),
        ("d;v\n2020-01-01;1\n", ("--date", "d", "--value", "w"), UsageError),
        ("d,v\n2020-01-01,1\n", ("--date", "d", "--value", "v", "--estimator", "median"), UsageError),
        ("d,v\n2020-01-01,1\n", ("--date", "d", "--value", "v", "--quantile", "2"), UsageError),
        ("d,v\n2020-01-01,1\n", ("--date", "d", "--value", "v", "--start", "2020"), UsageError),
        ("d,v\n2020-01-01,1\n", ("--date", "d", "--value", "v", "--date-order", "up"), UsageError),
        ("d,v\nsoon,1\n", ("--date", "d", "--value", "v"), DataInvalid),
    ],
)
def test_wrong_calls_and_wrong_files_are_told_apart(app, tmp_path, text, words, error):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    done = call(app, path, *words)
    assert isinstance(done.exception, error), done.output


def test_a_missing_file_says_so(app, tmp_path):
    done = call(app, tmp_path / "none.csv", "--date", "d", "--value", "v")
    assert done.exception.exit_code == 6


def test_the_window_is_cut_at_both_ends(app, tmp_path):
    file = write(tmp_path / "t.csv", ["d", "v"], [(f"20{year}-06-01", 2.0**year) for year in range(10, 26)])
    document = fitted(app, file, "--date", "d", "--value", "v", "--start", "2012-06-01", "--end", "2020-06-01")
    assert document["account"]["used"] == 9
    assert document["account"]["outside_window"] == 7
    assert document["estimates"][0]["window"] == ["2012-06-01", "2020-06-01"]
    assert document["estimates"][0]["value"] == pytest.approx(1.0, abs=1e-3)


def test_truncation_is_undone(app, tmp_path):
    rng = np.random.default_rng(8)
    years = rng.uniform(2016, 2024, 600)
    values = 0.4 * (years - 2016) + rng.normal(0, 0.7, 600)
    kept = values > 1.0
    file = write(tmp_path / "t.csv", ["d", "v"], zip(years[kept], 2.0 ** values[kept], strict=True))
    words = (file, "--date", "d", "--value", "v")
    naive = fitted(app, *words)["estimates"][0]
    honest = fitted(app, *words, "--truncated-below", 2.0)["estimates"][0]
    assert naive["value"] < 0.34
    assert honest["intervals"][0]["low"] < 0.4 < honest["intervals"][0]["high"]
    assert honest["estimator"] == "mean_truncated"
    done = call(app, *words, "--truncated-below", 2.0, "--censored-below", 2.0)
    assert isinstance(done.exception, UsageError)


def test_two_calls_print_the_same_bytes(app, tmp_path):
    file = write(tmp_path / "t.csv", ["d", "v"], zip(*trend(9, 30), strict=True))
    words = (file, "--date", "d", "--value", "v", "--estimator", "frontier", "--json")
    assert call(app, *words).stdout == call(app, *words).stdout


def test_the_screen_says_the_rate_in_three_units_its_grade_and_why(app, tmp_path):
    file = write(
        tmp_path / "t.csv", ["d", "v"], [(f"20{year}-06-01", 2.0 ** (year / 2) + year % 2) for year in range(12, 19)]
    )
    done = call(app, file, "--date", "d", "--value", "v")
    assert done.exit_code == 0
    for words in ("doublings/yr", "months", "a year", "medium confidence", "only 7 rows"):
        assert words in done.output


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(st.tuples(st.floats(1990, 2030), st.floats(1e-6, 1e30)), min_size=0, max_size=12),
    st.sampled_from(["mean", "frontier"]),
)
def test_any_table_gets_a_number_or_a_reason(app, tmp_path, rows, estimator):
    file = write(tmp_path / "t.csv", ["d", "v"], [(f"{year:.4f}", repr(value)) for year, value in rows])
    done = call(app, file, "--date", "d", "--value", "v", "--estimator", estimator, "--json", "--draws", 100)
    assert done.exit_code in (0, 3, 4), done.output
    for item in json.loads(done.stdout)["estimates"]:
        estimate = Estimate.from_json(item)
        assert estimate.status == "refused" or np.isfinite(estimate.value)
        assert estimate.status == "trusted" or estimate.reasons
