"""Frozen records of what was estimated, how, from which rows, and how far it may be trusted."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from typing_extensions import TypedDict

from race_to_efficiency.calibration.common.grades import Grade, estimate_grade, evidence_level
from race_to_efficiency.json_fields import Count, Day, Means, NotNegative, Positive, Word, Written, further, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FitStatus = Literal["trusted", "weak", "refused"]
Ends = tuple[float | None, float | None]
"""Lower and upper end of an interval; None for an open end."""

NO_ENDS: Ends = (None, None)

INTERVAL_METHODS = frozenset(
    {
        "ols",
        "cluster",
        "percentile_bootstrap",
        "cluster_bootstrap",
        "block_bootstrap",
        "profile",
        "covariance",
        "draws",
        "random_effects",
        "hartung_knapp",
        "prediction",
        "range",
        "published",
    }
)


@dataclass(frozen=True)
class Interval:
    """An interval in the unit of its value.

    Parameters
    ----------
    method : str
        How it was made.
    level : float
        Coverage aimed at, in (0, 1), e.g. 0.95.
    low, high : float or None
        Ends in the estimate's unit; null: open on this side.
    """

    method: Annotated[str, Means(enum=sorted(INTERVAL_METHODS))]
    level: Annotated[float, Means(exclusiveMinimum=0, exclusiveMaximum=1)]
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        if self.method not in INTERVAL_METHODS:
            raise ValueError(f"method must be one of {sorted(INTERVAL_METHODS)}, got {self.method!r}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie in (0, 1), got {self.level!r}")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"low must not exceed high, got low={self.low!r}, high={self.high!r}")


class ExcludedRow(TypedDict):
    """A row that was read and left out."""

    row: Annotated[str, Means("TABLE/ID.")]
    reason: Annotated[str, Means("Why it was left out, e.g. outlier, multi_epoch.")]


@further(
    allOf=[
        when({"status": {"const": "refused"}}, {}, {"value": {"type": "number"}}),
        when({"status": {"const": "trusted"}}, {}, {"reasons": {"minItems": 1}}),
    ]
)
@dataclass(frozen=True)
class Estimate:
    """A quantity that was estimated, with what is needed to judge and to repeat it.

    Every field is written; null where a field has no meaning for this quantity.

    Parameters
    ----------
    id : str
        Stable name, ``symbol.group-or-component.form-or-estimator``.
    symbol : str
        kappa_total, kappa_reducible, alpha, beta, A, B, E, gamma_hardware_tensor16, ...
    group : str or None
        Comparable group of training runs; 'pooled' over families.
    component : str or None
        Component or route of gamma.
    form : str or None
        Form of the loss law: chinchilla, floor, power_law, repeated or moe.
    estimator : str or None
    value : float or None
        In `unit`; null when refused without a number.
    unit : str
        ``1``, ``nats/token``, ``doublings/yr``, ``FLOP`` ...
    intervals : tuple of Interval
        The headline interval comes first.
    stderr : float or None
        In `unit`; to be read, not to be propagated: draws belong together.
    n_rows : int
        Ledger rows used.
    n_clusters : int or None
        Independent clusters among the rows.
    window : (str, str) or None
        First and last ISO date of the rows used.
    pivot_compute_flop : float or None
        Compute a kappa_total tangent was taken at, in FLOP.
    status : {'trusted', 'weak', 'refused'}
        trusted: passed every check; weak: usable with the reasons given; refused: not to be used.
    reasons : tuple of str
        Why the status is not 'trusted', in words.
    evidence : int or None
        Steps of the grade lost by what it rests on; None: by the status alone.
    agreement : int
        Steps lost by other answers to the same question.
    diagnostics : mapping
        What the fit says of itself: objective, starts agreeing, condition number, z_curv, rates in other units, ...
    rows_used : tuple of str
        ``TABLE/ID`` of each row used.
    rows_excluded : tuple of (str, str)
        ``TABLE/ID`` and the reason.
    rows_of : str or None
        Id of the estimate of the same fit that lists the rows in its stead.
    digests : mapping
        SHA-256 of inputs, settings, code and lock, where recorded.
    seed : int or None
        Seed of the draws.
    computed_by : str
        Dotted name of the function that made it.
    """

    id: Word
    symbol: Word
    value: float | None
    unit: Word
    group: str | None = None
    component: str | None = None
    form: str | None = None
    estimator: str | None = None
    intervals: tuple[Interval, ...] = ()
    stderr: NotNegative | None = None
    n_rows: Count = 0
    n_clusters: Count | None = None
    window: tuple[Day, Day] | None = None
    pivot_compute_flop: Positive | None = None
    status: FitStatus = "trusted"
    reasons: tuple[str, ...] = ()
    evidence: int | None = None
    agreement: int = 0
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    rows_used: tuple[str, ...] = ()
    rows_excluded: tuple[Annotated[tuple[str, str], Written("calibration.common.estimates:ExcludedRow")], ...] = ()
    rows_of: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    computed_by: str = ""

    def __post_init__(self) -> None:
        if self.status not in ("trusted", "weak", "refused"):
            raise ValueError(f"status must be trusted, weak or refused, got {self.status!r}")
        if self.status != "trusted" and not self.reasons:
            raise ValueError(f"estimate {self.id!r} is {self.status} without a reason")
        if self.status != "refused" and (self.value is None or not np.isfinite(self.value)):
            raise ValueError(f"estimate {self.id!r} has no finite value but status {self.status!r}")
        object.__setattr__(self, "evidence", self.grade.evidence)
        if self.status == "weak" and not self.grade.evidence + self.grade.agreement:
            raise ValueError(f"estimate {self.id!r} is weak and has the best grade")

    @property
    def grade(self) -> Grade:
        """How far it may be relied on; what a reader is shown, while machines read the status."""
        level = evidence_level(sound=self.status == "trusted") if self.evidence is None else self.evidence
        return estimate_grade(level, self.agreement, refused=self.status == "refused")

    def interval(self, level: float = 0.95) -> Interval | None:
        """Return the headline interval: the first one at ``level``."""
        return next((item for item in self.intervals if item.level == level), None)

    @property
    def ends(self) -> Ends:
        """Ends of the headline interval."""
        interval = self.interval()
        return NO_ENDS if interval is None else (interval.low, interval.high)

    def lies_outside(self, value: float) -> bool:
        """Tell whether a value lies outside the headline interval; none does where that is missing or open."""
        low, high = self.ends
        return low is not None and high is not None and not low <= value <= high

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON-ready mapping (all fields present, null where unused)."""
        document = dataclasses.asdict(self)
        del document["evidence"], document["agreement"]
        document["grade"] = dataclasses.asdict(self.grade)
        document["rows_excluded"] = [ExcludedRow(row=row, reason=reason) for row, reason in self.rows_excluded]
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Estimate:
        """Rebuild a record from `to_json`'s mapping.

        Raises
        ------
        ValueError, TypeError
            When fields are missing, unknown or inconsistent.
        """
        fields = dict(document)
        grade = fields.pop("grade", None)  # what was published before there were grades has none
        if grade is not None:
            fields |= {"evidence": grade["evidence"], "agreement": grade["agreement"]}
        fields["intervals"] = tuple(Interval(**item) for item in fields.get("intervals", ()))
        fields["reasons"] = tuple(fields.get("reasons", ()))
        fields["rows_used"] = tuple(fields.get("rows_used", ()))
        fields["rows_excluded"] = tuple((item["row"], item["reason"]) for item in fields.get("rows_excluded", ()))
        window = fields.get("window")
        fields["window"] = (window[0], window[1]) if window else None
        return cls(**fields)


IntervalRecord = Annotated[dict[str, Any], Written("calibration.common.estimates:Interval")]
EstimateRecord = Annotated[
    dict[str, Any],
    Written(
        "calibration.common.estimates:Estimate", "grade", without=("evidence", "agreement"), newer=("grade", "rows_of")
    ),
]
"""What `Estimate.to_json` writes."""


def rows_told_once(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `Estimate.to_json` mappings of which a fit's first alone lists its rows; the others name it (``rows_of``).

    A fit of five parameters on a thousand rows would else list them six times, and a published quarter is bounded.
    """
    first: dict[tuple[object, ...], Mapping[str, Any]] = {}
    told = []
    for record in records:
        teller = first.setdefault((record["group"], record["form"]), record)
        same = all(record[name] == teller[name] for name in ("rows_used", "rows_excluded"))
        shared = {"rows_used": [], "rows_excluded": [], "rows_of": teller["id"]}
        told.append({**record, **(shared if same and record is not teller else {})})
    return told


@dataclass(frozen=True)
class JointDraws:
    """Draws of several parameters that belong together; what a forecast consumes.

    Parameters
    ----------
    names : tuple of str
        Parameter names, one per column.
    values : (n_draws, n_parameters) float
    seed : int
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    seed: int

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise ValueError(f"values must be (n_draws, {len(self.names)}), got shape {self.values.shape}")

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return the (n_draws,) column called ``name``."""
        return self.values[:, self.names.index(name)]


def draw_intervals(
    draws: NDArray[np.float64], *, method: str = "draws", levels: Sequence[float] = (0.95, 0.8)
) -> tuple[Interval, ...]:
    """Return central percentile intervals of draws at several levels (linear interpolation, Hyndman & Fan type 7)."""
    ends = [(0.5 - level / 2, 0.5 + level / 2) for level in levels]
    quantiles = np.quantile(draws, np.asarray(ends).ravel()).reshape(-1, 2)
    return tuple(
        Interval(method, level, float(low), float(high)) for level, (low, high) in zip(levels, quantiles, strict=True)
    )


def t_interval(value: float, stderr: float, dof: int, level: float = 0.95) -> tuple[float, float]:
    """Return value -/+ the t quantile with ``dof`` degrees of freedom times the standard error."""
    from scipy.special import stdtrit

    half = float(stdtrit(dof, 0.5 + level / 2)) * stderr
    return value - half, value + half
