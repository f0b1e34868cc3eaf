"""Who must deliver what by when: measured rates by layer, their headroom, and the rate a target needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.equation.domain import LN2
from race_to_efficiency.equation.inverses import gamma_required
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
    from race_to_efficiency.calibration.gamma.records import LayerRate, Product, Refused, RoadmapRow
    from race_to_efficiency.settings.gamma import RoadmapTarget


@dataclass(frozen=True)
class Kappas:
    """kappa in the two readings of the equation, as the earlier stage found it.

    Parameters
    ----------
    total : float or None
        Slope of total loss (the paper's reading).
    reducible : float or None
        Slope of the loss above its floor.
    """

    total: float | None = None
    reducible: float | None = None

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Kappas:
        """Return the pooled kappas of a kappa.json: power_law for total loss, chinchilla (else floor) for reducible."""
        found = {
            (item["symbol"], item["form"]): item["value"]
            for item in document["estimates"]
            if item["group"] == "pooled" and item["status"] != "refused"
        }
        reducible = found.get(("kappa_reducible", "chinchilla"), found.get(("kappa_reducible", "floor")))
        return cls(found.get(("kappa_total", "power_law")), reducible)


@dataclass(frozen=True)
class Layer:
    """A layer of progress and who delivers it.

    Parameters
    ----------
    name, owner : str
    estimate : str
        ``component.estimator`` of the measured rate.
    minus : str or None
        Component to subtract (a residual: its covariance with the total is carried by draws).
    """

    name: str
    owner: str
    estimate: str
    minus: str | None = None


ROADMAP_LAYERS = (
    Layer("hardware", "chip makers: FLOP/s per watt of one number format", "hardware_tensor16.mean_chip"),
    Layer(
        "software",
        "frameworks and compilers: utilisation and narrower formats",
        "training_flop_per_joule.ols",
        "hardware_tensor16.mean_chip",
    ),
    Layer("infrastructure", "data centres: power usage effectiveness", ""),
    Layer("algorithm", "researchers: compute for a given loss", "algorithmic.mixture"),
)
"""The layers of efficiency; they sum to the default route with infrastructure at its bound of about 0."""


def roadmap(inputs: Inputs, fits: Mapping[str, Fitted], kappa: Kappas | None) -> list[RoadmapRow]:
    """Return one row for each target, reading and layer: measured rate, headroom, required rate, gap.

    The rate required of a layer is what it alone would have to deliver with the others at their measured rates; the row
    ``all layers`` holds the rate of their sum. Growth of power is shown beside, since loss sees only the sum of
    efficiency and power.

    Parameters
    ----------
    inputs : Inputs
    fits : mapping of str to Fitted
    kappa : Kappas or None

    Returns
    -------
    list of dict
    """
    layers = [_layer_row(inputs, layer, fits) for layer in ROADMAP_LAYERS]
    measured = [row["measured"] for row in layers]
    total = sum(value for value in measured if value is not None)
    rows: list[RoadmapRow] = []
    for target in inputs.params.roadmap:
        required, reason = _required(inputs, target, kappa)
        whole = _rate("all layers", "", None, total, None)
        for row in [*layers, whole, _power_row(fits)]:
            others = total - (row["measured"] or 0.0)
            needed = None if required is None else required - (0.0 if row is whole else others)
            if row["layer"] == "power":
                needed = None if required is None else required - total
            gap = None if needed is None or row["measured"] is None else needed - row["measured"]
            rows.append(
                {
                    "reading": target.reading,
                    "target": target.target,
                    "by": target.by.isoformat(),
                    "kappa": _kappa(target, kappa),
                    **row,
                    "required": needed,
                    "gap": gap,
                    "reason": reason,
                    "years_of_headroom": _years(row),
                }
            )
    return rows


def _kappa(target: RoadmapTarget, kappa: Kappas | None) -> float | None:
    return target.kappa or (None if kappa is None else getattr(kappa, target.reading))


def _required(inputs: Inputs, target: RoadmapTarget, kappa: Kappas | None) -> tuple[float | None, str]:
    """Return the total rate that reaches the target by its date at constant power, in the paper's convention."""
    value = _kappa(target, kappa)
    years = decimal_year(target.by) - decimal_year(inputs.as_of)
    if value is None:
        return None, f"no kappa_{target.reading} is known here"
    if years <= 0:
        return None, "the target's date has passed"
    return float(np.asarray(gamma_required(target.target, years, value))), ""


def _layer_row(inputs: Inputs, layer: Layer, fits: Mapping[str, Fitted]) -> LayerRate:
    draws, value = _difference(layer, fits) if layer.estimate else (None, 0.0)
    return _rate(layer.name, layer.owner, _headroom(inputs, layer, fits), value, draws)


def _rate(layer: str, owner: str, headroom: float | None, measured: float | None, draws: Any) -> LayerRate:
    low, high = (None, None) if draws is None else map(float, np.quantile(draws, [0.025, 0.975]))
    return {"layer": layer, "owner": owner, "headroom": headroom, "measured": measured, "low": low, "high": high}


def _difference(layer: Layer, fits: Mapping[str, Fitted]) -> tuple[Any, float | None]:
    """Return draws and value of a layer; a residual keeps its covariance because draws are subtracted one by one."""
    fit = fits.get(layer.estimate)
    if fit is None or fit.draws is None:
        return None, None
    value = float(fit.estimate.value or 0.0)
    if layer.minus is None:
        return fit.draws, value
    other = fits.get(layer.minus)
    if other is None or other.draws is None:
        return None, None
    return fit.draws - other.draws, value - float(other.estimate.value or 0.0)


def _headroom(inputs: Inputs, layer: Layer, fits: Mapping[str, Fitted]) -> float | None:
    """Return the doublings left in a bounded layer, None where no bound is known."""
    caps = inputs.params.caps
    if layer.name == "hardware":
        return caps.cmos_headroom
    if layer.name == "infrastructure":
        return math.log2(caps.power_usage_effectiveness)
    if layer.name == "software":
        fit = fits.get("utilisation.ols")
        left = None if fit is None else fit.component.cap_doublings
        return None if left is None else left + caps.format_headroom
    return None


def _power_row(fits: Mapping[str, Fitted]) -> LayerRate:
    fit = fits.get("growth.power")
    owner = "grids and buyers: power drawn by the largest runs (not efficiency)"
    if fit is None or fit.draws is None:
        return _rate("power", owner, None, None, None)
    return _rate("power", owner, None, fit.estimate.value, fit.draws)


def _years(row: LayerRate) -> float | None:
    """Return how long the headroom lasts at the measured rate."""
    headroom, rate = row["headroom"], row["measured"]
    return None if headroom is None or rate is None or rate <= 0 else float(headroom / rate)


def product_check(fits: Mapping[str, Fitted], kappa: Kappas | None) -> Refused | Product:
    """Return -dlnL/dt at fixed compute beside kappa x gamma_algorithmic x ln 2, each with its interval.

    The data identify the product b_t more firmly than either factor; a kappa from physical compute at one fixed
    algorithm times an independent gamma should agree with it.

    Returns
    -------
    dict
        b_time_per_year, its 95 % interval for independent rows, kappa_total, product, product_low, product_high,
        agrees.
    """
    fit, blend = fits.get("algorithmic_lm.ln_loss"), fits.get("algorithmic.mixture")
    if fit is None or fit.draws is None or blend is None or blend.draws is None:
        return {"status": "refused", "reason": "algorithmic_lm or the mixture could not be estimated"}
    facts = fit.estimate.diagnostics
    b_time = -float(facts["b_time_per_year"])
    half = 1.96 * float(facts["b_time_stderr_independent_rows"])
    own = -float(facts["b_compute_per_doubling"]) / LN2
    used = None if kappa is None else kappa.total
    exponent = own if used is None else used
    low, high = (float(item) for item in exponent * LN2 * np.quantile(blend.draws, [0.025, 0.975]))
    return {
        "b_time_per_year": b_time,
        "b_time_low": b_time - half,
        "b_time_high": b_time + half,
        "kappa_total": exponent,
        "kappa_source": "these rows, across algorithms" if used is None else "physical compute at a fixed algorithm",
        "gamma_algorithmic": blend.estimate.value,
        "product": exponent * LN2 * float(blend.estimate.value or 0.0),
        "product_low": low,
        "product_high": high,
        "agrees": low <= b_time + half and b_time - half <= high,
        "status": "checked",
    }
