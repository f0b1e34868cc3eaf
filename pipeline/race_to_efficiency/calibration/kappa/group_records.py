"""The records of one group's fits: an estimate a symbol, refusals by name, and the joint draws a forecast takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.kappa.forms import FORMS, POWER_LAW
from race_to_efficiency.calibration.kappa.trust import axes, judge

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.settings.kappa import KappaParams

PARAMETER_UNITS = {"E": "nats/token", "A": "nats/token", "B": "nats/token"}


def identity(rows: GroupRows, form: Form, symbol: str) -> dict[str, Any]:
    """Return the fields that say what an estimate is of, and which rows it rests on."""
    return {
        "id": f"{symbol}.{rows.group}.{form.name}",
        "symbol": symbol,
        "unit": PARAMETER_UNITS.get(symbol, "1"),
        "group": rows.group,
        "form": form.name,
        "estimator": "huber_least_squares",
        "n_rows": len(rows),
        "n_clusters": rows.n_units,
        "window": rows.window,
        "rows_used": tuple(f"{rows.table}/{name}" for name in rows.ids),
        "rows_excluded": tuple((f"{rows.table}/{name}", why) for name, why in rows.excluded),
    }


def estimates_of(fit: GroupFit, params: KappaParams, *, seed: int) -> list[Estimate]:
    """Return the records of one fit: kappa first, then its parameters; all share status, reasons and grade."""
    status, reasons = judge(fit.evidence, params.gates)
    evidence, agreement = axes(fit.evidence, params.gates)
    diagnostics = fit.diagnostics()
    records = []
    for symbol in (fit.form.symbol, *(name for name in fit.form.columns if name != "kappa")):
        value, stderr = float(fit.value_of(symbol, fit.record.theta)), fit.stderr_of(symbol)
        finite = bool(np.isfinite(value)) and not fit.evidence.fatal
        records.append(
            Estimate(
                **identity(fit.rows, fit.form, symbol),
                value=value if finite else None,
                intervals=fit.intervals(symbol, params.levels, params.gates.z_curv_trusted) if finite else (),
                stderr=stderr if finite and np.isfinite(stderr) else None,
                pivot_compute_flop=fit.pivot_compute_flop,
                status=status if finite else "refused",
                reasons=reasons if finite else (reasons or ("the fit has no finite value",)),
                evidence=evidence,
                agreement=agreement,
                diagnostics=diagnostics,
                seed=seed,
                computed_by="race_to_efficiency.calibration.kappa.group_fit.fit_form",
            )
        )
    return records


def refused_for_lack(rows: GroupRows, params: KappaParams) -> list[Estimate]:
    """Return a refused record of each form asked for that needs what the group's runs do not state."""
    return [
        Estimate(
            **identity(rows, FORMS[name], FORMS[name].symbol),
            value=None,
            status="refused",
            reasons=(f"{' and '.join(rows.lacks(FORMS[name]))} are not known: the {name} form needs them",),
            computed_by="race_to_efficiency.calibration.kappa.group_records.refused_for_lack",
        )
        for name in params.forms
        if rows.lacks(FORMS[name])
    ]


def draws_frame(fit: GroupFit) -> pd.DataFrame:
    """Return the usable bootstrap refits of one fit in the columns of kappa_draws."""
    import pandas as pd

    kept = np.flatnonzero(fit.usable)
    theta = fit.draws[kept]
    empty = np.full(len(kept), np.nan)
    column = {name: theta[:, k] for k, name in enumerate(fit.form.columns)}
    return pd.DataFrame(
        {
            "family": fit.rows.family,
            "group": fit.rows.group,
            "form": fit.form.name,
            "draw": kept.astype(np.int64),
            "kappa": fit.form.kappa(theta),
            "E": column.get("E", empty),
            "A": fit.value_of("A", theta),
            "B": column.get("B", empty),
            "alpha": column.get("alpha", empty),
            "beta": column.get("beta", empty),
            "pivot_compute_flop": fit.pivot_compute_flop if fit.form is POWER_LAW else np.nan,
        }
    )
