"""Rows of scores.json and track_record.json, which ``race show scores --json`` prints together."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.json_fields import AtLeast1, Count, Day, Means, NotNegative, Positive, QuarterName, Share

Verdict = Literal["pass", "fail", "too few to judge"]
State = Literal["resolved", "open", "overdue", "void", "by hand"]
StatementKind = Literal["probability", "quantiles"]
Rival = Literal["earlier", "last_value"]
Quarters = Annotated[AtLeast1, Means("Quarters ahead.")]
Coverage = dict[str, Share | None]


class Score(TypedDict):
    """One target at one horizon.

    Parameters
    ----------
    bias
        1 - 2 PIT: +1 when every forecast was too high, -1 when every one was too low.
    vintage
        real: as recorded at the time; pseudo: a later snapshot cut by release date.
    """

    target: Annotated[str, Means("What was forecast.")]
    horizon_quarters: Quarters
    n: Annotated[Count, Means("Outcomes scored.")]
    n_eff: Annotated[NotNegative, Means("Effective number of independent outcomes.")]
    wis: Annotated[NotNegative | None, Means("Weighted interval score, doublings; smaller is better.")]
    wis_naive: Annotated[NotNegative | None, Means("That of the simple baseline that had done best by each origin.")]
    baseline: Annotated[str | None, Means("That baseline, as named most often.")]
    skill: Annotated[float | None, Means("1 - wis/wis_naive; negative: worse than the simple baseline.", maximum=1)]
    interval_coverage_50: Annotated[Share | None, Means("Share of outcomes inside the 50 % interval.")]
    interval_coverage_80: Annotated[Share | None, Means("Share inside the 80 % interval.")]
    interval_coverage_95: Annotated[Share | None, Means("Share inside the 95 % interval.")]
    bias: Annotated[float | None, Means(minimum=-1, maximum=1)]
    vintage: Literal["real", "pseudo", "mixed", "none yet"]
    verdict: Verdict


class HorizonWeights(TypedDict):
    """What was learnt at one horizon."""

    horizon_quarters: Quarters
    n_eff: Annotated[NotNegative, Means("Effective number of settled outcomes.")]
    weights: Annotated[dict[str, Share], Means("Weight of each member; they add up to 1.")]


class ModelWeights(TypedDict):
    """The members of a target's forecasts and what has been learnt of them."""

    target: str
    members: list[str]
    baseline: Annotated[str, Means("The simple baseline that has done best so far.")]
    horizons: list[HorizonWeights]


class TargetBeside(TypedDict):
    """Two forecasters on one target."""

    target: str
    n: AtLeast1
    wis: NotNegative
    wis_earlier: NotNegative
    wis_last_value: NotNegative
    ratio: NotNegative
    worse_than: list[Rival]
    because: Annotated[str | None, Means("In what, in words.")]


class Predecessor(TypedDict):
    """An earlier forecaster on the same outcomes.

    Parameters
    ----------
    coverage
        Share of all outcomes inside each central interval, by its level in per cent.
    """

    model: str
    first_origin: Annotated[QuarterName, Means("First origin compared.")]
    ratio: Annotated[float | None, Means("Geometric mean over targets of our score over its; below 1: ours is better.")]
    cells: Annotated[Count, Means("Targets and horizons.")]
    below_last_value: Annotated[Count, Means("Of them, ours below the last value's.")]
    below_last_value_earlier: Annotated[Count, Means("Of them, its.")]
    coverage: Coverage
    coverage_earlier: Annotated[Coverage, Means("The same of the earlier forecaster's intervals.")]
    targets: list[TargetBeside]


class Bound(TypedDict):
    """What physics allows a target.

    Parameters
    ----------
    power_implied_above_cap
        Probability that the largest run implies more power than the cap, at its most over horizons.
    """

    target: str
    unit: str
    bound: Annotated[list[float], Means("At the shortest and at the longest horizon.", minItems=2, maxItems=2)]
    source: str
    moved_mean: Annotated[Share, Means("Probability beyond the bound that was moved to it, mean over horizons.")]
    moved_most: Annotated[Share, Means("The same, most.")]
    power_implied_above_cap: NotRequired[Share]


class GradeRecord(TypedDict):
    """How settled losses of larger runs did, by the grade of their forecast."""

    grade: Annotated[str, Means(enum=[*GRADES])]
    meaning: str
    n: Annotated[Count, Means("Settled losses.")]
    targets: Annotated[Count, Means("Groups of runs they are of.")]
    coverage_80: Share | None
    coverage_95: Share | None
    wis: Annotated[float | None, Means("Mean weighted interval score, log2 nats/token.")]
    wis_ratio: Annotated[float | None, Means("To the grade above, at equal horizon; null: no record.")]
    horizons: Annotated[Count, Means("Horizons that both have.")]


class Lateness(TypedDict):
    """How late rows of the two years before a snapshot entered: what a pseudo view does not know."""

    target: str
    rows: AtLeast1
    late_share: Share
    median_lag_days: Annotated[float | None, Means("From release to the snapshot that has them, d.")]


class Pit(TypedDict):
    """Where outcomes fell in their forecasts, each target weighing the same."""

    horizon_quarters: Annotated[int | None, Means("Quarters ahead; null: all.")]
    edges: list[float]
    shares: list[float]
    n: Count
    targets: list[str]


class ScoreDocument(TypedDict):
    """The scorecard of the backtest."""

    scores: list[Score]
    models: list[ModelWeights]
    predecessors: list[Predecessor]
    bounds: list[Bound]
    grades: list[GradeRecord]
    lateness: list[Lateness]
    pit: list[Pit]
    rules: Annotated[dict[str, str], Means("What the columns mean.")]


class Calibration(TypedDict):
    """Settled quantities inside a central interval."""

    level: Share
    share: Share
    low: Annotated[Share, Means("Binomial band around the level.")]
    high: Share


class Totals(TypedDict):
    """What became of a set of statements.

    Parameters
    ----------
    skill
        Mean over statements of (doing nothing's score - its own) over their sum.
    """

    name: NotRequired[Annotated[str, Means("Whose, in the three rows of totals.")]]
    publication: NotRequired[str]
    stated: Count
    due: Annotated[Count, Means("Their date has come.")]
    settled: Count
    open: Count
    overdue: Annotated[Count, Means("Due, and not reached by the source.")]
    void: Count
    by_hand: Count
    inside_80: Annotated[Count, Means("Settled quantities inside their 80 %.")]
    in_80_of: Annotated[Count, Means("Settled quantities.")]
    better: Annotated[Count, Means("Settled ones that beat doing nothing.")]
    with_baseline: Count
    events: Annotated[Count, Means("Settled events.")]
    brier: Annotated[float | None, Means("Their mean Brier score.")]
    brier_baseline: Annotated[float | None, Means("That of doing nothing.")]
    skill: Annotated[float | None, Means(minimum=-1, maximum=1)]
    calibration: list[Calibration]


class HeadlineRow(TypedDict):
    """The median of one reading at one horizon.

    Parameters
    ----------
    reading
        What is a share of its own day's.
    """

    reading: Literal["total", "reducible", "reducible, whole loss"]
    years: Annotated[Positive, Means("From that quarter's end.")]
    median: Annotated[Positive, Means("Share of that day's.")]


class PublishedHeadline(TypedDict):
    """What one quarter published of its headline."""

    quarter: QuarterName
    publication: Annotated[str, Means("Published folder.")]
    rows: list[HeadlineRow]


class Miss(TypedDict):
    """A settled statement that did worse than doing nothing by most."""

    publication: str
    id: str
    what: str
    unit: str
    kind: StatementKind
    median: float | None
    observed: float
    median_today: float | None
    score: NotNegative
    score_baseline: NotNegative
    score_today: float | None


class PublishedScore(TypedDict):
    """An earlier statement, scored as it was made.

    Parameters
    ----------
    publication
        Published folder: a quarter, or its revision such as 2025Q1.r2; or 'QUARTER reconstructed'.
    """

    quarter: QuarterName
    publication: str
    model: Annotated[str, Means("The forecaster, e.g. race-0.1.")]
    reconstructed: Annotated[bool, Means("Made after its time: no record.")]
    id: str
    what: str
    by: Annotated[Day, Means("Date it resolves by.")]
    unit: Annotated[str, Means("Of the quantiles.")]
    kind: StatementKind
    status: State
    observed: Annotated[float | None, Means("Outcome; 1 or 0 for an event.")]
    matured: Annotated[float | None, Means("The same two quarters on.")]
    median: Annotated[float | None, Means("Median or probability, as stated.")]
    low80: Annotated[float | None, Means("Lower end of 80 %.")]
    high80: Annotated[float | None, Means("Upper end of 80 %.")]
    score: Annotated[float | None, Means("Brier score, or weighted interval score; smaller is better.")]
    score_baseline: Annotated[float | None, Means("That of doing nothing.")]
    score_matured: Annotated[float | None, Means("Against the matured outcome.")]
    pit: Annotated[Share | None, Means("Probability integral transform of the outcome.")]
    median_today: Annotated[float | None, Means("What today's forecaster says for the same day and question.")]
    score_today: Annotated[float | None, Means("Its score.")]


class TrackRecord(TypedDict):
    """How earlier publications' statements did.

    Parameters
    ----------
    totals
        As published by the first forecaster; reconstructed, which is no record; live.
    headlines
        What the last quarters published of the headline scenario's losses, earliest first.
    """

    totals: Annotated[list[Totals], Means(minItems=3, maxItems=3)]
    publications: list[Totals]
    headlines: NotRequired[list[PublishedHeadline]]
    misses: list[Miss]
    published: list[PublishedScore]
