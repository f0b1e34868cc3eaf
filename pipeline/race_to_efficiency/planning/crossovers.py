"""The three crossovers of Hare and Turtle side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.equation.crossover import crossover_time

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from race_to_efficiency.equation.domain import FloatArray


class Crossovers(NamedTuple):
    """Years until the Turtle is ahead: in compute a year, in compute gathered, and with each fleet in its own C0."""

    throughput_years: FloatArray
    cumulative_years: FloatArray
    fleet_in_baseline_years: FloatArray


def crossovers_by_basis(
    hare_fleet: ArrayLike,
    hare_gamma: ArrayLike,
    turtle_fleet: ArrayLike,
    turtle_gamma: ArrayLike,
    *,
    baseline_years: ArrayLike = 1.0,
) -> Crossovers:
    """Crossover on every basis of `crossover_time`.

    Parameters
    ----------
    hare_fleet, turtle_fleet : (...) float, multiples of the baseline fleet
    hare_gamma, turtle_gamma : (...) float, doublings/year
    baseline_years : (...) float, years

    Returns
    -------
    Crossovers of (...) float, years
    """
    pair = (hare_fleet, hare_gamma, turtle_fleet, turtle_gamma)
    return Crossovers(
        crossover_time(*pair, basis="throughput"),
        crossover_time(*pair, basis="cumulative"),
        crossover_time(*pair, basis="fleet_in_baseline", baseline_years=baseline_years),
    )
