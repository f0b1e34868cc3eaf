"""A row of headline.json, which ``race run --json`` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import FitStatus
from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.equation.path_options import Convention
from race_to_efficiency.forecasting.curves import READINGS
from race_to_efficiency.forecasting.readings import LossForm
from race_to_efficiency.json_fields import Day, Means, NotNegative

Reading = Annotated[str, Means(enum=[name for name, *_ in READINGS])]
Confidence = Annotated[
    str,
    Means("By what it rests on and how many decades of compute it reaches beyond the runs.", enum=[*GRADES]),
]


class HeadlineRow(TypedDict):
    """Relative loss at one horizon in one reading."""

    reading: Reading
    meaning: Annotated[str, Means("The reading as a formula.")]
    years: Annotated[NotNegative, Means("Years after `as_of`.")]
    target: Literal["relative_loss", "reducible_loss"]
    form: LossForm
    scenario_id: str
    anchor: str
    convention: Convention
    route: Annotated[str, Means("Route of gamma.")]
    date: Annotated[Day, Means("Target date.")]
    point: Annotated[float | None, Means("The equation at the printed inputs; dimensionless.")]
    median: Annotated[float | None, Means("Of the draws; dimensionless loss ratio.")]
    median_apart: Annotated[bool, Means("Whether the median is further from the point than a tenth of the 80 % width.")]
    low80: Annotated[float | None, Means("Lower end of 80 %.")]
    high80: Annotated[float | None, Means("Upper end of 80 %.")]
    low95: Annotated[float | None, Means("Lower end of 95 %.")]
    high95: Annotated[float | None, Means("Upper end of 95 %.")]
    mean: float | None
    unit: Literal["1"]
    status: FitStatus
    reasons: Annotated[list[str], Means("Codes of why the status is not 'trusted', e.g. gamma_weak.")]
    grade: Confidence
