"""A world: what the ledgers say as of a date, and the settings, date and seed that turn it into numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.settings.scenarios import ScenarioParams
    from race_to_efficiency.settings.sections import Params

GAMMA_TABLES = (
    "accelerators",
    "notable_training_runs",
    "mlperf_training",
    "speedrun_records",
    "language_model_perplexity",
    "published_values",
    "green500",
)
"""Ledgers that gamma is fitted on."""

RUNS = "training_runs"

KAPPA_TABLES = (RUNS,)
"""Ledgers that kappa is fitted on."""

RUN_AND_CHIP_TABLES = (*KAPPA_TABLES, *GAMMA_TABLES)

BOOKKEEPING = ("line", "source_id", "recorded", "recorded_basis", "withdrawn")
"""Columns about a row's version; no fit reads them."""


@dataclass(frozen=True)
class Selection:
    """Which cells of a table are read.

    Parameters
    ----------
    table : str
    where : tuple of (str, str)
        Column and the text it must equal.
    columns : tuple of str
        Columns read; all but the bookkeeping when empty.
    used : bool
        Only dated rows without an exclusion.
    stating : str
        Only rows that state this figure; no such condition when empty.
    recorded_by : str
        Only lines recorded by this day; no such condition when empty.
    """

    table: str
    where: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    used: bool = False
    stating: str = ""
    recorded_by: str = ""


@dataclass(frozen=True, eq=False)
class LedgerView:
    """A ledger's as-of view with the digests of what was read of it, each computed once.

    Parameters
    ----------
    rows : DataFrame
    key : str
        The column of ids.
    made_of : tuple of (LedgerView, (k,) int), optional
        The views that every row was taken from unchanged, and its places there: joined in this order, the rows. What
        these views know of their cells is then not worked out again.
    order : (n,) int, optional
        Where each row stands in the joined ones.
    """

    rows: pd.DataFrame
    key: str
    made_of: tuple[tuple[LedgerView, NDArray[np.intp]], ...] = ()
    order: NDArray[np.intp] | None = None
    known: dict[Selection, pd.DataFrame] = field(default_factory=dict, repr=False)
    digests: dict[Selection, str] = field(default_factory=dict, repr=False)
    hashed: dict[tuple[str, ...], NDArray[np.uint64]] = field(default_factory=dict, repr=False)

    def select(self, selection: Selection) -> pd.DataFrame:
        """Return the selected rows, with every column."""
        if selection not in self.known:
            self.known[selection] = self.rows.loc[self._kept(selection)]
        return self.known[selection]

    def digest(self, selection: Selection) -> str:
        """Return a digest of the selected cells: what a function that asks for them can see."""
        if selection not in self.digests:
            names = selection.columns or tuple(name for name in self.rows.columns if name not in BOOKKEEPING)
            cells = self._cells(names)[self._kept(selection)]
            self.digests[selection] = storage.digest_bytes(cells.tobytes() + ",".join(names).encode())
        return self.digests[selection]

    def ids(self, selection: Selection) -> tuple[str, ...]:
        """Return the ids of the selected rows."""
        return tuple(self.select(selection)[self.key].astype(str)) if self.key in self.rows.columns else ()

    def _kept(self, selection: Selection) -> NDArray[np.bool_]:
        """Return which rows are selected."""
        import pandas as pd

        if self.made_of:
            return self._joined([view._kept(selection)[places] for view, places in self.made_of])  # noqa: SLF001
        rows = self.rows
        keep = pd.Series(data=True, index=rows.index)
        for column, text in selection.where:
            keep &= rows[column].astype(str) == text
        if selection.used and "released" in rows.columns:
            keep &= rows["released"].notna()
            if "exclusion" in rows.columns:
                keep &= rows["exclusion"].fillna("") == ""
        if selection.stating:
            keep &= rows[selection.stating].notna()
        if selection.recorded_by:
            keep &= rows["recorded"] <= pd.Timestamp(selection.recorded_by)
        return keep.to_numpy(dtype=bool)

    def _joined(self, parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return what the views this one is made of say of its rows, in their order."""
        joined = np.concatenate(parts)
        return joined if self.order is None else joined[self.order]

    def _cells(self, names: tuple[str, ...]) -> NDArray[np.uint64]:
        """Return the hashes of every row's cells in some columns, (n, k)."""
        if names not in self.hashed:
            one = len(names) == 1
            columns = [self._hashes(names[0])] if one else [self._cells((name,))[:, 0] for name in names]
            self.hashed[names] = np.stack(columns, axis=1)
        return self.hashed[names]

    def _hashes(self, name: str) -> NDArray[np.uint64]:
        """Return a hash of each cell of a column, the same whether it was just parsed or read back from a file.

        Texts, numbers and times keep their value, not the type that holds them: a missing one is a missing one.
        """
        import pandas as pd

        if self.made_of:
            return self._joined([view._cells((name,))[places, 0] for view, places in self.made_of])  # noqa: SLF001
        column = self.rows[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            plain = column.astype("datetime64[us]").astype("int64").to_numpy()
        elif pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            plain = column.to_numpy(dtype="float64", na_value=float("nan"))
        else:
            plain = column.astype(object).where(column.notna(), None).to_numpy()
        return pd.util.hash_array(plain)


@dataclass(frozen=True, eq=False)
class World:
    """Everything a quarter's numbers depend on.

    Parameters
    ----------
    tables : mapping of str to Table
        As-of views by ledger.
    settings : Params
    as_of : date
        Reference date.
    seed : int
    scenarios : tuple of ScenarioParams
        Those of the settings and of the files they name.
    """

    tables: Mapping[str, LedgerView]
    settings: Params
    as_of: date
    seed: int
    scenarios: tuple[ScenarioParams, ...] = ()

    def rows(self, table: str) -> pd.DataFrame:
        """Return a ledger's as-of view."""
        return self.tables[table].rows

    def scenario(self, name: str) -> ScenarioParams | None:
        """Return a scenario by its name, or None."""
        return next((item for item in self.scenarios if item.name == name), None)


HEADLINE_SETTINGS = ("headline_scenario", "headline_anchor", "headline_years")
"""Settings of the report that the headline's relative loss depends on."""


def settings_document(settings: Params) -> dict[str, Any]:
    """Return the settings a number of kappa, gamma or the headline can depend on, by section of params.yaml."""
    told = settings.report.model_dump(mode="json", include=set(HEADLINE_SETTINGS))
    return {
        "fit_kappa": settings.fit_kappa.model_dump(mode="json"),
        "fit_gamma": settings.fit_gamma.model_dump(mode="json"),
        "forecast": settings.forecast.model_dump(mode="json", exclude={"threads", "write_draws"}),
        "report": {name.removeprefix("headline_"): told[name] for name in HEADLINE_SETTINGS},
    }


def changed_settings(old: World, new: World) -> list[str]:
    """Return in words which settings differ between two worlds; the passing of time is none."""
    before, after = _leaves(settings_document(old.settings)), _leaves(settings_document(new.settings))
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return [f"{name}: {before.get(name, 'absent')} -> {after.get(name, 'absent')}" for name in names]


def _leaves(document: Any, name: str = "") -> dict[str, str]:
    """Return dotted name -> text of every leaf of a document."""
    if isinstance(document, dict):
        items = [(str(key), value) for key, value in document.items()]
    elif isinstance(document, list) and any(isinstance(item, (dict, list)) for item in document):
        items = [(str(index), value) for index, value in enumerate(document)]
    else:
        return {name: str(document)}
    found: dict[str, str] = {}
    for key, value in items:
        found |= _leaves(value, f"{name}.{key}" if name else key)
    return found
