"""Compute paths: ln X(t) along a scenario, for every draw, in one of two conventions that never share a curve.

Cumulative: compute accumulates from a fleet (the paper). Run: the compute of the largest single run,
X(t) = m 2^(efficiency + power + duration), each in doublings, power and duration up to their caps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.equation.growth import log_growth
from pipeline.equation.saturation import Saturation, log_efficiency
from pipeline.relative_loss import log_compute_ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Convention = Literal["cumulative", "run"]
LN2 = float(np.log(2.0))
NO_CAP = float("inf")


@dataclass(frozen=True)
class SteadyPath:
    """Compute accumulates from a fleet at one rate per draw: X = 1 + scale G(t, rate).

    Parameters
    ----------
    rate : (n,) float, doublings/yr
        Efficiency plus power growth: loss sees only their sum.
    scale : (n,) float, 1/yr
        Fleet over baseline years.
    """

    rate: Floats
    scale: Floats
    convention: Convention = field(default="cumulative", init=False)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.rate.size

    @property
    def steady(self) -> tuple[Floats, Floats]:
        """Rate and scale: the engine's recurrence applies."""
        return self.rate, self.scale

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        return np.asarray(log_compute_ratio(t, self.rate, fleet=self.scale), dtype=np.float64)


@dataclass(frozen=True)
class CappedTerm:
    """A part of growth that ends: power that meets a grid, utilisation that meets 1.

    Parameters
    ----------
    rate : (n,) float, doublings/yr
    cap : float, doublings
        Largest gain from today; inf for none.
    """

    rate: Floats
    cap: float

    def binds_after(self) -> Floats:
        """Return the years until the cap is met, (n,); inf for never."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.asarray(np.where(self.rate > 0, self.cap / self.rate, NO_CAP), dtype=np.float64)

    def doublings(self, t: float | Floats) -> Floats:
        """Return the gain after t years, (n,) doublings."""
        return np.asarray(np.minimum(self.rate * t, self.cap), dtype=np.float64)


@dataclass(frozen=True)
class CappedPath:
    """As steady, but some terms of the rate end when they meet their caps: a chain of steady stretches.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
        The part of the rate that goes on.
    terms : tuple of CappedTerm
        The parts that end.
    scale : (n,) float, 1/yr
    """

    gamma: Floats
    terms: tuple[CappedTerm, ...]
    scale: Floats
    convention: Convention = field(default="cumulative", init=False)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.gamma.size

    @property
    def steady(self) -> None:
        """Several rates in turn: no single recurrence."""

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,): X = 1 + scale x sum over stretches of 2^(doublings at start) G(length, rate)."""
        ends = np.sort(np.stack([term.binds_after() for term in self.terms]), axis=0)
        total = np.zeros(self.n_draws)
        start, level = np.zeros(self.n_draws), np.zeros(self.n_draws)
        for number in range(len(self.terms) + 1):
            end = np.minimum(t, ends[number]) if number < len(self.terms) else np.maximum(t, start)
            rate = self.gamma + sum(np.where(term.binds_after() > start, term.rate, 0.0) for term in self.terms)
            length = np.maximum(end - start, 0.0)
            with np.errstate(divide="ignore"):
                added = np.log(self.scale) + level * LN2 + log_growth(length, rate)
            total = np.logaddexp(total, added)
            start, level = start + length, level + rate * length
        return np.asarray(total, dtype=np.float64)


@dataclass(frozen=True)
class ShapedPath:
    """A fleet in steps, delayed or frozen, or an efficiency that saturates: evaluated in closed form at each time.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
    shape : mapping
        Keyword arguments of `pipeline.relative_loss.log_compute_ratio`.
    """

    gamma: Floats
    shape: Mapping[str, Any]
    convention: Convention = field(default="cumulative", init=False)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.gamma.size

    @property
    def steady(self) -> None:
        """No single rate: no recurrence."""

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        return np.asarray(log_compute_ratio(t, self.gamma, **self.shape), dtype=np.float64)


@dataclass(frozen=True)
class RunPath:
    """The compute of the largest single run: ln X = ln m + ln2 (efficiency + power + duration), in doublings.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
        Efficiency without its capped terms.
    terms : tuple of CappedTerm
        Power, duration, and what of efficiency is bounded.
    multiple : float
        Power relative to the baseline run, > 0.
    headroom : float, doublings
        Largest growth of efficiency; inf for none.
    saturation : str
        Curve towards the headroom.
    """

    gamma: Floats
    terms: tuple[CappedTerm, ...]
    multiple: float = 1.0
    headroom: float = NO_CAP
    saturation: Saturation = "hard"
    convention: Convention = field(default="run", init=False)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.gamma.size

    @property
    def steady(self) -> None:
        """A run does not accumulate: no recurrence (and none needed)."""

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        growth = sum(term.doublings(t) for term in self.terms)
        return np.asarray(np.log(self.multiple) + self._log_efficiency(t) + LN2 * growth, dtype=np.float64)

    def _log_efficiency(self, t: float | Floats) -> Floats:
        """Return ln E(t)/E(0), bounded by the headroom when there is one."""
        if not np.isfinite(self.headroom):
            return np.asarray(LN2 * self.gamma * t, dtype=np.float64)
        times = np.broadcast_to(np.asarray(t, dtype=np.float64), self.gamma.shape)
        return log_efficiency(times, self.gamma, np.full(self.gamma.shape, self.headroom), self.saturation)


ComputePath = SteadyPath | CappedPath | ShapedPath | RunPath
