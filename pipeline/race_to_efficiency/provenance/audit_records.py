"""What ``race audit trace``, ``verify`` and ``rederive`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.estimates import ExcludedRow, FitStatus, IntervalRecord
from race_to_efficiency.calibration.common.grades import GRADES, REFUSED, UNGRADED
from race_to_efficiency.json_fields import (
    AsOf,
    AtLeast1,
    Count,
    Means,
    Notes,
    NotNegative,
    QuarterName,
    Reasons,
    Sha256,
    Share,
    Written,
    further,
    when,
)
from race_to_efficiency.provenance.folder import BROKEN, SIGNED, UNSIGNED
from race_to_efficiency.provenance.targets import TraceKind
from race_to_efficiency.provenance.trace import BEHIND_KEYS
from race_to_efficiency.provenance.vouching import COVERED, NOT_VOUCHED, TRUSTED

Behind = Annotated[dict[str, Any], Written("calibration.common.estimates:Estimate", only=BEHIND_KEYS)]
FindingRecord = Annotated[dict[str, Any], Written("provenance.findings:Finding")]
FirstBad = Annotated[FindingRecord | None, Means("null when everything holds.")]


class Publication(TypedDict):
    """One published folder."""

    quarter: Annotated[QuarterName | None, Means("null when the folder cannot tell.")]
    revision: Count | None
    folder: Annotated[str, Means("Empty for one folder checked alone.")]
    reconstructed: Annotated[bool | None, Means("Whether it was published after the fact.")]
    manifest_sha256: Annotated[Sha256 | None, Means("Digest of manifest.json.")]
    files: Annotated[Count, Means("Files checked.")]
    signature: Annotated[str, Means(enum=[UNSIGNED, SIGNED, TRUSTED, COVERED, NOT_VOUCHED, BROKEN])]
    holds: bool


@further(
    allOf=[
        when(
            {"verified": {"const": True}},
            {"first_bad": {"type": "null"}, "broken": {"maxItems": 0}},
            {"first_bad": {"type": "object"}, "broken": {"minItems": 1}},
        )
    ]
)
class Verified(TypedDict):
    """Whether everything published is still what it was. Exit code 5 when not; the document is printed all the same.

    Parameters
    ----------
    scope
        What was checked: registry, folders and ledgers; registry and folders; one folder alone.
    unsealed
        What stands under data/ and reports/ and is held by nothing.
    notes
        What the signatures are worth, then what could not be known, in words.
    """

    verified: bool
    scope: Annotated[str, Means(enum=["repository", "reports", "folder"])]
    head: Annotated[Sha256 | None, Means("Digest of the newest manifest of the chain; null when nothing is listed.")]
    first_bad: FirstBad
    broken: list[FindingRecord]
    warnings: list[FindingRecord]
    holds: Annotated[list[str], Means("What still holds, in words.")]
    quarters: list[Publication]
    unsigned: Annotated[list[str], Means("Publications that carry no signature and are covered by none.")]
    unsealed: list[Annotated[dict[str, Any], Written("provenance.verification:Unsealed")]]
    notes: Annotated[list[str], Means(minItems=1)]


class Rederived(TypedDict):
    """A published quarter computed again from the ledgers and its settings.

    Exit code 5 when it does not agree; the document is printed all the same.

    Parameters
    ----------
    differences
        At most 500.
    settings_before
        Settings born after the publication, by dotted name: the value that does what was done before.
    """

    quarter: QuarterName
    agrees: bool
    tolerance: Annotated[NotNegative, Means("Relative; 0 asks for identity.")]
    same_environment: Annotated[bool, Means("Whether libraries and machine are those of the publication.")]
    compared: Annotated[dict[str, Count], Means("Numbers compared, by file.")]
    different: Annotated[dict[str, AtLeast1], Means("Numbers that differ, by file.")]
    differences: list[Annotated[dict[str, Any], Written("provenance.compare:Difference")]]
    causes: Annotated[list[FindingRecord], Means("Inputs that are not what they were.")]
    notes: Notes
    settings_before: dict[str, Any]


class Unpublished(TypedDict):
    """A quarter that no chain holds."""

    published: Literal[False]
    intact: None
    note: str


class ChainPlace(TypedDict):
    """A quarter's place in the chain."""

    published: Literal[True]
    number: Annotated[Count | None, Means("Place in the chain.")]
    length: Annotated[Count, Means("Publications checked.")]
    intact: Annotated[bool, Means("Whether everything published is what it was.")]
    first_bad: FirstBad


class ChainedPublication(Publication, ChainPlace):
    """A quarter's place in the chain, and its folder."""


class Reached(TypedDict):
    """What a ledger row takes part in."""

    estimates: list[str]
    headline: list[str]


@further(additionalProperties={"type": ["number", "string", "boolean", "null"]})
class ForecastCells(TypedDict, total=False):
    """The other columns of a forecast's row."""

    horizon: Annotated[float | None, Means("Years after `as_of`.")]
    output_type: Annotated[str, Means("quantile or mean.")]
    output_type_id: Annotated[float | None, Means("Level of the quantile.")]
    threshold: Annotated[float | None, Means("Milestones: loss ratio to reach.")]
    unreachable_probability: Annotated[Share | None, Means("Milestones: share of draws that never reach it.")]


class ShownEnds(TypedDict):
    """An interval as the page prints it."""

    level: Annotated[float, Means(exclusiveMinimum=0, exclusiveMaximum=1)]
    low: str
    high: str


class Influential(TypedDict):
    """Rows that move an estimate."""

    rows: list[str]
    estimate: str
    change: Annotated[float | None, Means("Of the estimate, without these rows.")]


class TracedRows(TypedDict):
    """Ledger rows."""

    used: Count
    excluded: Count
    most_influential: Annotated[list[Influential], Means("Largest change first.")]
    used_ids: Annotated[list[str], Means("TABLE/ID.")]
    excluded_ids: list[ExcludedRow]


class Source(TypedDict):
    """A cited source and the rows that rest on it."""

    source_id: str
    title: str | None
    authors: str | None
    year: str | None
    identifier: Annotated[str | None, Means("DOI, arXiv id or URL.")]
    citation: str | None
    licence: str | None
    released: str | None
    recorded: str | None
    rows: Annotated[dict[str, list[str]], Means("Ids by ledger.")]


class CodeFile(TypedDict):
    """A source file."""

    file: str
    sha256: Annotated[Sha256, Means("As published, else as in use.")]
    unchanged: Annotated[bool | None, Means("Whether the code in use is the published one; null: not published.")]


class Code(TypedDict):
    """The code that made it."""

    digest: Annotated[Sha256 | None, Means("Of all code, as published; null when not published.")]
    commit: str | None
    files: list[CodeFile]


def _needs(condition: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**when(condition, {}, {}), "then": {"required": [*names]}}


FORECAST = {"kind": {"const": "forecast"}}


@further(
    allOf=[
        _needs({"kind": {"const": "estimate"}}, "seed", "diagnostics"),
        _needs({"kind": {"const": "number"}}, "text", "nodes", "forecast_rows"),
        _needs(FORECAST, "reading", "table", "forecast_row"),
        _needs(FORECAST | {"value": {"type": "null"}}, "unreachable", "reason"),
    ]
)
class Traced(TypedDict):
    """Where a number comes from: value, code, rows, sources with licence and dates, state of the chain.

    For R(5) the document of the paper's reading, with both under `readings`.

    Parameters
    ----------
    grade
        Confidence in it: its own, or the lowest of the estimates it rests on; null of a ledger row.
    """

    target: Annotated[str, Means("What was asked, with its quarter.")]
    kind: TraceKind
    quarter: QuarterName
    as_of: AsOf
    id: str
    value: Annotated[float | None, Means("In `unit`; null: no finite number.")]
    unreachable: NotRequired[Annotated[bool, Means("Where value is null: whether it is never reached.")]]
    reason: NotRequired[Annotated[str, Means("Where value is null: why.")]]
    unit: str
    intervals: list[IntervalRecord]
    status: FitStatus | None
    grade: Annotated[str | None, Means(enum=[*GRADES, UNGRADED, REFUSED, None])]
    reasons: Reasons
    computed_by: Annotated[str, Means("Dotted name of the function that made it.")]
    seed: NotRequired[Annotated[int | None, Means("Estimates: seed of the draws.")]]
    diagnostics: NotRequired[Annotated[dict[str, Any], Means("Estimates: what the fit says of itself.")]]
    text: NotRequired[Annotated[str, Means("Numbers of the report: as shown there.")]]
    interval_texts: NotRequired[
        Annotated[list[ShownEnds], Means("Numbers of the report: the intervals beside it, as shown there.")]
    ]
    nodes: NotRequired[Annotated[list[str], Means("Numbers of the report: the outputs it was made with.")]]
    reaches: NotRequired[Annotated[Reached, Means("Rows: what they take part in.")]]
    forecast_rows: NotRequired[Annotated[list[str], Means("Numbers of the report: rows of the forecast it is.")]]
    reading: NotRequired[Annotated[Literal["", "total", "reducible"], Means("Forecasts: which reading of loss.")]]
    table: NotRequired[Literal["forecast", "milestones"]]
    forecast_row: NotRequired[Annotated[ForecastCells, Means("Forecasts: the row's other columns.")]]
    derived_from: Annotated[list[Behind], Means("Estimates it rests on.")]
    rows: TracedRows
    sources: list[Source]
    code: Code
    chain: Annotated[Unpublished | ChainPlace | ChainedPublication, Means("State of the chain of published quarters.")]
    readings: NotRequired[Annotated[list[Traced], Means("R in both readings, where both were asked for.", minItems=2)]]
