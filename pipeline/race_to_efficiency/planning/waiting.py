"""Waiting: when hardware that improves and cheapens is worth buying, and for how long to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def decline_rate(gamma: ArrayLike, price_decline: ArrayLike, discount: ArrayLike) -> FloatArray:
    """Rate at which compute bought later becomes cheaper today, lambda = (gamma + eta) ln2 + rho.

    Parameters
    ----------
    gamma : (...) float, doublings/year
        Efficiency per joule or per accelerator. A per-DOLLAR gamma already contains the price fall: then eta is 0.
    price_decline : (...) float, doublings/year
        eta: halvings per year of the price of what gamma counts by.
    discount : (...) float, 1/year
        rho, continuous.

    Returns
    -------
    (...) float, 1/year
    """
    rate = domain.finite("gamma", gamma) + domain.finite("price_decline", price_decline)
    return scalar_or_array(rate * LN2 + domain.finite("discount", discount))


def optimal_delay_deadline(
    deadline: ArrayLike, gamma: ArrayLike, *, price_decline: ArrayLike = 0.0, discount: ArrayLike = 0.0
) -> FloatArray:
    """Best purchase date for compute needed by a deadline, on hardware frozen at purchase: max(0, T - 1/lambda).

    Parameters
    ----------
    deadline : (...) float, years
        T.
    gamma, price_decline, discount : (...) float
        As in `decline_rate`; with the last two at 0 the compute by T is largest, with them its cost is smallest.

    Returns
    -------
    (...) float, years
        0 (buy now) when nothing improves, or the deadline is nearer than 1/lambda.
    """
    horizon = domain.duration("deadline", deadline)
    rate = np.asarray(decline_rate(gamma, price_decline, discount))
    with np.errstate(all="ignore"):
        wait = horizon - 1.0 / rate
        # T = 1/lambda exactly is a decision not to wait; rounding in 1/lambda must not turn it into a sliver of waiting
        noise = 4.0 * np.finfo(np.float64).eps * horizon
    return scalar_or_array(np.where((rate > 0.0) & (wait > noise), wait, 0.0))


def optimal_delay_job(work: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Best purchase date for a job of fixed size on hardware frozen at purchase: max(0, log2(W gamma ln2)/gamma).

    Parameters
    ----------
    work : (...) float, years
        W: how long the job takes on hardware bought today.
    gamma : (...) float, doublings/year

    Returns
    -------
    (...) float, years
        The wait after which another year of waiting saves less than a year of running.
    """
    size, rate = domain.non_negative("work", work), domain.finite("gamma", gamma)
    with np.errstate(all="ignore"):
        wait = np.log2(size * (rate * LN2)) / rate
    return scalar_or_array(np.where((rate > 0.0) & (wait > 0.0), wait, 0.0))


def min_completion_time_job(work: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Earliest completion of a job on hardware frozen at purchase: the best wait plus the run.

    Parameters
    ----------
    work : (...) float, years
    gamma : (...) float, doublings/year

    Returns
    -------
    (...) float, years
        W when waiting does not pay, else wait + 1/(gamma ln2).
    """
    size, rate = domain.non_negative("work", work), domain.finite("gamma", gamma)
    wait = np.asarray(optimal_delay_job(size, rate))
    with np.errstate(all="ignore"):
        return scalar_or_array(np.where(wait > 0.0, wait + 1.0 / (rate * LN2), size))


def optimal_run_length(decline_rate: ArrayLike, capital_cost: ArrayLike, energy_cost: ArrayLike) -> FloatArray:
    """Run length that makes compute needed by a deadline cheapest.

    Minimises (c/s + e) exp(-lambda (T - s)) over s: a short run needs more hardware, a long one older hardware.

    Parameters
    ----------
    decline_rate : (...) float, 1/year
        lambda.
    capital_cost : (...) float, money per unit of compute a year
        c: price of the capacity to do one unit of compute a year.
    energy_cost : (...) float, money per unit of compute
        e: energy for one unit of compute.

    Returns
    -------
    (...) float, years
        2c/(lambda c + sqrt(lambda^2 c^2 + 4 lambda e c)): at most 1/lambda; infinity when nothing declines.

    Raises
    ------
    ValueError
        When an argument is negative, or both costs are 0 (every length costs nothing).
    """
    rate = domain.non_negative("decline_rate", decline_rate)
    capital = domain.non_negative("capital_cost", capital_cost)
    energy = domain.non_negative("energy_cost", energy_cost)
    if np.any((capital == 0.0) & (energy == 0.0)):
        raise domain.DomainError("capital_cost", "must be greater than 0 when energy_cost is 0, got 0.0")
    with np.errstate(all="ignore"):
        length = 2.0 / (rate * (1.0 + np.sqrt(1.0 + 4.0 * (energy / capital) / rate)))
    return scalar_or_array(np.where(rate == 0.0, np.inf, length))
