"""The sizes of runs nobody has made, as a caller gives them, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from race_to_efficiency.api.kappa_fit import KappaFit
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.law import Law


def of_sizes(fit: KappaFit) -> str:
    """Return the name of the first usable form of params and tokens."""
    found = [law.form.name for law in fit.laws if law.form.terms > 1 and law.status != "refused"]
    return found[0] if found else "chinchilla"


def besides(law: Law, given: Mapping[str, ArrayLike | None], columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return what a form takes beside params and tokens: as given, or every token seen once by a dense model."""
    found: dict[str, Floats] = {}
    for name, plain in (("unique_tokens", "tokens"), ("total_params", "params")):
        wanted, most = given[name], columns[plain]
        if name not in law.form.inputs:
            if wanted is not None:
                raise UsageError(f"the {law.form.name} form takes no {name}")
            continue
        found[name] = most if wanted is None else np.broadcast_to(positive(name, wanted), most.shape)
    return found


def level_checked(level: float) -> None:
    """Refuse a coverage that is none."""
    if not 0 < as_number(level) < 1:
        raise UsageError(f"level must be a number between 0 and 1, got {level!r}")


def as_number(value: Any) -> float:
    """Return a value as a float, NaN where it is no one number."""
    try:
        return float("nan") if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def positive(name: str, values: ArrayLike | None) -> Floats:
    """Return values (k,) that must all be positive and finite."""
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 1 or not len(array) or not (np.isfinite(array) & (array > 0)).all():
        raise UsageError(f"{name} must be positive and finite, one-dimensional, got {values!r}")
    return array
