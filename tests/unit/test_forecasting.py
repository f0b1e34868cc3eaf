"""The forecast engine: stable cells, exact quantiles, little memory; readings that never mix; pools that stay joint."""

from __future__ import annotations

import itertools
import tracemalloc

import mpmath
import numpy as np
import pandas as pd
import pytest
from forecast_quarter import GROUPS, gamma_files, kappa_files
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import DataInvalid, NotTrustworthy
from race_to_efficiency.forecasting.draws import balanced_rows, pool_draws, rate_draws
from race_to_efficiency.forecasting.draws_file import open_draws
from race_to_efficiency.forecasting.engine import Grid, LogRatios, quantile_table
from race_to_efficiency.forecasting.milestones import log_ratio_of_target, time_to_log_ratio
from race_to_efficiency.forecasting.quantiles import exact_quantiles, quantiles_with_infinity
from race_to_efficiency.forecasting.readings import (
    LossNats,
    LossOverAnchor,
    ReducibleKappa,
    ReducibleLoss,
    TotalKappa,
    TotalLoss,
    form_of_fit,
)
from race_to_efficiency.forecasting.sensitivity import forecast_variance_shares
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.scenarios import SteadyPath

NAMES = tuple(group for group, *_ in GROUPS)
LEVELS = (0.01, 0.025, 0.1, 0.5, 0.9, 0.975, 0.99)

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
probability = st.floats(0.0, 1.0)


# ---- exact quantiles


@given(st.lists(finite, min_size=1, max_size=300), st.lists(probability, min_size=1, max_size=9))
def test_quantiles_of_any_numbers_equal_numpy_bit_for_bit(values, levels):
    array = np.array(values)
    with np.errstate(over="ignore", invalid="ignore"):  # interpolating between -1.8e308 and 1.8e308 overflows in both
        expected, found = np.quantile(array, levels), exact_quantiles(array, levels)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", ["normal", "cauchy", "ties", "constant", "one far outlier", "tiny", "two points"])
@pytest.mark.parametrize("n", [999, 10_000, 50_001])
def test_quantiles_of_many_draws_equal_numpy_bit_for_bit(shape, n):
    rng = np.random.default_rng(1)
    values = {
        "normal": lambda: rng.normal(size=n),
        "cauchy": lambda: rng.standard_cauchy(n),
        "ties": lambda: rng.integers(0, 7, n).astype(float),
        "constant": lambda: np.full(n, 0.37),
        "one far outlier": lambda: np.append(rng.normal(size=n - 1), 1e300),
        "tiny": lambda: rng.normal(size=n) * 1e-310,
        "two points": lambda: np.where(rng.random(n) < 0.5, -1e308, 1e308),
    }[shape]()
    before = values.copy()
    levels = np.sort(np.concatenate([LEVELS, rng.random(20), [0.0, 1.0]]))
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_array_equal(exact_quantiles(values, levels), np.quantile(values, levels))
    np.testing.assert_array_equal(values, before)


def test_quantiles_refuse_nan_and_levels_outside():
    with pytest.raises(ValueError, match="finite"):
        exact_quantiles(np.array([1.0, np.nan, 2.0]), [0.5])
    with pytest.raises(ValueError, match=r"levels must lie in \[0, 1\]"):
        exact_quantiles(np.ones(3), [1.2])
    with pytest.raises(ValueError, match="empty"):
        exact_quantiles(np.empty(0), [0.5])


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(0, 60), st.lists(probability, min_size=1, max_size=8))
def test_quantiles_with_never_are_numbers_or_never(years, never, levels):
    if not years and not never:
        return
    values = np.array(years + [np.inf] * never)
    found = quantiles_with_infinity(values, levels)
    assert not np.isnan(found).any()
    ordered = np.sort(values)
    for level, value in zip(levels, found, strict=True):
        place = (values.size - 1) * level
        low, high = ordered[int(np.floor(place))], ordered[min(int(np.floor(place)) + 1, values.size - 1)]
        assert value == np.inf if np.isinf(low) else low <= value <= high
    if not never:
        np.testing.assert_array_equal(found, np.quantile(values, levels))


# ---- cells


def segment(source: LogRatios, first: int, end: int) -> np.ndarray:
    """ln X at the grid points `first` to `end - 1`, (end - first, n_draws)."""
    out = np.empty((end - first, source.path.n_draws))
    for draws, row, log_ratio in source.rows(source.start(first), first, end):
        out[row, draws] = log_ratio
    return out


def exact_log_ratio(rate: float, scale: float, t: float) -> mpmath.mpf:
    """ln(1 + scale integral of 2^(rate s)) at 50 digits."""
    with mpmath.workdps(50):
        z = mpmath.mpf(rate) * mpmath.mpf(t) * mpmath.log(2)
        mean = mpmath.expm1(z) / z if z else mpmath.mpf(1)
        return mpmath.log1p(mpmath.mpf(scale) * mpmath.mpf(t) * mean)


def test_cells_agree_with_fifty_digits_at_every_quarter():
    rates = np.array([0.0, 1e-300, 1e-17, -1e-9, 0.5, 1.4427, 2.0, 3.0, -0.5, -4.0, 12.0])
    scales = np.array([1.0, 10.0, 0.1, 1.0, 1 / 0.2555, 1.0, 1.0, 100.0, 1.0, 1.0, 1.0])
    grid = Grid(0.25, 121)
    source = LogRatios(SteadyPath(rates, scales), grid)
    kappa = 0.05
    worst = np.zeros(rates.size)
    for first, end in grid.segments():
        for row, index in zip(segment(source, first, end), range(first, end), strict=True):
            for place, found in enumerate(row):
                with mpmath.workdps(50):
                    exact = exact_log_ratio(float(rates[place]), float(scales[place]), grid.time(index))
                    off = float(np.exp(-kappa * found) / mpmath.exp(-kappa * exact) - 1)
                worst[place] = max(worst[place], abs(off))
    # the exponent rate x t x ln 2 itself carries a rounding of its own size: 250 at 12 doublings a year
    assert worst[np.abs(rates) <= 4].max() < 1.3e-15
    assert worst.max() < 4e-15


def test_growth_beyond_the_largest_float_still_has_a_logarithm():
    rates, scales = np.array([40.0, 2.0]), np.ones(2)
    found = segment(LogRatios(SteadyPath(rates, scales), Grid(0.25, 121)), 120, 121)[0]
    for rate, value in zip(rates, found, strict=True):
        assert value == pytest.approx(float(exact_log_ratio(float(rate), 1.0, 30.0)), rel=1e-14)


def paths(n: int) -> tuple[list[SteadyPath], np.ndarray]:
    rng = np.random.default_rng(8)
    kappa = np.clip(rng.normal(0.05, 0.005, n), 1e-3, None)
    gamma = rng.normal(0.8, 0.2, n)
    gamma[: n // 100] = 0.0
    return [SteadyPath(gamma * share, np.full(n, m)) for share, m in ((1.0, 1.0), (0.5, 10.0), (2.0, 1.0))], kappa


def test_table_equals_the_equation_and_its_quantiles_equal_numpys_bit_for_bit():
    n = 3000
    routes, kappa = paths(n)
    grid = Grid(0.25, 50)
    columns = {}
    reading = TotalLoss(TotalKappa(kappa))
    table = quantile_table(
        routes, [[reading]] * 3, grid, LEVELS, sink=lambda p, _, k, column: columns.update({(p, k): column.copy()})
    )
    for (number, index), column in columns.items():
        path = routes[number]
        exact = relative_loss(grid.time(index), kappa, path.rate, fleet=path.scale)
        np.testing.assert_allclose(column, exact, rtol=1.5e-15)
        np.testing.assert_array_equal(table.quantiles[number][0, index], np.quantile(column, LEVELS))
        assert table.means[number][0, index] == column.mean()
    assert len(columns) == 3 * 50


def test_the_result_does_not_depend_on_the_number_of_threads():
    routes, kappa = paths(2000)
    readings = [[TotalLoss(TotalKappa(kappa)), ReducibleLoss(ReducibleKappa(3 * kappa))]] * 3
    tables = [quantile_table(routes, readings, Grid(0.25, 60), LEVELS, threads=k) for k in (1, 2, 5)]
    for one, other in itertools.pairwise(tables):
        for left, right in zip(one.quantiles + one.means, other.quantiles + other.means, strict=True):
            np.testing.assert_array_equal(left, right)


def test_no_array_of_all_cells_is_held():
    n, grid = 20_000, Grid(0.25, 120)
    routes, kappa = paths(n)
    readings = [[TotalLoss(TotalKappa(kappa))]] * 3
    tracemalloc.start()
    try:
        table = quantile_table(routes, readings, grid, LEVELS, threads=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    cells = 8 * n * grid.count * 3
    assert peak < 150e6 * n / 100_000 < cells
    assert all(np.isfinite(item).all() for item in table.quantiles)


def test_the_printed_form_fails_where_the_engine_does_not():
    routes, kappa = paths(1000)
    path = routes[0]
    with np.errstate(all="ignore"):
        naive = (1 + (2 ** (path.rate * 5.0) - 1) / (path.rate * np.log(2))) ** -kappa
    assert np.isnan(naive).sum() == 10
    found = TotalLoss(TotalKappa(kappa)).values(segment(LogRatios(path, Grid(0.25, 21)), 0, 21)[20])
    np.testing.assert_allclose(found[10:], naive[10:], rtol=1e-13)
    np.testing.assert_allclose(found[:10], 6.0 ** -kappa[:10], rtol=1e-14)


def test_the_worked_uncertainty_of_the_issue_comes_out():
    # kappa ~ N(.05, .005), gamma ~ N(.8, .2), correlation .3: mean .735458, sd .052520, 95 % [.628603, .833461]
    n = 1_000_000
    first, second = np.random.default_rng(20260331).normal(size=(2, n))
    kappa = 0.05 + 0.005 * first
    gamma = 0.8 + 0.2 * (0.3 * first + np.sqrt(1 - 0.09) * second)
    path = SteadyPath(gamma, np.ones(n))
    column = TotalLoss(TotalKappa(kappa)).values(segment(LogRatios(path, Grid(1.0, 11)), 10, 11)[0])
    assert column.mean() == pytest.approx(0.735458, abs=2e-4)
    assert column.std() == pytest.approx(0.052520, abs=2e-4)
    np.testing.assert_allclose(exact_quantiles(column, [0.025, 0.975]), [0.628603, 0.833461], atol=4e-4)
    passage = time_to_log_ratio(path, log_ratio_of_target(kappa, 0.7))
    low, high = passage.quantiles([0.025, 0.975])
    assert low == pytest.approx(7.62, abs=0.02)
    assert high == pytest.approx(23.3, abs=0.15)
    assert not hasattr(passage, "mean")  # it has no finite mean, so there is nothing to ask for


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"step": 0.0}, "step"), ({"step": np.nan}, "step"), ({"count": 0}, "count")],
)
def test_a_grid_refuses_what_is_no_grid(changes, message):
    with pytest.raises(ValueError, match=message):
        Grid(**({"step": 0.25, "count": 4} | changes))


# ---- readings


def test_a_kappa_cannot_be_read_as_the_other_loss():
    total, reducible = TotalKappa(np.array([0.05])), ReducibleKappa(np.array([0.15]))
    floor = np.array([0.9])
    with pytest.raises(TypeError, match="never mix"):
        TotalLoss(reducible)
    for build in (
        lambda: ReducibleLoss(total),
        lambda: LossOverAnchor(total, floor),
        lambda: LossNats(total, floor, floor),
        lambda: ReducibleLoss(np.array([0.15])),
    ):
        with pytest.raises(TypeError, match="ReducibleKappa"):
            build()
    with pytest.raises(ValueError, match="fit must be one of"):
        form_of_fit("straight")


@given(st.floats(1e-3, 0.5), st.floats(0, 200), st.floats(0, 0.999), st.floats(0.1, 5.0))
def test_readings_are_one_equation_told_four_ways(kappa, log_ratio, floor, anchor_loss):
    x, e = np.array([log_ratio]), np.array([floor])
    slope = ReducibleKappa(np.array([kappa]))
    r = ReducibleLoss(slope).values(x)
    share = LossOverAnchor(slope, e).values(x)
    nats = LossNats(slope, e * anchor_loss, (1 - e) * anchor_loss).values(x)
    assert float(r[0]) == pytest.approx(float(mpmath.exp(-mpmath.mpf(kappa) * log_ratio)), rel=1e-13)
    np.testing.assert_allclose((share - e) / (1 - e), r, atol=1e-12)
    np.testing.assert_allclose(nats, share * anchor_loss, rtol=1e-12)
    assert floor <= share[0] <= 1.0
    np.testing.assert_array_equal(TotalLoss(TotalKappa(np.array([kappa]))).values(x), r)


@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan, np.inf])
def test_a_kappa_that_is_none_is_refused(bad):
    for kind in (TotalKappa, ReducibleKappa):
        with pytest.raises(ValueError, match="kappa must be positive"):
            kind(np.array([0.1, bad]))
    with pytest.raises(ValueError, match="floor must lie"):
        LossOverAnchor(ReducibleKappa(np.array([0.1])), np.array([1.0]))


# ---- pools


def drawn_pool(table, document, fit="chinchilla", n=1200, seed=1):
    return pool_draws(table, document["estimates"], fit=fit, n=n, seed=seed, with_groups=fit == "chinchilla")


def test_the_pool_gives_families_then_groups_equal_shares_and_keeps_loss_and_floor_joint():
    document, table = kappa_files()
    pool = drawn_pool(table, document)
    np.testing.assert_array_equal(np.bincount(pool.choice) / 1200, [0.5, 0.25, 0.25])
    assert pool.families == ("alpha", "beta")
    pairs = {
        name: set(zip(rows["A"], rows["E"], strict=True))
        for name, rows in table[table["form"] == "chinchilla"].groupby("group")
    }
    amplitudes, floors = (pool.taken([item.parameters[name] for item in pool.groups]) for name in ("A", "E"))
    for place, pair in enumerate(zip(amplitudes, floors, strict=True)):
        assert pair in pairs[pool.groups[pool.choice[place]].group]


@pytest.mark.parametrize("fit", ["power_law", "chinchilla"])
def test_the_kappa_drawn_is_the_kappa_printed(fit):
    document, table = kappa_files()
    pool = drawn_pool(table, document, fit=fit, n=40_000)
    record = next(item for item in document["estimates"] if item["group"] == "pooled" and item["form"] == fit)
    assert pool.point == record["value"]
    for item in record["intervals"]:
        if item["method"] == "prediction":
            tail = 0.5 - item["level"] / 2
            np.testing.assert_allclose(
                [(pool.kappa < item[end]).mean() for end in ("low", "high")], [tail, 1 - tail], atol=0.006
            )
    assert bool(pool.groups) == (fit == "chinchilla")


def test_a_refused_group_takes_no_part_and_leaves_the_others_draws_alone():
    document, table = kappa_files()
    whole = drawn_pool(table, document, n=900)
    less = drawn_pool(table, kappa_files(refused=("beta_two",))[0], n=900)
    assert [item.group for item in less.groups] == ["alpha_one", "beta_one"]
    np.testing.assert_array_equal(less.groups[1].kappa, whole.groups[1].kappa)
    alone = kappa_files(refused=("beta_one", "beta_two"))[0]
    with pytest.raises(NotTrustworthy, match="fewer than two independent families speak for kappa_total"):
        drawn_pool(table, alone, fit="power_law")


def test_draws_without_a_kappa_are_no_draws():
    document, table = kappa_files()
    mine = (table["group"] == "alpha_one") & (table["form"] == "chinchilla")
    spoilt = table.copy()
    spoilt.loc[mine & (table["draw"] % 2 == 0), "kappa"] = np.nan
    pool = drawn_pool(spoilt, document, n=700)
    assert set(pool.groups[0].kappa) <= set(table.loc[mine & (table["draw"] % 2 == 1), "kappa"])
    spoilt.loc[mine, "kappa"] = -1.0
    with pytest.raises(DataInvalid, match="no usable draw of alpha_one"):
        drawn_pool(spoilt, document, n=700)


@given(st.integers(1, 50), st.integers(1, 500), st.integers(0, 10))
def test_rows_are_drawn_equally_often(available, n, seed):
    counts = np.bincount(balanced_rows(available, n, np.random.default_rng(seed)), minlength=available)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_what_shares_rows_shares_draws_and_kappa_does_not():
    table = gamma_files()[1]
    rates = rate_draws(table.assign(gone=np.nan), n=4000, seed=5)
    np.testing.assert_array_equal(rates["route.D"], rates["training_flop_per_joule.ols"] + rates["algorithmic.mixture"])
    assert "gone" not in rates
    document, draws = kappa_files()
    pool = drawn_pool(draws, document, n=4000, seed=5)
    assert abs(np.corrcoef(pool.kappa, rates["route.D"])[0, 1]) < 4 / np.sqrt(4000)


def test_shares_of_variance_equal_those_of_simulated_independent_factors():
    rng = np.random.default_rng(6)
    n = 400_000
    mean, own = rng.normal(0.16, 0.012, n), rng.normal(0.0, 0.03, n)
    kappa, growth = mean + own, rng.normal(3.0, 0.8, n)
    shares = forecast_variance_shares(kappa, growth, 0.012)
    assert sum(shares.values()) == pytest.approx(1.0)
    whole = np.var(kappa * growth)
    assert shares["compute_growth"] == pytest.approx(kappa.mean() ** 2 * growth.var() / whole, rel=0.02)
    assert shares["kappa_between_families"] == pytest.approx(growth.mean() ** 2 * own.var() / whole, rel=0.02)
    assert shares["kappa_mean"] == pytest.approx(growth.mean() ** 2 * mean.var() / whole, rel=0.02)
    assert forecast_variance_shares(np.full(5, 0.1), np.full(5, 2.0), 0.01) == dict.fromkeys(shares, 0.0)


# ---- every draw to a file


def test_every_draw_comes_back_from_the_file(tmp_path):
    n, grid = 500, Grid(0.25, 5)
    routes, kappa = paths(n)
    kept = []
    file_path = tmp_path / "draws.parquet"
    with open_draws(file_path) as file:

        def sink(path, _, index, column):
            file.add(f"s{path}", "total", grid.time(index), column)
            kept.append((f"s{path}", grid.time(index), column.copy()))

        quantile_table(routes, [[TotalLoss(TotalKappa(kappa))]] * 3, grid, [0.5], sink=sink)
        assert not file_path.exists()  # it appears when it is whole
    table = pd.read_parquet(file_path)
    assert len(table) == 3 * 5 * n
    for scenario, horizon, column in kept:
        rows = table[(table["scenario_id"] == scenario) & (table["horizon"] == horizon)]
        np.testing.assert_array_equal(rows["value"].to_numpy(), column)
        np.testing.assert_array_equal(rows["draw"].to_numpy(), np.arange(n))


def test_an_interrupted_file_of_draws_leaves_nothing(tmp_path):
    def interrupted():
        with open_draws(tmp_path / "draws.parquet") as file:
            file.add("s", "total", 1.0, np.ones(3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
