"""The settings tests run with: those of params.yaml with a few values laid over them; no test has its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from race_to_efficiency.settings.params import check_params
from race_to_efficiency.settings.sections import Params

PARAMS = Path(__file__).parents[1] / "params.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))

GROUPS = ("gadre2024_c4", "muennighoff2023")
FEW = {
    "fit_kappa": {
        "bootstrap_replicates": 100,
        "forms": ["chinchilla", "power_law"],
        "groups": [item for item in DOCUMENT["fit_kappa"]["groups"] if item["group"] in GROUPS],
    },
    "fit_gamma": {"draws": 200},
    "forecast": {"draws": 500},
}
"""Two small groups of training runs and few draws: what a comparison refits, in seconds."""


def laid_over(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of ``document`` with ``changes`` laid over it, key by key; a list is replaced whole."""
    result = copy.deepcopy(document)
    for key, value in changes.items():
        inner = result.get(key)
        result[key] = laid_over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result


def document(**changes: Any) -> dict[str, Any]:
    """Return the whole of params.yaml, parsed, with changes laid over it."""
    return laid_over(DOCUMENT, changes)


def params(**changes: Any) -> Params:
    """Return the checked settings, with changes laid over them: ``params(fit_kappa={"delta": 0.01})``."""
    return check_params(document(**changes), PARAMS)


def section(name: str, **changes: Any) -> Any:
    """Return one section's model with changes laid over it; a wrong value raises pydantic's own error."""
    kind: Any = Params.model_fields[name].annotation
    return kind.model_validate(laid_over(DOCUMENT[name], changes))


def part(name: str, inner: str) -> Any:
    """Return a model within a section as it stands: ``part("forecast", "trust")``."""
    return getattr(section(name), inner)


def write_params(path: Path) -> Path:
    """Write the settings of a small quarter to ``path``; return it."""
    path.write_text(yaml.safe_dump(document(**FEW)), encoding="utf-8")
    return path
