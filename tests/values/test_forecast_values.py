"""The forecast's printed numbers by the paper's equation, over many pairs of a new family's kappa and a draw of gamma.

A printed quantile comes from 1,000 such pairs, so it may miss its level among them by what 1,000 draws do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml
from plain import AS_OF, document, view, years
from scipy.optimize import brentq
from test_kappa_values import PIVOT, families

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

LN2 = np.log(2.0)
LEVELS = {"q0.025": 0.025, "q0.1": 0.1, "q0.5": 0.5, "q0.9": 0.9, "q0.975": 0.975}
DRAWS, PAIRS = 1000, 200_000


def compute(t: Any, gamma: Any, fleet: float = 1.0) -> Any:
    """X(t) = 1 + fleet (2^(gamma t) - 1)/(gamma ln 2), Lu (2025), arXiv 2501.02156."""
    rate = np.asarray(gamma, dtype=float) * LN2
    safe = np.where(rate == 0, 1.0, rate)
    return 1 + fleet * np.where(rate == 0, t, np.expm1(safe * t) / safe)


def wait(target: Any, kappa: Any, gamma: Any, fleet: float = 1.0) -> Any:
    """Years until X^-kappa has come down to the target."""
    needed = (np.asarray(target, dtype=float) ** (-1 / np.asarray(kappa)) - 1) / fleet
    rate = np.asarray(gamma, dtype=float) * LN2
    safe = np.where(rate == 0, 1.0, rate)
    return np.where(rate == 0, needed, np.log1p(safe * needed) / safe)


class Pairs:
    """Kappas of a new family, each with a row of gamma's draws and, for its loss at the pivot, a refit of a group."""

    def __init__(self, folder: Any) -> None:
        kappas, gammas = (pd.read_parquet(folder / f"{name}_draws.parquet") for name in ("kappa", "gamma"))
        rng = np.random.default_rng(1)
        gamma = gammas.iloc[rng.integers(len(gammas), size=PAIRS)].reset_index(drop=True)
        columns = ["route.D", "algorithmic.mixture", "level.frontier_compute_log2_flop"]
        refits = kappas[(kappas["form"] == "chinchilla") & (kappas["kappa"] > 0)]
        share = 1 / refits.groupby("family")["kappa"].transform("size")
        chosen = refits.iloc[rng.choice(len(refits), PAIRS, p=(share / share.sum()).to_numpy())].reset_index(drop=True)
        self.whole, self.above_floor = (
            gamma[columns].assign(kappa=families(kappas, form).sample(rng.random(PAIRS)), weight=1.0)
            for form in ("power_law", "chinchilla")
        )
        self.above_floor = self.above_floor.join(chosen[["group", "E", "A", "B", "alpha", "beta"]])

    def whole_loss(self, t: Any) -> Any:
        """R = X^-kappa."""
        rows = self.whole
        return compute(t, rows["route.D"].to_numpy()) ** -rows["kappa"].to_numpy()

    def reducible(self, t: Any) -> Any:
        """r = (L - E)/(L0 - E) = X^-kappa."""
        rows = self.above_floor
        return compute(t, rows["route.D"].to_numpy()) ** -rows["kappa"].to_numpy()

    def doublings(self) -> Any:
        """log2 of the frontier's compute in a group's terms: the trend, and what algorithms gained since its runs."""
        rows = self.above_floor
        last = view("training_runs").groupby("group")["released"].max()
        since = years(pd.Series([AS_OF]))[0] - rows["group"].map(years(last)).to_numpy()
        return (rows["level.frontier_compute_log2_flop"] + rows["algorithmic.mixture"] * since).to_numpy()

    def floor(self, log2_flop: Any) -> Any:
        """E/L0 of a new family: a group's loss at the best split of C = 6 N D at the pivot, from there by its kappa.

        Hoffmann et al. 2022, equation 4.
        """
        E, A, B, a, b, kappa = (self.above_floor[name].to_numpy() for name in ("E", "A", "B", "alpha", "beta", "kappa"))
        n = (a * A / (b * B)) ** (1 / (a + b)) * (PIVOT / 6) ** (b / (a + b))
        d = PIVOT / (6 * n)
        return E / (E + (A * n**-a + B * d**-b) * (2.0 ** np.asarray(log2_flop) / PIVOT) ** -kappa)


@pytest.fixture(scope="module")
def pairs(small_quarter: Workspace) -> Pairs:
    return Pairs(small_quarter.processed)


@pytest.fixture(scope="module")
def costs(small_quarter: Workspace) -> dict[str, float]:
    return yaml.safe_load((small_quarter.root / "params.yaml").read_text(encoding="utf-8"))["cost"]["values"]


def held(printed: float, level: float, values: Any, weights: pd.Series) -> None:
    """Hold a printed quantile to its level among all pairs, within four standard errors of 1,000 draws."""
    weight = weights.to_numpy() / weights.sum()
    below, upto = weight[values < printed * (1 - 1e-12)].sum(), weight[values <= printed * (1 + 1e-12)].sum()
    error = 4 * np.sqrt(level * (1 - level) / DRAWS)
    assert below - error <= level <= upto + error


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("t", [1, 5, 10])
def test_the_headline_is_the_equation_over_the_draws(numbers: dict[str, Any], pairs: Pairs, t: int, level: str) -> None:
    at = f"constant_power.frontier_trend.{t}y.{level}"
    rows = pairs.above_floor
    floor = pairs.floor(pairs.doublings())
    held(numbers[f"R.{at}"]["value"], LEVELS[level], pairs.whole_loss(t), pairs.whole["weight"])
    held(numbers[f"r.{at}"]["value"], LEVELS[level], pairs.reducible(t), rows["weight"])
    whole = floor + (1 - floor) * pairs.reducible(t)
    held(numbers[f"L_over_L0.{at}"]["value"], LEVELS[level], whole, rows["weight"])


def test_the_headline_file_names_the_quantiles_it_prints(small_quarter: Workspace, numbers: dict[str, Any]) -> None:
    ends = {"median": "q0.5", "low80": "q0.1", "high80": "q0.9", "low95": "q0.025", "high95": "q0.975"}
    names = {"total": "R", "reducible": "r", "reducible, whole loss": "L_over_L0"}
    rows = document(small_quarter.processed, "headline.json")
    assert {row["reading"] for row in rows} == set(names)
    for row in rows:
        for end, level in ends.items():
            printed = numbers[f"{names[row['reading']]}.constant_power.frontier_trend.{row['years']:g}y.{level}"]
            assert row[end] == printed["value"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("target", [0.6, 0.7, 0.8, 0.9])
def test_a_milestone_is_when_the_equation_gets_there(
    numbers: dict[str, Any], pairs: Pairs, target: float, level: str
) -> None:
    rows = pairs.whole
    found = wait(target, rows["kappa"], rows["route.D"])
    held(
        numbers[f"years_to.total.relative_loss.{target:g}.constant_power.{level}"]["value"],
        LEVELS[level],
        found,
        rows["weight"],
    )


def test_the_anchor_is_the_frontier_in_each_groups_own_terms(numbers: dict[str, Any], pairs: Pairs) -> None:
    rows, doublings = pairs.above_floor, pairs.doublings()
    floor = pairs.floor(doublings)
    at = "anchor.frontier_trend"
    held(np.log2(numbers[f"{at}.compute"]["value"]), 0.5, rows["level.frontier_compute_log2_flop"], rows["weight"])
    held(numbers[f"{at}.floor"]["value"], 0.5, floor, rows["weight"])
    held(numbers[f"{at}.kappa_eff"]["value"], 0.5, rows["kappa"] * (1 - floor), rows["weight"])
    held(numbers["floor.frontier_trend.low"]["value"], 0.025, floor, rows["weight"])
    held(numbers["floor.frontier_trend.high"]["value"], 0.975, floor, rows["weight"])


def test_an_anchor_says_how_far_it_lies_beyond_the_runs(numbers: dict[str, Any]) -> None:
    groups = ["chinchilla_besiroglu2024", "gadre2024_c4", "muennighoff2023"]
    rows = view("training_runs")
    unused = rows["run_flags"].str.contains("multi_epoch|dropped_by_besiroglu", na=False)
    largest = rows[rows["group"].isin(groups) & ~unused].groupby("group")["compute_flop"].max()
    for name, flop in (("gpt3", 3.14e23), ("within_range", 1e22)):
        for end, decades in (("low", np.log10(flop / largest.max())), ("high", np.log10(flop / largest.min()))):
            assert numbers[f"anchor.{name}.decades_{end}"]["value"] == pytest.approx(decades, rel=1e-9)


def test_the_largest_run_and_how_long_large_runs_take(numbers: dict[str, Any]) -> None:
    runs = view("notable_training_runs")
    assert numbers["anchor.largest_known_run.compute"]["value"] == pytest.approx(runs["compute_flop"].max(), rel=1e-12)
    hours = runs.loc[runs["compute_flop"] >= 1e25, "hours"].dropna()
    assert numbers["baseline_years.measured"]["value"] == pytest.approx(hours.median() / 8766, rel=1e-12)


def test_the_papers_own_curves(numbers: dict[str, Any]) -> None:
    for gamma in (0, 0.5, 1, 2, 3):
        for t in (1, 3, 5, 10):
            name = f"R.paper_gamma_{str(gamma).replace('.', '_')}.frontier_trend.{t}y.point"
            assert numbers[name]["value"] == pytest.approx(float(compute(t, gamma) ** -0.05), rel=1e-12)


@pytest.mark.parametrize("t", [1, 3, 5, 10])
def test_the_headline_is_the_equation_at_the_printed_kappa_gamma_and_floor(numbers: dict[str, Any], t: int) -> None:
    gamma = numbers["gamma.route.D.value"]["value"]
    total, part = (
        float(compute(t, gamma) ** -numbers[f"kappa_{reading}.value"]["value"])
        for reading in ("total.pooled.power_law", "reducible.pooled.chinchilla")
    )
    floor = numbers["anchor.frontier_trend.floor"]["value"]
    at = f"constant_power.frontier_trend.{t}y.point"
    assert numbers[f"R.{at}"]["value"] == pytest.approx(total, rel=1e-12)
    assert numbers[f"r.{at}"]["value"] == pytest.approx(part, rel=1e-12)
    assert numbers[f"L_over_L0.{at}"]["value"] == pytest.approx(floor + (1 - floor) * part, rel=1e-12)


@pytest.mark.parametrize("scenario", ["static", "moore", "baseline", "turtle", "hare", "constant_power"])
@pytest.mark.parametrize("reading", ["total", "reducible"])
def test_the_explorer_starts_at_the_equation_at_its_own_inputs(
    numbers: dict[str, Any], scenario: str, reading: str
) -> None:
    at = {key: numbers[f"explorer.{scenario}.{reading}.{key}"]["value"] for key in ("kappa", "gamma", "fleet", "floor")}
    for t in (1, 3, 5, 10):
        part = float(compute(t, at["gamma"], at["fleet"]) ** -at["kappa"])
        expected = at["floor"] + (1 - at["floor"]) * part
        assert numbers[f"explorer.{scenario}.{reading}.{t}y"]["value"] == pytest.approx(expected, rel=1e-9)


def test_a_route_is_the_sum_of_its_parts_draw_by_draw(small_quarter: Workspace, numbers: dict[str, Any]) -> None:
    draws = pd.read_parquet(small_quarter.processed / "gamma_draws.parquet")
    routes = {
        "D": ["training_flop_per_joule.ols", "algorithmic.mixture"],
        "A": ["hardware_tensor16.mean_chip", "utilisation.ols", "algorithmic.mixture"],
        "B": ["hardware_tensor16.mean_chip", "speedrun_time.recent"],
    }
    for route, parts in routes.items():
        total = draws[parts].sum(axis=1)
        shown = {"value": 0.5, "draws80.low": 0.1, "draws80.high": 0.9, "draws95.low": 0.025, "draws95.high": 0.975}
        for key, level in shown.items():
            assert numbers[f"gamma.route.{route}.{key}"]["value"] == pytest.approx(total.quantile(level), rel=1e-12)


def test_the_mixture_takes_its_parts_by_their_weights(small_quarter: Workspace, numbers: dict[str, Any]) -> None:
    """Each draw is one part's draw of that number; of 400, each part has its weight's share, within four errors."""
    draws = pd.read_parquet(small_quarter.processed / "gamma_draws.parquet")
    parts = {"algorithmic_lm.ln_loss": 3, "algorithmic_published.prior": 2, "speedrun_tokens.recent": 1}
    taken = pd.DataFrame({name: draws[name] == draws["algorithmic.mixture"] for name in parts})
    assert (taken.sum(axis=1) == 1).all()
    for name, weight in parts.items():
        share = weight / 6
        assert abs(taken[name].mean() - share) < 4 * np.sqrt(share * (1 - share) / len(draws))
    assert numbers["gamma.algorithmic.mixture.value"]["value"] == pytest.approx(draws["algorithmic.mixture"].median())


def test_what_a_fleet_draws_and_costs(numbers: dict[str, Any], costs: dict[str, float]) -> None:
    """The baseline fleet makes the anchor's compute in a year."""
    draw = costs["accelerator_power_w"] * costs["server_power_ratio"] * costs["power_draw_fraction"]
    joules = draw * costs["power_usage_effectiveness"] / (costs["accelerator_flop_s"] * costs["utilisation"])
    watts = numbers["anchor.frontier_trend.compute"]["value"] * joules / (8766 * 3600)
    assert numbers["cost.baseline.power"]["value"] == pytest.approx(watts / 1e6, rel=1e-12)
    for t in (1, 3, 5, 10):
        assert numbers[f"cost.baseline.energy.{t}y"]["value"] == pytest.approx(watts * 8766 * t / 1e12, rel=1e-12)
        assert numbers[f"cost.hare.energy.{t}y"]["value"] == pytest.approx(10 * watts * 8766 * t / 1e12, rel=1e-12)


@pytest.mark.parametrize("gamma", ["0", "0.5", "1", "2", "3"])
@pytest.mark.parametrize("target", ["0.5", "0.6", "0.7", "0.8", "0.9"])
def test_the_severity_table_is_the_equation_solved_for_time(numbers: dict[str, Any], target: str, gamma: str) -> None:
    expected = float(wait(float(target), 0.05, float(gamma)))
    assert numbers[f"severity.years.{target}.gamma{gamma}"]["value"] == pytest.approx(expected, rel=1e-9)


def test_a_contest_is_decided_by_the_equation(numbers: dict[str, Any]) -> None:
    kappa = numbers["contest.kappa"]["value"]
    for target in (0.7, 0.8, 0.9):
        for name, gamma, fleet in (("hare", 0.5, 10), ("turtle", 2, 1)):
            found = numbers[f"contest.{target:g}.years.{name}"]["value"]
            assert found == pytest.approx(float(wait(target, kappa, gamma, fleet)), rel=1e-9)


def test_the_roadmap_asks_for_the_gamma_that_solves_the_equation(numbers: dict[str, Any]) -> None:
    kappa = numbers["kappa_total.pooled.power_law.value"]["value"]
    needed = brentq(lambda gamma: float(compute(5.0, gamma)) ** -kappa - 0.8, -3, 3, xtol=1e-12)
    assert numbers["roadmap.total.0.8.2031-03-31.all_layers.required"]["value"] == pytest.approx(needed, rel=1e-7)
