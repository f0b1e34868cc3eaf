"""Joint draws: kappa with its floor for a family not seen yet, gamma with its growth rates from one row each.

Kappa is drawn from the very model its printed record comes from: where a NEW family is expected, at the record's pivot.
In the reducible reading each draw also takes one group of the families that speak (family in turn, group in turn within
it) and one bootstrap draw of that group with all its parameters together: the new family has that group's loss at the
pivot and its irreducible loss E, so its floor elsewhere follows from its kappa. Each group and each series has a random
stream of its own, named after it: adding a group leaves the draws of the others as they were. Kappa and gamma come from
separate tables and are drawn independently; everything that comes from the gamma draws (route, growth of power and
duration, frontier compute, algorithmic gain) shares one row index, so what shares data shares draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.pooled import effects_of
from race_to_efficiency.calibration.kappa.pooling import ADMITTED
from race_to_efficiency.errors import DataInvalid, NotTrustworthy
from race_to_efficiency.forecasting.readings import LossForm, form_of_fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

INDEPENDENCE = (
    "kappa and gamma are drawn independently: kappa comes from training_runs alone, gamma, growth and the anchor's "
    "compute from the efficiency tables; the latter share notable_training_runs rows and are drawn jointly"
)
"""What is assumed about dependence, in words, for the report and the files."""

PARAMETERS = ("kappa", "E", "A", "B", "alpha", "beta", "pivot_compute_flop")


@dataclass(frozen=True)
class GroupDraws:
    """Resampled bootstrap draws of one comparable group.

    Parameters
    ----------
    group, family : str
    fit : str
        Functional form: floor or chinchilla.
    parameters : mapping of str to (n,) float
        kappa, E, A, B, alpha, beta, pivot_compute_flop; NaN where the form has no such parameter.
    status : str
        trusted or weak: the state of the estimate.
    reasons : tuple of str
    """

    group: str
    family: str
    fit: str
    parameters: Mapping[str, Floats]
    status: str
    reasons: tuple[str, ...]

    @property
    def kappa(self) -> Floats:
        """Draws of kappa, (n,) dimensionless."""
        return self.parameters["kappa"]


@dataclass(frozen=True)
class Pool:
    """What a pooled record says of a new family, drawn; and the groups whose loss and floor it takes.

    Parameters
    ----------
    record : mapping
        The pooled estimate of kappa.json.
    kappa : (n,) float
        A new family's kappa.
    groups : tuple of GroupDraws
        Groups that speak, with their own draws; empty for the total reading, which has no floor.
    choice : (n,) int
        Index into ``groups`` of the group each joint draw takes its loss from.
    """

    record: Mapping[str, Any]
    kappa: Floats
    groups: tuple[GroupDraws, ...]
    choice: NDArray[np.intp]

    @property
    def form(self) -> LossForm:
        """The loss this kappa speaks about."""
        return form_of_fit(str(self.record["form"]))

    @property
    def point(self) -> float:
        """The printed kappa."""
        return float(self.record["value"])

    @property
    def families(self) -> tuple[str, ...]:
        """Families that speak, sorted."""
        return tuple(sorted(str(item["family"]) for item in self.record["diagnostics"]["families"]))

    def taken(self, columns: Sequence[Floats]) -> Floats:
        """Return one (n,) column from one (n,) column per group, by each draw's group."""
        return np.asarray(np.stack(columns)[self.choice, np.arange(self.choice.size)])


def draw_stream(seed: int, name: str) -> np.random.Generator:
    """Return the random stream called ``name`` under the root seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(name.encode())))


def balanced_rows(available: int, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return ``n`` row numbers in random order, each of ``available`` rows equally often (within one).

    Raises
    ------
    ValueError
        When there are no rows.
    """
    if available < 1:
        raise ValueError(f"available must be at least 1, got {available!r}")
    turns, rest = divmod(n, available)
    rows = np.concatenate([np.tile(np.arange(available), turns), rng.permutation(available)[:rest]])
    return np.asarray(rng.permutation(rows), dtype=np.intp)


def pool_draws(
    table: pd.DataFrame, estimates: Sequence[Mapping[str, Any]], *, fit: str, n: int, seed: int, with_groups: bool
) -> Pool:
    """Draw a new family's kappa from the pooled record of one reading.

    Parameters
    ----------
    table : DataFrame
        kappa_draws: family, group, form, draw, kappa, E, A, B, alpha, beta, pivot_compute_flop.
    estimates : sequence of mapping
        Records of kappa.json.
    fit : {'power_law', 'chinchilla'}
        Functional form that stands for the reading.
    n : int
        Joint draws wanted.
    seed : int
    with_groups : bool
        Draw the groups that speak too: the reducible reading needs their losses.

    Raises
    ------
    NotTrustworthy
        When there is no pooled record: fewer than two independent families speak.
    """
    record = next((item for item in estimates if item.get("group") == "pooled" and item.get("form") == fit), None)
    if record is None:
        raise NotTrustworthy(
            f"fewer than two independent families speak for kappa_{form_of_fit(fit)}",
            where="kappa.json",
            why="a pool admits identified fits of tuned runs whose own cut-offs do not contradict the form",
            remedy="add groups under fit_kappa.groups in params.yaml, or see `race show` for why they are left out",
        )
    kappa = effects_of(record).draws(n, draw_stream(seed, f"kappa.{fit}.new_family"))
    members = [item for item in record["diagnostics"]["groups"] if item["verdict"] == ADMITTED] if with_groups else []
    groups = tuple(_group_draws(table, estimates, item, n=n, seed=seed) for item in members)
    return Pool(record, kappa, groups, _choices(groups, n))


def _group_draws(
    table: pd.DataFrame, estimates: Sequence[Mapping[str, Any]], member: Mapping[str, Any], *, n: int, seed: int
) -> GroupDraws:
    """Resample one group's bootstrap draws, whole rows at a time; a draw without a usable kappa is no draw."""
    group, fit = str(member["group"]), str(member["form"])
    rows = table[(table["group"] == group) & (table["form"] == fit)].sort_values("draw", kind="stable")
    kappa = rows["kappa"].to_numpy(dtype=np.float64)
    usable = rows[np.isfinite(kappa) & (kappa > 0)]
    symbol = f"kappa_{form_of_fit(fit)}"
    own = [item for item in estimates if (item.get("group"), item.get("form"), item["symbol"]) == (group, fit, symbol)]
    if usable.empty or not own:
        raise DataInvalid(
            f"kappa_draws holds no usable draw of {group} in the {fit} form",
            where="kappa_draws.parquet:kappa",
            why="the pool in kappa.json admits the group",
            remedy="run `race stage fit_kappa` again",
        )
    picked = balanced_rows(len(usable), n, draw_stream(seed, f"kappa.{fit}.{group}"))
    values = {
        name: usable[name].to_numpy(dtype=np.float64)[picked] if name in usable else np.full(n, np.nan)
        for name in PARAMETERS
    }
    return GroupDraws(
        group=group,
        family=str(member["family"]),
        fit=fit,
        parameters=values,
        status=str(own[0]["status"]),
        reasons=tuple(own[0].get("reasons", ())),
    )


def _choices(members: Sequence[GroupDraws], n: int) -> NDArray[np.intp]:
    """Return each draw's group: families in turn, groups in turn within the family, so shares are exact."""
    families = sorted({item.family for item in members})
    of_family = {name: [k for k, item in enumerate(members) if item.family == name] for name in families}
    choice = np.zeros(n, dtype=np.intp)
    for number, name in enumerate(families):
        places = np.arange(number, n, len(families))
        own = np.asarray(of_family[name], dtype=np.intp)
        choice[places] = own[np.arange(places.size) % own.size]
    return choice


def rate_draws(table: pd.DataFrame, *, n: int, seed: int) -> dict[str, Floats]:
    """Return the gamma draws resampled to ``n`` rows, all columns by the same row.

    Parameters
    ----------
    table : DataFrame
        gamma_draws: one column per component, route, growth rate and level.
    n : int
    seed : int

    Returns
    -------
    mapping of column name to (n,) float
        A column of nothing but missing values is left out; its series had no estimate in this quarter.
    """
    picked = balanced_rows(len(table), n, draw_stream(seed, "gamma"))
    columns = {
        str(name): table[name].to_numpy(dtype=np.float64, na_value=np.nan)[picked]
        for name in table.columns
        if name != "draw"
    }
    return {name: values for name, values in columns.items() if np.isfinite(values).all()}


def rate_points(gamma: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the printed value of each rate under the name its draws go by, as a single draw.

    Parameters
    ----------
    gamma : mapping
        gamma.json: routes, and estimates of components and of growth.
    """
    found = {f"{item.get('component')}.{item.get('estimator')}": item.get("value") for item in gamma["estimates"]}
    found |= {f"route.{item['route']}": item.get("value") for item in gamma.get("routes", ())}
    return {name: np.array([float(value)]) for name, value in found.items() if value is not None}
