"""Gamma's printed rates, each recomputed in a line or two from the ledgers' own CSVs with numpy and statsmodels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from plain import AS_OF, document, jackknife, mlperf, slope, view, years
from race_to_efficiency.evaluation.targets import TARGETS
from scipy.optimize import linprog

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.settings.params import Workspace


def chips(column: str = "fp16_tensor_flop_s", over: str = "tdp_w", since: str = "1900") -> pd.DataFrame:
    rows = view("accelerators")
    rows = rows.assign(one=1.0)
    rows = rows[(rows[column] > 0) & (rows[over] > 0) & (rows["released"] >= since)]
    return rows.assign(value=np.log2(rows[column] / rows[over])).sort_values(["released", "value"], kind="stable")


def runs(*columns: str, since: str = "1900", frontier: bool = False) -> pd.DataFrame:
    rows = view("notable_training_runs")
    rows = rows[(rows[list(columns)] > 0).all(axis=1) & (rows["released"] >= since)]
    return rows[rows["frontier_flag"].fillna(value=False).astype(bool)] if frontier else rows


def per_joule(rows: pd.DataFrame) -> pd.Series:
    return np.log2(rows["compute_flop"] / (rows["power_draw_w"] * rows["hours"] * 60 * 60))


def of(rows: pd.DataFrame) -> float:
    return slope(rows["year"], rows["value"])


def records(rows: pd.DataFrame) -> float:
    best = rows["value"].cummax()
    return of(rows[best > best.shift(fill_value=-np.inf)])


def upper(rows: pd.DataFrame, tau: float = 0.9) -> float:
    """Koenker and Bassett's quantile regression as the linear program that it is."""
    n, x = len(rows), np.column_stack([np.ones(len(rows)), rows["year"] - rows["year"].mean()])
    cost = np.concatenate([np.zeros(2), np.full(n, tau), np.full(n, 1 - tau)])
    both = np.hstack([x, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * 2 + [(0, None)] * (2 * n)
    return float(linprog(cost, A_eq=both, b_eq=rows["value"], bounds=bounds, method="highs").x[1])


def within(rows: pd.DataFrame, cell: list[str], rounds: int) -> float:
    """Slope of -log2 minutes of the best of each cell and round, every cell at a level of its own."""
    best = rows.dropna(subset=cell).drop_duplicates([*cell, "round"])
    best = best[best.groupby(cell)["round"].transform("nunique") >= rounds].assign(y=lambda d: -np.log2(d["minutes"]))
    year, value = (best[name] - best.groupby(cell)[name].transform("mean") for name in ("year", "y"))
    return float((year * value).sum() / (year**2).sum())


def eight(*, available: bool) -> float:
    rows = mlperf()
    rows = rows[rows["accelerator_count"] == 8]
    rows = rows[rows["availability"].str.startswith("available")] if available else rows
    return within(rows, ["benchmark"], 2 + available)


def gain(column: str, since: str = "1900") -> float:
    """Compute-equivalent gain b_t/b_C of ln(loss) = a + b_C log2(C) + b_t t."""
    rows = view("language_model_perplexity")
    rows = rows[(rows["compute_flop"] > 0) & (rows["released"] >= since)]
    x = sm.add_constant(np.column_stack([np.log2(rows["compute_flop"]), rows["year"] - rows["year"].mean()]))
    fitted = sm.OLS(np.log(rows[column]), x).fit().params.to_numpy()
    return float(fitted[2] / fitted[1])


def speedrun(column: str, since: str = "1900") -> float:
    rows = view("speedrun_records")
    rows = rows[(rows["track"] == 1) & (rows[column] > 0) & (rows["released"] >= since)]
    return slope(rows["year"], -np.log2(rows[column]))


def frontier() -> pd.DataFrame:
    rows = runs("compute_flop", since="2018", frontier=True)
    return rows.assign(value=np.log2(rows["compute_flop"]))


def identity(value: Callable[[pd.DataFrame], pd.Series]) -> float:
    rows = runs("compute_flop", "power_draw_w", "hours", since="2012", frontier=True)
    return slope(rows["year"], value(rows))


def level() -> float:
    rows, today = frontier(), years(pd.Series([AS_OF]))[0]
    return float(np.polyval(np.polyfit(rows["year"] - today, rows["value"], 1), 0.0))


def trained() -> pd.DataFrame:
    rows = runs("compute_flop", "power_draw_w", "hours", since="2012")
    return rows.assign(value=per_joule(rows))


def published(column: str) -> float:
    rows = view("published_values")
    return float(rows.loc[rows["value_id"] == "ho2024_lm_compute", column].item())


def ols(index: int) -> float:
    rows = chips()
    return float(sm.OLS(rows["value"], sm.add_constant(rows["year"] - 2020)).fit().conf_int().loc["year", index])


def left_out(rows: pd.DataFrame, end: int) -> float:
    return jackknife(rows, rows["organization"].str.split(",").str[0], of)[end]


QUERIES: dict[str, Callable[[], float]] = {
    "hardware_tensor16.mean_chip.value": lambda: of(chips()),
    "hardware_tensor16.mean_chip.ols95.low": lambda: ols(0),
    "hardware_tensor16.mean_chip.ols95.high": lambda: ols(1),
    "hardware_tensor16.mean_chip.n_rows": lambda: len(chips()),
    "hardware_tensor16.recent.value": lambda: of(chips(since="2022-09-01")),
    "hardware_tensor16.quantile_0.9.value": lambda: upper(chips()),
    "hardware_tensor16.record_frontier.value": lambda: records(chips()),
    "hardware_tensor16.running_maximum.value": lambda: of(chips().assign(value=chips()["value"].cummax())),
    "hardware_tensor16.per_dollar.value": lambda: of(chips(over="release_price_usd")),
    "hardware_fp32.mean_chip.value": lambda: of(chips("fp32_flop_s")),
    "hardware_fp32.recent.value": lambda: of(chips("fp32_flop_s", since="2022-09-01")),
    "hardware_fp32.record_frontier.value": lambda: records(chips("fp32_flop_s")),
    "hardware_fp32.per_dollar.value": lambda: of(chips("fp32_flop_s", over="release_price_usd")),
    "utilisation.ols.value": lambda: slope(runs("mfu")["year"], np.log2(runs("mfu")["mfu"])),
    "utilisation.ols.n_rows": lambda: len(runs("mfu")),
    "training_flop_per_joule.ols.value": lambda: of(trained()),
    "training_flop_per_joule.ols.cluster95.low": lambda: left_out(trained(), 0),
    "training_flop_per_joule.ols.cluster95.high": lambda: left_out(trained(), 1),
    "training_flop_per_joule.ols.n_rows": lambda: len(trained()),
    "mlperf_same_chip.cell_effects.value": lambda: within(
        mlperf(), ["benchmark", "accelerator_original", "accelerator_count"], 2
    ),
    "mlperf_same_chip.cell_effects_normalised.value": lambda: within(
        mlperf(), ["benchmark", "accelerator", "accelerator_count"], 2
    ),
    "mlperf_system.best_any.value": lambda: eight(available=False),
    "mlperf_system.best_available.value": lambda: eight(available=True),
    "algorithmic_lm.ln_loss.value": lambda: gain("loss_nats"),
    "algorithmic_lm.ln_loss_recent.value": lambda: gain("loss_nats", "2018"),
    "algorithmic_lm.ln_perplexity.value": lambda: gain("perplexity"),
    "algorithmic_published.prior.value": lambda: published("gamma_per_year"),
    "algorithmic_published.prior.published95.low": lambda: published("gamma_lo"),
    "algorithmic_published.prior.published95.high": lambda: published("gamma_hi"),
    "speedrun_tokens.ols.value": lambda: speedrun("tokens"),
    "speedrun_tokens.recent.value": lambda: speedrun("tokens", "2025"),
    "speedrun_time.ols.value": lambda: speedrun("record_time_s"),
    "speedrun_time.recent.value": lambda: speedrun("record_time_s", "2025"),
    "growth.frontier_compute.value": lambda: of(frontier()),
    "growth.frontier_compute.cluster95.low": lambda: left_out(frontier(), 0),
    "growth.frontier_compute.cluster95.high": lambda: left_out(frontier(), 1),
    "level.frontier_compute_log2_flop.value": level,
    "growth.identity_compute.value": lambda: identity(lambda rows: np.log2(rows["compute_flop"])),
    "growth.power.value": lambda: identity(lambda rows: np.log2(rows["power_draw_w"])),
    "growth.duration.value": lambda: identity(lambda rows: np.log2(rows["hours"])),
    "growth.identity_flop_per_joule.value": lambda: identity(per_joule),
    "growth.tdp.value": lambda: of(chips("tdp_w", over="one")),
    "growth.price.value": lambda: of(chips("release_price_usd", over="one")),
    "level.baseline_years.value": lambda: (
        runs("hours", "compute_flop").query("compute_flop >= 1e25")["hours"].median() / (365.25 * 24)
    ),
}


def test_flop_per_joule_is_compute_over_watts_times_seconds(small_quarter: Workspace) -> None:
    """A slope does not see a factor, so the level is held: of the fit, of each point drawn, of each outcome scored."""
    rows = trained().set_index("model_id")["value"]
    records = {item["id"]: item for item in document(small_quarter.processed, "gamma.json")["estimates"]}
    level = records["gamma.training_flop_per_joule.ols"]["diagnostics"]["level"]
    assert level == pytest.approx(rows.mean(), rel=1e-12)
    drawn = pd.read_csv(small_quarter.processed / "report" / "figures" / "fig-series.csv", index_col="row")
    drawn = drawn[drawn["panel"] == "training runs"]["log₂ efficiency"]
    assert (drawn - rows).abs().max() <= 0.0005
    target = TARGETS["training_flop_per_joule_year"]
    scored = target.observations(view("notable_training_runs")).set_index("item")["value"]
    np.testing.assert_allclose(scored, rows[scored.index], rtol=1e-12)


def test_the_draws_of_the_run_length_lie_about_its_median(small_quarter: Workspace) -> None:
    """Each draw is one run's hours, as often below the median run as above it."""
    draws = pd.read_parquet(small_quarter.processed / "gamma_draws.parquet")["level.baseline_years"] * 8766
    hours = runs("hours", "compute_flop").query("compute_flop >= 1e25")["hours"]
    assert np.isclose(draws.to_numpy()[:, None], hours.to_numpy()).any(axis=1).all()
    below, above = (draws < hours.median()).mean(), (draws > hours.median()).mean()
    assert abs(below - above) < 0.3


@pytest.mark.parametrize("name", QUERIES)
def test_a_rate_stated_and_printed_is_what_the_ledger_says(
    small_quarter: Workspace, numbers: dict[str, Any], name: str
) -> None:
    """The page prints all but the levels that a forecast starts from: those gamma.json states."""
    item, _, field = f"gamma.{name}".rpartition(".")
    if field == "value":
        records = {record["id"]: record for record in document(small_quarter.processed, "gamma.json")["estimates"]}
        assert records[item]["value"] == pytest.approx(QUERIES[name](), rel=1e-7, abs=1e-9)
    if f"gamma.{name}" in numbers or not name.startswith("level."):
        assert numbers[f"gamma.{name}"]["value"] == pytest.approx(QUERIES[name](), rel=1e-7, abs=1e-9)
