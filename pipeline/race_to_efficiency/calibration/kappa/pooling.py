"""Who speaks in a pool of kappa, by one rule, and what the families that speak say together.

The rule. A group is JUDGED when its fit is identified: not refused, enough runs over at least a decade of compute that
reach the common pivot (a floor form: a floor that is seen). A judged group is ADMITTED when its runs are tuned for the
compute they have and its own cut-offs do not contradict the form. A family SPEAKS when more than half of its judged
groups are admitted, and speaks through those; families of one laboratory count as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.random_effects import RandomEffects

if TYPE_CHECKING:
    from collections.abc import Sequence

ADMITTED, REFUSED, NOT_IDENTIFIED, UNTUNED, CONTRADICTED, MINORITY = (
    "admitted",
    "refused",
    "not_identified",
    "untuned",
    "contradicted_by_cutoff",
    "minority_of_family",
)
"""What the rule says of a group."""

INDEPENDENT_FAMILIES = 5
"""Below it the spread between families is as much the prior's as theirs: a pool is weak."""


@dataclass(frozen=True)
class FamilyEffect:
    """What one independent family says.

    Parameters
    ----------
    family, laboratory : str
        Joined by ``+`` where families of one laboratory count as one.
    value, stderr : float
    groups : tuple of str
    """

    family: str
    laboratory: str
    value: float
    stderr: float
    groups: tuple[str, ...]


def family_effect(
    family: str, laboratory: str, groups: Sequence[str], values: Sequence[float], stderrs: Sequence[float]
) -> FamilyEffect:
    """Average what is not independent; errors count as shared (one grid, one evaluation), so they do not shrink.

    The spread between the values is added to the variance of the average.
    """
    effects = np.asarray(values, dtype=np.float64)
    spread = float(effects.var(ddof=1)) / len(effects) if len(effects) > 1 else 0.0
    variance = float(np.mean(np.square(stderrs))) + spread
    return FamilyEffect(family, laboratory, float(effects.mean()), float(np.sqrt(variance)), tuple(groups))


def by_laboratory(families: Sequence[FamilyEffect]) -> list[FamilyEffect]:
    """Return one effect a laboratory."""
    laboratories: dict[str, list[FamilyEffect]] = {}
    for item in families:
        laboratories.setdefault(item.laboratory, []).append(item)
    return [
        items[0]
        if len(items) == 1
        else family_effect(
            "+".join(item.family for item in items),
            laboratory,
            [group for item in items for group in item.groups],
            [item.value for item in items],
            [item.stderr for item in items],
        )
        for laboratory, items in laboratories.items()
    ]


@dataclass(frozen=True)
class Pooled:
    """What independent families say together.

    Parameters
    ----------
    families : tuple of FamilyEffect
    effects : RandomEffects
    left_out : tuple of (str, float, float, bool)
        Family, the 95 % interval of a new family by the others, and whether it holds the family.
    """

    families: tuple[FamilyEffect, ...]
    effects: RandomEffects
    left_out: tuple[tuple[str, float, float, bool], ...]

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest family."""
        values = [item.value for item in self.families]
        return min(values), max(values)

    @property
    def range_level(self) -> float:
        """Chance that a new exchangeable family falls inside the range: (k - 1)/(k + 1)."""
        return (len(self.families) - 1) / (len(self.families) + 1)

    @property
    def coverage_left_out(self) -> float | None:
        """Share of families the others' new-family interval holds; None with fewer than three families."""
        return float(np.mean([covered for *_, covered in self.left_out])) if self.left_out else None


def pool(families: Sequence[FamilyEffect], tau_scale: float) -> Pooled:
    """Pool independent families.

    Parameters
    ----------
    families : sequence of FamilyEffect
        At least two.
    tau_scale : float
        Scale of the prior of the spread between families.

    Raises
    ------
    ValueError
        With fewer than two families, or a standard error that is not positive.
    """
    left_out = []
    for item in families if len(families) >= 3 else ():
        low, high = _together([other for other in families if other is not item], tau_scale).prediction(0.95)
        left_out.append((item.family, low, high, low <= item.value <= high))
    return Pooled(tuple(families), _together(families, tau_scale), tuple(left_out))


def _together(families: Sequence[FamilyEffect], tau_scale: float) -> RandomEffects:
    return RandomEffects.of([item.value for item in families], [item.stderr for item in families], tau_scale)
