"""Renames, proposed and never assumed: one maker, and a name or figures that are near.

A publisher's table has no key, so a row that goes and a row that comes may be one product. Pairs are scored on what
the two names share and on how many figures agree, the best assignment is taken as a whole, and a pair that another
could replace almost as well is not proposed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.ledger.metadata import Table

NEAR_NAME = 0.85
TELLING_NAME = 0.5
NEAR_FIGURES = 0.75
ENOUGH_FIGURES = 4
NEAR_TOGETHER = 1.0
MARGIN = 0.08
TOLERANCE = 0.01
MAKERS = {"accelerators": "manufacturer", "notable_training_runs": "organization"}
"""The column that must agree, by table."""

_NOISE = frozenset({"gpu", "accelerator", "chip", "card", "the", "ai", "tm", "r"})


@dataclass(frozen=True)
class Side:
    """One end of a rename: an id or a new row, its name and its texts."""

    key: str
    name: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Proposal:
    """A rename: what the two ends share and what changed between them."""

    old: Side
    new: Side
    name_similarity: float
    equal: int
    different: int
    changed: dict[str, tuple[str, str]]

    @property
    def score(self) -> float:
        """Nearness of name and figures together; names that share little say nothing either way."""
        telling = self.name_similarity if self.name_similarity >= TELLING_NAME else 0.0
        return telling + figures_score(self.equal, self.different)

    @property
    def evidence(self) -> str:
        """One sentence for the alias table."""
        dates = [self.old.cells.get("released", ""), self.new.cells.get("released", "")]
        date = f"release date {dates[0] or 'unknown'}"
        date += " unchanged" if dates[0] == dates[1] else f" became {dates[1] or 'unknown'}"
        moved = ", ".join(f"{name} {old or 'empty'} -> {new or 'empty'}" for name, (old, new) in self.changed.items())
        return (
            f"same maker; name similarity {self.name_similarity:.2f}; {self.equal} figures equal, "
            f"{self.different} different; {date}" + (f"; changed: {moved}" if moved else "")
        )

    def to_json(self, *, accepted: bool, basis: str) -> dict[str, Any]:
        """Return the proposal as a JSON-ready mapping."""
        old, new = self.old.cells.get("released", ""), self.new.cells.get("released", "")
        return {
            "old_name": self.old.name,
            "new_name": self.new.name,
            "id": self.old.key,
            "accepted": accepted,
            "basis": basis,
            "name_similarity": round(self.name_similarity, 4),
            "figures_equal": self.equal,
            "figures_different": self.different,
            "released": {"old": old or None, "new": new or None, "changed": old != new},
            "changed": {name: {"old": a or None, "new": b or None} for name, (a, b) in self.changed.items()},
            "evidence": self.evidence,
        }


def compare(table: Table, old: Side, new: Side) -> Proposal:
    """Return what two rows share, whether or not they are near."""
    maker = MAKERS.get(table.name, "")
    makers = f"{old.cells.get(maker, '')} {new.cells.get(maker, '')}"
    equal = different = 0
    changed = {}
    for column in table.facts:
        before, after = old.cells.get(column.name, ""), new.cells.get(column.name, "")
        if before != after and column.name != table.name_column:
            changed[column.name] = (before, after)
        if before and after and (column.numeric or column.kind == "date"):
            same = _near(before, after) if column.numeric else before == after
            equal, different = equal + same, different + (not same)
    return Proposal(old, new, name_similarity(old.name, new.name, makers), equal, different, changed)


def propose(table: Table, gone: Sequence[Side], come: Sequence[Side]) -> list[Proposal]:
    """Return the renames between rows that went and rows that came.

    Parameters
    ----------
    table : Table
    gone, come : sequence of Side
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if not gone or not come:
        return []
    pairs = {
        (i, j): compare(table, old, new)
        for i, old in enumerate(gone)
        for j, new in enumerate(come)
        if same_maker(table, old, new)
    }
    scores = np.full((len(gone), len(come)), -9.0)
    for (i, j), pair in pairs.items():
        scores[i, j] = pair.score if is_near(pair) else -9.0
    chosen = []
    for i, j in zip(*linear_sum_assignment(-scores), strict=True):
        others = np.concatenate([np.delete(scores[i], j), np.delete(scores[:, j], i)])
        if scores[i, j] > -9.0 and scores[i, j] - max(others.max(initial=-9.0), -9.0) >= MARGIN:
            chosen.append(pairs[int(i), int(j)])
    return sorted(chosen, key=lambda pair: pair.old.key)


def is_near(pair: Proposal) -> bool:
    """Return whether the name, the figures, or both together are near enough to ask a person."""
    compared = pair.equal + pair.different
    alike = pair.equal >= ENOUGH_FIGURES and pair.equal >= NEAR_FIGURES * compared
    if contradictory(pair.old.name, pair.new.name):
        alike = alike and not pair.different
    return pair.name_similarity >= NEAR_NAME or alike or pair.score >= NEAR_TOGETHER


def figures_score(equal: int, different: int) -> float:
    """Return agreement of figures in (-1, 1): near 1 only when many agree and none differs."""
    return (equal - different) / (equal + different + 1)


def same_maker(table: Table, old: Side, new: Side) -> bool:
    """Return whether the makers agree; an unknown maker agrees with any."""
    column = MAKERS.get(table.name, "")
    a, b = (_makers(side.cells.get(column, "")) for side in (old, new))
    return not a or not b or any(x.startswith(y) or y.startswith(x) for x in a for y in b)


def _makers(text: str) -> set[str]:
    return {re.sub(r"[^a-z0-9]+", "", part.lower()) for part in text.split(",")} - {""}


def name_similarity(old: str, new: str, makers: str = "") -> float:
    """Return the likeness of two names in [0, 1], makers' words and the order of words aside.

    Names whose numbers contradict (RTX 4070, RTX 4080) are far apart however alike they look; a name that only adds
    to the other (B300, B300 (Blackwell Ultra)) is near.
    """
    a, b = _tokens(old, makers), _tokens(new, makers)
    if not a or not b:
        return 0.0
    if "".join(a) == "".join(b) or sorted(a) == sorted(b):
        return 1.0
    ratio = max(_ratio("".join(a), "".join(b)), _ratio("".join(sorted(a)), "".join(sorted(b))))
    numbers_a, numbers_b = _numbers(old), _numbers(new)
    if (set(a) <= set(b) or set(b) <= set(a)) and (numbers_a & numbers_b or not numbers_a | numbers_b):
        ratio = max(ratio, 0.9)
    return max(ratio - 0.4 if contradictory(old, new) else ratio, 0.0)


def contradictory(old: str, new: str) -> bool:
    """Return whether each name holds a number the other lacks: 4070 and 4080, 16 GB and 32 GB."""
    a, b = _numbers(old), _numbers(new)
    return bool(a - b and b - a)


def _numbers(name: str) -> set[str]:
    return set(re.findall(r"\d+", name))


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _tokens(name: str, makers: str) -> list[str]:
    words = re.findall(r"[a-z]+|\d+", name.lower())
    maker_words = {word for word in re.findall(r"[a-z]+", makers.lower()) if len(word) > 2}
    # names written without blanks carry their maker as a prefix
    bare = [next((w.removeprefix(m) for m in maker_words if w.startswith(m) and w != m), w) for w in words]
    kept = [word for word in bare if word not in maker_words | _NOISE]
    return kept or words


def _near(before: str, after: str) -> bool:
    a, b = float(before), float(after)
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))
