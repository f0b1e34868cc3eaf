"""Compute paths: ln X(t) along a scenario, for every draw, in one of two conventions that never share a curve.

Cumulative: compute accumulates from a fleet (the paper). Run: the compute of the largest single run,
X(t) = m 2^(efficiency + power + duration), each in doublings, power and duration up to their caps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from race_to_efficiency.equation.domain import LN2
from race_to_efficiency.equation.gathered_compute import log_compute_ratio
from race_to_efficiency.equation.inverses import time_to_target
from race_to_efficiency.equation.saturation import Saturation, log_efficiency
from race_to_efficiency.units import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.equation.path_options import Convention

NO_CAP = float("inf")

_LAST_BITS = 8 * float(np.finfo(np.float64).eps)


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

    def years_to(self, log_ratio: Floats) -> Floats:
        """Return the years until ln X first reaches a level, (n,); inf for never."""
        return steady_years(self.rate, self.scale, log_ratio)


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


def steady_years(rate: Floats, scale: Floats, log_ratio: Floats) -> Floats:
    """Return when ln(1 + scale G(t, rate)) reaches a level: 0 for a level met at once, inf for one never met.

    Parameters
    ----------
    rate : (n,) float, doublings/yr
    scale : (n,) float, 1/yr
    log_ratio : (n,) float
    """
    years = np.where(log_ratio <= 0, 0.0, NEVER)
    moving = np.isfinite(log_ratio) & (log_ratio > 0) & (scale > 0)
    if moving.any():
        # X^-(1/y) = 1/e exactly when ln X = y: the closed form, without forming e^y
        years[moving] = time_to_target(np.exp(-1.0), 1.0 / log_ratio[moving], rate[moving], fleet=scale[moving])
    return years


class Stretches(NamedTuple):
    """Steady stretches in turn, each relative to its own start; all (n_stretches, n), `start` inf for never begun."""

    start: Floats
    rate: Floats
    scale: Floats
    log_ratio: Floats


@dataclass(frozen=True)
class UnsteadyPath:
    """A path without one lasting rate: no recurrence applies to it.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
    """

    gamma: Floats

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.gamma.size

    @property
    def steady(self) -> None:
        """No single rate and scale."""


@dataclass(frozen=True)
class CappedPath(UnsteadyPath):
    """As steady, but some terms of the rate end when they meet their caps: a chain of steady stretches.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
        The part of the rate that goes on.
    terms : tuple of CappedTerm
        The parts that end.
    scale : (n,) float, 1/yr
    """

    terms: tuple[CappedTerm, ...]
    scale: Floats
    convention: Convention = field(default="cumulative", init=False)

    @cached_property
    def stretches(self) -> Stretches:
        """The chain: within a stretch X/X_start = 1 + scale G(t - start, rate)."""
        binds = np.stack([term.binds_after() for term in self.terms])
        ends = np.vstack([np.sort(binds, axis=0), np.full(self.n_draws, NEVER)])
        start, level, log_ratio = np.zeros((3, self.n_draws))
        rows = []
        for end in ends:
            rate = self.gamma + sum(
                np.where(bind > start, term.rate, 0.0) for bind, term in zip(binds, self.terms, strict=True)
            )
            scale = self.scale * np.exp(LN2 * level - log_ratio)
            rows.append((start, rate, scale, log_ratio))
            lasts = np.isinf(end)
            length = np.where(lasts, 0.0, end) - np.where(lasts, 0.0, start)
            gained = log_compute_ratio(length, rate, fleet=scale)
            log_ratio = np.where(lasts, NEVER, log_ratio + gained)
            level = np.where(lasts, 0.0, level + rate * length)
            start = end
        return Stretches(*(np.stack(part) for part in zip(*rows, strict=True)))

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        chain = self.stretches
        here = np.count_nonzero(chain.start <= t, axis=0) - 1
        start, rate, scale, log_ratio = (_pick(part, here) for part in chain)
        return np.asarray(log_ratio + log_compute_ratio(t - start, rate, fleet=scale), dtype=np.float64)

    def years_to(self, log_ratio: Floats) -> Floats:
        """Return the years until ln X first reaches a level, (n,); inf for never."""
        chain = self.stretches
        here = np.maximum(np.count_nonzero(chain.log_ratio <= log_ratio, axis=0) - 1, 0)
        # a level of inf, or a chain that stands still, would pick a stretch that never begins
        here = np.minimum(here, np.count_nonzero(np.isfinite(chain.start), axis=0) - 1)
        start, rate, scale, reached = (_pick(part, here) for part in chain)
        return np.asarray(start + steady_years(rate, scale, log_ratio - reached), dtype=np.float64)


def _pick(part: Floats, here: NDArray[np.intp]) -> Floats:
    """Return the (n,) values of each draw's own stretch."""
    return np.asarray(np.take_along_axis(part, here[None, :], axis=0)[0])


@dataclass(frozen=True)
class ShapedPath(UnsteadyPath):
    """A fleet in steps, delayed or frozen, or an efficiency that saturates: evaluated in closed form at each time.

    Parameters
    ----------
    gamma : (n,) float, doublings/yr
    shape : mapping
        Keyword arguments of `race_to_efficiency.equation.gathered_compute.log_compute_ratio`.
    """

    shape: Mapping[str, Any]
    convention: Convention = field(default="cumulative", init=False)

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        return np.asarray(log_compute_ratio(t, self.gamma, **self.shape), dtype=np.float64)

    def years_to(self, log_ratio: Floats) -> None:
        """No closed form: the caller looks for the first passage."""


@dataclass(frozen=True)
class RunPath(UnsteadyPath):
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

    terms: tuple[CappedTerm, ...]
    multiple: float = 1.0
    headroom: float = NO_CAP
    saturation: Saturation = "hard"
    convention: Convention = field(default="run", init=False)

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n,)."""
        growth = sum(term.doublings(t) for term in self.terms)
        return np.asarray(np.log(self.multiple) + self._log_efficiency(t) + LN2 * growth, dtype=np.float64)

    def years_to(self, log_ratio: Floats) -> Floats | None:
        """Return the years until ln X first reaches a level, (n,); None under a headroom, which has no closed form."""
        if np.isfinite(self.headroom):
            return None
        wanted = (log_ratio - np.log(self.multiple)) / LN2
        years = np.where(wanted <= 0, 0.0, NEVER)
        binds = np.stack([*(term.binds_after() for term in self.terms), np.full(self.n_draws, NEVER)])
        start, level = np.zeros((2, self.n_draws))
        for end in np.sort(binds, axis=0):
            rate = self.gamma + sum(
                np.where(bind > start, term.rate, 0.0) for bind, term in zip(binds, self.terms, strict=False)
            )
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                at = start + (wanted - level) / rate
            # the level a cap leaves behind is met at the cap, whatever the last bit says
            meets = np.isinf(years) & (rate > 0) & (at <= end * (1 + _LAST_BITS))
            years = np.where(meets, np.minimum(at, end), years)
            lasts = np.isinf(end)
            level = level + rate * np.where(lasts, 0.0, end - start)
            start = np.where(lasts, start, end)
        return np.where(np.isfinite(wanted), years, np.where(wanted > 0, NEVER, 0.0))

    def _log_efficiency(self, t: float | Floats) -> Floats:
        """Return ln E(t)/E(0), bounded by the headroom when there is one."""
        if not np.isfinite(self.headroom):
            return np.asarray(LN2 * self.gamma * t, dtype=np.float64)
        times = np.broadcast_to(np.asarray(t, dtype=np.float64), self.gamma.shape)
        return log_efficiency(times, self.gamma, np.full(self.gamma.shape, self.headroom), self.saturation)


ScenarioPath = SteadyPath | CappedPath | ShapedPath | RunPath
