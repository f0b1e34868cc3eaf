"""Fits, calibrates and forecasts the relative-loss equation of Lu (2025) from cited public data.

``import race_to_efficiency as race`` gives the names of `PUBLIC`, each imported when it is first asked for.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

PUBLIC = {
    "fit_kappa": "api.kappa",
    "load_fit": "api.kappa",
    "fit_gamma": "api.gamma",
    "predict_loss": "api.prediction",
    "optimal_allocation": "api.prediction",
    "forecast": "api.bands",
    "load_ledger": "api.facts",
    "load_quarter": "api.facts",
    "plot": "api.results",
    "score": "api.scores",
    "time_to_target": "relative_loss",
}
"""Public name -> the module that holds it; `relative_loss` is a module that can be called as its function."""

__all__ = [*PUBLIC, "relative_loss"]  # noqa: PLE0604 - names are strings


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562)."""
    if name == "relative_loss":
        return import_module(f"{__name__}.relative_loss")
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
