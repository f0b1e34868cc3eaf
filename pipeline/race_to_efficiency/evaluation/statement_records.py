"""Statements as statements.json holds them and ``race show statements --json`` prints them."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.json_fields import Levels, Means, Share, Written

StatementRecord = Annotated[dict[str, Any], Written("evaluation.statements:Statement")]


class StatedBeside(TypedDict):
    """What is stated beside it for comparison."""

    method: str
    probability: NotRequired[Annotated[Share, Means("Of the event.")]]
    quantiles: NotRequired[Annotated[Levels[float | None] | None, Means("Level -> value in `unit`.")]]


class ImpliedRate(TypedDict, total=False):
    """Growth the median implies, beside the one the same report prints, doublings/yr."""

    implied_per_year: float
    printed: Annotated[str, Means("Estimate, component.estimator.")]
    value: float
    low: Annotated[float, Means("Lower end of its 95 %.")]
    high: Annotated[float, Means("Upper end of its 95 %.")]
    why: Annotated[str, Means("Why the implied growth lies outside.")]
