"""ln X(t): how much compute a fleet path and an efficiency path have gathered, relative to the baseline.

X = 1 + (m/tau0) times the integral of power x efficiency, both relative to the start. The constant fleet with unbounded
efficiency has a closed form (`constant_path`); every other path is a sum of segments, each held as a length and the
log of its mean rate, so that neither small times lose digits nor large exponents overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation.domain import LN2, DomainError, FloatArray
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_phi
from race_to_efficiency.equation.quadrature import log_mean_rate
from race_to_efficiency.equation.saturation import efficiency_slope, log_efficiency, log_mean_efficiency

if TYPE_CHECKING:
    from race_to_efficiency.equation.path_options import ComputePath

_BIGGEST = 1e300


def log_ratio_of(path: ComputePath, t: FloatArray) -> FloatArray:
    """Return ln X(t) along a checked path for checked times."""
    if path.convention == "run":
        z = exponent(t, path.run_growth)
        if path.headroom is None:
            return exponent(t, path.gamma + path.run_growth)
        return z + log_efficiency(t, path.gamma, path.headroom, path.saturation)
    fleet = np.ones(()) if path.fleet_in_baseline else path.fleet
    if path.constant:
        power = path.multiples[0]
        value = constant_path(t, path.gamma + path.fleet_growth, fleet * power, path.baseline_years)
    else:
        value = _segmented(path, t, fleet)
    with np.errstate(divide="ignore"):
        return np.log(path.fleet) + value if path.fleet_in_baseline else value


def _segmented(path: ComputePath, t: FloatArray, fleet: FloatArray) -> FloatArray:
    if np.any(np.isinf(t)):
        raise DomainError("t", "must be finite along a fleet path with breaks, delay, freezing or headroom, got inf")
    lengths, logs = zip(*(_segment(path, t, index) for index in range(path.breaks.size)), strict=True)
    with np.errstate(all="ignore"):
        peak = np.maximum.reduce(
            [np.where(length > 0.0, log, -np.inf) for length, log in zip(lengths, logs, strict=True)]
        )
        shift = np.where(peak > 600.0, peak, 0.0)
        work = sum(
            np.where(length > 0.0, multiple * (length * np.exp(log - shift)), 0.0)
            for multiple, length, log in zip(path.multiples, lengths, logs, strict=True)
        )
        added = np.where(fleet == 0.0, 0.0, fleet / path.baseline_years * work)
        direct = np.log1p(added)
        in_logs = np.log(fleet) - np.log(path.baseline_years) + np.log(work) + shift
        return np.where((shift == 0.0) & (added < np.inf), direct, np.logaddexp(0.0, in_logs))


def _segment(path: ComputePath, t: FloatArray, index: int) -> tuple[FloatArray, FloatArray]:
    """Return the years a segment has run by ``t`` and ln of its mean rate (power growth x efficiency)."""
    start = np.maximum(path.breaks[index], path.start_delay)
    end = np.minimum(path.breaks[index + 1], t) if index + 1 < path.breaks.size else t
    length = np.maximum(end - start, 0.0)
    if path.frozen:
        bought = _log_level(path, start)
        return length, bought + _exponent(start, path.fleet_growth) + log_phi(_exponent(length, path.fleet_growth))
    if path.headroom is None:
        rate = path.gamma + path.fleet_growth
        return length, _exponent(start, rate) + log_phi(_exponent(length, rate))
    if path.saturation == "hard":
        return length, _hard_segment(path, path.headroom, start, length)
    if np.any(path.fleet_growth != 0.0) or np.any(start != 0.0):
        return length, log_mean_rate(start, length, path.gamma, path.fleet_growth, path.headroom, path.saturation)
    return length, log_mean_efficiency(length, path.gamma, path.headroom, path.saturation)


def _hard_segment(path: ComputePath, headroom: FloatArray, start: FloatArray, length: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        reached = np.where(path.gamma > 0.0, headroom / np.where(path.gamma > 0.0, path.gamma, 1.0), np.inf)
        below = np.clip(reached - start, 0.0, length)
        above = length - below
        knee = start + below
        rate = path.gamma + path.fleet_growth
        rising = np.log(below) + _exponent(start, rate) + log_phi(_exponent(below, rate))
        level = headroom * LN2 + _exponent(knee, path.fleet_growth) + log_phi(_exponent(above, path.fleet_growth))
        flat = np.where(above > 0.0, np.log(above) + level, -np.inf)
        return np.where(length > 0.0, np.logaddexp(rising, flat) - np.log(length), 0.0)


def _exponent(t: FloatArray, rate: FloatArray) -> FloatArray:
    """Return rate t ln2, clipped: a segment keeps the DIFFERENCE of exponents, where two infinities would be NaN."""
    return np.clip(exponent(t, rate), -_BIGGEST, _BIGGEST)


def _log_level(path: ComputePath, t: FloatArray) -> FloatArray:
    if path.headroom is None:
        return _exponent(t, path.gamma)
    return log_efficiency(t, path.gamma, path.headroom, path.saturation)


def compute_rate(path: ComputePath, t: FloatArray) -> FloatArray:
    """Return dlnX/dt along a checked path, in 1/years."""
    if path.convention == "run":
        rising = path.gamma * LN2
        if path.headroom is not None:
            rising = efficiency_slope(t, path.gamma, path.headroom, path.saturation)
        return path.run_growth * LN2 + rising + 0.0 * t
    fleet = np.ones(()) if path.fleet_in_baseline else path.fleet
    with np.errstate(all="ignore"):
        if path.constant:
            rate, power = path.gamma + path.fleet_growth, fleet * path.multiples[0]
            gathered = constant_path(t, rate, power, path.baseline_years)
            # 2^(rate t)/G(t, rate) is 1/G(t, -rate): nothing overflows
            late = -np.expm1(-gathered) / growth(t, -rate)
            return np.where(t == 0.0, power / path.baseline_years, late)
        index = np.maximum(np.searchsorted(path.breaks, t, side="right") - 1, 0)
        bought = np.maximum(path.breaks[index], path.start_delay)
        level = _log_level(path, bought if path.frozen else t)
        power = np.log(fleet * path.multiples[index]) + _exponent(t, path.fleet_growth) - np.log(path.baseline_years)
        rate = np.exp(power + level - _segmented(path, t, fleet))
    return np.where(t >= np.maximum(path.start_delay, path.breaks[0]), rate, 0.0)
