"""How far a statement of loss may be relied on: one grade from two axes, what it rests on and how far it reaches.

Evidence counts steps away from runs that lie on one law: how they scatter about it, and whether the fit passes its
gate. Distance counts steps beyond the compute of those runs. The two add up: a good fit far off is as weak as a poor
one near.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    "one step away: scatter up to 3 %, or a fit that is weak, or up to a decade beyond",
    "two steps away: scatter up to 10 %, or up to three decades beyond, or one step of each kind",
    "three steps away: more scatter, or an assumption, or more than three decades beyond, or steps of both kinds",
    "four steps or more: far beyond any run, on a fit that is weak too",
)
"""What each grade says, in words."""

ASSUMED = len(SCATTER_STEPS)
"""Evidence of what was assumed and not estimated: that of the widest scatter."""


def evidence_level(*, sound: bool, scatter: float | None = None) -> int:
    """Return the steps that the evidence of a fit is away from the best, 0 to 3.

    Parameters
    ----------
    sound : bool
        Whether the fit passes its gate: its status is trusted.
    scatter : float or None
        Residual sd of ln(loss); None for what is pooled from several fits.
    """
    level = 0 if scatter is None else int(np.searchsorted(SCATTER_STEPS, scatter, side="right"))
    return max(level, 0 if sound else 1)


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
