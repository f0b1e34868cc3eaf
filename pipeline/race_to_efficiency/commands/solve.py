"""``race solve``: the equation solved for time, gamma, fleet, kappa, a crossover, a wait or a split; no data needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal

if TYPE_CHECKING:
    from race_to_efficiency.commands.solved import FleetAsked, Size


def register(app: typer.Typer) -> None:
    """Add the verb ``solve`` with one command an unknown."""
    solve = typer.Typer(
        help="Solve the equation for time, gamma, fleet, kappa, crossover, wait or split.",
        no_args_is_help=True,
        rich_markup_mode="rich",
    )
    for add in (_time, _gamma, _fleet, _kappa, _crossover, _wait, _split):
        add(solve)
    app.add_typer(solve, name="solve")


def _time(solve: typer.Typer) -> None:
    @solve.command("time", epilog="Example: race solve time --target 0.7 --kappa 0.05 --gamma 2 --json")
    @opt.with_path(without=("fleet_in_baseline",))
    def solve_time(
        target: opt.TargetOption,
        kappa: Annotated[float | None, opt.KAPPA] = None,
        gamma: Annotated[float | None, opt.GAMMA] = None,
        fleet: opt.FleetOption = 1.0,
        baseline_years: opt.BaselineYears = 1.0,
        floor: opt.Floor = 0.0,
        kappa_form: opt.KappaForm = None,
        path: opt.Path = opt.CONSTANT,
        quarter: opt.Quarter = None,
        scenario: opt.Scenario = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Years until the loss ratio reaches a target; with --scenario, with the quantiles of a quarter's draws."""
        from race_to_efficiency.commands.solutions import time_solution

        if quarter is not None or scenario is not None:
            opt.only_scenario(kappa=kappa, gamma=gamma)
            _show_scenario_time(quarter, scenario, target, kappa_form, as_json=as_json)
            return
        kappa, gamma = opt.needed("--kappa", kappa), opt.needed("--gamma", gamma)
        size: Size = {"fleet": fleet, "baseline_years": baseline_years}
        time_solution(target, kappa, gamma, size, floor, kappa_form, path).show(as_json=as_json)


def _show_scenario_time(
    quarter: str | None, scenario: str | None, target: float, kappa_form: str | None, *, as_json: bool
) -> None:
    """Print when a quarter's scenario reaches a target."""
    from race_to_efficiency.commands.answers import domain_errors
    from race_to_efficiency.commands.quarter_solution import opened, print_time, scenario_time
    from race_to_efficiency.equation.domain import unit_interval

    with domain_errors():
        unit_interval("target", target, zero=False, one=True)
    reading = opt.checked_form(kappa_form, 0.0)
    terminal.tell(scenario_time(opened(quarter), scenario, target, reading), print_time, as_json=as_json)


def _gamma(solve: typer.Typer) -> None:
    @solve.command("gamma", epilog="Example: race solve gamma --target 0.9 --by 10 --kappa 0.05")
    def solve_gamma(
        target: opt.TargetOption,
        by: opt.By,
        kappa: Annotated[float | None, opt.KAPPA] = None,
        fleet: opt.FleetOption = 1.0,
        baseline_years: opt.BaselineYears = 1.0,
        floor: opt.Floor = 0.0,
        kappa_form: opt.KappaForm = None,
        quarter: opt.Quarter = None,
        scenario: opt.Scenario = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Efficiency-doubling rate that reaches a target by a date."""
        from race_to_efficiency.commands.solutions import gamma_solution

        own: Size = {"fleet": fleet, "baseline_years": baseline_years}
        (slope,), size = opt.values_asked(quarter, scenario, kappa_form, floor, own, kappa=kappa)
        gamma_solution(target, by, slope, size, floor, kappa_form).show(as_json=as_json)


def _fleet(solve: typer.Typer) -> None:
    @solve.command("fleet", epilog="Example: race solve fleet --target 0.7 --by 5 --kappa 0.05 --gamma 0.5 --json")
    def solve_fleet(
        target: opt.TargetOption,
        by: opt.By,
        kappa: Annotated[float | None, opt.KAPPA] = None,
        gamma: Annotated[float | None, opt.GAMMA] = None,
        baseline_years: opt.BaselineYears = 1.0,
        floor: opt.Floor = 0.0,
        kappa_form: opt.KappaForm = None,
        fleet_in_baseline: opt.FleetInBaseline = False,
        baseline_power: Annotated[
            float | None, typer.Option("--baseline-power", help="watts of the baseline fleet; adds power and energy")
        ] = None,
        money: opt.Money = False,
        quarter: opt.Quarter = None,
        scenario: opt.Scenario = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Fleet, in multiples of the baseline, that reaches a target by a date."""
        from race_to_efficiency.commands.solutions import fleet_solution

        own: Size = {"fleet": 1.0, "baseline_years": baseline_years}
        (slope, rate), size = opt.values_asked(quarter, scenario, kappa_form, floor, own, kappa=kappa, gamma=gamma)
        asked: FleetAsked = {
            "baseline_years": size["baseline_years"], "floor": floor, "fleet_in_baseline": fleet_in_baseline,
        }  # fmt: skip
        found = fleet_solution(target, by, slope, rate, asked, kappa_form, baseline_power, money=money)
        found.show(as_json=as_json)


def _kappa(solve: typer.Typer) -> None:
    @solve.command("kappa", epilog="Example: race solve kappa --target 0.8 --by 5 --gamma 2")
    def solve_kappa(
        target: Annotated[
            float, typer.Option("--target", "--ratio", help="observed loss ratio, above 0 and at most 1")
        ],
        by: opt.By,
        gamma: Annotated[float | None, opt.GAMMA] = None,
        fleet: opt.FleetOption = 1.0,
        baseline_years: opt.BaselineYears = 1.0,
        floor: opt.Floor = 0.0,
        quarter: opt.Quarter = None,
        scenario: opt.Scenario = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Exponent kappa that an observed loss ratio implies."""
        from race_to_efficiency.commands.solutions import kappa_solution

        own: Size = {"fleet": fleet, "baseline_years": baseline_years}
        (rate,), size = opt.values_asked(quarter, scenario, None, floor, own, gamma=gamma)
        kappa_solution(target, by, rate, {**size, "floor": floor}).show(as_json=as_json)


def _crossover(solve: typer.Typer) -> None:
    @solve.command(
        "crossover",
        epilog="Example: race solve crossover --hare-fleet 10 --hare-gamma 0.5 --turtle-fleet 1 --turtle-gamma 2",
    )
    def solve_crossover(
        hare_fleet: Annotated[float, typer.Option("--hare-fleet", help="the Hare's power, multiples of the baseline")],
        hare_gamma: Annotated[float, typer.Option("--hare-gamma", help="the Hare's gamma, doublings a year")],
        turtle_fleet: Annotated[
            float, typer.Option("--turtle-fleet", help="the Turtle's power, multiples of the baseline")
        ],
        turtle_gamma: Annotated[float, typer.Option("--turtle-gamma", help="the Turtle's gamma, doublings a year")],
        basis: Annotated[
            str, typer.Option("--basis", help="cumulative, throughput or fleet_in_baseline")
        ] = "cumulative",
        baseline_years: opt.BaselineYears = 1.0,
        target: Annotated[
            float | None, typer.Option("--target", help="also say who reaches this loss ratio first (needs --kappa)")
        ] = None,
        kappa: Annotated[
            float | None, typer.Option("--kappa", help="exponent of loss in compute, for --target")
        ] = None,
        floor: opt.Floor = 0.0,
        money: opt.Money = False,
        as_json: opt.AsJson = False,
    ) -> None:
        """Years until a smaller fleet of faster-growing efficiency overtakes a larger one."""
        from race_to_efficiency.commands.contests import crossover_solution

        hare, turtle = (hare_fleet, hare_gamma), (turtle_fleet, turtle_gamma)
        found = crossover_solution(hare, turtle, basis, baseline_years, target, kappa, floor, money=money)
        found.show(as_json=as_json)


def _wait(solve: typer.Typer) -> None:
    @solve.command(
        "wait", epilog="Example: race solve wait --deadline 5 --gamma 0.5 --price-decline 0.14 --discount 0.07"
    )
    def solve_wait(
        gamma: opt.Gamma,
        deadline: Annotated[float | None, typer.Option("--deadline", help="years until the compute is needed")] = None,
        work: Annotated[
            float | None, typer.Option("--work", help="years the job takes on hardware of today; instead of --deadline")
        ] = None,
        price_decline: Annotated[
            float, typer.Option("--price-decline", help="halvings of the price a year (eta)")
        ] = 0.0,
        discount: Annotated[float, typer.Option("--discount", help="discount rate, 1/year, continuous")] = 0.0,
        capital_cost: Annotated[
            float | None, typer.Option("--capital-cost", help="price of the capacity for one unit of compute a year")
        ] = None,
        energy_cost: Annotated[float, typer.Option("--energy-cost", help="energy for one unit of compute")] = 0.0,
        as_json: opt.AsJson = False,
    ) -> None:
        """Best date to buy hardware that keeps the efficiency of that day."""
        from race_to_efficiency.commands.contests import wait_solution

        costs = (price_decline, discount, capital_cost, energy_cost)
        wait_solution(gamma, deadline, work, *costs).show(as_json=as_json)


def _split(solve: typer.Typer) -> None:
    @solve.command(
        "split", epilog="Example: race solve split --budget-fleet 10 --by 5 --base-gamma 0.5 --gamma-per-budget 2"
    )
    def solve_split(
        budget_fleet: Annotated[float, typer.Option("--budget-fleet", help="fleet that the whole budget would buy")],
        by: opt.By,
        base_gamma: Annotated[float, typer.Option("--base-gamma", help="gamma that comes without own R&D (g0)")],
        gamma_per_budget: Annotated[
            float, typer.Option("--gamma-per-budget", help="gamma that the whole budget spent on R&D would add (g1)")
        ],
        baseline_years: opt.BaselineYears = 1.0,
        kappa: Annotated[float | None, typer.Option("--kappa", help="adds the loss ratio at that date")] = None,
        as_json: opt.AsJson = False,
    ) -> None:
        """Share of a budget for efficiency R&D that gathers most compute by a date."""
        from race_to_efficiency.commands.contests import split_solution

        split_solution(budget_fleet, by, base_gamma, gamma_per_budget, baseline_years, kappa).show(as_json=as_json)
