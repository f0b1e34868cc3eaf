"""What a fleet path and an efficiency path may be: every option checked by name, the two conventions kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.saturation import SATURATIONS, Saturation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from race_to_efficiency.equation.domain import FloatArray

Convention = Literal["cumulative", "run"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


class PathOptions(TypedDict, total=False):
    """Keyword arguments that turn the constant fleet into a path; see `log_compute_ratio` for each."""

    fleet_growth: ArrayLike
    fleet_breaks: ArrayLike | None
    fleet_multiples: ArrayLike | None
    start_delay: ArrayLike
    frozen: bool
    headroom: ArrayLike | None
    saturation: Saturation
    fleet_in_baseline: bool
    convention: Convention
    power_growth: ArrayLike
    duration_growth: ArrayLike


class FleetOptions(PathOptions, total=False):
    """The size of the fleet and the years of the baseline beside the options of its path."""

    fleet: ArrayLike
    baseline_years: ArrayLike


@dataclass(frozen=True)
class ComputePath:
    """A fleet path and an efficiency path, checked; built by `compute_path`."""

    gamma: FloatArray
    fleet: FloatArray
    baseline_years: FloatArray
    fleet_growth: FloatArray
    breaks: FloatArray
    multiples: FloatArray
    start_delay: FloatArray
    frozen: bool
    headroom: FloatArray | None
    saturation: Saturation
    fleet_in_baseline: bool
    convention: Convention
    run_growth: FloatArray

    @property
    def constant(self) -> bool:
        """Whether the closed form of a fleet of constant growth and unbounded efficiency holds."""
        return (
            self.headroom is None
            and not self.frozen
            and self.breaks.size == 1
            and self.breaks[0] == 0.0
            and not np.any(self.start_delay)
            and self.convention == "cumulative"
        )


def compute_path(
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    fleet_growth: ArrayLike = 0.0,
    fleet_breaks: ArrayLike | None = None,
    fleet_multiples: ArrayLike | None = None,
    start_delay: ArrayLike = 0.0,
    frozen: bool = False,
    headroom: ArrayLike | None = None,
    saturation: Saturation = "hard",
    fleet_in_baseline: bool = False,
    convention: Convention = "cumulative",
    power_growth: ArrayLike = 0.0,
    duration_growth: ArrayLike = 0.0,
) -> ComputePath:
    """Check every option by name and return the path; the arguments are those of `log_compute_ratio`."""
    if saturation not in SATURATIONS:
        raise domain.DomainError("saturation", f"must be one of {', '.join(SATURATIONS)}, got {saturation!r}")
    if convention not in CONVENTIONS:
        raise domain.DomainError("convention", f"must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    breaks, multiples = _fleet_steps(fleet_breaks, fleet_multiples)
    path = ComputePath(
        gamma=domain.finite("gamma", gamma),
        fleet=domain.non_negative("fleet", fleet),
        baseline_years=domain.positive("baseline_years", baseline_years),
        fleet_growth=domain.finite("fleet_growth", fleet_growth),
        breaks=breaks,
        multiples=multiples,
        start_delay=domain.non_negative("start_delay", start_delay),
        frozen=bool(frozen),
        headroom=None if headroom is None else domain.positive("headroom", headroom),
        saturation=saturation,
        fleet_in_baseline=bool(fleet_in_baseline),
        convention=convention,
        run_growth=domain.finite("power_growth", power_growth) + domain.finite("duration_growth", duration_growth),
    )
    _keep_conventions_apart(path, power_growth, duration_growth)
    return path


def _fleet_steps(breaks: ArrayLike | None, multiples: ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    if (breaks is None) != (multiples is None):
        missing = "fleet_breaks" if breaks is None else "fleet_multiples"
        raise domain.DomainError(missing, "must be given together with its partner, got None")
    if breaks is None or multiples is None:
        return np.zeros(1), np.ones(1)
    starts = np.atleast_1d(domain.non_negative("fleet_breaks", breaks))
    factors = np.atleast_1d(domain.non_negative("fleet_multiples", multiples))
    if starts.ndim != 1 or starts.size == 0 or np.any(np.diff(starts) <= 0.0):
        raise domain.DomainError("fleet_breaks", f"must be one list of rising years, got {starts.tolist()!r}")
    if factors.shape != starts.shape:
        raise domain.DomainError(
            "fleet_multiples", f"must hold one value a break ({starts.size}), got {factors.tolist()!r}"
        )
    return starts, factors


def _keep_conventions_apart(path: ComputePath, power_growth: ArrayLike, duration_growth: ArrayLike) -> None:
    if path.convention == "cumulative":
        for name, value in (("power_growth", power_growth), ("duration_growth", duration_growth)):
            if np.any(np.asarray(value, dtype=np.float64) != 0.0):
                raise domain.DomainError(
                    name, f"must be 0 in the cumulative convention, got {value!r}: a growing fleet is fleet_growth"
                )
        return
    given = {
        "fleet": np.any(path.fleet != 1.0),
        "baseline_years": np.any(path.baseline_years != 1.0),
        "fleet_growth": np.any(path.fleet_growth != 0.0),
        "fleet_breaks": path.breaks.size > 1 or path.breaks[0] != 0.0,
        "fleet_multiples": np.any(path.multiples != 1.0),
        "start_delay": np.any(path.start_delay != 0.0),
        "frozen": path.frozen,
        "fleet_in_baseline": path.fleet_in_baseline,
    }
    for name, present in given.items():
        if present:
            raise domain.DomainError(
                name,
                "must keep its default in the run convention, got another value: the largest run grows as "
                "2^((gamma + power_growth + duration_growth) t) and gathers nothing",
            )
