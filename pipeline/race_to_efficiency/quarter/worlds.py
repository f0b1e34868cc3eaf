"""Quarters as worlds: what the ledgers said then, and the settings that turn it into numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.comparison.attribution import World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.ledger.vintages import View
    from race_to_efficiency.settings.forecast import ForecastParams
    from race_to_efficiency.settings.gamma import GammaParams
    from race_to_efficiency.settings.kappa import KappaParams
    from race_to_efficiency.settings.params import Params

GAMMA_TABLES = (
    "accelerators",
    "notable_training_runs",
    "mlperf_training",
    "speedrun_records",
    "language_model_perplexity",
    "published_values",
)
"""Ledgers that gamma is fitted on."""

KAPPA_TABLES = ("training_runs",)
"""Ledgers that kappa is fitted on."""

TABLES = (*KAPPA_TABLES, *GAMMA_TABLES)

BOOKKEEPING = ("line", "source_id", "recorded", "recorded_basis", "withdrawn")
"""Columns about a row's version; no fit reads them."""


@dataclass(frozen=True)
class Settings:
    """The settings that kappa, gamma and the headline's relative loss depend on.

    Parameters
    ----------
    fit_kappa : KappaParams
    fit_gamma : GammaParams
    forecast : ForecastParams
    scenario, anchor : str
        Of the headline.
    years : tuple of float, years
        Horizons of the headline.
    root : Path
        Where scenario files that the settings name are found.
    """

    fit_kappa: KappaParams
    fit_gamma: GammaParams
    forecast: ForecastParams
    scenario: str
    anchor: str
    years: tuple[float, ...]
    root: Path

    @classmethod
    def of(cls, params: Params, root: Path) -> Settings:
        """Take them from params.yaml."""
        report = params.report
        years = tuple(float(year) for year in report.headline_years)
        scenario, anchor = report.headline_scenario, report.headline_anchor
        return cls(params.fit_kappa, params.fit_gamma, params.forecast, scenario, anchor, years, root)

    def to_json(self) -> dict[str, Any]:
        """Return what a number can depend on, by section of params.yaml."""
        return {
            "fit_kappa": self.fit_kappa.model_dump(mode="json"),
            "fit_gamma": self.fit_gamma.model_dump(mode="json"),
            "forecast": self.forecast.model_dump(mode="json", exclude={"threads", "write_draws"}),
            "report": {"scenario": self.scenario, "anchor": self.anchor, "years": list(self.years)},
        }


def world_of(views: Mapping[str, View], *, settings: Settings, as_of: date, seed: int) -> World:
    """Return the world of some as-of views, settings and seed."""
    from race_to_efficiency.ledger.schemas import TABLES as SCHEMAS

    return World(
        views={name: view.rows for name, view in views.items()},
        keys={name: SCHEMAS[name].key for name in views},
        settings=settings,
        as_of=as_of,
        seed=seed,
    )


def changed_settings(old: World, new: World) -> list[str]:
    """Return in words which settings differ between two worlds; the reference date is one of them."""
    found = []
    if old.as_of != new.as_of:
        found.append(f"reference date {old.as_of} -> {new.as_of}")
    before, after = _leaves(old.settings.to_json()), _leaves(new.settings.to_json())
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return found + [f"{name}: {before.get(name, 'absent')} -> {after.get(name, 'absent')}" for name in names]


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


def rows_digest(frame: pd.DataFrame | None, column: str | None = None) -> str:
    """Return a digest of the used rows of a view, facts alone: what a fit can see of it.

    Parameters
    ----------
    frame : DataFrame or None
    column : str, optional
        Only rows that state this figure count.
    """
    import pandas as pd

    if frame is None:
        return ""
    used = (frame["exclusion"].fillna("") == "") & frame["released"].notna()
    if column is not None:
        used &= frame[column].notna()
    hashes = pd.util.hash_pandas_object(frame.loc[used].drop(columns=[*BOOKKEEPING], errors="ignore"), index=False)
    return storage.digest_bytes(hashes.to_numpy().tobytes())
