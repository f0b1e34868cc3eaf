"""Components of algorithmic progress: published language models, a published prior, the speedrun, and their mixture."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval, draw_intervals, t_interval
from race_to_efficiency.calibration.common.resampling import jackknife_stderr, stream
from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, from_draws, refused
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend, fitted_rate, resampled
from race_to_efficiency.calibration.gamma.trends import coefficients, fit_line, gain_slopes

if TYPE_CHECKING:
    from datetime import date

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.gamma.components import Parts

MODELS = "language_model_perplexity"
SPEEDRUN = "speedrun_records"
PUBLISHED_ID = "ho2024_lm_compute"
_ALGORITHM = ("algorithm",)


def loss_series(inputs: Inputs, *, column: str = "loss_nats") -> Series | None:
    """Return the natural log of loss (or of perplexity) of published language models with log2 of their compute.

    Rows of one system in several sizes share a cluster.
    """
    rows = inputs.rows(MODELS)
    if rows.empty:
        return None
    rows = rows.loc[rows[column].gt(0) & rows["compute_flop"].gt(0)]
    if rows.empty:
        return None
    family = rows["system"].astype(str).str.replace(r"[\s\-(]*\(?[\d.]+[MB]\b.*$", "", regex=True)
    return Series(
        table=MODELS,
        row_ids=rows["model_id"].to_numpy(object),
        dates=rows["released"].to_numpy("datetime64[D]"),
        value=np.log(rows[column].to_numpy(np.float64)),
        clusters=(family + rows["released"].dt.strftime("|%Y-%m-%d")).to_numpy(object),
        covariate=np.log2(rows["compute_flop"].to_numpy(np.float64)),
    ).ordered()


def algorithmic_lm(inputs: Inputs) -> list[Fitted]:
    """Return the compute-equivalent gain b_t/b_C of ln loss = a + b_C log2 C + b_t t, and beside it three others.

    ln loss is what R = X^-kappa needs; ln perplexity stands beside it, and each without the rows before
    `windows.algorithmic_lm_recent`, on which the long window hangs. The reverse regression (log compute on loss and
    time) is never used: errors in the loss halve it.
    """
    windows, fits = inputs.params.windows, []
    for name, column in (("ln_loss", "loss_nats"), ("ln_perplexity", "perplexity")):
        whole = loss_series(inputs, column=column)
        for suffix, start in (("", windows.algorithmic_lm), ("_recent", windows.algorithmic_lm_recent)):
            component = Component(
                "algorithmic_lm",
                f"{name}{suffix}",
                _ALGORITHM,
                "any",
                f"compute saved a year at fixed {column}, published language models (Ho et al. 2024 data)"
                + (f", from {start}" if start else ""),
                "benchmarks are mixed (WikiText-103, WikiText-2, PTB) and the rows end in 2022",
            )
            if whole is None:
                fits.append(refused(component, "no published language model by this date"))
            else:
                fits.append(fit_gain(inputs, component, whole, start=start))
    return fits


def fit_gain(inputs: Inputs, component: Component, whole: Series, *, start: date | None = None) -> Fitted:
    """Return the compute-equivalent gain of a loss series, by lmfit, with cluster jackknife and bootstrap of the ratio.

    Parameters
    ----------
    inputs : Inputs
    component : Component
    whole : Series
        Natural log of loss, with log2 of compute as covariate.
    start : date, optional

    Returns
    -------
    Fitted
        Refused where loss does not fall with compute.
    """
    series = whole.since(start)
    if len(series) < inputs.params.gate.min_rows_refused + 1:
        return refused(component, f"only {len(series)} rows by this date", series)
    try:
        line = fit_line(series)
        value = line.slope / float(line.covariate_slope or math.nan)
        draws, intervals, stderr = resampled(inputs, series, gain_slopes, value, "clusters")
    except ValueError as error:
        return refused(component, str(error), series)
    b_compute = float(line.covariate_slope or math.nan)
    if not b_compute < 0:
        return refused(component, "loss does not fall with compute on these rows", series)
    if (unbounded := _without_bounds(series, b_compute)) is not None:
        return refused(component, unbounded, series)
    facts = {
        "b_time_per_year": line.slope,
        "b_compute_per_doubling": b_compute,
        "b_time_stderr_independent_rows": line.stderr,
        "residual_sd": line.residual_sd,
        "share_of_draws_not_positive": float(np.mean(draws <= 0)),
    }
    intervals = [*intervals, *draw_intervals(draws)]
    return fitted_rate(inputs, component, (series, whole), value, intervals, stderr, facts, draws, gain_slopes)


def _without_bounds(series: Series, b_compute: float) -> str | None:
    """Return why the gain has no finite interval: the effect of compute, its denominator, may be none at all.

    References
    ----------
    Fieller (1954), J. R. Stat. Soc. B 16: a ratio's 95 % set is bounded only where its denominator differs from 0.
    """
    stderr, clusters = jackknife_stderr(series, lambda rows, weights: np.asarray(coefficients(rows, weights)[1]))
    low, high = t_interval(b_compute, stderr, clusters - 1)
    if not low < 0 < high:
        return None
    ends = f"[{low:.2g}, {high:.2g}]"
    return f"compute may not lower the loss of these rows at all (a doubling: {b_compute:.2g} of log loss, 95 % {ends})"


def split_lognormal(median: float, low: float, high: float, draws: int, rng: np.random.Generator) -> Floats:
    """Return draws whose 2.5, 50 and 97.5 % quantiles are those of a published asymmetric interval.

    Half the draws lie on each side of the median, as half-normals in the logarithm with a scale each.

    Raises
    ------
    ValueError
        When 0 < low < median < high does not hold.
    """
    if not 0 < low < median < high:
        raise ValueError(f"quantiles must satisfy 0 < low < median < high, got {low!r}, {median!r}, {high!r}")
    from scipy.special import ndtri

    z = rng.standard_normal(draws)
    scale = np.where(z < 0, math.log(median / low), math.log(high / median)) / float(ndtri(0.975))
    return np.asarray(median * np.exp(z * scale))


def algorithmic_published(inputs: Inputs) -> Fitted:
    """Return Ho et al.'s published halving time of compute as a prior: no rows of ours behind it."""
    component = Component(
        "algorithmic_published",
        "prior",
        _ALGORITHM,
        "any",
        "published halving time of compute at fixed loss (Ho et al. 2024, model 7)",
        "a prior taken from a paper, on much the same models as algorithmic_lm",
        rests_on="assumed",
    )
    rows = inputs.rows("published_values")
    row = rows.loc[rows["value_id"].eq(PUBLISHED_ID)] if not rows.empty else rows
    if row.empty:
        return refused(component, "the published value was not out by this date")
    value, low, high = (float(row[name].iloc[0]) for name in ("gamma_per_year", "gamma_lo", "gamma_hi"))
    draws = split_lognormal(value, low, high, inputs.params.draws, stream(inputs.seed, component.key))
    fitted = from_draws(inputs, component, draws, value=value, rows_used=(f"published_values/{PUBLISHED_ID}",))
    published = Interval("published", 0.95, low, high)
    estimate = replace(fitted.estimate, intervals=(published, *fitted.estimate.intervals))
    return replace(fitted, estimate=estimate).with_status("weak", ["a prior from one paper, not fitted here"])


def speedrun(inputs: Inputs, name: str, column: str, coverage: tuple[str, ...]) -> list[Fitted]:
    """Return the fall of tokens (or of seconds) to a fixed loss over speedrun records: all, and recent.

    Records follow one another, so blocks of consecutive records are the clusters.
    """
    windows = inputs.params.windows
    rows = inputs.rows(SPEEDRUN)
    rows = rows if rows.empty else rows.loc[rows["track"].astype(str).eq("1") & rows[column].gt(0)]
    caveat = "one small model (124 M parameters), one data set; early records were easy to beat"
    whole = None
    if not rows.empty:
        whole = Series(
            table=SPEEDRUN,
            row_ids=rows["record_id"].to_numpy(object),
            dates=rows["released"].to_numpy("datetime64[D]"),
            value=-np.log2(rows[column].to_numpy(np.float64)),
            clusters=np.full(len(rows), "", dtype=object),
        ).ordered()
    fits = []
    for estimator, start in (("ols", windows.speedrun), ("recent", windows.speedrun_recent)):
        meaning = f"modded-nanogpt {column} to a fixed validation loss, least squares on date"
        component = Component(name, estimator, coverage, "any", meaning, caveat)
        none = "no record by this date"
        fits.append(fit_trend(inputs, component, whole, absent=none, start=start, resampling="increments"))
    return fits


def mixture(inputs: Inputs, parts: dict[str, Fitted]) -> Fitted:
    """Return the algorithmic mixture: a stated judgement, wide on purpose.

    Each draw takes one part, in proportion to the weights of params.yaml; a part without draws at this date gives its
    weight to the others, which is said.
    """
    component = Component(
        "algorithmic",
        "mixture",
        _ALGORITHM,
        "any",
        "mixture of algorithmic_lm, algorithmic_published and recent speedrun_tokens",
        "a stated judgement: the weights stand in params.yaml",
        rests_on="modelled",
    )
    weights = inputs.params.mixture.model_dump()
    usable = {name: fit for name, fit in parts.items() if fit.draws is not None and weights[name] > 0}
    if not usable:
        return refused(component, "none of its parts could be estimated by this date")
    share = np.asarray([weights[name] for name in usable])
    share = share / share.sum()
    choice = np.searchsorted(np.cumsum(share)[:-1], stream(inputs.seed, component.key).random(inputs.params.draws))
    columns = np.stack([fit.draws for fit in usable.values() if fit.draws is not None], axis=1)
    draws = columns[np.arange(len(columns)), choice]
    missing = [name for name in parts if name not in usable and weights[name] > 0]
    weak = [name for name, fit in usable.items() if fit.estimate.status != "trusted"]
    reasons = [f"{name} could not be estimated; its weight went to the others" for name in missing]
    reasons += [f"part {name} fails a check" for name in weak]
    return from_draws(
        inputs,
        component,
        np.asarray(draws),
        status="weak" if reasons else "trusted",
        reasons=reasons,
        n_rows=sum(fit.estimate.n_rows for fit in usable.values()),
        diagnostics={"weights": dict(zip(usable, share.tolist(), strict=True)), "mean": float(draws.mean())},
        rows_used=tuple(row for fit in usable.values() for row in fit.estimate.rows_used),
    )


PLACE = 3
"""Where these components stand among all."""

PARTS: Parts = {
    "algorithmic_lm": algorithmic_lm,
    "algorithmic_published": lambda inputs: [algorithmic_published(inputs)],
    "speedrun_tokens": lambda inputs: speedrun(inputs, "speedrun_tokens", "tokens", ("algorithm",)),
    "speedrun_time": lambda inputs: speedrun(
        inputs, "speedrun_time", "record_time_s", ("format", "utilisation", "algorithm")
    ),
}
