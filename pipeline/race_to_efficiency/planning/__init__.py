"""Decisions: Hare or Turtle, wait or buy, how large a fleet, and what it costs in energy and money. numpy only."""

from race_to_efficiency.equation.crossover import crossover_time
from race_to_efficiency.planning.allocation import NO_FREE_WAITING, BudgetSplit, best_split
from race_to_efficiency.planning.claims import Claim, check_claims
from race_to_efficiency.planning.cost import CostParameters, FleetBill, FlopCost, cost_of_flop, energy_twh, fleet_bill
from race_to_efficiency.planning.crossovers import Crossovers, crossovers_by_basis
from race_to_efficiency.planning.severity import FleetNeed, SeverityRow, severity_table
from race_to_efficiency.planning.targets import Race, hare_against_turtle
from race_to_efficiency.planning.waiting import (
    decline_rate,
    min_completion_time_job,
    optimal_delay_deadline,
    optimal_delay_job,
    optimal_run_length,
)

__all__ = [
    "NO_FREE_WAITING",
    "BudgetSplit",
    "Claim",
    "CostParameters",
    "Crossovers",
    "FleetBill",
    "FleetNeed",
    "FlopCost",
    "Race",
    "SeverityRow",
    "best_split",
    "check_claims",
    "cost_of_flop",
    "crossover_time",
    "crossovers_by_basis",
    "decline_rate",
    "energy_twh",
    "fleet_bill",
    "hare_against_turtle",
    "min_completion_time_job",
    "optimal_delay_deadline",
    "optimal_delay_job",
    "optimal_run_length",
    "severity_table",
]
