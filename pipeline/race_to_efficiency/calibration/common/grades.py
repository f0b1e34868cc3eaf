"""How far a number may be relied on: one grade from two axes, in five words.

Evidence counts steps away from runs that lie on one law: how they scatter about it, whether the fit passes its gate on
enough of them, whether they were measured. A statement of loss takes as its second axis the distance beyond the compute
of those runs; an estimate, how far other answers to the same question lie from it. Steps add up, so the second axis
only ever lowers: forms that agree on the same rows can bend the same wrong way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from race_to_efficiency.json_fields import Means, Written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

GRADES = ("very high", "high", "medium", "low", "very low")
"""Confidence, from the best; a number of steps beyond the last is the last.

References
----------
Mastrandrea et al. (2010), Guidance note for lead authors of the IPCC fifth assessment report on consistent treatment of
uncertainties: the five words, and evidence as an axis of its own.
"""

SCATTER_STEPS = (0.01, 0.03, 0.1)
"""Residual sd of ln(loss), half a decade apart: runs of one careful ladder scatter by less than the first."""

DECADE_STEPS = (0.25, 1.0, 3.0)
"""Decades of compute beyond the runs: up to the first no cut-off tells a slope; laws were held against runs up to some
two decades off; beyond the last nothing was ever checked."""

MEANINGS = (
    "runs within 1 % of one law that passes its gate, and compute within theirs or a quarter of a decade beyond",
    "one step away: scatter up to 3 %, or a fit that fails a check, or up to a decade beyond",
    "two steps away: scatter up to 10 %, or up to three decades beyond, or one step of each kind",
    "three steps away: more scatter, or an assumption, or more than three decades beyond, or steps of both kinds",
    "four steps or more: far beyond any run, on a fit that fails a check too",
)
"""What each grade of a statement says, in words."""

ESTIMATE_RULES = (
    (
        "Evidence",
        (
            "one step where a fit fails a check of its gate, two where its rows, clusters or families are too few to "
            "tell, one to three where runs scatter by more than 1, 3 or 10 %: whichever is most; one more where a "
            "figure was modelled, not measured; three for a prior from one paper"
        ),
    ),
    (
        "Agreement",
        (
            "one or two steps where other forms, families, windows or routes give another answer; it only lowers: "
            "answers from the same rows can be wrong together"
        ),
    ),
    ("Sums", "a route has the worst of its parts; a mixture the middle of its own, and a step for its weights"),
    ("Record", "none: no outcome settles an estimate, as larger runs settle a forecast"),
)
"""How an estimate loses steps, in words."""

ASSUMED = len(SCATTER_STEPS)
"""Evidence of what was assumed and not estimated: that of the widest scatter."""


RestsOn = Literal["measured", "modelled", "assumed"]
"""Measured, rated or counted; modelled, by its publisher or by weights chosen here; assumed: a prior from a paper."""

REFUSED = "refused"
"""Confidence in what must not be used."""

UNGRADED = "not graded"
"""What was published before there were grades has none."""

FORMS_APART = (0.25, 1.0)
"""Relative gap between two forms of one group that contradict each other: a quarter is the gate's, double is far."""

FAMILIES_APART = (0.1, 0.3)
"""Spread between families in parts of their mean, half a decade apart as `SCATTER_STEPS` are."""


@dataclass(frozen=True)
class Grade:
    """How far it may be relied on; steps are lost on two axes and add up. Records of earlier versions have none.

    Parameters
    ----------
    confidence : str
        From very high to very low, or refused.
    evidence : int
        Steps lost by what it rests on: checks failed, too few rows, scatter, modelled or assumed figures.
    agreement : int
        Steps lost by other forms, families, windows or routes that say otherwise.
    """

    confidence: Annotated[str, Means(enum=[*GRADES, REFUSED])]
    evidence: Annotated[int, Means(minimum=0, maximum=ASSUMED)]
    agreement: Annotated[int, Means(minimum=0, maximum=2)]


GradeRecord = Annotated[dict[str, Any], Written("calibration.common.grades:Grade")]
"""A grade in a document."""


def evidence_level(
    *, sound: bool, scatter: float | None = None, few: bool = False, rests_on: RestsOn = "measured"
) -> int:
    """Return the steps that the evidence of a fit is away from the best, 0 to 3.

    Parameters
    ----------
    sound : bool
        Whether the fit passes its gate: its status is trusted.
    scatter : float or None
        Residual sd of ln(loss); None for what is pooled from several fits, and for rates.
    few : bool
        Whether its rows, clusters or families are too few to tell.
    rests_on : {'measured', 'modelled', 'assumed'}
    """
    if rests_on == "assumed":
        return ASSUMED
    level = 0 if scatter is None else int(np.searchsorted(SCATTER_STEPS, scatter, side="right"))
    level = max(level, (not sound) + few)
    return min(level + (rests_on == "modelled"), ASSUMED)


def agreement_level(apart: float, steps: tuple[float, float]) -> int:
    """Return the steps that answers so far apart cost, 0 to 2; ``steps`` as `FORMS_APART` and `FAMILIES_APART`."""
    return int(np.searchsorted(steps, apart, side="right"))


def estimate_grade(evidence: int, agreement: int = 0, *, refused: bool = False) -> Grade:
    """Return the grade of an estimate; see `ESTIMATE_RULES`.

    Parameters
    ----------
    evidence : int
        Of `evidence_level`.
    agreement : int
        Of `agreement_level`, or of what its own checks found.
    refused : bool
        Whether its status is refused: it stays so.
    """
    words = REFUSED if refused else GRADES[min(evidence + agreement, len(GRADES) - 1)]
    return Grade(words, evidence, agreement)


def grades(evidence: int, decades_beyond: ArrayLike) -> tuple[str, ...]:
    """Return the grade of statements so many decades beyond the runs.

    Parameters
    ----------
    evidence : int
        Of `evidence_level`, or `ASSUMED`.
    decades_beyond : (k,) float
        Not positive within the runs.
    """
    far = np.searchsorted(DECADE_STEPS, np.atleast_1d(np.asarray(decades_beyond, dtype=np.float64)), side="left")
    return tuple(GRADES[step] for step in np.minimum(evidence + far, len(GRADES) - 1).tolist())


def counted(records: Sequence[Mapping[str, Any]]) -> str:
    """Return how many records there are of each grade, the best first, in words."""
    found = [confidence_of(record) for record in records]
    return ", ".join(f"{found.count(name)} {name}" for name in (*GRADES, UNGRADED, REFUSED) if name in found)


def confidence_of(record: Mapping[str, Any]) -> str:
    """Return the confidence in a record of kappa.json, gamma.json or a forecast; `UNGRADED` where it holds none.

    An estimate holds its grade with both axes, a forecast the word alone.
    """
    told = record.get("grade")
    if not told:
        return REFUSED if record["status"] == REFUSED else UNGRADED
    return told if isinstance(told, str) else str(told["confidence"])
