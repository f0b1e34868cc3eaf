"""Kappa's printed numbers, each found again from training_runs.csv with scipy: another method, the same optimum."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from plain import NewFamily, document, view
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.settings.params import Workspace

GROUPS = ("chinchilla_besiroglu2024", "gadre2024_c4", "muennighoff2023")
UNUSED = r"(?:^|;)(?:high_loss_dropped_by_besiroglu|multi_epoch|fixed_token_count)(?:[;=]|$)"
DELTA = 1e-3
PIVOT = 1e20
STARTS = {"chinchilla": ([6.0, 7.0, 0.5, 0.3, 0.3],), "floor": ([7.0, 0.5, 0.15],), "power_law": ([3.0, 0.05],)}
NAMES = {"chinchilla": ("A", "B", "E", "alpha", "beta"), "floor": ("A", "E", "kappa"), "power_law": ("A", "kappa")}


@cache
def runs(group: str, form: str) -> pd.DataFrame:
    """The runs of a group: all of them, or those that no run of equal or less compute equals or beats."""
    rows = view("training_runs")
    rows = rows[(rows["group"] == group) & ~rows["run_flags"].fillna("").str.contains(UNUSED)]
    if form == "chinchilla":
        return rows
    rows = rows.sort_values(["compute_flop", "loss_nats"])
    return rows[rows["loss_nats"] < rows["loss_nats"].cummin().shift(fill_value=np.inf)]


@cache
def pivot(group: str) -> float:
    """Geometric mean of the compute of the efficient runs."""
    return float(np.exp(np.log(runs(group, "power_law")["compute_flop"]).mean()))


def terms(form: str, rows: pd.DataFrame, p: np.ndarray) -> np.ndarray:
    """Logarithm of each summand of the loss, (n, k), at p = (ln amplitudes, ln E, exponents)."""
    n, d, c = (np.log(rows[name].to_numpy()) for name in ("params", "tokens", "compute_flop"))
    if form == "chinchilla":
        return np.column_stack([p[0] - p[3] * n, p[1] - p[4] * d, np.full(len(n), p[2])])
    if form == "floor":
        return np.column_stack([p[0] - p[2] * c, np.full(len(n), p[1])])
    return (p[0] - p[1] * (c - c.mean()))[:, None]


def huber(form: str, rows: pd.DataFrame, p: np.ndarray) -> float:
    """Sum of Huber's function of ln(loss) less its prediction (Hoffmann et al. 2022, equation 3)."""
    gap = np.abs(np.log(rows["loss_nats"].to_numpy()) - np.logaddexp.reduce(terms(form, rows, p), axis=1))
    return float(np.sum(np.where(gap <= DELTA, gap**2 / 2, DELTA * (gap - DELTA / 2))))


@cache
def fit(group: str, form: str) -> dict[str, float]:
    """The least Huber sum Nelder and Mead's simplex finds: it takes no derivative, and is begun anew until still."""
    rows, best = runs(group, form), None
    for start in STARTS[form]:
        p = np.asarray(start)
        for _ in range(30):
            found = minimize(
                lambda q: huber(form, rows, q), p, method="Nelder-Mead",
                options={"xatol": 1e-10, "fatol": 1e-17, "maxiter": 20_000, "maxfev": 20_000, "adaptive": True},
            )  # fmt: skip
            moved, p = np.abs(found.x - p).max(), found.x
            if moved < 1e-8:
                break
        best = found if best is None or found.fun < best.fun else best
    values = dict(zip(NAMES[form], best.x, strict=True))
    law = {name: float(np.exp(value)) if name in "ABE" else float(value) for name, value in values.items()}
    if form == "chinchilla":
        law["kappa"] = law["alpha"] * law["beta"] / (law["alpha"] + law["beta"])
    return law


def effects(draws: pd.DataFrame, form: str) -> tuple[np.ndarray, np.ndarray]:
    """Each group's kappa and its variance over the refits; the slope of the whole loss is moved to the common pivot."""
    values, variances = [], []
    for group in GROUPS:
        own, spread = dict(fit(group, form)), refits(draws, group, form)
        kappa, each = own["kappa"], spread["kappa"]
        if form == "power_law":
            floor, floors = dict(fit(group, "floor")), refits(draws, group, "floor")
            kappa += slope_at(floor, PIVOT) - slope_at(floor, pivot(group))
            each = each + slope_at(floors, PIVOT) - slope_at(floors, pivot(group))
        values.append(kappa)
        variances.append(each.var())
    return np.array(values), np.array(variances)


def refits(draws: pd.DataFrame, group: str, form: str) -> pd.DataFrame:
    return draws[(draws["group"] == group) & (draws["form"] == form)].set_index("draw")


def slope_at(law: Any, compute: float) -> Any:
    """-d ln L/d ln C of L = E + A C^-kappa."""
    power = law["A"] * compute ** -law["kappa"]
    return law["kappa"] * power / (law["E"] + power)


def families(draws: pd.DataFrame, form: str) -> NewFamily:
    """What three families say together; half of their spread's prior lies below .008 (whole loss) or .023."""
    values, variances = effects(draws, form)
    return NewFamily(values, np.sqrt(variances), {"power_law": 0.01, "chinchilla": 0.03}[form])


def printed() -> dict[str, Callable[[], float]]:
    """The queries of what is printed of each group's fits."""
    queries: dict[str, Callable[[], float]] = {}
    for group in GROUPS:
        for form, names in NAMES.items():
            symbol = "kappa_total" if form == "power_law" else "kappa_reducible"
            for name in dict.fromkeys([*names, "kappa"]):
                shown = f"{symbol if name == 'kappa' else name}.{group}.{form}"
                queries[f"{shown}.value"] = lambda g=group, f=form, n=name: fit(g, f)[n]
            queries[f"{symbol}.{group}.{form}.n_rows"] = lambda g=group, f=form: len(runs(g, f))
    return queries


QUERIES = printed()


@pytest.fixture(scope="module")
def draws(small_quarter: Workspace) -> pd.DataFrame:
    return pd.read_parquet(small_quarter.processed / "kappa_draws.parquet")


@pytest.fixture(scope="module")
def stated(small_quarter: Workspace) -> dict[str, float]:
    """What kappa.json says of each estimate; the page prints the most telling of them."""
    estimates = document(small_quarter.processed, "kappa.json")["estimates"]
    return {f"{item['id']}.{field}": item[field] for item in estimates for field in ("value", "n_rows")}


@pytest.mark.parametrize("name", QUERIES)
def test_a_stated_fit_is_the_optimum_another_method_finds(stated: dict[str, float], name: str) -> None:
    assert stated[name] == pytest.approx(QUERIES[name](), rel=2e-6)


def test_a_printed_fit_is_the_one_that_is_stated(stated: dict[str, float], numbers: dict[str, Any]) -> None:
    printed_too = [name for name in QUERIES if name in numbers]
    for name in printed_too:
        assert numbers[name]["value"] == stated[name]
    assert len(printed_too) > 5


@pytest.mark.parametrize("form", ["chinchilla", "power_law"])
def test_a_pooled_kappa_and_its_ends_are_those_of_quadrature(
    small_quarter: Workspace, numbers: dict[str, Any], draws: pd.DataFrame, form: str
) -> None:
    """The mean over families, its interval, and where a new family is expected: each end has its tail beyond it."""
    name, found = f"kappa_{'total' if form == 'power_law' else 'reducible'}.pooled.{form}", families(draws, form)
    assert numbers[f"{name}.value"]["value"] == pytest.approx(found.mean, rel=2e-6)
    records = document(small_quarter.processed, "kappa.json")["estimates"]
    told = next(record["intervals"] for record in records if record["id"] == name)
    ends = {(item["method"], item["level"]): (item["low"], item["high"]) for item in told}
    for level in (0.8, 0.95):
        tails = [0.5 - level / 2, 0.5 + level / 2]
        printed = [numbers[f"{name}.random_effects{100 * level:g}.{end}"]["value"] for end in ("low", "high")]
        np.testing.assert_allclose(found.chance(printed, new=False), tails, atol=1e-5)
        np.testing.assert_allclose(found.chance(ends["prediction", level], new=True), tails, atol=1e-5)


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_the_ends_of_a_bootstrap_interval_are_ranks_of_its_own_refits(
    small_quarter: Workspace, draws: pd.DataFrame, level: float
) -> None:
    """Of 100 refits the 95 % interval runs from the third lowest to the third highest, the other from the 10th."""
    records = document(small_quarter.processed, "kappa.json")["estimates"]
    checked = 0
    for record in records:
        column = "kappa" if record["symbol"].startswith("kappa_") else record["symbol"]
        for item in record["intervals"]:
            if item["method"] == "percentile_bootstrap" and item["level"] == level:
                own = np.sort(refits(draws, record["group"], record["form"])[column].to_numpy())
                rank = round((0.5 - level / 2) * len(own))
                assert own[rank - 1] <= item["low"] <= own[rank + 1]
                assert own[-rank - 2] <= item["high"] <= own[-rank]
                assert {item["low"], item["high"]} <= set(own)
                checked += 1
    assert checked >= 20
