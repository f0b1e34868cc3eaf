"""scenarios.json and anchors.json: what was assumed, drawn, anchored and trusted, in numbers and in their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.forecasting.anchor_report import (
    anchor_check,
    anchor_document,
    anchor_words,
    fitted_point,
    quantile_record,
)
from race_to_efficiency.forecasting.basis import Basis, curve_weaknesses
from race_to_efficiency.forecasting.draws import INDEPENDENCE, Pool
from race_to_efficiency.forecasting.milestones import crossing
from race_to_efficiency.forecasting.plans import grid_of, kappas
from race_to_efficiency.forecasting.sensitivity import forecast_variance_shares, tornado
from race_to_efficiency.forecasting.tables import HEADLINE_YEARS
from race_to_efficiency.forecasting.trust import Limit, date_after
from race_to_efficiency.relative_loss import crossover_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.forecasting.engine import DrawnPath
    from race_to_efficiency.forecasting.known import KnownRuns
    from race_to_efficiency.forecasting.plans import PathPlan
    from race_to_efficiency.settings.forecast import CrossoverParams, ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams

CROSSING_LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


def anchors_document(
    basis: Basis, params: ForecastParams, limits: Sequence[Limit], estimates: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return anchors.json's content without quarter and as_of.

    Parameters
    ----------
    basis : Basis
    params : ForecastParams
    limits : sequence of Limit
    estimates : sequence of mapping
        Records of kappa.json: the check is made on the fits themselves.
    """
    records = []
    for anchor in basis.anchors:
        record = anchor_document(anchor, basis.reducible, basis.ranges)
        records.append({**record, "words": anchor_words(record, params.total_targets)})
    fits = [fitted_point(estimates, member) for member in basis.reducible.groups]
    check = anchor_check(fits, basis.ranges, params.check_anchor_flop)
    runs = basis.runs
    return {
        "reference_date": basis.as_of.isoformat(),
        "baseline_years": {
            "paper": 1.0,
            "measured": runs.baseline_years,
            "n_runs": runs.n_long_runs,
            "long_run_flop": runs.long_run_flop,
            "words": _duration_words(runs),
        },
        "largest_known_run": {
            "model_id": runs.largest_id,
            "compute_flop": runs.largest_compute_flop,
            "row": None if runs.largest_id is None else f"notable_training_runs/{runs.largest_id}",
        },
        "anchors": records,
        "left_out": dict(basis.anchors_left_out),
        "check": {**check, "words": _check_words(check)},
        "trust_limits": [item.to_json(basis.as_of) for item in limits],
    }


def _duration_words(runs: KnownRuns) -> str:
    known = f"of at least {runs.long_run_flop:g} FLOP with a known duration"
    if runs.baseline_years is None:
        return f"no run {known} by this quarter"
    return f"the median of {runs.n_long_runs} runs {known} took {runs.baseline_years:.2f} years"


def _check_words(check: Mapping[str, Any]) -> str:
    floor, slope, factor = check["floor"], check["kappa_eff"], check["overstatement"]
    return (
        f"With C0 = {check['compute_flop']:.2g} FLOP in their own terms the fitted groups have a floor of "
        f"{floor[0]:.3f} to {floor[1]:.3f} and an effective kappa of {slope[0]:.4f} to {slope[1]:.4f}: the paper's "
        f"{check['paper_kappa']:g} is {factor[0]:.0f} to {factor[1]:.0f} times that."
    )


def scenarios_document(
    basis: Basis, plans: Sequence[PathPlan], params: ForecastParams, left_out: Mapping[str, str]
) -> dict[str, Any]:
    """Return scenarios.json's content without quarter and as_of.

    Parameters
    ----------
    basis : Basis
    plans : sequence of PathPlan
    params : ForecastParams
    left_out : mapping of str to str
        Scenarios this quarter has no draws for, with the reason.
    """
    by_name = {item.scenario.name: item for item in plans}
    pairs = [pair for pair in params.crossovers if {pair.ahead_first, pair.ahead_later} <= by_name.keys()]
    return {
        "draws": basis.n_draws,
        "independence": INDEPENDENCE,
        "pools": {
            "total": _pool_record(basis.total),
            "reducible": _pool_record(basis.reducible),
        },
        "scenarios": [_scenario_record(basis, item.scenario, item.path) for item in plans],
        "left_out": dict(left_out),
        "crossovers": [crossover_record(basis, by_name, pair, grid_of(params).times[-1]) for pair in pairs],
    }


def _pool_record(pool: Pool) -> dict[str, Any]:
    """Return who speaks for a kappa by the rule, who does not and why, and what is drawn."""
    told = pool.record["diagnostics"]
    return {
        "form": pool.form,
        "estimate": pool.record["id"],
        "value": pool.point,
        "families": list(pool.families),
        "kappa": quantile_record(pool.kappa),
        "groups": [
            {key: item[key] for key in ("group", "family", "laboratory", "form", "value", "stderr", "verdict")}
            for item in told["groups"]
        ],
        "coverage_left_out": told["coverage_left_out"],
    }


def _scenario_record(basis: Basis, scenario: ScenarioParams, path: DrawnPath) -> dict[str, Any]:
    """Return a scenario as given, with what the draws made of it and what its width comes from."""
    rates: dict[str, Any] = {"gamma": scenario.gamma}
    if scenario.route is not None:
        rates["gamma"] = _rate_record(basis, f"route.{scenario.route}")
    for what in ("power", "duration"):
        measured = getattr(scenario, f"{what}_growth") == "measured"
        rates[f"{what}_growth"] = _rate_record(basis, f"growth.{what}") if measured else None
    reasons = {form: curve_weaknesses(basis, scenario, form, basis.anchors[0]) for form in ("total", "reducible")}
    return {
        **scenario.model_dump(mode="json"),
        "measured_rates": rates,
        "weak_because": reasons,
        "sensitivity": _sensitivity(basis, scenario, path),
    }


def _rate_record(basis: Basis, name: str) -> dict[str, float]:
    """Return a measured rate as printed, with the median and the 95 % interval of its draws."""
    return {"value": float(basis.points[name][0]), **quantile_record(basis.rates[name])}


def _sensitivity(basis: Basis, scenario: ScenarioParams, path: DrawnPath) -> list[dict[str, Any]]:
    """Return shares of variance and a tornado by reading and headline year, where kappa is drawn."""
    if scenario.kappa is not None:
        return []
    rows = []
    for pool, kappa in zip((basis.total, basis.reducible), kappas(basis, scenario), strict=True):
        for year in HEADLINE_YEARS:
            if kappa is not None:
                growth = path.log_compute_ratio(year)
                rows.append(
                    {
                        "form": kappa.form,
                        "years": year,
                        "variance_shares": forecast_variance_shares(kappa.draws, growth, float(pool.record["stderr"])),
                        "tornado": tornado(kappa.draws, growth),
                    }
                )
    return rows


def crossover_record(
    basis: Basis, plans: Mapping[str, PathPlan], pair: CrossoverParams, horizon: float
) -> dict[str, Any]:
    """Return when one scenario's compute overtakes another's, with its interval and probability.

    Parameters
    ----------
    basis : Basis
    plans : mapping of str to PathPlan
    pair : CrossoverParams
    horizon : float, years
        The forecast's horizon.

    Raises
    ------
    DataInvalid
        When the two differ in convention, baseline or reference: their losses are then not relative to the same L0.
    """
    ahead, behind = plans[pair.ahead_first], plans[pair.ahead_later]
    first, later = ahead.scenario, behind.scenario
    for what in ("convention", "baseline_years"):
        if getattr(first, what) != getattr(later, what):
            raise DataInvalid(
                f"scenarios {first.name} and {later.name} cannot cross: they differ in {what}",
                where="params.yaml: forecast.crossovers",
                why=f"{getattr(first, what)} against {getattr(later, what)}: R is relative to different things",
                remedy="compare scenarios of one convention and baseline",
            )
    found = crossing(ahead.path, behind.path)
    years = found.passage.quantiles(CROSSING_LEVELS)
    never = found.passage.probability_never - float(found.ahead_from_start.mean())
    record = {
        "ahead_first": first.name,
        "ahead_later": later.name,
        "convention": first.convention,
        "basis": "cumulative" if first.convention == "cumulative" else "run",
        "years": {f"{level:g}": float(value) for level, value in zip(CROSSING_LEVELS, years, strict=True)},
        "date": date_after(basis.as_of, float(years[2])),
        "probability": float(np.isfinite(found.passage.years).mean()),
        "probability_within_horizon": found.passage.probability_by(horizon),
        "probability_ahead_from_start": float(found.ahead_from_start.mean()),
        "probability_never": never,
        "looked_ahead_years": found.horizon_years,
        "throughput_years": _throughput(ahead.path, behind.path),
    }
    return {**record, "words": _crossing_words(record, horizon)}


def _throughput(first: DrawnPath, later: DrawnPath) -> float | None:
    """Return the median time at which the later one's rate of compute passes the first's; None off steady paths."""
    if first.steady is None or later.steady is None:
        return None
    (hare_rate, hare_scale), (turtle_rate, turtle_scale) = first.steady, later.steady
    if not (hare_scale > 0).all() or not (turtle_scale > 0).all():
        return None
    return float(np.median(crossover_time(hare_scale, hare_rate, turtle_scale, turtle_rate, basis="throughput")))


def _crossing_words(record: Mapping[str, Any], horizon: float) -> str:
    pair = f"{record['ahead_later']} overtakes {record['ahead_first']}"
    if record["probability"] == 0:
        behind = "leads from the start" if record["probability_ahead_from_start"] == 1 else "never does"
        return f"{pair} in no draw within {record['looked_ahead_years']:g} years: it {behind}."
    years = record["years"]
    ends = ", ".join("never" if np.isinf(years[key]) else f"{years[key]:.1f}" for key in ("0.025", "0.975"))
    middle = (
        "not in the median draw" if np.isinf(years["0.5"]) else f"after {years['0.5']:.1f} years in the median draw"
    )
    return (
        f"{pair} {middle} (95 %: {ends}); within {horizon:g} years with probability "
        f"{record['probability_within_horizon']:.2f}, ever within {record['looked_ahead_years']:g} years with "
        f"{record['probability']:.2f}."
    )
