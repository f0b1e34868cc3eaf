"""Components of gamma on the project's own ledgers and on tables made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from gamma_views import chips, inputs, inputs_of
from race_to_efficiency.calibration.gamma.chips import chip_family, rated_watts
from race_to_efficiency.calibration.gamma.components import Component, from_draws
from race_to_efficiency.calibration.gamma.components_algorithm import algorithmic_lm, mixture, speedrun, split_lognormal
from race_to_efficiency.calibration.gamma.components_growth import chip_growth, frontier_growth, run_duration
from race_to_efficiency.calibration.gamma.components_hardware import chip_series, hardware, per_dollar, records_of
from race_to_efficiency.calibration.gamma.components_system import (
    mlperf_same_chip,
    mlperf_system,
    training_flop_per_joule,
    utilisation,
)
from race_to_efficiency.calibration.gamma.mlperf_series import mlperf_rows
from race_to_efficiency.calibration.gamma.trend_fit import aged


def by_name(fits):
    return {fit.component.key: fit for fit in fits}


def interval(fit, method):
    found = next(item for item in fit.estimate.intervals if item.method == method and item.level == 0.95)
    return found.low, found.high


@pytest.mark.parametrize(
    ("as_of", "value", "low", "high", "rows"),
    [
        ("2026-03-31", 0.264, 0.198, 0.329, 62),
        ("2025-06-30", 0.226, 0.116, 0.336, 51),
        ("2025-12-31", 0.278, 0.212, 0.343, 60),
    ],
)
def test_the_mean_chip_as_each_quarter_saw_it(as_of, value, low, high, rows):
    fit = by_name(hardware(inputs(as_of)))["hardware_tensor16.mean_chip"]
    assert fit.estimate.value == pytest.approx(value, abs=5e-4)
    assert interval(fit, "ols") == pytest.approx((low, high), abs=5e-4)
    assert fit.estimate.n_rows == rows
    assert fit.estimate.interval().method == "ols"
    # The draws that forecasts consume are clustered: never narrower than the cluster jackknife.
    assert np.diff(np.quantile(fit.draws, [0.025, 0.975]))[0] >= 0.9 * np.diff(interval(fit, "cluster"))[0]


def test_the_three_frontiers_differ_and_are_named_apart():
    fits = by_name(hardware(inputs("2026-03-31")))
    expected = {"record_frontier": 0.433, "running_maximum": 0.363, "quantile_0.9": 0.335}
    for name, value in expected.items():
        assert fits[f"hardware_tensor16.{name}"].estimate.value == pytest.approx(value, abs=5e-4)
    records = fits["hardware_tensor16.record_frontier"].estimate
    assert records.diagnostics["n_records"] == 11
    assert records.status == "weak"


def test_since_2022_the_16_bit_record_rose_a_fifth_of_a_doubling():
    series = chip_series(inputs("2026-03-31"), "fp16_tensor_flop_s", "tdp_w")
    late = series.dates >= np.datetime64("2022-09-21")
    assert series.value[late].max() - series.value[~late].max() == pytest.approx(0.21, abs=0.005)
    gains = [item["gain_doublings"] for item in records_of(series) if item["date"] > "2022-09-20"]
    assert sum(gains) == pytest.approx(0.21, abs=0.005)


def test_utilisation_is_flat_and_bounded():
    fit = utilisation(inputs("2026-03-31"))
    assert fit.estimate.value == pytest.approx(0.034, abs=5e-4)
    assert interval(fit, "ols") == pytest.approx((-0.045, 0.114), abs=5e-4)
    assert fit.estimate.n_rows == 31
    assert fit.estimate.diagnostics["median_mfu"] == pytest.approx(0.34)
    assert fit.component.cap_doublings == pytest.approx(-np.log2(0.34))


def test_training_flop_per_joule():
    fit, same_format = training_flop_per_joule(inputs("2026-03-31"))
    assert fit.estimate.value == pytest.approx(0.752, abs=5e-4)
    assert interval(fit, "ols") == pytest.approx((0.565, 0.938), abs=5e-4)
    assert fit.estimate.n_rows == 141
    assert fit.estimate.interval().method == "cluster"
    assert fit.component.cap_doublings == pytest.approx(7.6 + 2.0 - np.log2(0.34))
    assert same_format.component.cap_doublings == pytest.approx(7.6 - np.log2(0.34))
    assert "format" in same_format.component.omits


def test_the_move_to_tensor_units_stands_apart_from_the_rate_that_goes_on():
    """Of the same rows, read here from the views, least squares by numpy."""
    found = inputs("2026-03-31")
    _, fit = training_flop_per_joule(found)
    runs, known = found.rows("notable_training_runs"), found.rows("accelerators")
    has = dict(zip(known["name"], known["fp16_tensor_flop_s"].notna(), strict=True))
    runs = runs.assign(units=runs["hardware"].fillna("").str.split(",").str[0].str.strip().map(has))
    runs = runs[(runs["power_draw_w"] * runs["hours"] * runs["compute_flop"]).gt(0) & runs["units"].notna()]
    runs = runs[runs["released"] >= str(found.params.windows.training_flop_per_joule)]
    date = pd.to_datetime(runs["released"])
    year = (date.dt.year + (date.dt.day_of_year - 1) / (365 + date.dt.is_leap_year)).to_numpy(float)
    efficiency = np.log2((runs["compute_flop"] / (runs["power_draw_w"] * runs["hours"] * 3600)).to_numpy(float))
    design = np.column_stack([np.ones(len(runs)), year - year.mean(), runs["units"].to_numpy(float)])
    _, slope, step = np.linalg.lstsq(design, efficiency, rcond=None)[0]
    assert fit.estimate.n_rows == len(runs)
    assert fit.estimate.value == pytest.approx(slope, rel=1e-6)
    assert fit.estimate.diagnostics["one_time_doublings"] == pytest.approx(step, rel=1e-6)
    used = {row.split("/")[1] for row in fit.estimate.rows_used if row.startswith("notable_training_runs/")}
    assert used == set(runs["model_id"])


@pytest.mark.parametrize(("part", "name"), [(training_flop_per_joule, "same_format"), (mlperf_system, "winners_tdp")])
def test_the_chips_a_number_was_looked_up_in_are_named_and_no_others_matter(part, name):
    def value(chips):
        found = inputs("2026-03-31")
        others = {table: found.rows(table) for table in ("notable_training_runs", "mlperf_training")}
        fits = part(inputs_of(others | {"accelerators": chips}, "2026-03-31"))
        return next(fit.estimate for fit in fits if fit.component.estimator == name)

    every = inputs("2026-03-31").rows("accelerators")
    estimate = value(every)
    named = {row.split("/")[1] for row in estimate.rows_used if row.startswith("accelerators/")}
    assert 5 < len(named) < len(every)
    assert len(estimate.rows_used) == len(set(estimate.rows_used)) == estimate.n_rows + len(named)
    needed = every["accelerator_id"].isin(named)
    alone = value(every[needed])
    assert (alone.value, alone.rows_used) == (estimate.value, estimate.rows_used)
    own = [row for row in estimate.rows_used if not row.startswith("accelerators/")]
    matter = 0
    for one in sorted(named):
        without = value(every[every["accelerator_id"] != one])
        left = [row for row in without.rows_used if not row.startswith("accelerators/")]
        assert f"accelerators/{one}" not in without.rows_used
        matter += without.value != estimate.value or left != own
    assert matter > len(named) / 3  # of several matches the median of their power may stay where it is


def planted(step, *, early=12, moved=slice(30, None)):
    """Return the two trends of sixty runs that gain .4 doublings a year, and a step where they take tensor units."""
    rng = np.random.default_rng(4)
    days = pd.date_range("2016-01-01", "2025-12-31", periods=60)
    years = (days - days[0]).days.to_numpy() / 365.2425
    on = np.zeros(60)
    on[moved] = 1.0
    on[rng.choice(30, early, replace=False)] = 1.0  # some take them early
    runs = pd.DataFrame(
        {
            "model_id": [f"run-{k}" for k in range(60)],
            "organization": [f"lab {k % 15}" for k in range(60)],
            "released": days,
            "hardware": np.where(on > 0, "New, Old", "Old"),
            "compute_flop": 1e20 * 2.0 ** (0.4 * years + step * on + rng.normal(0.0, 0.05, 60)),
            "power_draw_w": 1e3,
            "hours": 10.0,
            "mfu": 0.4,
        }
    )
    chips = pd.DataFrame(
        {
            "accelerator_id": ["old", "new"],
            "name": ["Old", "New"],
            "fp16_tensor_flop_s": [np.nan, 1e14],
            "released": days[:2],
        }
    )
    return training_flop_per_joule(inputs_of({"notable_training_runs": runs, "accelerators": chips}))


@pytest.mark.parametrize("step", [0.0, 1.5])
def test_a_planted_step_is_found_and_the_rate_beside_it(step):
    whole, same_format = planted(step)
    assert same_format.estimate.value == pytest.approx(0.4, abs=0.03)
    assert same_format.estimate.diagnostics["one_time_doublings"] == pytest.approx(step, abs=0.1)
    assert (whole.estimate.value > 0.45) == (step > 0)


def test_a_step_that_hardly_a_run_has_made_is_not_estimated():
    whole, same_format = planted(1.0, early=2, moved=slice(60, None))
    assert whole.usable
    assert same_format.estimate.status == "refused"
    assert "three runs" in same_format.estimate.reasons[0]
    assert planted(1.0, early=3, moved=slice(60, None))[1].usable


def test_growth_of_the_frontier_is_an_identity():
    fits = by_name(frontier_growth(inputs("2026-03-31")))
    compute = fits["growth.frontier_compute"]
    assert compute.estimate.value == pytest.approx(2.245, abs=5e-4)
    assert interval(compute, "ols") == pytest.approx((2.06, 2.43), abs=5e-3)
    assert compute.estimate.n_rows == 43
    parts = [fits[f"growth.{name}"] for name in ("power", "duration", "identity_flop_per_joule")]
    assert [round(part.estimate.value, 2) for part in parts] == [1.13, 0.32, 0.78]
    whole = fits["growth.identity_compute"]
    assert {part.estimate.n_rows for part in [*parts, whole]} == {29}
    assert sum(part.estimate.value for part in parts) == pytest.approx(whole.estimate.value, abs=1e-8)


def test_shared_rows_share_draws():
    """Compute, power and duration come from the same runs: their draws add up, draw by draw, before stretching."""
    fits = by_name(frontier_growth(inputs("2026-03-31")))
    total = sum(fits[f"growth.{name}"].draws for name in ("power", "duration", "identity_flop_per_joule"))
    whole = fits["growth.identity_compute"].draws
    assert np.corrcoef(total, whole)[0, 1] > 0.85


def test_the_level_of_the_frontier_is_the_lines_value_at_the_quarters_end():
    got = by_name(frontier_growth(inputs("2026-03-31")))
    series = got["growth.frontier_compute"].series
    theirs = sm.OLS(series.value, sm.add_constant(series.time - (2026 + 89 / 365))).fit()
    level = got["level.frontier_compute_log2_flop"].estimate
    assert level.value == pytest.approx(theirs.params[0], rel=1e-9)
    assert level.unit == "log2 FLOP"


def test_the_truncated_likelihood_agrees_on_frontier_growth():
    fit = by_name(frontier_growth(inputs("2026-03-31")))["growth.frontier_compute_truncated"]
    assert fit.estimate.value == pytest.approx(2.244, abs=0.02)


def test_measured_baseline_years():
    fit = run_duration(inputs("2026-03-31"))
    assert fit.estimate.value * 8766 == pytest.approx(2240.0)
    assert fit.estimate.status == "weak"
    below = (fit.draws < fit.estimate.value).mean()
    assert below == pytest.approx(0.5, abs=0.1)  # resampled medians lie about the median, as often on either side


def before_v5_1():
    """The rounds the contract's figures of MLPerf are of."""
    given = inputs("2026-03-31")
    rows = given.views["mlperf_training"]
    return dataclasses.replace(given, views={**given.views, "mlperf_training": rows[rows["round"] != "v5.1"]})


def test_a_round_more_moves_the_same_chips_to_the_contract_s_figure():
    fit = by_name(mlperf_same_chip(inputs("2026-03-31")))["mlperf_same_chip.cell_effects"]
    assert fit.estimate.value == pytest.approx(0.184, abs=1e-3)


def test_same_chip_mlperf():
    fit = by_name(mlperf_same_chip(before_v5_1()))["mlperf_same_chip.cell_effects"]
    assert fit.estimate.value == pytest.approx(0.203, abs=5e-4)
    assert fit.estimate.diagnostics["n_cells"] == 203
    low, high = interval(fit, "cluster")
    assert low < 0.135
    assert high > 0.27


def test_system_mlperf_and_its_watts():
    fits = by_name(mlperf_system(before_v5_1()))
    assert fits["mlperf_system.best_any"].estimate.value == pytest.approx(0.669, abs=5e-4)
    available = fits["mlperf_system.best_available"]
    assert available.estimate.value == pytest.approx(0.649, abs=5e-4)
    assert available.estimate.diagnostics["n_benchmarks"] == 12
    assert 0.2 < fits["growth.winners_tdp"].estimate.value < 0.35


def test_mlperf_rows_are_the_comparable_ones():
    rows = mlperf_rows(inputs("2026-03-31"))
    assert set(rows["division"]) == {"closed"}
    assert not rows["is_resubmission"].any()
    assert rows["n_logs_missing"].eq(0).all()


@pytest.mark.parametrize(
    ("name", "column", "estimator", "value", "rows"),
    [
        ("speedrun_time", "record_time_s", "ols", 1.909, 80),
        ("speedrun_time", "record_time_s", "recent", 1.066, 63),
        ("speedrun_tokens", "tokens", "ols", 1.549, 78),
        ("speedrun_tokens", "tokens", "recent", 0.883, 62),
    ],
)
def test_speedrun(name, column, estimator, value, rows):
    fit = by_name(speedrun(inputs("2026-03-31"), name, column, ("algorithm",)))[f"{name}.{estimator}"]
    assert fit.estimate.value == pytest.approx(value, abs=5e-4)
    assert fit.estimate.n_rows == rows
    assert fit.estimate.interval().method == "block_bootstrap"
    low, high = interval(fit, "ols")
    wide = interval(fit, "block_bootstrap")
    assert wide[1] - wide[0] > 2 * (high - low)


@pytest.mark.parametrize(
    ("estimator", "value", "rows"),
    [
        ("ln_loss", 0.993, 46),
        ("ln_perplexity", 1.454, 46),
        ("ln_loss_recent", 0.639, 44),
        ("ln_perplexity_recent", 0.763, 44),
    ],
)
def test_algorithmic_lm(estimator, value, rows):
    seen = inputs("2026-03-31")
    fit = by_name(algorithmic_lm(seen))[f"algorithmic_lm.{estimator}"]
    assert fit.estimate.value == pytest.approx(value, abs=5e-4)
    assert fit.estimate.n_rows == rows
    assert aged(seen, fit).estimate.status == "weak"  # its rows end in 2022


def test_the_window_of_algorithmic_lm_is_a_parameter():
    fit = algorithmic_lm(inputs("2026-03-31", windows={"algorithmic_lm": "2018-01-01"}))[0]
    assert (fit.estimate.value, fit.estimate.n_rows) == (pytest.approx(0.639, abs=5e-4), 44)


def test_the_product_is_firmer_than_its_factors():
    facts = algorithmic_lm(inputs("2026-03-31"))[0].estimate.diagnostics
    assert -facts["b_time_per_year"] == pytest.approx(0.0232, abs=5e-5)


def test_loss_that_rises_with_compute_is_refused():
    frame = pd.DataFrame(
        {
            "model_id": [f"m{i}" for i in range(12)],
            "system": [f"system {i}" for i in range(12)],
            "released": pd.date_range("2020-01-01", periods=12, freq="60D"),
            "compute_flop": 2.0 ** np.arange(60, 72) * np.tile([1.0, 3.0, 0.5], 4),
            "perplexity": np.nan,
            "loss_nats": 2.0 + 0.05 * np.arange(12) + np.tile([0.0, 0.1, -0.05], 4),
            "exclusion": "",
        }
    )
    fit = algorithmic_lm(inputs_of({"language_model_perplexity": frame}))[0]
    assert fit.estimate.status == "refused"
    assert "does not fall" in fit.estimate.reasons[0]


def test_split_lognormal_has_the_published_quantiles():
    draws = split_lognormal(1.421, 0.841, 2.656, 400_000, np.random.default_rng(0))
    assert np.quantile(draws, [0.025, 0.5, 0.975]) == pytest.approx([0.841, 1.421, 2.656], rel=0.01)
    with pytest.raises(ValueError, match="quantiles"):
        split_lognormal(1.0, 1.5, 2.0, 10, np.random.default_rng(0))


def part(name, value, status="trusted"):
    component = Component(name, "x", ("algorithm",), "any", name)
    draws = np.full(400, float(value))
    return from_draws(inputs_of({}), component, draws, status=status, reasons=() if status == "trusted" else ("why",))


def test_a_mixture_draws_from_its_parts_in_proportion():
    parts = {"algorithmic_lm": part("a", 1), "algorithmic_published": part("b", 2), "speedrun_tokens": part("c", 4)}
    blend = mixture(inputs_of({}, draws=400), parts)
    shares = [np.mean(blend.draws == value) for value in (1, 2, 4)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.08)
    assert blend.estimate.status == "trusted"
    weighted = inputs_of({}, mixture={"algorithmic_lm": 0, "algorithmic_published": 1, "speedrun_tokens": 0})
    assert set(mixture(weighted, parts).draws) == {2.0}
    uneven = inputs_of(
        {}, draws=400, mixture={"algorithmic_lm": 0.7, "algorithmic_published": 0.2, "speedrun_tokens": 0.1}
    )
    found, counts = np.unique(mixture(uneven, parts).draws, return_counts=True)
    order = [parts[name].draws[0] for name in ("algorithmic_lm", "algorithmic_published", "speedrun_tokens")]
    share = dict(zip(found, counts / 400, strict=True))
    np.testing.assert_allclose([share[value] for value in order], [0.7, 0.2, 0.1], atol=0.09)  # four binomial sd


def test_a_missing_part_gives_its_weight_away_and_is_named():
    made = inputs_of({})
    parts = {
        "algorithmic_lm": part("a", 1),
        "algorithmic_published": part("b", 2, "weak"),
        "speedrun_tokens": speedrun(made, "speedrun_tokens", "tokens", ("algorithm",))[1],
    }
    blend = mixture(made, parts)
    assert set(blend.draws) == {1.0, 2.0}
    assert blend.estimate.status == "weak"
    assert any("speedrun_tokens" in reason for reason in blend.estimate.reasons)


def test_excluded_and_undated_rows_are_not_used():
    frame = chips(np.linspace(2018, 2025, 14), 2.0 ** np.linspace(0, 7, 14))
    frame.loc[3, "exclusion"] = "outlier"
    frame.loc[4, "released"] = pd.NaT
    frame.loc[5, "tdp_w"] = 0.0
    frame.loc[6, "fp16_tensor_flop_s"] = 0.0
    series = chip_series(inputs_of({"accelerators": frame}), "fp16_tensor_flop_s", "tdp_w")
    assert len(series) == 10
    assert not {"chip-3", "chip-4", "chip-5", "chip-6"} & set(series.row_ids)


def test_a_doubling_a_year_is_found():
    years = np.linspace(2016, 2025, 40)
    fits = by_name(hardware(inputs_of({"accelerators": chips(years, 2.0 ** (years - 2010))})))
    for name in ("mean_chip", "quantile_0.9", "record_frontier", "running_maximum"):
        assert fits[f"hardware_tensor16.{name}"].estimate.value == pytest.approx(1.0, abs=2e-3)


def test_a_deflator_adds_the_growth_of_the_price_level():
    years = np.linspace(2018, 2025, 16)
    frame = chips(years, np.ones(16), release_price_usd=1000.0 * 2.0 ** (0.1 * (years - 2018)))
    nominal = per_dollar(inputs_of({"accelerators": frame}), "hardware_tensor16", "fp16_tensor_flop_s")
    real = per_dollar(
        inputs_of({"accelerators": frame}, deflator_per_year=0.03), "hardware_tensor16", "fp16_tensor_flop_s"
    )
    assert nominal.estimate.value == pytest.approx(-0.1, abs=1e-3)
    assert real.estimate.value - nominal.estimate.value == pytest.approx(np.log2(1.03), rel=1e-6)
    assert real.component.basis == "dollar"


def test_no_rows_is_a_refusal_never_an_exception():
    empty = inputs_of({})
    found = [
        *hardware(empty),
        utilisation(empty),
        *training_flop_per_joule(empty),
        *mlperf_same_chip(empty),
        *mlperf_system(empty),
        *algorithmic_lm(empty),
        *frontier_growth(empty),
        *chip_growth(empty),
        run_duration(empty),
    ]
    assert {fit.estimate.status for fit in found} == {"refused"}
    assert all(fit.estimate.reasons for fit in found)


@pytest.mark.parametrize(
    ("maker", "name", "family"),
    [
        ("NVIDIA", "NVIDIA H100 SXM5 80GB", "NVIDIA Hopper"),
        ("NVIDIA", "NVIDIA GH200", "NVIDIA Hopper"),
        ("NVIDIA", "NVIDIA B300 (Blackwell Ultra)", "NVIDIA Blackwell"),
        ("NVIDIA", "NVIDIA GeForce RTX 4090", "NVIDIA Ada"),
        ("NVIDIA", "NVIDIA A100 PCIe", "NVIDIA Ampere"),
        ("NVIDIA", "NVIDIA Tesla V100S PCIe 32 GB", "NVIDIA Volta"),
        ("AMD", "AMD Instinct MI325X", "AMD CDNA3"),
        ("Google", "Google TPU v4i", "Google TPU v4i"),
        ("Huawei", "Huawei Ascend 910C", "Huawei Ascend"),
        ("", "", ""),
    ],
)
def test_variants_of_one_design_are_one_family(maker, name, family):
    assert chip_family(maker, name).replace("unknown", "").strip() == family


def test_rated_watts_by_name():
    known = pd.DataFrame(
        {
            "accelerator_id": ["h100-pcie", "h100-sxm", "tpu-v4", "gaudi2"],
            "name": ["NVIDIA H100 PCIe", "NVIDIA H100 SXM5 80GB", "Google TPU v4", "Intel Habana Gaudi2"],
            "tdp_w": [350.0, 700.0, 340.0, 600.0],
        }
    )
    names = pd.Series(
        [
            "NVIDIA H100-SXM5-80GB",
            "NVIDIA H100-PCIe-80GB",
            "NVIDIA A100-SXM4-80GB (500W)",
            "TPU-v4",
            "Intel(R) Gaudi(R) 2 AI Accelerator",
            "Graphcore Bow IPU",
            None,
        ]
    )
    found, rows = rated_watts(names, known)
    assert found[:5].tolist() == [700.0, 350.0, 500.0, 340.0, 600.0]
    assert np.isnan(found[5:]).all()
    told = [
        ("accelerators/h100-sxm",),
        ("accelerators/h100-pcie",),
        (),
        ("accelerators/tpu-v4",),
        ("accelerators/gaudi2",),
    ]
    assert rows.tolist() == [*told, (), ()]
    unsaid, both = rated_watts(pd.Series(["H100"]), known)
    assert (unsaid.tolist(), set(both[0])) == ([525.0], {"accelerators/h100-sxm", "accelerators/h100-pcie"})
