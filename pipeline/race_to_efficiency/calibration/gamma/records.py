"""Rows of gamma.json, which ``race show gamma --json`` prints."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, get_args

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import EstimateRecord, FitStatus
from race_to_efficiency.calibration.common.grades import GradeRecord, RestsOn
from race_to_efficiency.calibration.gamma.components import LAYERS
from race_to_efficiency.json_fields import Count, Day, Levels, Means, Reasons, Share, further
from race_to_efficiency.settings.gamma import EfficiencyBasis

Layers = list[Annotated[str, Means(enum=[*LAYERS])]]
Omitted = Annotated[Layers, Means("Layers left out.")]
Verdict = Literal["agrees", "too wide to tell", "explained", "differs", "unexplained", "unmatched"]
Choice = Literal["window", "leave_two_out", "definition", "format", "clusters"]
EstimateId = Annotated[str, Means("Id in `estimates`.")]
Doublings = Annotated[float, Means("Doublings a year.")]
Low95 = Annotated[float | None, Means("Lower end of 95 %.")]
High95 = Annotated[float | None, Means("Upper end of 95 %.")]


class ComponentRow(TypedDict):
    """One way to measure one layer of progress.

    Parameters
    ----------
    rests_on
        Measured, rated or counted; modelled, by the publisher or by weights chosen here; assumed: a prior from
        a paper.
    """

    component: str
    estimator: str
    coverage: Annotated[Layers, Means("Layers of progress covered; none for growth of inputs.")]
    omits: Omitted
    basis: Annotated[str, Means("What the rate is per.", enum=[*get_args(EfficiencyBasis), "any", "watt", "none"])]
    value: Annotated[float | None, Means("In `unit`.")]
    low: Annotated[float | None, Means("Lower end of the headline interval.")]
    high: Annotated[float | None, Means("Upper end of the headline interval.")]
    unit: str
    n_rows: Count
    n_clusters: Count | None
    status: FitStatus
    reasons: Reasons
    grade: NotRequired[GradeRecord]
    rests_on: NotRequired[RestsOn]
    cap_doublings: Annotated[float | None, Means("Doublings left before a physical limit; null: no cap.")]
    meaning: str
    caveat: str
    estimate: EstimateId


class Term(TypedDict):
    """A growth term that changes a basis."""

    term: str
    sign: Literal[1, -1]


class RouteCells(TypedDict):
    """What a route's row holds whatever became of it.

    Parameters
    ----------
    share_of_variance
        Share of the route's variance, by term; the shares sum to 1.
    """

    route: str
    components: Annotated[list[str], Means("COMPONENT.ESTIMATOR of each term; no layer is covered twice.")]
    coverage: Annotated[Layers, Means("Layers covered.")]
    omits: Omitted
    basis: EfficiencyBasis
    native_basis: Annotated[str, Means(enum=[*get_args(EfficiencyBasis), "any"])]
    conversion: Annotated[list[Term], Means("Growth terms added or subtracted to change the basis.")]
    caps: Annotated[dict[str, float], Means("Doublings left before a physical limit, by component.")]
    value: Annotated[float | None, Means("Median, doublings a year; null when refused.")]
    low: NotRequired[Low95]
    high: NotRequired[High95]
    quantiles: Annotated[Levels[float] | None, Means("Level -> doublings a year.")]
    share_of_variance: NotRequired[dict[str, float]]
    status: FitStatus
    reasons: Reasons
    estimate: NotRequired[EstimateId]
    title: str


@further(
    **{"if": {"properties": {"status": {"const": "refused"}}}},
    **{
        "else": {
            "required": ["low", "high", "share_of_variance", "estimate"],
            "properties": {"value": {"type": "number"}, "quantiles": {"type": "object"}},
        }
    },
)
class RouteRow(RouteCells):
    """Gamma composed of components that cover different layers."""

    grade: NotRequired[GradeRecord]
    default: Annotated[bool, Means("Whether the forecast uses this route.")]


class FragilityRow(TypedDict):
    """One estimate with one thing done differently; values in doublings a year."""

    component: str
    kind: Choice
    change: Annotated[str, Means("What was done differently.")]
    base: Annotated[float, Means("Value as estimated.")]
    value: Annotated[float | None, Means("Value after the change.")]
    low: float | None
    high: float | None
    delta: Annotated[float | None, Means("value - base.")]
    n_rows: Count
    status: FitStatus
    sign_changes: bool
    status_changes: bool
    outside_interval: Annotated[bool, Means("Whether it leaves the estimate's own 95 % interval.")]
    moves_much: bool
    gate: Annotated[bool, Means("Whether this change counts towards the status.")]
    rows: NotRequired[Annotated[list[str], Means("The rows left out, TABLE/ID, where two are.")]]


class Refused(TypedDict):
    """What cannot be told, and why."""

    status: Literal["refused"]
    reason: str


class NoSlopeChange(Refused):
    """A series that cannot be tested for a bend."""

    component: str


class SlopeChange(TypedDict):
    """A series tested for a bend."""

    component: str
    clock: Literal["date", "age"]
    at: Annotated[float, Means("Decimal year, or years since the first row.")]
    searched: Annotated[bool, Means("Whether the place of the bend was searched for.")]
    slope_before: Doublings
    slope_after: Doublings
    difference: Annotated[float, Means("After minus before, doublings a year.")]
    p_value: Annotated[Share, Means("Against no bend.")]
    found: Annotated[bool, Means("Whether that is too small for chance.")]
    n_rows: Annotated[Count, Means("Rows of the series.")]
    method: Annotated[str, Means("How chance was told from a bend.")]
    status: Literal["tested"]


class LayerRate(TypedDict):
    """How fast a layer advances, and how far it can."""

    layer: str
    owner: Annotated[str, Means("Who could deliver it.")]
    headroom: Annotated[float | None, Means("Doublings left; null: no known limit.")]
    measured: Annotated[float | None, Means("Doublings a year now.")]
    low: Low95
    high: High95


class RoadmapRow(LayerRate):
    """What one layer would have to deliver."""

    reading: Literal["total", "reducible"]
    target: Annotated[float, Means("Loss ratio to reach, R* or r*.", exclusiveMinimum=0, maximum=1)]
    by: Annotated[Day, Means("Date to reach it by.")]
    kappa: Annotated[float | None, Means("Exponent used.")]
    required: Annotated[float | None, Means("Doublings a year needed of this layer.")]
    gap: Annotated[float | None, Means("Required minus measured, doublings a year.")]
    reason: Annotated[str, Means("Why a figure is missing; empty when none is.")]
    years_of_headroom: Annotated[float | None, Means("Headroom over the measured rate, years.")]


class PublishedRate(TypedDict):
    """A published growth rate beside ours."""

    value_id: str
    quantity: str
    published: Doublings | None
    published_low: float | None
    published_high: float | None
    ours: Doublings | None
    ours_low: float | None
    ours_high: float | None
    estimate: EstimateId | None
    difference: Annotated[float | None, Means("Ours minus published.")]
    overlap: Annotated[bool | None, Means("Whether the 95 % intervals meet.")]
    verdict: Verdict
    note: str
    source: str
    verified: Annotated[str, Means("How far the published value was checked.")]


class Product(TypedDict):
    """Two independent ways to the yearly fall of ln loss at fixed compute."""

    b_time_per_year: Annotated[float, Means("-d ln L/dt at fixed compute, 1/year.")]
    b_time_low: float
    b_time_high: float
    kappa_total: Annotated[float, Means("Exponent used.")]
    kappa_source: str
    gamma_algorithmic: Doublings | None
    product: Annotated[float, Means("kappa x gamma x ln 2, 1/year.")]
    product_low: float
    product_high: float
    agrees: Annotated[bool, Means("Whether the two 95 % intervals meet.")]
    status: Literal["checked"]


class GammaDocument(TypedDict):
    """Gamma's components, routes and tables."""

    estimates: list[EstimateRecord]
    components: list[ComponentRow]
    routes: list[RouteRow]
    fragility: list[FragilityRow]
    slope_change: Annotated[list[NoSlopeChange | SlopeChange], Means("Whether a growth rate changed at a date or age.")]
    roadmap: list[RoadmapRow]
    published: list[PublishedRate]
    product: Refused | Product
