"""Answers about two contestants: Hare and Turtle, today's hardware and tomorrow's, fleet and R&D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands.answers import answer, domain_errors, read_cost
from race_to_efficiency.commands.solutions import Solution
from race_to_efficiency.equation.crossover import BASES
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from race_to_efficiency.commands.solved import CrossoverInputs, SplitInputs, WaitInputs
    from race_to_efficiency.planning import CostParameters


def crossover_solution(
    hare: tuple[float, float],
    turtle: tuple[float, float],
    basis: str,
    baseline_years: float,
    target: float | None,
    kappa: float | None,
    floor: float,
    *,
    money: bool,
) -> Solution:
    """Crossover on every basis, and who reaches a target first, with least energy and for least money."""
    from race_to_efficiency.planning import crossovers_by_basis

    if basis not in BASES:
        raise UsageError(f"--basis must be one of {', '.join(BASES)}, got '{basis}'", where="--basis")
    if (target is None) != (kappa is None):
        raise UsageError("--target and --kappa go together", where="--target" if target is None else "--kappa")
    with domain_errors():
        found = crossovers_by_basis(*hare, *turtle, baseline_years=baseline_years)
    years = {name: float(getattr(found, f"{name}_years")) for name in BASES}
    extra: dict[str, tuple[Any, str]] = {f"{name}_years": (value, "years") for name, value in years.items()}
    if target is not None and kappa is not None:
        size = {"baseline_years": baseline_years, "floor": floor}
        extra.update(_race(hare, turtle, target, kappa, size, read_cost() if money else None))
    inputs: CrossoverInputs = {
        "hare_fleet": hare[0],
        "hare_gamma": hare[1],
        "turtle_fleet": turtle[0],
        "turtle_gamma": turtle[1],
        "basis": basis,
        "baseline_years": baseline_years,
    }
    if target is not None and kappa is not None:
        inputs |= {"target": target, "kappa": kappa, "floor": floor}
    reason = (
        "the Turtle's gamma is not the larger: it never overtakes"
        if turtle[1] <= hare[1]
        else "the Turtle's efficiency decays, and all it will ever gather is less"
    )
    notes = []
    if 0.0 < years["throughput"] < years["cumulative"]:
        notes = ["work lags throughput: the Turtle is the faster one before it has done more"]
    if years[basis] == 0.0:
        notes = ["the Turtle's fleet is the larger: it leads from the start"]
    return Solution("crossover", answer(years[basis], "years", reason), inputs, extra, tuple(notes))


def _race(
    hare: tuple[float, float],
    turtle: tuple[float, float],
    target: float,
    kappa: float,
    size: dict[str, float],
    cost: CostParameters | None,
) -> dict[str, tuple[Any, str]]:
    from race_to_efficiency.planning import hare_against_turtle
    from race_to_efficiency.relative_loss import time_to_target

    with domain_errors():
        if cost is None:
            times = [
                float(time_to_target(target, kappa, gamma, fleet=fleet, **size)) for fleet, gamma in (hare, turtle)
            ]
            return {"hare_to_target_years": (times[0], "years"), "turtle_to_target_years": (times[1], "years")}
        race = hare_against_turtle(hare, turtle, target, kappa, cost, **size)
    units = {"hare_years": "years", "turtle_years": "years", "hare_energy_twh": "TWh", "turtle_energy_twh": "TWh"}
    units |= {"hare_usd": "USD", "turtle_usd": "USD"}
    named = {
        name.replace("_years", "_to_target_years"): (float(getattr(race, name)), unit) for name, unit in units.items()
    }
    verdicts = {name: (getattr(race, name), "") for name in ("first", "least_energy", "cheapest")}
    return {**named, **verdicts}


def wait_solution(
    gamma: float,
    deadline: float | None,
    work: float | None,
    price_decline: float,
    discount: float,
    capital_cost: float | None,
    energy_cost: float,
) -> Solution:
    """Best purchase date for compute due by a deadline, or for a job of fixed size."""
    if (deadline is None) == (work is None):
        raise UsageError(
            "give either --deadline or --work",
            where="--deadline",
            why="compute is due by a date, or a job is done as soon as can be",
        )
    if work is not None:
        return _wait_for_job(gamma, work)
    assert deadline is not None  # noqa: S101 - the two branches above leave this one
    return _wait_for_deadline(gamma, deadline, price_decline, discount, capital_cost, energy_cost)


def _wait_for_job(gamma: float, work: float) -> Solution:
    from race_to_efficiency.planning import min_completion_time_job, optimal_delay_job

    with domain_errors():
        wait, done = float(optimal_delay_job(work, gamma)), float(min_completion_time_job(work, gamma))
    extra = {"completion_years": (done, "years"), "completion_without_waiting_years": (work, "years")}
    notes = () if wait > 0.0 else ("buy now: a year of waiting saves less than a year of running",)
    return Solution("wait", answer(wait, "years", ""), {"gamma": gamma, "work": work}, extra, notes)


def _wait_for_deadline(
    gamma: float,
    deadline: float,
    price_decline: float,
    discount: float,
    capital_cost: float | None,
    energy_cost: float,
) -> Solution:
    from race_to_efficiency.planning import decline_rate, optimal_delay_deadline, optimal_run_length

    with domain_errors():
        fall = float(decline_rate(gamma, price_decline, discount))
        wait = float(optimal_delay_deadline(deadline, gamma, price_decline=price_decline, discount=discount))
        if capital_cost is not None:
            length = float(optimal_run_length(max(fall, 0.0), capital_cost, energy_cost))
            wait = max(0.0, deadline - length)
    extra = {"run_length_years": (deadline - wait, "years"), "decline_rate_per_year": (fall, "1/year")}
    inputs: WaitInputs = {"gamma": gamma, "deadline": deadline, "price_decline": price_decline, "discount": discount}
    if capital_cost is not None:
        inputs |= {"capital_cost": capital_cost, "energy_cost": energy_cost}
    notes = ["a gamma per dollar already contains the price fall: give --price-decline 0 with it"]
    if wait == 0.0:
        notes.insert(0, "buy now: nothing declines fast enough for waiting to pay before the deadline")
    return Solution("wait", answer(wait, "years", ""), inputs, extra, tuple(notes))


def split_solution(
    budget_fleet: float,
    by: float,
    base_gamma: float,
    gamma_per_budget: float,
    baseline_years: float,
    kappa: float | None,
) -> Solution:
    """Best share of a budget for efficiency R&D."""
    from race_to_efficiency.planning import NO_FREE_WAITING, best_split
    from race_to_efficiency.relative_loss import relative_loss

    with domain_errors():
        split = best_split(budget_fleet, by, base_gamma, gamma_per_budget, baseline_years=baseline_years)
        extra: dict[str, tuple[Any, str]] = {
            "gamma": (float(split.gamma), "doublings/year"),
            "fleet": (float(split.fleet), "baseline fleets"),
            "log_compute_ratio": (float(split.log_compute_ratio), "nats"),
            "compute_gain": (float(split.gain), "times the compute of R&D share 0"),
        }
        if kappa is not None:
            size: dict[str, Any] = {"fleet": split.fleet, "baseline_years": baseline_years}
            extra["relative_loss"] = (float(relative_loss(by, kappa, split.gamma, **size)), "L/L0")
    inputs: SplitInputs = {
        "budget_fleet": budget_fleet,
        "by": by,
        "base_gamma": base_gamma,
        "gamma_per_budget": gamma_per_budget,
        "baseline_years": baseline_years,
        "kappa": kappa,
    }
    notes = [NO_FREE_WAITING]
    if split.rd_share == 0.0 and gamma_per_budget > 0.0:
        notes.insert(0, "R&D adds too little gamma by this date to be worth any fleet")
    result = answer(float(split.rd_share), "share of the budget for R&D", "")
    return Solution("split", result, inputs, extra, tuple(notes))
