"""What gamma is composed of: the parts fitted together, and how far each component may be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.components_algorithm import (
    algorithmic_lm,
    algorithmic_published,
    speedrun,
)
from race_to_efficiency.calibration.gamma.components_hardware import hardware
from race_to_efficiency.calibration.gamma.components_system import (
    mlperf_same_chip,
    mlperf_system,
    training_flop_per_joule,
    utilisation,
)
from race_to_efficiency.calibration.gamma.fragility import fragility_rows, verdict
from race_to_efficiency.calibration.gamma.growth import chip_growth, frontier_growth, run_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs

MIXED = {
    "algorithmic_lm": "algorithmic_lm.ln_loss",
    "algorithmic_published": "algorithmic_published.prior",
    "speedrun_tokens": "speedrun_tokens.recent",
}
"""Parts of the algorithmic mixture: the name of the weight, and the estimate it belongs to."""


_ON_FIXED_HARDWARE = ("format", "utilisation", "algorithm")

PARTS: dict[str, Callable[[Inputs], Sequence[Fitted]]] = {
    "hardware_tensor16": hardware,
    "hardware_fp32": lambda inputs: hardware(inputs, "hardware_fp32", "fp32_flop_s"),
    "utilisation": lambda inputs: [utilisation(inputs)],
    "training_flop_per_joule": lambda inputs: [training_flop_per_joule(inputs)],
    "mlperf_same_chip": mlperf_same_chip,
    "mlperf_system": mlperf_system,
    "algorithmic_lm": algorithmic_lm,
    "algorithmic_published": lambda inputs: [algorithmic_published(inputs)],
    "speedrun_tokens": lambda inputs: speedrun(inputs, "speedrun_tokens", "tokens", ("algorithm",)),
    "speedrun_time": lambda inputs: speedrun(inputs, "speedrun_time", "record_time_s", _ON_FIXED_HARDWARE),
    "frontier_growth": frontier_growth,
    "chip_growth": chip_growth,
    "run_duration": lambda inputs: [run_duration(inputs)],
}
"""What is fitted on rows or taken from a paper: components that are fitted together, in the order they are told."""


def judged_one(inputs: Inputs, fit: Fitted, others: Mapping[str, Fitted]) -> tuple[Fitted, list[dict[str, Any]]]:
    """Return a component with the status its fragility leaves it, and its rows of the fragility table."""
    rows = fragility_rows(inputs, fit, others)
    reasons = verdict(rows)
    return (fit.with_status("weak", reasons) if reasons else fit), rows


def component_row(fit: Fitted) -> dict[str, Any]:
    """Return a component's row of the components table."""
    component, estimate = fit.component, fit.estimate
    headline = estimate.interval()
    return {
        "component": component.name,
        "estimator": component.estimator,
        "coverage": list(component.coverage),
        "omits": list(component.omits) if component.coverage else [],
        "basis": component.basis,
        "value": estimate.value,
        "low": None if headline is None else headline.low,
        "high": None if headline is None else headline.high,
        "unit": estimate.unit,
        "n_rows": estimate.n_rows,
        "n_clusters": estimate.n_clusters,
        "status": estimate.status,
        "reasons": list(estimate.reasons),
        "cap_doublings": component.cap_doublings,
        "meaning": component.meaning,
        "caveat": component.caveat,
        "estimate": estimate.id,
    }
