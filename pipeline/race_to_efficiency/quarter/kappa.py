"""Refits of kappa: a group is fitted once for every state of its rows; a fit that the last run made is taken from it.

Groups do not depend on each other. The pooled values are computed anew in every world, from the groups it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.calibration.common.estimates import FitStatus
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.comparison.attribution import World
    from race_to_efficiency.settings.kappa import KappaGroup, KappaParams

INPUTS = "kappa_inputs.json"
"""Written beside kappa.json: what its fits were made from."""

ROW_REPLICATES = 20
"""Bootstrap replicates of the refits that find which run mattered: a fitted kappa does not depend on their number."""


@dataclass(frozen=True, eq=False)
class GroupRecord:
    """The fits of one group, as kappa.json and kappa_draws.parquet tell them.

    Parameters
    ----------
    group, family : str
    estimates : tuple of dict
        JSON records.
    members : mapping of str to (float, float, str)
        Value at the common pivot, standard error and status by form, for the pools; refused forms are absent.
    draws : DataFrame
        The group's rows of kappa_draws.
    """

    group: str
    family: str
    estimates: tuple[Mapping[str, Any], ...]
    members: Mapping[str, tuple[float, float, FitStatus]]
    draws: pd.DataFrame


class StoredFits:
    """The fits of the last run of a quarter, each under the fingerprint of what it was made from."""

    def __init__(self, records: Mapping[str, GroupRecord]) -> None:
        self.records = records

    @classmethod
    def read(cls, folder: Path) -> StoredFits:
        """Return the fits in a quarter's folder; none where there are none or other code made them."""
        from race_to_efficiency.calibration.kappa.fingerprints import code_digest

        names = ("kappa.json", "kappa_draws.parquet", INPUTS)
        if not all((folder / name).is_file() for name in names):
            return cls({})
        inputs, document = storage.read_json(folder / INPUTS), storage.read_json(folder / "kappa.json")
        draws_digest = storage.digest_file(folder / "kappa_draws.parquet")
        made = [storage.digest_file(folder / "kappa.json"), draws_digest]
        if inputs["code"] != code_digest() or inputs["files"] != made:
            return cls({})
        draws = storage.read_parquet(folder / "kappa_draws.parquet")
        found = {mark: stored_record(name, document, draws) for name, mark in inputs["groups"].items()}
        return cls({mark: record for mark, record in found.items() if record is not None})


def stored_record(group: str, document: Mapping[str, Any], draws: pd.DataFrame) -> GroupRecord | None:
    """Return a group's fits from kappa.json; None where a form is not pooled, so that its part in a pool is unknown."""
    estimates = tuple(item for item in document["estimates"] if item["group"] == group)
    pools = {item["form"]: item["diagnostics"]["groups"] for item in document["estimates"] if item["group"] == "pooled"}
    own = draws[draws["group"] == group].reset_index(drop=True)
    if own.empty or not {item["form"] for item in estimates} <= pools.keys():
        return None
    members = {
        form: (item["value"], item["stderr"], item["status"])
        for form, items in pools.items()
        for item in items
        if item["group"] == group
    }
    return GroupRecord(group, str(own["family"].iloc[0]), estimates, members, own)


class KappaRefits:
    """Refits of kappa in any world.

    Parameters
    ----------
    stored : StoredFits, optional
        Fits that need not be made again.
    """

    def __init__(self, stored: StoredFits | None = None) -> None:
        self.known: dict[str, GroupRecord] = dict(stored.records) if stored else {}
        self.n_fitted = 0
        # what was asked before, by the identity of frames and settings, which are kept alive beside it
        self.seen: dict[tuple[int, int, int], tuple[pd.DataFrame, KappaParams, list[GroupRecord]]] = {}
        self.values: dict[tuple[Any, ...], dict[str, float]] = {}

    def __call__(self, world: World) -> dict[str, float]:
        """Refit kappa in a world (the reference date plays no part: the views are already cut)."""
        settings, records = world.settings.fit_kappa, self.records(world)
        key = (tuple(id(record) for record in records), settings.forms)
        if key not in self.values:
            values = {item["id"]: item["value"] for record in records for item in record.estimates}
            values |= pooled(records, settings)
            self.values[key] = {name: value for name, value in values.items() if value is not None}
        return self.values[key]

    def records(self, world: World) -> list[GroupRecord]:
        """Return the fits of every group that has rows in a world."""
        runs, settings = world.views["training_runs"], world.settings.fit_kappa
        key = (id(runs), id(settings), world.seed)
        if key not in self.seen:
            found = [self._record(runs, spec, settings, world.seed) for spec in settings.groups]
            self.seen[key] = (runs, settings, [record for record in found if record is not None])
        return self.seen[key][2]

    def _record(self, runs: pd.DataFrame, spec: KappaGroup, settings: KappaParams, seed: int) -> GroupRecord | None:
        """Return the fits of one group, made now unless it is known; None when it has no rows."""
        from race_to_efficiency.calibration.kappa.fingerprints import group_fingerprint, rows_of

        rows = rows_of(runs, spec)
        if rows is None:
            return None
        mark = group_fingerprint(rows, settings, seed=seed)
        if mark not in self.known:
            self.known[mark] = fit_record(rows, settings, seed=seed)
            self.n_fitted += 1
        return self.known[mark]

    def alone(self, group: str, form: str) -> Callable[[World], dict[str, float]]:
        """Return a refit of one form of one group, with few replicates: for values, never for spreads."""
        from dataclasses import replace

        def evaluate(world: World) -> dict[str, float]:
            settings = world.settings.fit_kappa
            own = tuple(spec for spec in settings.groups if spec.group == group)
            few = {"groups": own, "forms": (form,), "bootstrap_replicates": ROW_REPLICATES}
            quick = settings.model_copy(update=few)
            return self(replace(world, settings=replace(world.settings, fit_kappa=quick)))

        return evaluate


def fit_record(rows: Any, params: KappaParams, *, seed: int) -> GroupRecord:
    """Fit a group in every form and return what the rest of a quarter needs of it."""
    import pandas as pd

    from race_to_efficiency.calibration.kappa.groups import draws_frame, estimates_of, fit_group

    fits = fit_group(rows, params, seed=seed)
    estimates = tuple(item.to_json() for fit in fits for item in estimates_of(fit, params, seed=seed))
    draws = pd.concat([draws_frame(fit) for fit in fits], ignore_index=True)
    return GroupRecord(rows.group, rows.family, estimates, members_of(fits, params), draws)


def members_of(fits: Sequence[GroupFit], params: KappaParams) -> dict[str, tuple[float, float, FitStatus]]:
    """Return what each form of a group brings to its pool, as `race_to_efficiency.calibration.kappa.pooled` does."""
    from race_to_efficiency.calibration.kappa.forms import POWER_LAW
    from race_to_efficiency.calibration.kappa.pooled import tangent_at
    from race_to_efficiency.calibration.kappa.trust import judge

    statuses = {fit.form.name: judge(fit.evidence, params.gates)[0] for fit in fits}
    floor = next((fit for fit in fits if fit.form.name == "floor" and statuses["floor"] != "refused"), None)
    members = {}
    for fit in fits:
        value, stderr = fit.kappa, fit.stderr_of(fit.form.symbol)
        if fit.form is POWER_LAW:
            value, stderr = tangent_at(fit, floor, params.pivot_compute_flop)
        if statuses[fit.form.name] != "refused" and stderr > 0:
            members[fit.form.name] = (value, stderr, statuses[fit.form.name])
    return members


def pooled(records: Sequence[GroupRecord], params: KappaParams) -> dict[str, float | None]:
    """Return the pooled kappa of every form with at least two families that are not refused, by estimate id."""
    from race_to_efficiency.calibration.kappa.forms import FORMS
    from race_to_efficiency.calibration.kappa.pooling import family_effect, pool

    found: dict[str, float | None] = {}
    for form in params.forms:
        families: dict[str, list[GroupRecord]] = {}
        for record in records:
            if form in record.members:
                families.setdefault(record.family, []).append(record)
        effects = [
            family_effect(name, [item.group for item in items], *_columns([item.members[form] for item in items]))
            for name, items in families.items()
        ]
        if len(effects) >= 2:
            found[f"{FORMS[form].symbol}.pooled.{form}"] = pool(effects).mean
    return found


def _columns(
    members: Sequence[tuple[float, float, FitStatus]],
) -> tuple[list[float], list[float], list[FitStatus]]:
    return [value for value, *_ in members], [stderr for _, stderr, _ in members], [status for *_, status in members]


def document_of(records: Sequence[GroupRecord]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the groups' part of kappa.json, and kappa_draws, as a forecast reads them."""
    import pandas as pd

    estimates = [dict(item) for record in records for item in record.estimates]
    draws = pd.concat([record.draws for record in records] or [pd.DataFrame(columns=["group", "form"])])
    return {"estimates": estimates}, draws.reset_index(drop=True)
