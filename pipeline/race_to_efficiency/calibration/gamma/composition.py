"""What gamma is composed of: the parts fitted together, and how far each component may be trusted."""

from __future__ import annotations

import pkgutil
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

from race_to_efficiency.calibration import gamma
from race_to_efficiency.calibration.gamma.fragility import fragility_rows
from race_to_efficiency.calibration.gamma.judging import judged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs, Parts
    from race_to_efficiency.calibration.gamma.records import ComponentRow, FragilityRow

MIXED = {
    "algorithmic_lm": "algorithmic_lm.ln_loss",
    "algorithmic_published": "algorithmic_published.prior",
    "speedrun_tokens": "speedrun_tokens.recent",
}
"""Parts of the algorithmic mixture: the name of the weight, and the estimate it belongs to."""


def _found() -> Parts:
    """Return the parts of every module ``components_*.py`` beside this one, by the place each takes, then by name."""
    names = [item.name for item in pkgutil.iter_modules(gamma.__path__) if item.name.startswith("components_")]
    modules = [import_module(f"{gamma.__name__}.{name}") for name in sorted(names)]
    modules.sort(key=lambda module: getattr(module, "PLACE", len(modules)))
    return {name: part for module in modules for name, part in module.PARTS.items()}


PARTS = _found()
"""What is fitted on rows or taken from a paper: components that are fitted together, in the order they are told."""


def judged_one(inputs: Inputs, fit: Fitted, others: Mapping[str, Fitted]) -> tuple[Fitted, list[FragilityRow]]:
    """Return a component with the status and grade its fragility leaves it, and its rows of the fragility table."""
    rows = fragility_rows(inputs, fit, others)
    return judged(inputs.params.gate, fit, rows), rows


def component_row(fit: Fitted) -> ComponentRow:
    """Return a component's row of the components table."""
    component, estimate = fit.component, fit.estimate
    low, high = estimate.ends
    return {
        "component": component.name,
        "estimator": component.estimator,
        "coverage": list(component.coverage),
        "omits": list(component.omits) if component.coverage else [],
        "basis": component.basis,
        "value": estimate.value,
        "low": low,
        "high": high,
        "unit": estimate.unit,
        "n_rows": estimate.n_rows,
        "n_clusters": estimate.n_clusters,
        "status": estimate.status,
        "reasons": list(estimate.reasons),
        "grade": asdict(estimate.grade),
        "rests_on": component.rests_on,
        "cap_doublings": component.cap_doublings,
        "meaning": component.meaning,
        "caveat": component.caveat,
        "estimate": estimate.id,
    }
