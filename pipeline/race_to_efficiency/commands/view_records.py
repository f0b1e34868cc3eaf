"""What each view of ``race show`` prints with ``--json``."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import EstimateRecord
from race_to_efficiency.calibration.gamma.records import GammaDocument, RouteRow
from race_to_efficiency.evaluation.score_records import ScoreDocument, TrackRecord
from race_to_efficiency.json_fields import AsOf, Means, QuarterName
from race_to_efficiency.ledger.freshness import FreshnessRecord


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
