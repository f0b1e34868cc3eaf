"""What a forecast stands on, from the earlier stages' files: pools of kappa, draws of gamma, anchors, statuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, POWER_LAW
from race_to_efficiency.errors import DataInvalid, InputMissing, NotTrustworthy
from race_to_efficiency.forecasting.anchors import Anchor, build_anchor
from race_to_efficiency.forecasting.draws import Pool, pool_draws, rate_draws, rate_points
from race_to_efficiency.forecasting.known import GroupRange, KnownRuns, group_ranges, known_runs
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.forecast import AnchorParams, ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams


@dataclass(frozen=True)
class StageFiles:
    """Content of the files earlier stages wrote.

    Parameters
    ----------
    kappa, gamma : mapping
        kappa.json and gamma.json.
    kappa_draws, gamma_draws : DataFrame
    training_runs, notable_training_runs : DataFrame
        As-of views of the ledgers.
    """

    kappa: Mapping[str, Any]
    gamma: Mapping[str, Any]
    kappa_draws: pd.DataFrame
    gamma_draws: pd.DataFrame
    training_runs: pd.DataFrame
    notable_training_runs: pd.DataFrame


def read_sources(folder: Path) -> StageFiles:
    """Return what earlier stages wrote.

    Parameters
    ----------
    folder : Path
        data/processed of the quarter.

    Raises
    ------
    InputMissing
        When a stage has not run; its file is named.
    """
    return StageFiles(
        kappa=storage.read_json(folder / "kappa.json"),
        gamma=storage.read_json(folder / "gamma.json"),
        kappa_draws=storage.read_parquet(folder / "kappa_draws.parquet"),
        gamma_draws=storage.read_parquet(folder / "gamma_draws.parquet"),
        training_runs=storage.read_parquet(folder / "ledger" / "training_runs.parquet"),
        notable_training_runs=storage.read_parquet(folder / "ledger" / "notable_training_runs.parquet"),
    )


@dataclass(frozen=True)
class Basis:
    """Everything drawn and anchored, before any scenario.

    Parameters
    ----------
    as_of : date
    total, reducible : Pool
    rates : mapping of str to (n,) float
        Resampled gamma draws by column.
    points : mapping of str to (1,) float
        The printed rates under the same names.
    runs : KnownRuns
    ranges : mapping of str to GroupRange
        Rows behind the reducible fits.
    anchors : tuple of Anchor
    anchors_left_out : mapping of str to str
        Anchors this quarter has no data for, with the reason.
    route_status : mapping of str to (status, reasons)
    route_caps : mapping of str to (mapping of component to doublings)
    route_series : mapping of str to (mapping of component to years or None)
    growth_status : mapping of str to (status, reasons)
        Of power and duration.
    """

    as_of: date
    total: Pool
    reducible: Pool
    rates: Mapping[str, Floats]
    points: Mapping[str, Floats]
    runs: KnownRuns
    ranges: Mapping[str, GroupRange]
    anchors: tuple[Anchor, ...]
    anchors_left_out: Mapping[str, str]
    route_status: Mapping[str, tuple[str, tuple[str, ...]]]
    route_caps: Mapping[str, Mapping[str, float]]
    route_series: Mapping[str, Mapping[str, float | None]]
    growth_status: Mapping[str, tuple[str, tuple[str, ...]]]

    @property
    def n_draws(self) -> int:
        """Number of joint draws."""
        return self.total.kappa.size

    def pool(self, form: str) -> Pool:
        """Return the pool of a form, ``total`` or ``reducible``."""
        return self.total if form == "total" else self.reducible

    def anchor(self, name: str) -> Anchor:
        """Return the anchor called ``name``."""
        return next(item for item in self.anchors if item.name == name)


def gather(sources: StageFiles, params: ForecastParams, *, as_of: date, seed: int) -> Basis:
    """Return the basis of a forecast.

    Parameters
    ----------
    sources : Sources
    params : ForecastParams
    as_of : date
    seed : int

    Raises
    ------
    NotTrustworthy
        When no group or no gamma draw is left.
    InputMissing
        When no anchor can be placed in this quarter.
    DataInvalid
        When a group's rows are not in the ledger.
    """
    estimates = sources.kappa["estimates"]
    total, reducible = (
        pool_draws(
            sources.kappa_draws, estimates, fit=form.name, n=params.draws, seed=seed, with_groups=form is CHINCHILLA
        )
        for form in (POWER_LAW, CHINCHILLA)
    )
    rates = rate_draws(sources.gamma_draws, n=params.draws, seed=seed)
    if not rates:
        raise NotTrustworthy("no component of gamma could be estimated by this quarter", where="gamma_draws.parquet")
    runs = known_runs(sources.notable_training_runs, long_run_flop=params.long_run_flop)
    ranges = _complete_ranges(reducible, estimates, sources.training_runs)
    pivot = float(total.record["pivot_compute_flop"])
    anchors, anchors_left_out = _placed(
        params.anchors,
        lambda item: build_anchor(
            item,
            reducible,
            ranges,
            rates,
            runs,
            as_of=as_of,
            algorithmic_component=params.algorithmic_component,
            pivot_compute_flop=pivot,
        ),
    )
    routes = {str(row["route"]): row for row in sources.gamma.get("routes", [])}
    windows = series_lengths(sources.gamma["estimates"])
    return Basis(
        as_of=as_of,
        total=total,
        reducible=reducible,
        rates=rates,
        points=rate_points(sources.gamma),
        runs=runs,
        ranges=ranges,
        anchors=anchors,
        anchors_left_out=anchors_left_out,
        route_status={name: (row["status"], tuple(row["reasons"])) for name, row in routes.items()},
        route_caps={name: dict(row.get("caps") or {}) for name, row in routes.items()},
        route_series={name: {part: windows.get(part) for part in row["components"]} for name, row in routes.items()},
        growth_status=_growth_status(sources.gamma["estimates"]),
    )


def _placed(
    items: Sequence[AnchorParams], place: Callable[[AnchorParams], Anchor]
) -> tuple[tuple[Anchor, ...], dict[str, str]]:
    """Return the anchors this quarter has data for, and the others with the reason."""
    found: list[Anchor] = []
    left_out: dict[str, str] = {}
    for item in items:
        try:
            found.append(place(item))
        except InputMissing as error:
            left_out[item.name] = error.what
    if not found:
        raise InputMissing("no anchor can be placed in this quarter", why="; ".join(left_out.values()))
    return tuple(found), left_out


def _complete_ranges(pool: Pool, estimates: Sequence[Mapping[str, Any]], runs: pd.DataFrame) -> dict[str, GroupRange]:
    ranges: dict[str, GroupRange] = {}
    for fit in {item.fit for item in pool.groups}:
        found = group_ranges(estimates, runs, fit=fit)
        ranges |= {item.group: found[item.group] for item in pool.groups if item.fit == fit and item.group in found}
    absent = [item.group for item in pool.groups if item.group not in ranges]
    if absent:
        raise DataInvalid(
            f"the rows behind {', '.join(absent)} are not in the ledger of this quarter",
            where="kappa.json: rows_used",
            why="kappa.json and ledger/training_runs.parquet come from different runs",
            remedy="run `race stage ingest` and `race stage fit_kappa` again",
        )
    return ranges


def series_lengths(estimates: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Return the length in years of each component's series by ``component.estimator``; None without a window.

    A mixture reaches as far as the longest series among its parts.
    """
    from datetime import date

    lengths: dict[str, float | None] = {}
    for record in estimates:
        window = record.get("window")
        key = f"{record.get('component')}.{record.get('estimator')}"
        lengths[key] = None
        if window:
            first, last = (decimal_year(date.fromisoformat(str(day)[:10])) for day in window)
            lengths[key] = last - first
    for record in estimates:
        weights = (record.get("diagnostics") or {}).get("weights") or {}
        parts = {name for name, weight in weights.items() if weight > 0}
        known = [years for key, years in lengths.items() if key.partition(".")[0] in parts and years is not None]
        if known:
            lengths[f"{record.get('component')}.{record.get('estimator')}"] = max(known)
    return lengths


def _growth_status(estimates: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = {}
    for record in estimates:
        if record.get("component") == "growth":
            found[str(record.get("estimator"))] = (str(record["status"]), tuple(record.get("reasons", ())))
    return found


def curve_weaknesses(basis: Basis, scenario: ScenarioParams, form: str, anchor: Anchor) -> dict[str, str]:
    """Return why a curve is weak from its first day: reason codes with words; empty when nothing is.

    Parameters
    ----------
    basis : Basis
    scenario : ScenarioParams
    form : {'total', 'reducible'}
    anchor : Anchor
    """
    found: dict[str, str] = {}
    if scenario.kappa is not None:
        found["kappa_given"] = "kappa is given, not estimated"
    else:
        pool = basis.pool(form)
        if pool.record["status"] != "trusted":
            found["kappa_weak"] = f"kappa_{form} fails a check: {'; '.join(pool.record['reasons'])}"
    if scenario.route is not None:
        status, reasons = basis.route_status.get(scenario.route, ("trusted", ()))
        if status != "trusted":
            found["gamma_weak"] = f"route {scenario.route} fails a check: {'; '.join(reasons)}"
    for what in ("power", "duration"):
        status, reasons = basis.growth_status.get(what, ("trusted", ()))
        if getattr(scenario, f"{what}_growth") == "measured" and status != "trusted":
            found[f"{what}_growth_weak"] = f"the growth of {what} fails a check: {'; '.join(reasons)}"
    beyond = [item for item in anchor.groups if item.decades_beyond > 0]
    if beyond:
        far = [item.decades_beyond for item in beyond]
        found["anchor_beyond_range"] = (
            f"anchor {anchor.name} lies beyond the fitted compute of {len(beyond)} of {len(anchor.groups)} groups, by "
            f"{min(far):.1f} to {max(far):.1f} decades" + ("; an optimistic tangent there" if form == "total" else "")
        )
    return found
