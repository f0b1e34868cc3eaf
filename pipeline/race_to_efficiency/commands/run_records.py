"""What ``race run`` and ``race stage`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typing_extensions import TypedDict

from race_to_efficiency.commands.run import ESTIMATE_KEYS, ROUTE_KEYS
from race_to_efficiency.forecasting.headline_records import HeadlineRow
from race_to_efficiency.json_fields import AsOf, Count, Means, QuarterName, Written, further
from race_to_efficiency.ledger.account import Account
from race_to_efficiency.ledger.freshness import FreshnessRecord
from race_to_efficiency.ledger.intake import Quarantined

RunEstimate = Annotated[dict[str, Any], Written("calibration.common.estimates:Estimate", "grade", only=ESTIMATE_KEYS)]
RunRoute = Annotated[dict[str, Any], Written("calibration.gamma.records:RouteRow", only=ROUTE_KEYS)]
Freshness = Annotated[list[FreshnessRecord], Means("The ledgers at `as_of`.")]


class Figures(TypedDict):
    """The figures that a quarter's files hold."""

    quarter: QuarterName
    as_of: AsOf
    estimates: Annotated[list[RunEstimate], Means("The headline estimates: kappa in both readings, gamma.")]
    routes: Annotated[list[RunRoute], Means("Gamma by every route: how far the others lie from the default one.")]
    headline: list[HeadlineRow]
    quarantined: list[Quarantined]


class QuarterRun(Figures):
    """The closing figures of one quarter."""

    freshness: Freshness
    ran: Annotated[bool, Means("false: nothing had changed since the last run.")]
    report: Annotated[str, Means("Path of the page, from the checkout's root.")]
    note: Annotated[str, Means("What became of an already published quarter; empty when nothing is to be said.")]


class QuarterRuns(TypedDict):
    """With --quarters: the closing figures of each quarter, in order, and nothing else."""

    quarters: list[QuarterRun]


Ran = Annotated[
    QuarterRun | QuarterRuns,
    Means("The closing figures of a run. Exit code 4 when a headline estimate is refused."),
]


class StageHead(TypedDict):
    """What every stage says."""

    quarter: QuarterName
    line: Annotated[str, Means("What was done, in one line.")]


class Ingested(StageHead):
    """The ledgers, read."""

    stage: Literal["ingest"]
    as_of: AsOf
    tables: Annotated[dict[str, Account], Means("Account of each ledger's lines.")]
    freshness: Freshness
    quarantined: list[Quarantined]


class Fitted(StageHead):
    """The estimates, by status."""

    stage: Literal["fit_kappa", "fit_gamma"]
    estimates: Count
    trusted: Count
    weak: Count
    refused: Count


class Forecasted(StageHead):
    """The forecast."""

    stage: Literal["forecast"]
    scenarios: Count
    rows: Annotated[Count, Means("Rows of forecast.parquet.")]
    draws: Count


Verdicts = TypedDict("Verdicts", {"pass": Count, "fail": Count, "too few to judge": Count})


class SettledStatements(TypedDict):
    """Earlier publications' statements."""

    n: Count
    resolved: Count


class Backtested(StageHead):
    """The forecasts at past origins, scored."""

    stage: Literal["backtest"]
    outcomes: Count
    verdicts: Annotated[Verdicts, Means("Rows of the scorecard.")]
    statements: Count
    record: SettledStatements


class ComparedBefore(StageHead):
    """The quarter beside the one before."""

    stage: Literal["compare"]
    rows: Annotated[Count, Means("Rows of the ledgers that changed.")]
    moved: Annotated[Count, Means("Estimates that moved.")]
    missing: Annotated[str | None, Means("Why there is no comparison; null when there is.")]


class Reported(StageHead):
    """The report."""

    stage: Literal["report"]
    numbers: Annotated[Count, Means("Entries of numbers.json.")]
    problems: Annotated[list[str], Means("What is wrong with the page; none when all is well.")]
    html_bytes: Annotated[Count, Means("Size of report.html.")]


KNOWN = ["ingest", "fit_kappa", "fit_gamma", "forecast", "backtest", "compare", "report"]


@further(additionalProperties=True)
class AnotherStage(StageHead):
    """A stage added since."""

    stage: Annotated[str, Means("A stage of dvc.yaml.", pattern="^[a-z][a-z0-9_]*$", **{"not": {"enum": KNOWN}})]


Staged = Annotated[
    Ingested | Fitted | Forecasted | Backtested | ComparedBefore | Reported | AnotherStage,
    Means("What one stage did; its results stand in its files."),
]
