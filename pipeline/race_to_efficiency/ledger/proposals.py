"""Renames, proposed and never assumed: one maker, and a name or figures that are near.

A publisher's table has no key, so a row that goes and a row that comes may be one product. Pairs are scored on what
the two names share and on how many figures agree, the best assignment is taken as a whole, and a pair that another
could replace almost as well is not proposed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from race_to_efficiency.ledger.names import contradictory, name_similarity, pieces, share_of_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from race_to_efficiency.ledger.import_records import ProposedRename
    from race_to_efficiency.ledger.metadata import Table

NEAR_NAME = 0.85
TELLING_NAME = 0.5
NEAR_FIGURES = 0.75
ENOUGH_FIGURES = 4
SHARED_PIECES = 0.4
NEAR_TOGETHER = 1.0
MARGIN = 0.08
TOLERANCE = 0.01
MAKERS = {"accelerators": "manufacturer", "notable_training_runs": "organization"}
"""The column that must agree, by table."""


@dataclass(frozen=True)
class RenameEnd:
    """One end of a rename: an id or a new row, its name and its texts."""

    key: str
    name: str
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Proposal:
    """A rename: what the two ends share and what changed between them."""

    old: RenameEnd
    new: RenameEnd
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

    def to_json(self, *, accepted: bool, basis: str) -> ProposedRename:
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


def what_they_share(table: Table, old: RenameEnd, new: RenameEnd) -> Proposal:
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


def propose(table: Table, gone: Sequence[RenameEnd], come: Sequence[RenameEnd]) -> list[Proposal]:
    """Return the renames between rows that went and rows that came.

    Parameters
    ----------
    table : Table
    gone, come : sequence of Side
    """
    import numpy as np

    if not gone or not come:
        return []
    pairs = {(i, j): what_they_share(table, gone[i], come[j]) for i, j in _candidates(table, gone, come)}
    scores = np.full((len(gone), len(come)), -9.0)
    for (i, j), pair in pairs.items():
        scores[i, j] = pair.score if is_near(pair) else -9.0
    if scores.max() <= -9.0:  # nothing is near, as in most deliveries: no reason to load an optimiser
        return []
    from scipy.optimize import linear_sum_assignment

    chosen = []
    for i, j in zip(*linear_sum_assignment(-scores), strict=True):
        others = np.concatenate([np.delete(scores[i], j), np.delete(scores[:, j], i)])
        if scores[i, j] > -9.0 and scores[i, j] - max(others.max(initial=-9.0), -9.0) >= MARGIN:
            chosen.append(pairs[int(i), int(j)])
    return sorted(chosen, key=lambda pair: pair.old.key)


def _candidates(table: Table, gone: Sequence[RenameEnd], come: Sequence[RenameEnd]) -> Iterator[tuple[int, int]]:
    """Yield the pairs worth a close look: one maker, and names or figures that have something in common."""
    equal, compared = _agreement(table, gone, come)
    alike = (equal >= ENOUGH_FIGURES) & (equal >= NEAR_FIGURES * compared)
    column = MAKERS.get(table.name, "")
    old_makers, new_makers = ([side.cells.get(column, "") for side in sides] for sides in (gone, come))
    old_pieces, new_pieces = (
        [pieces(side.name, maker) for side, maker in zip(sides, makers, strict=True)]
        for sides, makers in ((gone, old_makers), (come, new_makers))
    )
    for i, maker in enumerate(old_makers):
        for j, other in enumerate(new_makers):
            if _one_maker(maker, other) and (
                alike[i, j] or share_of_pieces(old_pieces[i], new_pieces[j]) >= SHARED_PIECES
            ):
                yield i, j


def _agreement(
    table: Table, gone: Sequence[RenameEnd], come: Sequence[RenameEnd]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for every pair, how many figures agree and how many both sides state."""
    import numpy as np

    equal = np.zeros((len(gone), len(come)), dtype=np.int64)
    compared = np.zeros_like(equal)
    for column in table.facts:
        if not column.numeric and column.kind != "date":
            continue
        read = _figure if column.numeric else _day
        a, b = (np.array([read(side.cells.get(column.name, "")) for side in sides]) for sides in (gone, come))
        both = np.isfinite(a)[:, None] & np.isfinite(b)[None, :]
        tolerance = TOLERANCE if column.numeric else 0.0
        with np.errstate(invalid="ignore"):
            near = np.abs(a[:, None] - b[None, :]) <= tolerance * np.maximum(np.abs(a)[:, None], np.abs(b)[None, :])
        equal += both & near
        compared += both
    return equal, compared


def _figure(text: str) -> float:
    """Return a number; NaN for the empty text."""
    return float(text) if text else float("nan")


def _day(text: str) -> float:
    """Return an ISO date as the number its digits make; NaN for the empty text."""
    return _figure(text.replace("-", ""))


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


@lru_cache(maxsize=20_000)
def _one_maker(old: str, new: str) -> bool:
    a, b = _makers(old), _makers(new)
    return not a or not b or any(x.startswith(y) or y.startswith(x) for x in a for y in b)


@lru_cache(maxsize=2_000)
def _makers(text: str) -> frozenset[str]:
    return frozenset(re.sub(r"[^a-z0-9]+", "", part.lower()) for part in text.split(",")) - {""}


def _near(before: str, after: str) -> bool:
    a, b = float(before), float(after)
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b))
