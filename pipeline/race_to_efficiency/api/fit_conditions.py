"""The conditions of a fit as a caller names them, checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from race_to_efficiency.errors import UsageError
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.calibration.kappa.conditions import Conditions

_ALIKE = (("alpha", "beta"), ("A", "B"), ("R_D", "R_N"), ("delta", "omega"), ("gamma", "zeta"))
"""Parameters of one kind: what may be tied."""


def conditions_of(
    fix: Mapping[str, float], tie: Mapping[str, str], under_tuned: float, *, weighted: bool
) -> Conditions:
    """Return the conditions.

    Parameters
    ----------
    fix : mapping of str to float
    tie : mapping of str to str
    under_tuned : float
    weighted : bool

    Raises
    ------
    UsageError
        When a parameter is unknown, has a value no law has, or is asked for twice.
    """
    from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM, Conditions

    known = {name for form in EVERY_FORM.values() for name in form.columns}
    positive = {name for form in EVERY_FORM.values() for name in form.positive}
    for name, value in fix.items():
        if name not in known:
            raise UsageError(
                f"no form has a parameter {name}", why=Words(Option("fix"), f" takes one of {', '.join(sorted(known))}")
            )
        low = value > 0 if name in positive or name in ("alpha", "beta", "kappa") else value >= 0 or name != "E"
        if not (math.isfinite(value) and low):
            raise UsageError(Words(Option("fix"), f" {name}={value:g}: no law has such a value"))
    for name, other in tie.items():
        if not any({name, other} == set(pair) for pair in _ALIKE):
            pairs = ", ".join(f"{a}={b}" for a, b in _ALIKE)
            raise UsageError(f"{name} and {other} cannot be tied", why=Words(Option("tie"), f" takes one of {pairs}"))
        if name in fix or other in tie:
            raise UsageError(f"{name} is asked for twice", remedy="fix one of the two, and tie the other to it")
    if not 0 < under_tuned <= 1:
        raise UsageError(Words(Option("under_tuned"), f" must lie above 0 and be at most 1, got {under_tuned:g}"))
    return Conditions(dict(fix), dict(tie), under_tuned, weighted)
