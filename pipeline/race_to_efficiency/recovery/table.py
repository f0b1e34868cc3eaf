"""The recovery table for readers: what was measured, the bound, whether it is met, and why a miss is a miss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typing_extensions import TypedDict

from race_to_efficiency.json_fields import AtLeast1, Count, Means, Sha256, Written

if TYPE_CHECKING:
    from race_to_efficiency.recovery.study import Study
    from race_to_efficiency.recovery.summary import Row

_CONSERVATIVE = (
    "intervals wider than they need be: with a Huber threshold far below the noise the fit is nearly a median "
    "regression, whose bootstrap scatters more than the fit itself when few runs carry each parameter."
)
_NEARLY_MEDIAN = (
    "the threshold of 1e-3 (Hoffmann et al. 2022) is an eighth of this noise, so the fit is nearly a median "
    "regression, which in theory scatters 1.25 times as much as least squares before any outlier and 1.31 times with "
    "them; where the noise is twice the threshold (kappa_outliers_245_quiet) the ratio is well below the bound."
)
EXPLAINED: dict[str, str] = {
    "kappa_clean_20": _CONSERVATIVE,
    "kappa_two_terms_100": _CONSERVATIVE,
    "kappa_outliers_50": _NEARLY_MEDIAN,
    "kappa_outliers_245": _NEARLY_MEDIAN,
    "law_right_100": "most likely chance: 4,000 further data sets with another seed give .049 (s.e. .003).",
    "rows_tangent_400": "every resample takes its frontier from fewer distinct runs than a new table has, and scatters "
    "more: over 150 tables the standard error is .0018 where the estimates differ by .0012.",
    "clustered_10": "most likely chance: 6,000 further data sets with other seeds give .936 (s.e. .003).",
}
"""Why a case misses a bound, as far as it is understood; shown only where it does."""

BOUNDS = {
    "1": "power law, clean runs: bias of kappa within .3 %, coverage .935 to .965",
    "2": "5 % outliers: bias within .5 %, coverage at least .925, spread at most 1.25 of clean least squares; those "
    "with leverage are named",
    "3": "a floor in sight (z_curv of 4 or more): median bias within 1 %, coverage .92 to .98, of kappa and of E; at "
    "most 5 % refused; one out of sight (below 2) is called weak",
    "4": "clusters: coverage at least .92 from ten clusters on; with fewer a refusal, or the real coverage stated",
    "5": "censored or truncated trends: bias of gamma within .01 doublings a year, coverage at least .92",
    "6": "losses over time alone: the correlation is reported, a free floor under three years refused",
    "4, 5": "both at once",
    "forms": "parameters fixed or tied, weights, repeated data, experts, on 20 to 50 data sets: median bias "
    "within 3 %, coverage at least .85; under-tuned runs: median bias within 5 %",
    "runs": "at ten times the largest compute, on 500 data sets: coverage of a new run's interval .93 to .97, at least "
    ".93 where the form is in doubt; of the best parameters .93 to .97, also where the runs hardly tell them",
    "law": "the chinchilla form of 100 runs: a wrong law or two floors mixed seen in at least 80 %, false alarms at "
    "most 5 %",
    "rows": "runs that are selected, tied, unevenly loud or of few sizes, on 100 to 500 data sets: coverage of the "
    "tangent .92 to .98; of kappa at least .92, median bias within 3 %; tied sizes not trusted",
    "families": "what is expected of a family nobody has seen: coverage at least .92",
    "intervals": "predictive intervals: 95 % of outcomes to come, .92 to .98",
    "": "demonstrations: why another interval is not offered",
}
"""What each bound asks for."""

STUDY_COLUMNS = ("case", "bound", "quantity", "value", "s.e.", "limit", "meets", "refused", "n")


def limit_text(row: Row) -> str:
    """Return the bound in words; an asterisk marks the study's own."""
    mark = " *" if row.own_bound else ""
    low, high = row.low, row.high
    if low is None and high is None:
        return "-"
    if low is None or high is None:
        return (f"at least {low:g}" if high is None else f"at most {high:g}") + mark
    return (f"within {high:g}" if low == -high else f"{low:g} to {high:g}") + mark


def four_decimals(value: float | None) -> str:
    """Return a number to four decimals; a dash for none."""
    return "-" if value is None else f"{value:.4f}"


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as text, in the order of `COLUMNS`."""
    meets = {"yes": "yes", "no": "NO", "no bound": "-"}[row.meets]
    return (
        row.case,
        row.bound,
        row.quantity,
        four_decimals(row.value),
        four_decimals(row.stderr),
        limit_text(row),
        meets,
        f"{row.refused:.1%}",
        str(row.n_datasets),
    )


def bounds_met(study: Study) -> str:
    """Return how many bounds are met, in words."""
    bounded = [row for row in study.rows if row.meets != "no bound"]
    return f"{len(bounded) - len(study.failed)} of {len(bounded)} bounds are met; {len(study.failed)} are missed"


def bounds_summary(study: Study) -> list[tuple[str, str, str]]:
    """Return for every bound what it asks for and how many of its measurements meet it."""
    lines = []
    for bound in dict.fromkeys(row.bound for row in study.rows):
        judged = [row for row in study.rows if row.bound == bound and row.meets != "no bound"]
        met = sum(row.meets == "yes" for row in judged)
        lines.append((bound or "-", BOUNDS.get(bound, ""), f"{met} of {len(judged)}"))
    return sorted(lines)


def miss_text(row: Row) -> str:
    """Return a miss in one sentence, with its distance from the bound in standard errors."""
    reason = EXPLAINED.get(f"{row.case}: {row.quantity}", EXPLAINED.get(row.case, "not explained yet."))
    if row.value is None:
        return f"`{row.case}`, {row.quantity}: no data set was answered."
    gap = max((row.low or 0.0) - row.value if row.low is not None else 0.0, 0.0)
    gap = max(gap, row.value - row.high if row.high is not None else 0.0)
    distance = f", {gap / row.stderr:.1f} s.e. beyond it" if row.stderr else ""
    return f"`{row.case}`, {row.quantity} {row.value:.4f} ({limit_text(row)}{distance}): {reason}"


def markdown(study: Study, command: str) -> str:
    """Return the committed page."""
    made = (
        f"Made by `{command}`. {study.n_datasets} simulated data sets a case (fewer where n says so), seed "
        f"{study.seed}, estimators {study.code[:12]}; the same table comes out for any number of workers."
    )
    reading = (
        f"**{bounds_met(study)}.** Values are compared with their bounds as they stand: a value within two Monte-Carlo "
        "standard errors (s.e.) of its bound may lie on either side of it by chance. Every data set goes through the "
        "whole estimator, trust gate included; a refused one counts as a miss in coverage. Bias is relative for kappa "
        "and E, in doublings a year for trends, in doublings for predictions. An asterisk marks a bound of this "
        "study's own; the others were set before it."
    )
    lines = [
        "# Recovery: what the estimators find where the truth is known",
        "",
        made,
        "",
        reading,
        "",
        "| bound | what it asks for | met |",
        "|---|---|---|",
        *(f"| {' | '.join(line)} |" for line in bounds_summary(study)),
        "",
        f"| {' | '.join(STUDY_COLUMNS)} |",
        f"|{'|'.join(['---'] * len(STUDY_COLUMNS))}|",
        *(f"| {' | '.join(cells(row))} |" for row in study.rows),
        "",
        "## Misses",
        "",
        *([f"- {miss_text(row)}" for row in study.failed] or ["None."]),
        "",
        "## Cases",
        "",
        *(f"- `{case}`: {note}" for case, note in study.notes.items()),
        "",
    ]
    return "\n".join(lines)


class StudyDocument(TypedDict):
    """The simulated-truth study: what the estimators find in data whose truth is known, beside its bounds.

    A missed bound is a result, not an error.
    """

    command: Annotated[str, Means("Command that makes this table again.")]
    n_datasets: Annotated[AtLeast1, Means("Simulated data sets a case.")]
    seed: Annotated[Count, Means("Root of every random number.")]
    code: Annotated[Sha256, Means("Digest of the estimators' code.")]
    n_missed: Annotated[Count, Means("Rows whose bound is missed.")]
    verdict: Annotated[str, Means("How many bounds are met, in words.")]
    rows: list[Annotated[dict[str, Any], Written("recovery.summary:Row")]]
    misses: Annotated[list[str], Means("Each missed bound in one sentence.")]
    notes: Annotated[dict[str, str], Means("What each case is.")]


def study_document(study: Study, command: str) -> StudyDocument:
    """Return the study as one JSON document."""
    return {
        "command": command,
        "n_datasets": study.n_datasets,
        "seed": study.seed,
        "code": study.code,
        "n_missed": len(study.failed),
        "verdict": bounds_met(study),
        "rows": [row.to_json() for row in study.rows],
        "misses": [miss_text(row) for row in study.failed],
        "notes": dict(study.notes),
    }
