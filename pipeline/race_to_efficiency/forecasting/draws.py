"""Joint draws: kappa with its floor from a linear pool of families, gamma with its growth rates from one row each.

The pool is linear: a family uniformly, a group uniformly within the family, then one bootstrap draw of that group with
all its parameters together, so floor and kappa stay joint and the spread between families is inside. Each group and
each series has a random stream of its own, named after it: adding a group leaves the draws of the others as they were.
Kappa and gamma come from separate tables and are drawn independently; everything that comes from the gamma draws
(route, growth of power and duration, frontier compute, algorithmic gain) shares one row index, so what shares data
shares draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.errors import DataInvalid, NotTrustworthy
from race_to_efficiency.forecasting.agreement import contradiction
from race_to_efficiency.forecasting.readings import LossForm, form_of_fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

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
        Functional form: power_law, floor or chinchilla.
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
    """A linear pool of groups; `choice` says which group each joint draw belongs to.

    Parameters
    ----------
    form : {'total', 'reducible'}
    groups : tuple of GroupDraws
    choice : (n,) int
        Index into ``groups``.
    left_out : mapping of str to str
        Groups asked for that take no part, with the reason.
    """

    form: LossForm
    groups: tuple[GroupDraws, ...]
    choice: NDArray[np.intp]
    left_out: Mapping[str, str]

    @property
    def families(self) -> tuple[str, ...]:
        """Families in the pool, sorted."""
        return tuple(sorted({item.family for item in self.groups}))

    @property
    def kappa(self) -> Floats:
        """Pooled draws of kappa, (n,)."""
        return self.pooled([item.kappa for item in self.groups])

    def pooled(self, columns: Sequence[Floats]) -> Floats:
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
    table: pd.DataFrame,
    estimates: Sequence[Mapping[str, Any]],
    *,
    groups: Sequence[str],
    fit: str,
    n: int,
    seed: int,
    require_forms_agree: bool = False,
) -> Pool:
    """Return the linear pool of the named groups for one functional form.

    Parameters
    ----------
    table : DataFrame
        kappa_draws: family, group, form, draw, kappa, E, A, B, alpha, beta, pivot_compute_flop.
    estimates : sequence of mapping
        Records of kappa.json, for status and reasons.
    groups : sequence of str
        Groups that may take part.
    fit : {'power_law', 'floor', 'chinchilla'}
    n : int
        Joint draws wanted.
    seed : int
    require_forms_agree : bool
        Leave out groups whose reducible forms contradict each other (see `race_to_efficiency.forecasting.agreement`).

    Raises
    ------
    NotTrustworthy
        When every named group is refused or absent.
    """
    form = form_of_fit(fit)
    symbol = f"kappa_{form}"
    records = {
        str(item["group"]): item for item in estimates if item.get("symbol") == symbol and item.get("form") == fit
    }
    members: list[GroupDraws] = []
    left_out: dict[str, str] = {}
    for group in sorted(set(groups)):
        rows = table[(table["group"] == group) & (table["form"] == fit)]
        record = records.get(group)
        if record is None or rows.empty:
            left_out[group] = "no estimate in this quarter"
        elif record["status"] == "refused":
            left_out[group] = "refused: " + "; ".join(_words(record))
        elif require_forms_agree and (reason := contradiction(estimates, group, fit)):
            left_out[group] = reason
        else:
            members.append(_group_draws(rows, record, fit=fit, n=n, rng=draw_stream(seed, f"kappa.{fit}.{group}")))
    if not members:
        raise NotTrustworthy(
            f"no group is left for {symbol} in the {fit} form",
            why="; ".join(f"{group}: {reason}" for group, reason in left_out.items()),
            remedy="name other groups under forecast.pool in params.yaml, or see `race show` for why they were refused",
        )
    return Pool(form, tuple(members), _choices(members, n), left_out)


def _words(record: Mapping[str, Any]) -> tuple[str, ...]:
    reasons = record.get("reasons", ())
    return tuple(str(item) for item in reasons) if isinstance(reasons, (list, tuple)) else ()


def _group_draws(
    rows: pd.DataFrame, record: Mapping[str, Any], *, fit: str, n: int, rng: np.random.Generator
) -> GroupDraws:
    """Resample one group's bootstrap draws, whole rows at a time; a draw without a usable kappa is no draw."""
    ordered = rows.sort_values("draw", kind="stable")
    kappa = ordered["kappa"].to_numpy(dtype=np.float64)
    usable = ordered[np.isfinite(kappa) & (kappa > 0)]
    if usable.empty:
        raise DataInvalid(
            f"kappa_draws holds no usable draw of {record['group']} in the {fit} form",
            where="kappa_draws.parquet:kappa",
            why="every kappa is missing or not positive although the estimate is not refused",
            remedy="run `race stage fit_kappa` again",
        )
    picked = balanced_rows(len(usable), n, rng)
    values = {
        name: usable[name].to_numpy(dtype=np.float64)[picked] if name in usable else np.full(n, np.nan)
        for name in PARAMETERS
    }
    return GroupDraws(
        group=str(record["group"]),
        family=str(usable["family"].iloc[0]),
        fit=fit,
        parameters=values,
        status=str(record["status"]),
        reasons=_words(record),
    )


def _choices(members: Sequence[GroupDraws], n: int) -> NDArray[np.intp]:
    """Return each draw's group: families in turn, groups in turn within the family, so shares are exact."""
    families = sorted({item.family for item in members})
    of_family = {name: [k for k, item in enumerate(members) if item.family == name] for name in families}
    choice = np.empty(n, dtype=np.intp)
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
