"""Two readings of one equation, typed so that they cannot be mixed: a kappa carries the loss it belongs to.

total:      R = L/L0 = X^-kappa_total, the paper's reading, with no irreducible loss.
reducible:  r = (L - E)/(L0 - E) = X^-kappa_reducible; then L/L0 = floor + (1 - floor) r, and L = E + (L0 - E) r.

A kappa_total with a floor would count the irreducible part twice; a kappa_reducible taken for L/L0 without its floor
would let the loss fall through it. Neither can be written here: only `TotalKappa` makes a `TotalLoss`, only
`ReducibleKappa` makes the others, and neither kind accepts the other's draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import numpy as np

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats

LossForm = Literal["total", "reducible"]
FORM_OF_FIT: dict[str, LossForm] = {"power_law": "total", "floor": "reducible", "chinchilla": "reducible"}
"""Which loss each fitted functional form speaks about."""


def form_of_fit(fit: str) -> LossForm:
    """Return the loss a fitted functional form speaks about.

    Raises
    ------
    ValueError
        When the form is not one of power_law, floor, chinchilla.
    """
    if fit not in FORM_OF_FIT:
        raise ValueError(f"fit must be one of {', '.join(FORM_OF_FIT)}, got {fit!r}")
    return FORM_OF_FIT[fit]


@dataclass(frozen=True)
class _Kappa:
    """Draws of a kappa.

    Parameters
    ----------
    draws : (n,) float, dimensionless, > 0
    """

    draws: Floats

    def __post_init__(self) -> None:
        smallest = float(np.min(self.draws)) if np.size(self.draws) else float("nan")
        if not (smallest > 0 and np.isfinite(self.draws).all()):
            raise ValueError(f"kappa must be positive and finite, got a smallest value of {smallest!r}")

    @cached_property
    def exponent(self) -> Floats:
        """-kappa, (n,): the power X is raised to."""
        return -self.draws


@dataclass(frozen=True)
class TotalKappa(_Kappa):
    """Draws of kappa_total: the slope of the whole loss."""

    form: Literal["total"] = field(default="total", init=False)


@dataclass(frozen=True)
class ReducibleKappa(_Kappa):
    """Draws of kappa_reducible: the slope of the loss above the floor."""

    form: Literal["reducible"] = field(default="reducible", init=False)


Kappa = TypeVar("Kappa", TotalKappa, ReducibleKappa)


@dataclass(frozen=True)
class _Power(Generic[Kappa]):
    """X^-kappa, what every reading makes a loss of.

    Parameters
    ----------
    kappa : TotalKappa or ReducibleKappa
        Of the reading's own form.
    """

    kappa: Kappa
    form: LossForm = field(default="reducible", init=False)

    def __post_init__(self) -> None:
        wanted = TotalKappa if self.form == "total" else ReducibleKappa
        if not isinstance(self.kappa, wanted):
            given = getattr(self.kappa, "form", type(self.kappa).__name__)
            raise TypeError(f"this reading needs a {wanted.__name__}, got a kappa of form {given!r}: the two never mix")

    def fill(self, log_ratio: Floats, draws: slice, out: Floats) -> None:
        """Write the loss of some draws from their ln X, both (n,)."""
        np.exp(np.multiply(log_ratio, self.kappa.exponent[draws]), out=out)

    def values(self, log_ratio: Floats) -> Floats:
        """Return the loss for a column of ln X of every draw, (n,)."""
        out = np.empty(np.shape(log_ratio))
        self.fill(log_ratio, slice(None), out)
        return out


@dataclass(frozen=True)
class TotalLoss(_Power[TotalKappa]):
    """R = L/L0 = X^-kappa_total."""

    form: LossForm = field(default="total", init=False)


@dataclass(frozen=True)
class ReducibleLoss(_Power[ReducibleKappa]):
    """r = (L - E)/(L0 - E) = X^-kappa_reducible."""


@dataclass(frozen=True)
class LossOverAnchor(_Power[ReducibleKappa]):
    """L/L0 = floor + (1 - floor) r, the reducible reading told as a share of the anchor's whole loss.

    Parameters
    ----------
    kappa : ReducibleKappa
    floor : (n,) float
        E/L0, drawn jointly with kappa, in [0, 1).
    """

    floor: Floats

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = float(np.min(self.floor)), float(np.max(self.floor))
        if not (low >= 0 and high < 1):
            raise ValueError(f"floor must lie in [0, 1), got values from {low!r} to {high!r}")

    def fill(self, log_ratio: Floats, draws: slice, out: Floats) -> None:
        """Write L/L0 of some draws from their ln X, both (n,)."""
        super().fill(log_ratio, draws, out)
        out *= 1.0 - self.floor[draws]
        out += self.floor[draws]


@dataclass(frozen=True)
class LossNats(_Power[ReducibleKappa]):
    """L = E + (L0 - E) r in nats per token, for one comparable group.

    Parameters
    ----------
    kappa : ReducibleKappa
    irreducible : (n,) float, nats/token
        E.
    excess : (n,) float, nats/token
        L0 - E.
    """

    irreducible: Floats
    excess: Floats

    def fill(self, log_ratio: Floats, draws: slice, out: Floats) -> None:
        """Write L in nats/token of some draws from their ln X, both (n,)."""
        super().fill(log_ratio, draws, out)
        out *= self.excess[draws]
        out += self.irreducible[draws]
