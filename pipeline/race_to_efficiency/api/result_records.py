"""What ``race fit kappa``, ``fit gamma``, ``score`` and ``predict --fit`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import EstimateRecord, ExcludedRow
from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM
from race_to_efficiency.forecasting.headline_records import Confidence
from race_to_efficiency.json_fields import AtLeast1, Count, Means, Notes, NotNegative, Share

End = Annotated[float, Means("End of the interval, in the unit of its quantity.")]
Loss = Annotated[float, Means("nats/token.")]
LogError = Annotated[float, Means("Of ln(loss).")]
Coverage = Annotated[
    float | None, Means("Share inside the interval of this level, in per cent; null without its ends.")
]


class SetAside(TypedDict):
    """A row that could not be read and was set aside."""

    file: str
    line: Annotated[AtLeast1, Means("Line of the file, from 1.")]
    column: str
    value: Annotated[str, Means("The cell as it stands.")]
    rule: Annotated[str, Means("The rule that was broken.")]
    remedy: str


class KappaAccount(TypedDict):
    """Rows: read = used + excluded + quarantined."""

    read: Count
    used: Count
    excluded: Count
    quarantined: Count


class FormRow(TypedDict):
    """One form on the efficient runs of a group."""

    group: str
    form: str
    n_rows: int
    n_parameters: int
    kappa: float
    mean_absolute_error: LogError
    leave_one_out_error: Annotated[float | None, Means("Mean absolute error of ln(loss).")]
    aicc: Annotated[float, Means("Residuals taken as Laplace distributed.")]
    aicc_difference: Annotated[float, Means("Above the best form.")]
    runs_test_p: Annotated[float | None, Means("Small: the residuals bend along compute.")]


class HeldOutRun(TypedDict):
    """A larger run beside what was predicted of it."""

    row: str
    loss: Loss
    predicted: Loss
    low: Loss
    high: Loss


class HeldOut(TypedDict):
    """How one law of the smaller runs predicts the larger ones."""

    group: str
    form: str
    cutoff_flop: Annotated[float, Means("Largest compute fitted, FLOP.")]
    n_fitted: int
    n_predicted: int
    decades_beyond: Annotated[float, Means("Powers of ten from the cut-off to the largest run.")]
    mean_error: Annotated[float, Means("Of ln(loss); positive: worse than predicted.")]
    mean_absolute_error: LogError
    worst_error: LogError
    coverage: Annotated[float, Means("Share of the runs in the interval of a new run.")]
    level: Annotated[float, Means("Coverage that interval aims at.")]
    runs: list[HeldOutRun]


class InfluenceRow(TypedDict):
    """One run left out, exactly."""

    form: str
    run: str
    kappa_with: float
    kappa_without: Annotated[float | None, Means("Refitted without this run; null where the rest cannot be fitted.")]
    change: Annotated[float | None, Means("Without minus with.")]
    change_in_stderr: Annotated[float | None, Means("Change over kappa's standard error.")]
    residual: Annotated[float, Means("ln loss minus fit.")]
    residual_in_sd: float | None
    leverage: float
    leverage_outlier: bool
    without: Annotated[dict[str, float | None], Means("Every parameter, refitted without this run.")]


class FittedKappa(TypedDict):
    """Kappa of an analyst's own training runs.

    Exit code 4 when every estimate is refused; the document is printed all the same.

    Parameters
    ----------
    held_out
        With --fit-below: how the laws of the smaller runs predict the larger ones.
    """

    estimates: list[EstimateRecord]
    account: KappaAccount
    excluded: list[ExcludedRow]
    quarantined: list[SetAside]
    notes: Annotated[list[str], Means("What was assumed or derived, in words.")]
    forms: Annotated[list[FormRow], Means("With --compare: the forms on the same efficient runs.")]
    influence: Annotated[list[InfluenceRow], Means("The runs that move kappa most, by form.")]
    held_out: list[HeldOut]


class GammaAccount(TypedDict):
    """Rows: read = used + outside_window + missing + quarantined."""

    read: Count
    used: Count
    outside_window: Count
    missing: Annotated[Count, Means("Rows that lack a cell.")]
    quarantined: Count


class FittedGamma(TypedDict):
    """Growth rates of an analyst's own dated table.

    Exit code 4 (3 when no row can be used) when every estimate is refused; the document is printed all the same.

    Parameters
    ----------
    estimates
        One for each group; values in doublings a year, other units under diagnostics.
    """

    estimates: list[EstimateRecord]
    account: GammaAccount
    quarantined: list[SetAside]
    notes: Notes


class ModelScore(TypedDict):
    """One model, the best first."""

    model: str
    n: Annotated[AtLeast1, Means("Forecasts scored.")]
    n_eff: Annotated[NotNegative, Means("Effective number of independent outcomes.")]
    wis: Annotated[NotNegative, Means("Weighted interval score, unit of the target.")]
    overprediction: Annotated[NotNegative, Means("Its part from outcomes below.")]
    underprediction: Annotated[NotNegative, Means("Its part from outcomes above.")]
    dispersion: Annotated[NotNegative, Means("Its part from the width.")]
    bias: Annotated[float, Means("-1: too low, 1: too high.", minimum=-1, maximum=1)]
    ae_median: Annotated[NotNegative, Means("Absolute error of the median.")]
    interval_coverage_50: Coverage
    interval_coverage_80: Coverage
    interval_coverage_90: Coverage
    interval_coverage_95: Coverage
    relative_skill: Annotated[float, Means("Geometric mean of ratios to the other models; below 1: better.")]
    scaled_relative_skill: Annotated[float | None, Means("The same over the baseline's.")]


class Scored(TypedDict):
    """Anybody's quantile forecasts scored against outcomes; columns as scoringutils names them."""

    scale: Annotated[str, Means("What is scored: values as they stand, or doublings.", enum=["natural", "log2"])]
    models: list[ModelScore]
    forecasts_scored: Annotated[AtLeast1, Means("Forecasts.")]
    forecasts_refused: Annotated[dict[str, AtLeast1], Means("Forecasts that cannot be scored, by reason.")]
    rows_set_aside: Annotated[dict[str, AtLeast1], Means("Rows not used, by reason.")]


class PredictedEnds(TypedDict, total=False):
    """Ends of intervals."""

    loss_low: End
    loss_high: End
    params_low: End
    params_high: End
    tokens_low: End
    tokens_high: End
    tokens_per_param_low: End
    tokens_per_param_high: End
    loss_mean_low: End
    loss_mean_high: End
    loss_new_run_low: End
    loss_new_run_high: End


class PredictedRun(PredictedEnds):
    """One run."""

    params: NotRequired[Annotated[float, Means("Parameters.")]]
    tokens: NotRequired[Annotated[float, Means("Tokens.")]]
    compute_flop: Annotated[float, Means("Training compute, FLOP.")]
    loss: Loss
    tokens_per_param: NotRequired[Annotated[float, Means("Of the best run.")]]
    grade: Confidence
    decades_beyond: Annotated[float, Means("Powers of ten of compute beyond the runs that were fitted.")]


class Predicted(TypedDict):
    """What a saved fit says of runs, or of the best run of a budget."""

    form: Annotated[str, Means(enum=[*EVERY_FORM])]
    group: str
    status: Annotated[str, Means(enum=["trusted", "weak"])]
    level: Annotated[Share, Means("Coverage the intervals aim at.")]
    results: Annotated[list[PredictedRun], Means("One a run.")]
    notes: Annotated[list[str], Means("What a reader must know.")]
