"""Scenarios as data: read from params.yaml or a file, checked, and turned into compute paths.

A scenario is a record (`race_to_efficiency.settings.scenarios.ScenarioParams`): Baseline, Turtle, Hare, the
measured ones and the user's own. Here it meets the draws of gamma and growth and becomes ln X(t) for every draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.scenarios.paths import (
    NO_CAP,
    CappedPath,
    CappedTerm,
    RunPath,
    ScenarioPath,
    ShapedPath,
    SteadyPath,
)
from race_to_efficiency.settings.scenarios import ScenarioParams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.forecast import ForecastParams


def build_path(
    scenario: ScenarioParams,
    rates: Mapping[str, Floats],
    *,
    measured_baseline_years: float | None,
    route_caps: Mapping[str, Mapping[str, float]] | None = None,
) -> ScenarioPath:
    """Return the compute path of a scenario for every draw.

    Parameters
    ----------
    scenario : ScenarioParams
    rates : mapping of str to (n,) float
        Resampled gamma draws: ``route.D``, ``growth.power``, ``growth.duration`` ...
    measured_baseline_years : float or None, years
        tau0 of the scenario's "measured"; None when no run's duration is known.
    route_caps : mapping of route to (mapping of component to doublings), optional
        What of a route is bounded (utilisation ends at 1); a scenario's own headroom takes its place.

    Raises
    ------
    InputMissing
        When the scenario names a route or growth rate that this quarter has no draws of.
    """
    n = next(iter(rates.values())).size
    gamma = np.full(n, scenario.gamma) if scenario.gamma is not None else _column(scenario, rates, _route(scenario))
    power = _growth(scenario, rates, "power", scenario.power_growth, n)
    bounded = (route_caps or {}).get(scenario.route or "", {}) if scenario.headroom_doublings is None else {}
    terms = [CappedTerm(rates[name], cap) for name, cap in sorted(bounded.items()) if name in rates]
    going_on = gamma - sum(term.rate for term in terms)
    if scenario.convention == "run":
        duration = _growth(scenario, rates, "duration", scenario.duration_growth, n)
        terms.append(CappedTerm(power, _doublings(scenario.max_power_multiple)))
        terms.append(CappedTerm(duration, _doublings(scenario.max_duration_multiple)))
        return _run_path(scenario, going_on, tuple(terms))
    years = measured_baseline_years if scenario.baseline_years == "measured" else float(scenario.baseline_years)
    if years is None:
        raise InputMissing(
            f"scenario {scenario.name} needs the measured baseline years, and no run's duration is known"
        )
    if not _simple(scenario):
        return _shaped_path(scenario, gamma, power, years)
    scale = np.full(n, getattr(scenario.fleet, "multiple", 1.0) / years)
    if scenario.max_power_multiple is not None:
        return CappedPath(going_on, (*terms, CappedTerm(power, _doublings(scenario.max_power_multiple))), scale)
    if terms:
        return CappedPath(going_on + power, tuple(terms), scale)
    return SteadyPath(gamma + power, scale)


def build_paths(
    scenarios: Sequence[ScenarioParams],
    rates: Mapping[str, Floats],
    *,
    measured_baseline_years: float | None,
    route_caps: Mapping[str, Mapping[str, float]],
) -> tuple[dict[str, ScenarioPath], dict[str, str]]:
    """Return each scenario's compute path, and the scenarios this quarter has no draws for, with the reason.

    Parameters
    ----------
    scenarios : sequence of ScenarioParams
    rates, measured_baseline_years
        As `build_path`.
    route_caps : mapping of route to (mapping of component to doublings)
        One entry for every route that is defined, estimated or not.

    Raises
    ------
    InputMissing
        When no scenario is left, or one names a route that is not defined at all.
    """
    paths: dict[str, ScenarioPath] = {}
    left_out: dict[str, str] = {}
    for item in scenarios:
        try:
            paths[item.name] = build_path(
                item, rates, measured_baseline_years=measured_baseline_years, route_caps=route_caps
            )
        except InputMissing as error:
            if item.route is not None and item.route not in route_caps:
                raise
            left_out[item.name] = error.what
    if not paths:
        raise InputMissing("no scenario can be forecast in this quarter", why="; ".join(left_out.values()))
    return paths, left_out


def _simple(scenario: ScenarioParams) -> bool:
    """Tell whether compute grows from a constant or steadily growing fleet with unbounded efficiency."""
    plain = scenario.fleet.path in ("constant", "growth") and scenario.headroom_doublings is None
    return plain and scenario.reference == "baseline C0 fixed"


def _shaped_path(scenario: ScenarioParams, gamma: Floats, power: Floats, years: float) -> ShapedPath:
    fleet = scenario.fleet
    shape: dict[str, Any] = {"baseline_years": years, "fleet_growth": power}
    if fleet.path == "piecewise":
        shape |= {"fleet_breaks": fleet.breaks_years, "fleet_multiples": fleet.multiples}
    else:
        shape["fleet"] = fleet.multiple
    if fleet.path in ("delayed", "frozen"):
        shape |= {"start_delay": fleet.start_years, "frozen": fleet.path == "frozen"}
    if scenario.reference == "fleet in C0":
        shape["fleet_in_baseline"] = True
    if scenario.headroom_doublings is not None:
        shape |= {"headroom": scenario.headroom_doublings, "saturation": scenario.saturation}
    return ShapedPath(gamma, shape)


def _run_path(scenario: ScenarioParams, gamma: Floats, terms: tuple[CappedTerm, ...]) -> RunPath:
    return RunPath(
        gamma,
        terms,
        multiple=getattr(scenario.fleet, "multiple", 1.0),
        headroom=scenario.headroom_doublings or NO_CAP,
        saturation=scenario.saturation or "hard",
    )


def _doublings(multiple: float | None) -> float:
    return NO_CAP if multiple is None else float(np.log2(multiple))


def _route(scenario: ScenarioParams) -> str:
    return f"route.{scenario.route}"


def _growth(scenario: ScenarioParams, rates: Mapping[str, Floats], what: str, value: float | str, n: int) -> Floats:
    """Return a growth rate for every draw: the given number, or the measured draws."""
    if value == "measured":
        return _column(scenario, rates, f"growth.{what}")
    return np.full(n, float(value))


def _column(scenario: ScenarioParams, rates: Mapping[str, Floats], name: str) -> Floats:
    if name not in rates:
        kinds = name.partition(".")[0] + "."
        known = sorted(item.removeprefix(kinds) for item in rates if item.startswith(kinds))
        raise InputMissing(
            f"scenario {scenario.name} needs {name}, and this quarter has no draws of it",
            where="gamma_draws.parquet",
            why=f"available: {', '.join(known) or 'none'}",
            remedy="name another route in the scenario, or define it under fit_gamma.routes in params.yaml",
        )
    return rates[name]


def load_scenarios(params: ForecastParams, root: Path) -> tuple[ScenarioParams, ...]:
    """Return the scenarios of params.yaml and of the files it names, in that order.

    Parameters
    ----------
    params : ForecastParams
    root : Path
        Folder that relative file names start from.

    Raises
    ------
    InputMissing, DataInvalid
        When a file is missing, is no list of scenarios, holds an unknown key or a wrong value (each is named), or
        uses a name twice.
    """
    scenarios = list(params.scenarios)
    for name in params.scenario_files:
        path = root / name
        document = storage.read_yaml(path)
        items = document.get("scenarios") if isinstance(document, dict) else document
        if not isinstance(items, list):
            raise DataInvalid(
                f"{path.name} holds no list of scenarios",
                where=str(path),
                why="a scenario file is a YAML list, or a mapping with the key 'scenarios'",
            )
        for number, item in enumerate(items, start=1):
            scenarios.append(_checked(item, f"{path}: scenario {number}"))
    _unique(scenarios)
    _crossovers_known(params, {item.name for item in scenarios})
    return tuple(scenarios)


def _checked(item: object, where: str) -> ScenarioParams:
    try:
        return ScenarioParams.model_validate(item)
    except pydantic.ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in one['loc']) or 'scenario'}: {one['msg']}" for one in error.errors()
        ]
        raise DataInvalid(
            f"a scenario is not valid: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            where=where,
            why="; ".join(problems),
            remedy="correct the named keys; CONTRIBUTING.md describes a scenario",
        ) from None


def _unique(scenarios: Sequence[ScenarioParams]) -> None:
    names = [item.name for item in scenarios]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataInvalid(
            f"scenario names must differ: {', '.join(twice)} stand{'s' if len(twice) == 1 else ''} more than once",
            where="params.yaml: forecast.scenarios and forecast.scenario_files",
            remedy="rename one of them",
        )


def _crossovers_known(params: ForecastParams, names: set[str]) -> None:
    unknown = sorted({name for pair in params.crossovers for name in (pair.ahead_first, pair.ahead_later)} - names)
    if unknown:
        raise DataInvalid(
            f"forecast.crossovers names no scenario: {', '.join(unknown)}",
            where="params.yaml: forecast.crossovers",
            why=f"the scenarios are {', '.join(sorted(names))}",
        )
