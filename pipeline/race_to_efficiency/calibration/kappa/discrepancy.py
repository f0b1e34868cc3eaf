"""How far a law is off beyond the runs it was fitted to: an error of ln(loss) that grows with decades of compute.

Every family was fitted below cut-offs of its own compute and predicted above them. What those errors hold beyond the
scatter of single runs says by how much a decade the law was off there. A new family's law is off by a slope of unknown
sign and of the size the families show; for the runs of one of these families the others alone speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.arrays import Floats

NORMAL_MEDIAN = 0.6744897501960817
"""Median of the absolute value of a standard normal variable."""

LEAST_DECADES = 0.25
"""A cut-off counts when its largest run lies at least this far beyond: nearer, a slope is scatter over nothing."""

LEVELS, COVERED = (0.8, 0.95), ("covered_80", "covered_95")
"""Levels at which each family is held against the others, and what the answers are called."""


def excess_per_decade(error: Floats, decades: Floats, residual_sd: float) -> float:
    """Return by how much a decade a law was off beyond one cut-off: the least-squares line through the origin.

    Parameters
    ----------
    error : (n,) float
        ln(observed) - ln(predicted) of the runs beyond.
    decades : (n,) float
        log10 of their compute over the largest fitted.
    residual_sd : float
        Of ln(loss), of the runs fitted.

    Returns
    -------
    float
        ln(loss) per decade, not negative.

    Notes
    -----
    If error = b decades + scatter, then E[error^2] - residual_sd^2 = b^2 decades^2: weighted by 1/decades^2, the
    regression of the excess on decades^2 through the origin is the ratio of their sums. The error of the fitted
    parameters is in it, so that an interval which also carries that error is a little too wide rather than too narrow.
    """
    reach = float(decades @ decades)
    if reach == 0.0:
        return 0.0
    return float(np.sqrt(max(float(error @ error) - len(error) * residual_sd**2, 0.0) / reach))


@dataclass(frozen=True)
class FamilyError:
    """What the cut-offs of one family say: independent of the other families', not of one another.

    Parameters
    ----------
    family : str
    groups : tuple of str
    n_cutoffs : int
    per_decade : float
        ln(loss) per decade: root mean square over its groups, and within each over its cut-offs.
    """

    family: str
    groups: tuple[str, ...]
    n_cutoffs: int
    per_decade: float


@dataclass(frozen=True)
class Discrepancy:
    """The error of a form beyond its runs, as the families' cut-offs show it.

    Parameters
    ----------
    form : str
    families : tuple of FamilyError
        At least one.
    """

    form: str
    families: tuple[FamilyError, ...]

    @classmethod
    def of(cls, form: str, cutoffs: Iterable[tuple[str, str, float]]) -> Discrepancy | None:
        """Return the discrepancy that cut-offs show; None where there are none.

        Parameters
        ----------
        form : str
        cutoffs : iterable of (str, str, float)
            Family, group, and `excess_per_decade` of each cut-off.
        """
        found: dict[str, dict[str, list[float]]] = {}
        for family, group, per_decade in cutoffs:
            found.setdefault(family, {}).setdefault(group, []).append(per_decade**2)
        families = tuple(
            FamilyError(
                family,
                tuple(groups),
                sum(map(len, groups.values())),
                float(np.sqrt(np.mean([np.mean(squares) for squares in groups.values()]))),
            )
            for family, groups in found.items()
        )
        return cls(form, families) if families else None

    def without(self, name: str) -> Discrepancy | None:
        """Return what the other families say of a family, or of the family of a group; None where there is no other."""
        others = tuple(item for item in self.families if name != item.family and name not in item.groups)
        return Discrepancy(self.form, others) if others else None

    @property
    def sd_per_decade(self) -> float:
        """Standard deviation of the error of ln(loss) a decade beyond the runs.

        References
        ----------
        Rousseeuw & Croux (1993), Alternatives to the median absolute deviation, JASA 88: the median absolute deviation
        about a known centre, here 0, over that of a normal variable. Half of the families may be as far off as they
        like. Kennedy & O'Hagan (2001), Bayesian calibration of computer models, JRSS B 63: an error of the form itself
        belongs into a prediction.
        """
        return float(np.median([item.per_decade for item in self.families])) / NORMAL_MEDIAN

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the error of a new family: the scale rests on so many families."""
        return float(len(self.families))

    def left_out(self) -> list[dict[str, Any]]:
        """Return, for each family, what the others say and whether their intervals hold it."""
        from scipy.special import stdtrit

        rows = []
        for item in self.families:
            others = self.without(item.family)
            if others is None:
                continue
            ends = [others.sd_per_decade * float(stdtrit(others.degrees, 0.5 + level / 2.0)) for level in LEVELS]
            covered = [item.per_decade <= end for end in ends]
            rows.append(
                {
                    "family": item.family,
                    "sd_per_decade": others.sd_per_decade,
                    **dict(zip(COVERED, covered, strict=True)),
                }
            )
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON-ready mapping."""
        left_out = self.left_out()
        shares = {name: float(np.mean([row[name] for row in left_out])) if left_out else None for name in COVERED}
        return {
            "form": self.form,
            "sd_per_decade": self.sd_per_decade,
            "degrees": self.degrees,
            "estimator": "median_absolute_deviation_about_zero_over_families",
            "families": [{**vars(item), "groups": list(item.groups)} for item in self.families],
            "left_out": left_out,
            **shares,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Discrepancy:
        """Rebuild the discrepancy from `to_json`'s mapping.

        Raises
        ------
        KeyError, TypeError, ValueError
            When a field is missing or is not what it should be.
        """
        families = tuple(
            FamilyError(
                str(item["family"]), tuple(map(str, item["groups"])), int(item["n_cutoffs"]), float(item["per_decade"])
            )
            for item in document["families"]
        )
        if not families or not all(0 <= item.per_decade < np.inf for item in families):
            raise ValueError("a discrepancy needs families, each with an error per decade that is not negative")
        return cls(str(document["form"]), families)
