"""Decisions: Hare or Turtle, wait or buy, how large a fleet, and what it costs in energy and money. numpy only."""

from pipeline.equation.crossover import crossover_time
from pipeline.planning.waiting import (
    decline_rate,
    fleet_energy,
    min_completion_time_job,
    optimal_delay_deadline,
    optimal_delay_job,
    optimal_run_length,
)

__all__ = [
    "crossover_time",
    "decline_rate",
    "fleet_energy",
    "min_completion_time_job",
    "optimal_delay_deadline",
    "optimal_delay_job",
    "optimal_run_length",
]
