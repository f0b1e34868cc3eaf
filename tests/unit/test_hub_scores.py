"""Anybody's forecasts in hubverse columns, against scoringutils' documented examples, scoringrules and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import cli, storage
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.evaluation.effective_n import effective_n
from race_to_efficiency.evaluation.hub_scores import (
    METRICS,
    hub_summary,
    independent,
    relative_skill,
    score_units,
    step_bias,
)
from race_to_efficiency.evaluation.hub_table import read_forecasts
from race_to_efficiency.evaluation.scoring import LEVELS, weighted_interval_score

TASK = ("reference_date", "horizon", "target_end_date", "location")

# scoringutils 2.1, documentation of wis(): three forecasts and what it returns
OBSERVED = [1.0, -15.0, 22.0]
PREDICTED = [[-1.0, 0.0, 1.0, 2.0, 3.0], [-2.0, 1.0, 2.0, 2.0, 4.0], [-2.0, 0.0, 3.0, 3.0, 4.0]]
QUANTILE_LEVEL = [0.1, 0.25, 0.5, 0.75, 0.9]
DOCUMENTED_WIS = [0.36, 15.34, 19.14]

# scoringutils 1.1, documentation of bias_quantile(): one forecast at 23 levels, and what it returns
BIAS_OBSERVED, DOCUMENTED_BIAS = 8062.0, -0.8
BIAS_PREDICTED = [
    705.5, 1127.0, 4006.25, 4341.5, 4709.0, 4821.996, 5340.5, 5451.0, 5703.5, 6087.014, 6329.5, 6341.0, 6352.5,
    6594.986, 6978.5, 7231.0, 7341.5, 7860.004, 7973.0, 8340.5, 8675.75, 11555.0, 11976.5,
]  # fmt: skip


def long(model: str, observed: list[float], predicted: list[list[float]], levels: list[float]) -> pd.DataFrame:
    """Return forecasts a week ahead, one a week, in hubverse columns with the outcome beside."""
    rows = [
        {
            "model_id": model,
            "reference_date": str(pd.Timestamp("2024-01-06") + pd.Timedelta(7 * k, "D"))[:10],
            "horizon": 1,
            "target_end_date": str(pd.Timestamp("2024-01-13") + pd.Timedelta(7 * k, "D"))[:10],
            "location": "X",
            "output_type": "quantile",
            "output_type_id": level,
            "value": value,
            "observed": observed[k],
        }
        for k, quantiles in enumerate(predicted)
        for level, value in zip(levels, quantiles, strict=True)
    ]
    return pd.DataFrame(rows)


def write(folder: Path, frame: pd.DataFrame, name: str = "forecasts.csv") -> Path:
    path = folder / name
    storage.write_text(path, frame.to_csv(index=False))
    return path


def test_scores_are_the_documented_ones(tmp_path: Path) -> None:
    path = write(tmp_path, long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL))
    units, refused = score_units(read_forecasts(path))
    assert refused == {}
    np.testing.assert_allclose(units["wis"], DOCUMENTED_WIS, rtol=0, atol=1e-9)
    parts = units["overprediction"] + units["underprediction"] + units["dispersion"]
    np.testing.assert_allclose(parts, DOCUMENTED_WIS, rtol=0, atol=1e-9)
    # the first lies on its median, the second below everything, the third above
    np.testing.assert_allclose(units["bias"], [0.0, 1.0, -1.0])
    np.testing.assert_allclose(units["ae_median"], [0.0, 17.0, 19.0])
    assert units["interval_coverage_50"].tolist() == units["interval_coverage_80"].tolist() == [1.0, 0.0, 0.0]
    assert units["interval_coverage_90"].isna().all()


def test_bias_is_the_documented_one() -> None:
    found = step_bias(np.array([BIAS_OBSERVED]), np.array([BIAS_PREDICTED]), np.array(LEVELS))
    np.testing.assert_allclose(found, [DOCUMENTED_BIAS], rtol=0, atol=1e-9)


@given(st.integers(0, 5000), st.integers(2, 5))
def test_parts_of_the_score_are_scoringrules(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y, q = rng.normal(size=n), np.sort(rng.normal(size=(n, 23)), axis=1)
    found = weighted_interval_score(y, q)
    alpha = 2 * np.array(LEVELS[:11])
    low, high, middle = q[:, :11], q[:, :11:-1], q[:, 11]

    def together(outcome: np.ndarray) -> np.ndarray:
        each = scoringrules.interval_score(outcome, low, high, alpha, backend="numpy")
        return (0.5 * np.abs(outcome - middle) + (each * alpha / 2).sum(axis=1)) / 11.5

    # an outcome on the median costs the width alone; what another costs beyond that lies on its side
    width, beyond = together(middle), together(y) - together(middle)
    np.testing.assert_allclose(found.dispersion, width, rtol=1e-12)
    np.testing.assert_allclose(found.overprediction, np.where(y < middle, beyond, 0.0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.underprediction, np.where(y > middle, beyond, 0.0), rtol=1e-9, atol=1e-12)


def test_outcomes_may_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    whole = long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL)
    path = write(tmp_path, whole.drop(columns="observed"))
    known = (
        whole[["target_end_date", "location", "observed"]]
        .drop_duplicates()
        .rename(columns={"observed": "oracle_value"})
    )
    outcomes = write(tmp_path, known, "oracle-output.csv")
    units, _ = score_units(read_forecasts(path, outcomes))
    np.testing.assert_allclose(units["wis"], DOCUMENTED_WIS, rtol=0, atol=1e-9)
    # one outcome not there yet: that forecast waits
    later, refused = score_units(read_forecasts(path, write(tmp_path, known.iloc[:2], "two.csv")))
    assert len(later) == 2
    assert refused == {"no outcome": 1}
    with pytest.raises(DataInvalid, match="has no column oracle_value"):
        read_forecasts(path)
    with pytest.raises(DataInvalid, match="shares no column"):
        read_forecasts(path, write(tmp_path, known[["oracle_value"]], "bare.csv"))
    twice = pd.concat([known, known.assign(oracle_value=7.0)])
    with pytest.raises(DataInvalid, match="two outcomes for one task"):
        read_forecasts(path, write(tmp_path, twice, "twice.csv"))


def test_scoringutils_own_names_are_read(tmp_path: Path) -> None:
    names = {"model_id": "model", "output_type_id": "quantile_level", "value": "predicted"}
    frame = long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL).rename(columns=names).drop(columns="output_type")
    units, _ = score_units(read_forecasts(write(tmp_path, frame)))
    np.testing.assert_allclose(units["wis"], DOCUMENTED_WIS, rtol=0, atol=1e-9)


def test_what_cannot_be_scored_is_said(tmp_path: Path) -> None:
    whole = long("a", [*OBSERVED, 1.0, 1.0, 1.0], [*PREDICTED, *PREDICTED], QUANTILE_LEVEL)
    week = whole["reference_date"].to_numpy()
    weeks = sorted(set(week))
    bad = whole[~((week == weeks[0]) & (whole["output_type_id"] == 0.9))]  # one level short
    bad = bad.assign(
        value=bad["value"].where(~((bad["reference_date"] == weeks[1]) & (bad["output_type_id"] == 0.1)), 99.0)
    )
    bad = pd.concat([bad, bad[bad["reference_date"] == weeks[2]].head(1)])
    mean = whole.head(1).assign(output_type="mean", output_type_id="")
    text = pd.concat([bad, mean, whole.tail(1).assign(value="many", reference_date="2030-01-01")])
    found = read_forecasts(write(tmp_path, text))
    assert found.set_aside == {"no quantile": 1, "not a number": 1}
    units, refused = score_units(found)
    assert len(units) == 3
    assert refused == {
        "levels not symmetric about a median": 1,
        "quantiles cross": 1,
        "a level stands twice": 1,
    }


def test_levels_in_per_cent_are_named(tmp_path: Path) -> None:
    frame = long("a", OBSERVED, PREDICTED, [100 * level for level in QUANTILE_LEVEL])
    units, refused = score_units(read_forecasts(write(tmp_path, frame)))
    assert len(units) == 0
    assert refused == {"levels above 1: write .975, not 97.5": len(OBSERVED)}


@pytest.mark.parametrize("name", ["model", "level", "predicted", "observed", "unit", "place", "wis", "bias"])
def test_a_column_of_the_task_may_be_called_as_one_of_ours(tmp_path: Path, name: str) -> None:
    frame = long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL).rename(columns={"observed": "oracle_value"})
    path = write(tmp_path, frame.assign(**{name: "x"}))
    units, refused = score_units(read_forecasts(path))
    assert refused == {}
    np.testing.assert_allclose(units["wis"].mean(), np.mean(DOCUMENTED_WIS))
    outcomes = write(tmp_path, frame.assign(**{name: "x"}).drop(columns=["value", "output_type_id"]), "outcomes.csv")
    again, _ = score_units(read_forecasts(path, outcomes))
    np.testing.assert_allclose(again["wis"], units["wis"])
    assert cli.main(["score", str(path), "--json"]) == 0


def test_a_date_that_is_none_sets_its_rows_aside(tmp_path: Path) -> None:
    frame = long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL)
    frame["target_end_date"] = "March 5, 2024"
    frame.loc[: len(QUANTILE_LEVEL) - 1, "target_end_date"] = "1_000"
    found = read_forecasts(write(tmp_path, frame))
    assert found.set_aside == {"no date": len(QUANTILE_LEVEL)}
    assert set(found.rows["target_end_date"]) == {"2024-03-05"}
    assert cli.main(["score", str(write(tmp_path, frame)), "--json"]) == 0


def test_doublings_are_scored_on_request(tmp_path: Path) -> None:
    levels, q = QUANTILE_LEVEL, [[1.0, 2.0, 4.0, 8.0, 16.0], [-1.0, 2.0, 4.0, 8.0, 16.0]]
    found = read_forecasts(write(tmp_path, long("a", [2.0, 2.0], q, levels)))
    units, refused = score_units(found, log2=True)
    expected = weighted_interval_score([1.0], [[0.0, 1.0, 2.0, 3.0, 4.0]], levels).wis
    np.testing.assert_allclose(units["wis"], expected)
    assert refused == {"not positive": 1}


def test_relative_skill_by_hand(tmp_path: Path) -> None:
    """Mean scores 1, 2 and 4 on the same tasks: ratios 1, 1/2, 1/4 give the geometric mean 1/2 for the best."""
    frames = []
    for model, error in (("a", 1.0), ("b", 2.0), ("c", 4.0)):
        frames.append(long(model, [0.0, 0.0], [[error] * 5, [error] * 5], QUANTILE_LEVEL))
    units, _ = score_units(read_forecasts(write(tmp_path, pd.concat(frames))))
    found = relative_skill(units, TASK)
    assert found == pytest.approx({"a": 0.5, "b": 1.0, "c": 2.0})
    rows = hub_summary(units, TASK, baseline="b")
    assert [row["model"] for row in rows] == ["a", "b", "c"]
    assert [row["scaled_relative_skill"] for row in rows] == pytest.approx([0.5, 1.0, 2.0])
    # compared where both have forecast: a task of c's own changes nothing
    own = long("c", [0.0, 0.0, 0.0], [[4.0] * 5, [4.0] * 5, [99.0] * 5], QUANTILE_LEVEL)
    units, _ = score_units(read_forecasts(write(tmp_path, pd.concat([*frames[:2], own]))))
    assert relative_skill(units, TASK) == pytest.approx(found)


def test_series_count_apart_and_overlapping_windows_together() -> None:
    weeks = pd.date_range("2024-01-06", periods=6, freq="7D")
    end = weeks + pd.Timedelta(28, "D")
    rows = pd.DataFrame({"reference_date": weeks.astype(str), "target_end_date": end.astype(str), "location": "X"})
    task = ("reference_date", "target_end_date", "location")
    alone = independent(rows, task)
    years = weeks.to_numpy("datetime64[D]").astype(float) / 365.25
    expected = effective_n([f"{k}" for k in range(6)], years, years + 28 / 365.25, np.ones(6))
    assert alone == pytest.approx(expected)
    assert 1.5 < alone < 3.0
    assert independent(pd.concat([rows, rows.assign(location="Y")]), task) == pytest.approx(2 * alone)
    assert independent(rows[["location", "target_end_date"]], ("location", "target_end_date")) == 6.0


def test_the_command_prints_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL))
    assert cli.main(["score", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"][0]["wis"] == pytest.approx(np.mean(DOCUMENTED_WIS))
    assert set(METRICS) <= set(found["models"][0])
    assert cli.main(["score", str(path)]) == 0
    assert "3 forecasts" in capsys.readouterr().out
    assert cli.main(["score", str(path), "--baseline", "nobody"]) == UsageError.exit_code
    assert "the models are a" in capsys.readouterr().err
    none = write(tmp_path, long("a", OBSERVED, PREDICTED, QUANTILE_LEVEL).assign(observed=""), "none.csv")
    assert cli.main(["score", str(none)]) == DataInvalid.exit_code
    assert "3 no outcome" in capsys.readouterr().err
    assert cli.main(["score", str(tmp_path / "gone.csv")]) == 6
