"""Kappa of every comparable group, in every form, with joint draws; families pooled. The whole of stage fit_kappa."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.calibration.estimates import Estimate, Interval
from pipeline.calibration.forms import FORMS, POWER_LAW
from pipeline.calibration.group_fit import GroupFit, GroupRows, fit_form
from pipeline.calibration.pooling import FamilyEffect, Pooled, family_effect, pool
from pipeline.calibration.trust import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.config_kappa import KappaParams

    Floats = NDArray[np.float64]

UNITS = {"E": "nats/token", "A": "nats/token", "B": "nats/token"}


@dataclass(frozen=True)
class KappaResult:
    """Everything stage fit_kappa writes.

    Parameters
    ----------
    estimates : tuple of Estimate
    draws : DataFrame
        family, group, form, draw, kappa, E, A, B, alpha, beta, pivot_compute_flop: one row a converged bootstrap
        refit. For the power law A is the loss at the pivot, L = A (C/pivot)^-kappa.
    influence, extrapolation, forms, frontier, profiles : list of mapping
        Tables for the report.
    """

    estimates: tuple[Estimate, ...]
    draws: pd.DataFrame
    influence: list[dict[str, Any]] = field(default_factory=list)
    extrapolation: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    frontier: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)


def fit_groups(runs: pd.DataFrame, params: KappaParams, *, seed: int) -> KappaResult:
    """Fit every configured group that has rows, then pool the families.

    Parameters
    ----------
    runs : DataFrame
        The as-of view of the training-run ledger with `run_id`, `group`, `family`, `cluster`, `exclusion`,
        `released`, `params`, `tokens`, `compute_flop`, `loss_nats`.
    params : KappaParams
    seed : int
        Root of every random number; a group's draws do not depend on which other groups are fitted.
    """
    import pandas as pd

    fits: list[GroupFit] = []
    for spec in params.groups:
        rows = GroupRows.of(runs[runs["group"] == spec.group], spec)
        if rows is None:
            continue
        fits += [fit_form(FORMS[name], rows, params, seed=seed) for name in params.forms]
    estimates = [estimate for fit in fits for estimate in estimates_of(fit, params, seed=seed)]
    pooled = [item for name in params.forms for item in pooled_estimates(fits, name, params)]
    draws = pd.concat([draws_frame(fit) for fit in fits], ignore_index=True) if fits else pd.DataFrame()
    return KappaResult(estimates=(*estimates, *pooled), draws=draws)


def estimates_of(fit: GroupFit, params: KappaParams, *, seed: int) -> list[Estimate]:
    """Return the records of one fit: kappa first, then its parameters; all share status and reasons."""
    status, reasons = judge(fit.evidence, params.gates)
    symbols = [fit.form.symbol, *(name for name in fit.form.columns if name != "kappa")]
    records = []
    for symbol in symbols:
        is_kappa = symbol == fit.form.symbol
        value = fit.kappa if is_kappa else fit.parameter(symbol)
        finite = bool(np.isfinite(value))
        records.append(
            Estimate(
                id=f"{symbol}.{fit.rows.group}.{fit.form.name}",
                symbol=symbol,
                value=value if finite else None,
                unit=UNITS.get(symbol, "1"),
                group=fit.rows.group,
                form=fit.form.name,
                estimator="huber_least_squares",
                intervals=fit.intervals(symbol, params),
                stderr=fit.stderr_of(symbol),
                n_rows=len(fit.rows.ids),
                n_clusters=fit.rows.n_clusters,
                window=fit.rows.window,
                pivot_compute_flop=fit.pivot_compute_flop,
                status=status if finite else "refused",
                reasons=reasons if finite or reasons else ("no finite value",),
                diagnostics=fit.diagnostics(),
                rows_used=tuple(f"training_runs/{name}" for name in fit.rows.ids),
                rows_excluded=tuple((f"training_runs/{name}", why) for name, why in fit.rows.excluded),
                seed=seed,
                computed_by="pipeline.calibration.group_fit.fit_form",
            )
        )
    return records


def draws_frame(fit: GroupFit) -> pd.DataFrame:
    """Return the converged bootstrap refits of one fit in the columns of kappa_draws."""
    import pandas as pd

    kept = np.flatnonzero(fit.draws_usable)
    theta = fit.draws_theta[kept]
    column = {name: theta[:, k] for k, name in enumerate(fit.form.columns)}
    empty = np.full(len(kept), np.nan)
    amplitude = column["A"]
    if fit.form is POWER_LAW and fit.pivot_compute_flop is not None:
        amplitude = np.exp(np.log(amplitude) - column["kappa"] * np.log(fit.pivot_compute_flop))
    return pd.DataFrame(
        {
            "family": fit.rows.family,
            "group": fit.rows.group,
            "form": fit.form.name,
            "draw": kept.astype(np.int64),
            "kappa": fit.form.kappa(theta),
            "E": column.get("E", empty),
            "A": amplitude,
            "B": column.get("B", empty),
            "alpha": column.get("alpha", empty),
            "beta": column.get("beta", empty),
            "pivot_compute_flop": fit.pivot_compute_flop if fit.pivot_compute_flop is not None else np.nan,
        }
    )


def pooled_estimates(fits: Sequence[GroupFit], form: str, params: KappaParams) -> list[Estimate]:
    """Return the pooled kappa of one form over families, or nothing with fewer than two families not refused."""
    chosen = [fit for fit in fits if fit.form.name == form]
    effects, refused = _effects(chosen, params)
    if len(effects) < 2:
        return []
    pooled = pool(effects)
    status, reasons = _pooled_status(pooled, refused)
    symbol = FORMS[form].symbol
    intervals = [Interval("hartung_knapp", 0.95, *pooled.interval)]
    if pooled.prediction is not None:
        intervals.append(Interval("prediction", 0.95, *pooled.prediction))
    intervals.append(Interval("range", pooled.range_level, *pooled.range))
    return [
        Estimate(
            id=f"{symbol}.pooled.{form}",
            symbol=symbol,
            value=pooled.mean,
            unit="1",
            group="pooled",
            form=form,
            estimator="random_effects_over_families",
            intervals=tuple(intervals),
            stderr=pooled.stderr,
            n_rows=sum(len(fit.rows.ids) for fit in chosen if judge(fit.evidence, params.gates)[0] != "refused"),
            n_clusters=len(effects),
            window=_window(chosen),
            pivot_compute_flop=params.pivot_compute_flop if symbol == "kappa_total" else None,
            status=status,
            reasons=reasons,
            diagnostics=pooled_diagnostics(pooled),
            computed_by="pipeline.calibration.pooling.pool",
        )
    ]


def _effects(fits: Sequence[GroupFit], params: KappaParams) -> tuple[list[FamilyEffect], list[str]]:
    """Return one effect a family from its groups that are not refused, and the refused groups."""
    families: dict[str, list[GroupFit]] = {}
    refused = []
    for fit in fits:
        if judge(fit.evidence, params.gates)[0] == "refused" or not fit.kappa_stderr > 0:
            refused.append(fit.rows.group)
        else:
            families.setdefault(fit.rows.family, []).append(fit)
    effects = []
    for family, members in families.items():
        values = [fit.kappa_at_pivot(params.pivot_compute_flop) for fit in members]
        statuses = [judge(fit.evidence, params.gates)[0] for fit in members]
        stderrs = [fit.kappa_stderr for fit in members]
        effects.append(family_effect(family, [fit.rows.group for fit in members], values, stderrs, statuses))
    return effects, refused


def _pooled_status(pooled: Pooled, refused: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    trusted = sum(item.status == "trusted" for item in pooled.families)
    reasons = []
    if pooled.prediction is None:
        reasons.append(f"{trusted} trusted families: the prediction interval for a new family is not identified")
    if refused:
        reasons.append(f"left out as refused: {', '.join(refused)}")
    return ("weak" if pooled.prediction is None else "trusted"), tuple(reasons)


def pooled_diagnostics(pooled: Pooled) -> Mapping[str, Any]:
    """Return what a reader needs to judge a pooled kappa."""
    return {
        "tau2": pooled.tau2,
        "families": [
            {
                "family": item.family,
                "value": item.value,
                "stderr": item.stderr,
                "status": item.status,
                "groups": list(item.groups),
            }
            for item in pooled.families
        ],
        "range": list(pooled.range),
        "prediction_identified": pooled.prediction is not None,
        "naive_prediction": list(pooled.naive_prediction) if pooled.naive_prediction else None,
        "left_out": [
            {"family": name, "low": low, "high": high, "covered": covered}
            for name, low, high, covered in pooled.left_out
        ],
        "coverage_left_out": pooled.coverage_left_out,
    }


def _window(fits: Sequence[GroupFit]) -> tuple[str, str] | None:
    ends = [fit.rows.window for fit in fits if fit.rows.window is not None]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
