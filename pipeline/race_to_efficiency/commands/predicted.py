"""What ``race predict`` and ``race solve time --scenario`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, get_args

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import FitStatus
from race_to_efficiency.commands.quarter_forecast import READINGS
from race_to_efficiency.commands.severity_records import ComputeUnit
from race_to_efficiency.commands.solved import Floor, Form, Gamma, Kappa, PathInputs, Size
from race_to_efficiency.equation.path_options import Convention
from race_to_efficiency.json_fields import Day, Means, Notes, NotNegative, Positive, QuarterName, further

Anchor = Annotated[str, Means("What 1 is: the headline's anchor.")]
Status = Annotated[str, Means("Of what it rests on.", enum=[*get_args(FitStatus)])]


class PredictInputs(Size, PathInputs):
    """What was asked; path options only where they differ from a constant fleet."""

    kappa: Kappa
    gamma: Gamma
    floor: Floor
    anchor_compute: NotRequired[Annotated[Positive, Means("C0, FLOP, where given.")]]


@further(dependentRequired={"compute": ["compute_unit"], "compute_unit": ["compute"]})
class Year(TypedDict):
    """One year.

    Parameters
    ----------
    compute
        In `compute_unit`, where --anchor-compute is given; null beyond the largest number a computer holds.
    """

    t: Annotated[float, Means("Years from the reference date.")]
    relative_loss: Annotated[NotNegative, Means("R = L/L0, dimensionless.")]
    log_relative_loss: Annotated[float | None, Means("ln R.")]
    loss_reduction: Annotated[float, Means("1 - R.")]
    decay_rate_per_year: Annotated[float, Means("Fall of ln R, 1/year.")]
    kappa_eff: Annotated[float, Means("-d ln R / d ln X.")]
    log_compute_ratio: Annotated[float, Means("ln X, the natural logarithm of compute over C0.")]
    compute: NotRequired[NotNegative | None]
    compute_unit: NotRequired[ComputeUnit]


class Predicted(TypedDict):
    """The loss over the loss of the reference date, at given years and for given numbers."""

    kappa_form: Form
    convention: Convention
    inputs: PredictInputs
    results: Annotated[list[Year], Means("One for each --t, in that order.")]
    notes: Notes


class QuarterReading(TypedDict):
    """One reading at one year.

    Parameters
    ----------
    grade
        Confidence in the forecast; of the energy, in the route of gamma. null where none is given.
    """

    t: Annotated[NotNegative, Means("Years from the quarter's end.")]
    reading: Annotated[str, Means("What is a share of today's.", enum=[name for name, *_ in READINGS])]
    words: Annotated[str, Means("The reading in words.")]
    point: Annotated[NotNegative, Means("The equation at the printed inputs; share of today's.")]
    quantiles: Annotated[
        dict[str, Annotated[NotNegative, Means("Share of today's.")]],
        Means("Of the draws, by level; shares of today's."),
    ]
    status: Status
    grade: str | None


class ScenarioHead(TypedDict):
    """A scenario of a quarter."""

    quarter: QuarterName
    as_of: Annotated[Day, Means("Its last day.")]
    scenario: Annotated[str, Means("Scenario of params.yaml.")]
    anchor: Anchor


class PredictedQuarter(ScenarioHead):
    """What a quarter forecasts for one of its scenarios: every reading as a share of today's."""

    results: Annotated[list[QuarterReading], Means("One a reading and --t.")]


class ScenarioTime(ScenarioHead):
    """Years until a reading of the loss falls to a share of today's, in one scenario of a quarter."""

    reading: Annotated[str, Means("What is a share of today's.", enum=["reducible", "total"])]
    words: Annotated[str, Means("The reading in words.")]
    target: Annotated[Positive, Means("Share of today's.", maximum=1)]
    unit: Literal["years"]
    horizon: Annotated[Positive, Means("Years the forecast covers.")]
    point: Annotated[NotNegative | None, Means("Years, at the printed inputs; null: not within `horizon`.")]
    quantiles: Annotated[
        dict[str, Annotated[NotNegative | None, Means("Years; null: not within `horizon`.")]],
        Means("Of the draws, by level; years."),
    ]
    status: Status
    grade: Annotated[str | None, Means("Confidence in the forecast; null where none is given.")]
