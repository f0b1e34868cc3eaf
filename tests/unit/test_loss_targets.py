"""Larger runs from smaller ones, on simulated laws and by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.evaluation import loss_targets
from race_to_efficiency.evaluation.loss_fits import Fit, fit_below, known_discrepancy, learned_walk, slopes_off
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.settings.kappa import KappaGroup
from scipy.special import stdtrit
from scipy.stats import norm
from small_settings import section

if TYPE_CHECKING:
    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.settings.kappa import KappaParams

SETTINGS = section("backtest", loss={"replicates": 20})
KAPPA = section("fit_kappa")
THETA = np.array([400.0, 2000.0, 1.8, 0.34, 0.36])


def runs(
    n: int = 60, sigma: float = 0.004, seed: int = 1, name: str = "simulated", released: str = "2024-01-15"
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    compute = 10 ** rng.uniform(18, 21.5, n)
    ratio = 20.0 * 10 ** rng.uniform(-0.7, 0.7, n)
    params = np.sqrt(compute / 6 / ratio)
    tokens = compute / 6 / params
    loss = THETA[2] + THETA[0] * params ** -THETA[3] + THETA[1] * tokens ** -THETA[4]
    ids = [f"{name}-{k:03d}" for k in range(n)]
    return pd.DataFrame(
        {
            "run_id": ids,
            "group": name,
            "cluster": ids,
            "params": params,
            "tokens": tokens,
            "compute_flop": compute,
            "loss_nats": loss * np.exp(sigma * rng.normal(size=n)),
            "released": pd.Timestamp(released),
        }
    )


def backtested(rows: pd.DataFrame, kappa: KappaParams = KAPPA) -> tuple[pd.DataFrame, dict[str, Learned]]:
    def fits(group: str) -> list[tuple[float, Fit]]:
        own = loss_targets.group_runs(loss_targets.filled_runs(rows), group)
        return loss_targets.group_fits(group, own, SETTINGS, 5)

    return loss_targets.backtest_losses(rows, SETTINGS, kappa, fits)


def forecasts_of(
    rows: pd.DataFrame, settings: BacktestParams = SETTINGS, seed: int = 3, discrepancy: float = 0.01
) -> pd.DataFrame:
    rows = rows.sort_values(["compute_flop", "run_id"], kind="stable").reset_index(drop=True)
    fits = loss_targets.group_fits("simulated", rows, settings, seed)
    learned = loss_targets.learn([], settings)
    return loss_targets.group_forecasts("simulated", rows, fits, settings, learned, discrepancy, KAPPA.gates)


def test_the_law_is_evaluated_as_printed() -> None:
    fit = Fit(THETA, THETA[None, :], 0.01, 50.0)
    n, d = np.array([1e9]), np.array([2e10])
    expected = 400 * 1e9**-0.34 + 2000 * 2e10**-0.36 + 1.8
    assert 2 ** fit.log2_loss(THETA, n, d)[0] == pytest.approx(expected)
    assert fit.log2_loss(np.tile(THETA, (7, 1)), n, d).shape == (7, 1)


def test_forecasts_cover_simulated_larger_runs() -> None:
    # the bootstrap alone: the other members allow for a law that bends, and this one does not
    bare = section("backtest", loss={"replicates": 20}, members={"by_kind": {"loss": ["bootstrap"]}})
    hits = []
    for seed in range(8):
        rows = runs(seed=seed)
        forecasts = forecasts_of(rows, bare, seed)
        known = loss_targets.group_outcomes("simulated", rows)
        own = forecasts[forecasts["method"] == "forecast"].merge(known, on=["target", "target_quarter", "cell"])
        hits.append(((own["observed"] >= own["q0.1"]) & (own["observed"] <= own["q0.9"])).mean())
    assert 0.7 < np.mean(hits) < 0.93


def test_a_larger_run_moves_no_earlier_cutoff() -> None:
    rows = runs()
    before = forecasts_of(rows)
    larger = rows.tail(1).assign(
        run_id="planted", cluster="planted", compute_flop=3e22, params=1e10, tokens=5e11, loss_nats=0.1
    )
    after = forecasts_of(pd.concat([rows, larger], ignore_index=True))
    same = after[after["cell"] != "planted"]
    merged = before.merge(
        same, on=["origin", "cell", "method", "model"], suffixes=("", "_after"), validate="one_to_one"
    )
    assert len(merged) == len(before) > 0
    for column in QUANTILE_COLUMNS:
        assert merged[column].to_numpy().tobytes() == merged[f"{column}_after"].to_numpy().tobytes()


def test_a_revised_larger_run_moves_no_earlier_cutoff() -> None:
    rows = runs()
    before = forecasts_of(rows)
    first = before["origin"].iloc[0]
    revised = rows.copy()
    revised.loc[revised["compute_flop"].idxmax(), "loss_nats"] = 9.0
    after = forecasts_of(revised)
    left, right = (one[one["origin"] == first].reset_index(drop=True) for one in (before, after))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_horizons_are_years_of_compute_growth() -> None:
    rows = runs()
    found = forecasts_of(rows)
    doublings = (
        np.log2(rows.set_index("run_id").loc[found["cell"], "compute_flop"].to_numpy()) - 2.25 * found["window_start"]
    )
    np.testing.assert_array_equal(found["horizon_quarters"], np.ceil(4 * doublings / 2.25))
    assert found["horizon_quarters"].between(1, 12).all()


def test_cutoffs_leave_enough_below_and_some_above() -> None:
    compute = np.log2(runs()["compute_flop"].to_numpy())
    found = loss_targets.cutoffs(compute, SETTINGS)
    assert len(found) >= 2
    for cut in found:
        assert (compute <= cut).sum() >= SETTINGS.loss.minimum_rows
        assert (compute > cut).any()
        assert cut % SETTINGS.loss.cutoff_step_doublings == 0


def test_learned_walk_by_hand() -> None:
    fit = Fit(THETA, THETA[None, :], 0.0, 10.0)
    known = runs(4, sigma=0.0, seed=9)
    known["compute_flop"] = 2.0 ** np.array([59.0, 62.0, 64.0, 66.0])
    assert learned_walk([], known, 0.01) == pytest.approx(0.01)
    # three runs 2, 4 and 6 doublings beyond are each .02 a doubling off: the mean of .01^2 and .02^2
    off = known["loss_nats"].to_numpy() * 2 ** (0.02 * np.array([0.0, 2.0, 4.0, 6.0]))
    known["loss_nats"] = off
    assert learned_walk([(60.0, fit)], known, 0.01) == pytest.approx(np.sqrt((0.01**2 + 0.02**2) / 2), rel=1e-9)
    # two later runs are too few to learn from
    assert learned_walk([(63.0, fit)], known, 0.01) == pytest.approx(0.01)


def test_models_widen_as_they_say() -> None:
    rows = runs()
    fit = fit_below(rows, SETTINGS, np.random.default_rng(1))
    assert fit is not None
    beyond = np.array([1.0, 6.0])
    ahead = rows.head(2)
    fit = replace(fit, discrepancy=0.01, learned_walk=0.02)
    models = ("bootstrap", "bootstrap_discrepancy", "bootstrap_learned", "bootstrap_heavy")
    plain, walk, learned, heavy = (fit.predict(model, ahead, beyond, SETTINGS) for model in models)
    growth = (walk.quantiles[:, 21] - walk.quantiles[:, 1]) / (plain.quantiles[:, 21] - plain.quantiles[:, 1])
    assert growth[1] > growth[0] > 1.0
    assert (walk.shared >= plain.shared).all()
    # the scale 6 doublings on, squared, grows by what was stated
    scale = [(one.quantiles[1, 16] - one.quantiles[1, 11]) / stdtrit(fit.free, 0.75) for one in (plain, walk, learned)]
    assert [scale[1] ** 2 - scale[0] ** 2, scale[2] ** 2 - scale[0] ** 2] == pytest.approx([0.06**2, 0.12**2])
    ends = [(one.quantiles[:, -1] - one.quantiles[:, 11]) for one in (plain, heavy)]
    np.testing.assert_allclose(ends[1] / ends[0], stdtrit(4, 0.99) / stdtrit(fit.free, 0.99))


def test_weights_come_from_groups_published_earlier() -> None:
    groups = [runs(seed=k, name=f"g{k}", released=f"202{k}-01-15") for k in range(3)]
    table, learned = backtested(pd.concat(groups, ignore_index=True))
    assert list(learned) == ["loss.g0", "loss.g1", "loss.g2"]
    count = len(SETTINGS.members.by_kind["loss"])
    np.testing.assert_array_equal(learned["loss.g0"].weights, np.full((count, 1), 1 / count))
    assert [one.n_eff[0] for one in learned.values()] == [0.0, 1.0, 2.0]
    assert learned["loss.g1"].weights.std() > 0
    # the first group's forecasts do not know of the later ones
    alone, _ = backtested(groups[0])
    pd.testing.assert_frame_equal(table[table["target"] == "loss.g0"].reset_index(drop=True), alone)
    assert table["observed"].notna().all()
    assert set(table["vintage"]) == {"pseudo"}
    assert set(table["method"]) == {"forecast", "last_value", "random_walk_drift"}


def bent(name: str, released: str, seed: int, slope: float) -> pd.DataFrame:
    """Return runs whose ln(loss) leaves the law by ``slope`` a decade above 1e20 FLOP."""
    rows = runs(36, seed=seed, name=name, released=released)
    over = np.clip(np.log10(rows["compute_flop"] / 1e20), 0.0, None)
    return rows.assign(loss_nats=rows["loss_nats"] * np.exp(slope * over))


def test_families_known_by_then_and_no_other_set_the_discrepancy() -> None:
    a, c = bent("a", "2020-01-15", 1, 0.0), bent("c", "2022-01-15", 3, 0.0)
    families = {"b": "c's own", "c": "c's own", "d": "d"}
    of_families = KAPPA.model_copy(
        update={"groups": tuple(KappaGroup(group=name, family=family) for name, family in families.items())}
    )

    def forecasts_of_c(*others: pd.DataFrame) -> pd.DataFrame:
        table, _ = backtested(pd.concat([a, c, *others], ignore_index=True), of_families)
        return table[table["target"] == "loss.c"].reset_index(drop=True)

    alone = forecasts_of_c()
    assert not alone.empty
    # a family published later or on the same day moves nothing, one known before widens, one's own says nothing
    pd.testing.assert_frame_equal(alone, forecasts_of_c(bent("b2", "2022-01-15", 4, 0.2)), check_exact=True)
    wide = forecasts_of_c(bent("d", "2021-01-15", 4, 0.2))
    far = alone["method"].eq("forecast") & alone["horizon_quarters"].ge(6)
    width = [(one.loc[far, "q0.9"] - one.loc[far, "q0.1"]).mean() for one in (alone, wide)]
    assert width[1] > 1.2 * width[0]
    slopes = [("d", "d", 0.2), ("c's own", "b", 9.0)]
    assert known_discrepancy(slopes, "c's own", SETTINGS) == known_discrepancy(slopes[:1], "c's own", SETTINGS)
    assert known_discrepancy(slopes, "other", SETTINGS) > known_discrepancy(slopes[:1], "other", SETTINGS)


def test_a_slope_that_was_planted_is_found() -> None:
    rows = bent("simulated", "2020-01-15", 2, -0.05).sort_values("compute_flop").reset_index(drop=True)
    below = rows[rows["compute_flop"] <= 1e20]
    exact = Fit(THETA, THETA[None, :], 0.004 / np.log(2), len(below) - 5.0)
    assert slopes_off([(float(np.log2(1e20)), exact)], rows) == pytest.approx([0.05], rel=0.05)
    # with no family known, the stated rate speaks alone: its median over that of a normal variable
    stated = SETTINGS.loss.walk_per_doubling
    assert known_discrepancy([], "any", SETTINGS) == pytest.approx(stated / norm.ppf(0.75))


def test_relative_scores_of_groups_are_averaged() -> None:
    names = SETTINGS.members.by_kind["loss"]
    base = dict.fromkeys(loss_targets.LOSS_BASELINES, 1.0)
    # a hundredfold scale of one group must not drown the other
    earlier = [
        {**dict(zip(names, (1.0, 3.0), strict=True)), **base},
        {**dict(zip(names, (300.0, 100.0), strict=True)), **base, "random_walk_drift": 0.5},
    ]
    found = loss_targets.learn(earlier, SETTINGS)
    np.testing.assert_allclose(found.relative[:, 0], 1.0)
    np.testing.assert_allclose(found.weights[:, 0], 1 / 2)
    assert found.baseline == "random_walk_drift"


def test_the_average_lies_between_its_members() -> None:
    found = forecasts_of(runs())
    for _, rows in found.groupby(["origin", "cell"]):
        members = rows.loc[rows["method"] == "member", list(QUANTILE_COLUMNS)].to_numpy()
        made = rows.loc[rows["method"] == "forecast", list(QUANTILE_COLUMNS)].to_numpy()[0]
        np.testing.assert_allclose(made, members.mean(axis=0))


def test_the_evidence_of_a_fit_is_its_scatter_and_its_gates() -> None:
    rows = runs()
    fit = fit_below(rows, SETTINGS, np.random.default_rng(1))
    assert fit is not None
    assert fit.evidence(rows, KAPPA.gates) == 0
    for scatter, steps in ((0.0099, 0), (0.011, 1), (0.029, 1), (0.031, 2), (0.11, 3)):
        wider = replace(fit, residual_log2=scatter / np.log(2))
        assert wider.evidence(rows, KAPPA.gates) == max(steps, 0 if scatter < 0.01 else 1)
    # each gate by itself makes a tight fit weak
    wide = fit.replicates * np.linspace(0.1, 3.0, len(fit.replicates))[:, None]
    assert replace(fit, replicates=wide).evidence(rows, KAPPA.gates) == 1
    assert fit.evidence(rows.head(19), KAPPA.gates) == 1
    loose = KAPPA.gates.model_copy(update={"z_curv_trusted": 0.01})
    for most, steps in ((9e20, 1), (1.1e21, 0)):
        assert fit.evidence(rows.assign(compute_flop=np.geomspace(1e20, most, len(rows))), loose) == steps
    assert fit.evidence(rows, KAPPA.gates.model_copy(update={"z_curv_trusted": 1e6})) == 1


def test_a_forecasts_grade_falls_with_decades() -> None:
    found = forecasts_of(runs())
    made = found[found["method"] == "forecast"]
    compute = np.log2(runs().set_index("run_id").loc[made["cell"], "compute_flop"].to_numpy())
    decades = (compute - 2.25 * made["window_start"].to_numpy()) * np.log10(2.0)
    steps = made["grade"].map(GRADES.index).to_numpy() - np.digitize(decades, [0.25, 1.0, 3.0], right=True)
    assert set(steps) <= {0, 1}
    assert made.groupby("origin")["grade"].nunique().max() > 1
    assert len({*zip(made["origin"], steps, strict=True)}) == made["origin"].nunique()


def test_too_few_runs_give_nothing() -> None:
    table, learned = backtested(runs(12))
    assert table.empty
    assert learned == {}
