"""What each view of ``race show`` prints with ``--json``."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import EstimateRecord
from race_to_efficiency.calibration.gamma.records import GammaDocument, RouteRow
from race_to_efficiency.commands.predicted import Anchor, QuarterReading
from race_to_efficiency.commands.views import ENDED, PUBLISHED_KEYS
from race_to_efficiency.evaluation.score_records import ScoreDocument, TrackRecord
from race_to_efficiency.evaluation.settlement import STATES
from race_to_efficiency.evaluation.statement_records import StatementRecord
from race_to_efficiency.json_fields import AsOf, Means, QuarterName, Written
from race_to_efficiency.ledger.freshness import FreshnessRecord
from race_to_efficiency.visible import SCREEN_WIDTH


class Head(TypedDict):
    """What every view holds."""

    quarter: QuarterName
    as_of: AsOf
    freshness: Annotated[list[FreshnessRecord], Means("The ledgers at `as_of`.")]


class Estimates(TypedDict):
    """Every estimate of kappa and gamma of one quarter."""

    estimates: list[EstimateRecord]


class ShowEstimates(Estimates, Head):
    """Every estimate of kappa and gamma of one quarter."""


class ShowGamma(GammaDocument, Head):
    """Gamma's components, the routes composed of them, how fragile each is, and published figures beside.

    Rates in doublings a year.
    """


class Routes(TypedDict):
    """Gamma's routes."""

    routes: list[RouteRow]


class ShowRoutes(Routes, Head):
    """Gamma's routes, the headline's first; rates in doublings a year."""


class Scores(ScoreDocument, TrackRecord):
    """The scorecard of the backtest, and how earlier publications' statements did."""


class ShowScores(Scores, Head):
    """The scorecard of the backtest, and how earlier publications' statements did."""


class Stated(TypedDict):
    """A quarter's dated statements."""

    statements: list[StatementRecord]


class ShowStatements(Stated, Head):
    """A quarter's dated statements, each with how and when it resolves."""


AWAITED = [state for state in STATES if state not in ENDED]
DueRow = Annotated[
    dict[str, Any],
    Written("evaluation.score_records:PublishedScore", only=PUBLISHED_KEYS),
    Means("One statement.", allOf=[{"properties": {"status": {"enum": AWAITED}}}]),
]


class Due(TypedDict):
    """Statements whose outcome is still awaited."""

    due: list[DueRow]


class ShowDue(Due, Head):
    """Statements whose outcome is still awaited, of earlier quarters and this one, the earliest day first."""


class BriefNumber(TypedDict):
    """A number of the brief."""

    value: Annotated[float | None, Means("In `unit`; null where there is none, and `text` says why.")]
    unit: Annotated[str, Means("Unit of `value`; 1 for none.")]
    text: Annotated[str, Means("As it is shown.")]
    status: Annotated[str | None, Means("How far it may be trusted, where it rests on an estimate.")]


class Brief(TypedDict):
    """The brief.

    Parameters
    ----------
    lines
        The brief as lines of at most 80 characters.
    """

    finding: Annotated[str, Means("The title of the brief: one sentence with its number.")]
    data_note: Annotated[str, Means("What the date line adds: how the quarter was made, which ledgers are old.")]
    lines: list[Annotated[str, Means(maxLength=SCREEN_WIDTH)]]
    numbers: Annotated[dict[str, BriefNumber], Means("Numbers of the brief by their id in numbers.json.")]


class ShowHeadline(Brief, Head):
    """The brief: its finding, its lines for a screen, and its numbers."""


class ScenarioReadings(TypedDict):
    """One scenario of params.yaml."""

    scenario: str
    title: Annotated[str, Means("The scenario in words.")]
    results: Annotated[list[QuarterReading], Means("One a reading and horizon, as `race predict --quarter` gives it.")]


class Scenarios(TypedDict):
    """Every scenario."""

    anchor: Anchor
    scenarios: list[ScenarioReadings]


class ShowScenarios(Scenarios, Head):
    """Every scenario with its readings, as shares of today's."""
