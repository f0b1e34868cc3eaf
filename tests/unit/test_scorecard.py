"""The scorecard: shape of its rows, baselines on equal outcomes, pooled losses, plain words."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation import predecessor, score_document, scorecard
from race_to_efficiency.evaluation.scored_forecasts import scored
from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS, weighted_interval_score
from scipy import stats
from small_settings import section

PARAMS = section("backtest")
KEYS = [
    "target",
    "horizon_quarters",
    "n",
    "n_eff",
    "wis",
    "wis_naive",
    "baseline",
    "skill",
    "interval_coverage_50",
    "interval_coverage_80",
    "interval_coverage_95",
    "bias",
    "vintage",
    "verdict",
]


def table(
    n: int = 40,
    scale: float = 1.0,
    naive_scale: float = 3.0,
    target: str = "t",
    vintage: str = "pseudo",
    horizon: int = 4,
    seed: int = 1,
    start: int = 0,
) -> pd.DataFrame:
    """Return normal forecasts of normal outcomes at n separate dates, with a wider baseline beside them."""
    rng = np.random.default_rng(seed)
    outcome = rng.normal(size=n)
    rows = []
    for k in range(n):
        for method, width in (("forecast", scale), ("last_value", naive_scale), ("moore", 1.0)):
            q = width * stats.norm.ppf(LEVELS) + (5.0 if method == "moore" else 0.0)
            place = {
                "target": target,
                "origin": f"{2000 + start + k}Q1",
                "horizon_quarters": horizon,
                "target_quarter": f"{2001 + start + k}Q1",
                "cell": "",
                "method": method,
                "model": method,
                "vintage": vintage,
                "unit": "FLOP",
                "window_start": float(start + k),
                "window_end": start + k + 1.0,
                "shared": 1.0,
                "moved": 0.0,
                "baseline": "last_value",
                "last": 0.0,
                "n_rows": 10,
                "item": f"{start + k}",
                "block": f"{start + k}",
                "observed": outcome[k],
                "matured": outcome[k] + 0.1 if k % 2 else np.nan,
            }
            rows.append({**place, **dict(zip(QUANTILE_COLUMNS, q, strict=True))})
    return pd.DataFrame(rows)


def test_rows_have_exactly_the_documented_keys_and_are_json() -> None:
    rows = score_document.score_rows(scorecard.score_table(table(), PARAMS))
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert [row["target"] for row in rows] == ["t", "all"]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert isinstance(rows[0]["n"], int)
    assert isinstance(rows[0]["horizon_quarters"], int)


def test_a_good_forecast_beside_a_wide_baseline() -> None:
    backtest = table()
    row = scorecard.score_table(backtest, PARAMS).iloc[0]
    own = backtest[backtest["method"] == "forecast"]
    expected = weighted_interval_score(own["observed"], own[list(QUANTILE_COLUMNS)]).wis.mean()
    assert row["wis"] == pytest.approx(expected)
    assert row["wis"] == pytest.approx(row["dispersion"] + row["overprediction"] + row["underprediction"])
    assert row["skill"] == pytest.approx(1 - row["wis"] / row["wis_naive"])
    assert row["skill"] > 0.2
    assert row["skill_moore"] > 0.8
    assert np.isnan(row["skill_published"])
    assert row["n"] == row["n_eff"] == 40
    assert row["verdict"] == "pass"
    assert row["band_low_80"] < row["interval_coverage_80"] < row["band_high_80"]


def test_a_target_s_row_is_its_own_whatever_else_is_in_the_table() -> None:
    """Also where a target has outcomes in real and in pseudo views, and losses are pooled beside it."""
    parts = [
        table(target="t", seed=1),
        pd.concat([table(target="u", seed=2, scale=0.3), table(target="u", seed=3, vintage="real", start=50)]),
        table(target="loss.a", seed=4, scale=2.0),
        table(target="loss.b", seed=5, n=30),
    ]
    together = scorecard.score_table(pd.concat(parts, ignore_index=True), PARAMS)
    for part in parts:
        alone = scorecard.score_table(part.reset_index(drop=True), PARAMS)
        name = part["target"].iloc[0]
        expected, found = (rows[rows["target"] == name].reset_index(drop=True) for rows in (alone, together))
        pd.testing.assert_frame_equal(found[expected.columns], expected, check_exact=True, check_dtype=False)
    pooled = together[together["target"] == "loss.all"].iloc[0]
    own = pd.concat(parts[2:])[lambda rows: rows["method"] == "forecast"]
    low, high = own[QUANTILE_COLUMNS[LEVELS.index(0.1)]], own[QUANTILE_COLUMNS[LEVELS.index(0.9)]]
    assert pooled["interval_coverage_80"] == pytest.approx(own["observed"].between(low, high).mean())


def test_negative_skill_is_shown() -> None:
    row = score_document.score_rows(scorecard.score_table(table(scale=6.0, naive_scale=1.0), PARAMS))[0]
    assert row["skill"] < 0
    assert row["verdict"] == "fail"


def test_right_coverage_without_skill_is_no_pass() -> None:
    """Against Moore, here the same normal law five doublings off, skill is won; against an equal forecast it is not."""
    same = table(naive_scale=1.0)
    row = scorecard.score_table(same, PARAMS).iloc[0]
    assert row["skill"] == 0
    assert row["verdict"] == "fail"
    assert "no better than the baseline's (last_value)" in row["verdict_reason"]
    other = scorecard.score_table(same.assign(baseline="moore"), PARAMS).iloc[0]
    assert other["verdict"] == "pass"
    assert other["baseline"] == "moore"
    assert other["wis_naive"] == pytest.approx(other["wis_moore"])


def test_every_verdict_is_pass_only_with_skill() -> None:
    for scale, naive in ((1.0, 3.0), (1.0, 0.9), (0.9, 1.1), (1.1, 1.0), (6.0, 1.0)):
        found = scorecard.score_table(table(n=60, scale=scale, naive_scale=naive), PARAMS)
        assert (found.loc[found["verdict"] == "pass", "skill"] > 0).all()


def test_outcomes_are_scored_again_at_maturity() -> None:
    backtest = table(n=10)
    row = scorecard.score_table(backtest, PARAMS).iloc[0]
    own = backtest[(backtest["method"] == "forecast") & backtest["matured"].notna()]
    expected = weighted_interval_score(own["matured"], own[list(QUANTILE_COLUMNS)]).wis.mean()
    assert row["n_matured"] == 5
    assert row["wis_matured"] == pytest.approx(expected)


def test_all_targets_together_weigh_alike_in_skill_and_count_ledgers_apart() -> None:
    """Two targets of one ledger over the same windows are one set of shocks, two ledgers are two."""
    first, second = table(n=30, target="tensor16_record"), table(n=30, target="fp8_record", naive_scale=9.0, seed=2)
    other = table(n=30, target="frontier_compute", naive_scale=9.0, seed=2)
    found = {}
    for name, rows in (("alike", second), ("apart", other)):
        scores = scorecard.score_table(pd.concat([first, rows], ignore_index=True), PARAMS)
        found[name] = scores[scores["target"] == "all"].iloc[0]
        single = scores[scores["target"] != "all"]
        expected = np.exp(np.log(single["wis"] / single["wis_naive"]).mean())
        assert found[name]["wis"] == pytest.approx(expected)
        assert found[name]["skill"] == pytest.approx(1 - expected)
        assert found[name]["n"] == 60
    assert found["alike"]["n_eff"] == pytest.approx(30)
    assert found["apart"]["n_eff"] == pytest.approx(60)


def test_an_earlier_forecaster_is_compared_on_the_same_cells() -> None:
    late = table(n=30, scale=1.0, naive_scale=3.0, target="tensor16_record", start=10)
    wide = table(n=30, scale=2.5, naive_scale=3.0, target="frontier_compute", start=10, seed=4)
    both = pd.concat([late, wide], ignore_index=True)
    done = scored(both)
    own = both[both["method"] == "forecast"]
    q = own[list(QUANTILE_COLUMNS)].to_numpy()
    # the earlier one: the same but 1.5 doublings higher, and the wide target as it should be
    narrow = (own["target"] == "frontier_compute").to_numpy()[:, None]
    earlier = own.assign(**dict(zip(QUANTILE_COLUMNS, np.where(narrow, q / 2.5, q + 1.5).T, strict=True)), model="old")
    found = predecessor.beside(done, earlier, "2015Q1")
    rows = {row["target"]: row for row in found["targets"]}
    assert rows["tensor16_record"]["n"] == rows["frontier_compute"]["n"] == 25
    assert rows["tensor16_record"]["ratio"] < 1 < rows["frontier_compute"]["ratio"]
    assert rows["frontier_compute"]["worse_than"] == ["earlier"]
    assert rows["frontier_compute"]["because"] == "wider"
    ratios = [row["ratio"] for row in rows.values()]
    assert found["ratio"] == pytest.approx(np.exp(np.mean(np.log(ratios))))
    assert found["cells"] == 2
    assert found["below_last_value"] == 2
    assert found["model"] == "old"
    # no outcome lies on a point mass: coverage is the plain share inside
    y = done["observed"].to_numpy()[done["origin"] >= "2015Q1"]
    for name, told in ((own, "coverage"), (earlier, "coverage_earlier")):
        said = name[name["origin"] >= "2015Q1"]
        share = np.mean((y >= said["q0.1"].to_numpy()) & (y <= said["q0.9"].to_numpy()))
        assert found[told]["80"] == pytest.approx(share)


def test_half_width_intervals_fail_and_few_outcomes_say_so() -> None:
    assert scorecard.score_table(table(scale=0.4), PARAMS)["verdict"].iloc[0] == "fail"
    few = scorecard.score_table(table(n=12, scale=0.4), PARAMS).iloc[0]
    assert few["verdict"] == "too few to judge"
    assert "12.0 independent outcomes" in few["verdict_reason"]


def test_real_and_pseudo_are_told_apart() -> None:
    both = pd.concat([table(n=10), table(n=5, vintage="real", start=30)], ignore_index=True)
    found = scorecard.score_table(both, PARAMS)
    found = found[found["target"] == "t"].set_index("vintage")
    assert found["n"].to_dict() == {"mixed": 15, "pseudo": 10, "real": 5}


def test_forecasts_without_outcome_are_said_to_have_none() -> None:
    backtest = table(n=3).assign(observed=np.nan, item=None, block=None)
    row = score_document.score_rows(scorecard.score_table(backtest, PARAMS))[0]
    assert row["n"] == 0
    assert row["wis"] is None
    assert row["verdict"] == "too few to judge"
    assert row["vintage"] == "none yet"


def test_overlapping_horizons_are_not_independent() -> None:
    backtest = table(n=24)
    # the same forecasts made every quarter instead of every year, each a year long
    start = backtest["window_start"] / 4
    overlapping = backtest.assign(window_start=start, window_end=start + 1.0)
    found = scorecard.score_table(overlapping, PARAMS)["n_eff"].iloc[0]
    assert 24 / 4 - 1 < found < 24 / 4 + 2
    # if nothing is shared, they are
    free = scorecard.score_table(overlapping.assign(shared=0.0), PARAMS)["n_eff"].iloc[0]
    assert free == 24


def test_baselines_are_compared_on_the_outcomes_both_forecast() -> None:
    backtest = table(n=30)
    missing = (backtest["method"] == "last_value") & (backtest["window_start"] < 20)
    row = scorecard.score_table(backtest[~missing], PARAMS).iloc[0]
    assert row["n_last_value"] == 10
    late = backtest[(backtest["window_start"] >= 20) & (backtest["method"] == "forecast")]
    wis = weighted_interval_score(late["observed"], late[list(QUANTILE_COLUMNS)]).wis.mean()
    assert row["skill"] == pytest.approx(1 - wis / row["wis_naive"])


def test_losses_are_pooled_over_groups_that_do_not_touch() -> None:
    one, two = table(n=15, target="loss.a"), table(n=15, target="loss.b", seed=2)
    two = two.assign(item="b" + two["item"], cell="b" + two["item"])
    found = scorecard.score_table(pd.concat([one, two], ignore_index=True), PARAMS).set_index("target")
    assert found.loc["loss.all", "n"] == 30
    assert found.loc["loss.all", "n_eff"] == pytest.approx(found.loc["loss.a", "n_eff"] + found.loc["loss.b", "n_eff"])


def test_pooled_pit_weighs_targets_alike() -> None:
    backtest = pd.concat([table(n=200), table(n=10, target="u", scale=0.01)], ignore_index=True)
    found = score_document.pit_histogram(backtest)
    assert sum(found["shares"]) == pytest.approx(1.0)
    assert found["n"] == 210
    assert found["targets"] == ["t", "u"]
    # half of the weight is the overconfident target's, all of it in the outermost bins
    assert found["shares"][0] + found["shares"][-1] > 0.5
    assert score_document.pit_histogram(backtest, 9)["n"] == 0


def test_a_quarter_before_all_origins_has_an_empty_scorecard() -> None:
    nothing = table(n=1).iloc[:0]
    scores = scorecard.score_table(nothing, PARAMS)
    assert scores.empty
    assert score_document.score_document(nothing, scores, [], {})["scores"] == []
