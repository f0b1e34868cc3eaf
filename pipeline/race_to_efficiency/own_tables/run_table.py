"""The usable rows of an analyst's table of training runs, with an account of the others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RunTable:
    """Rows of the file that can be used.

    Parameters
    ----------
    name : str
        The file's name.
    n_read : int
        Data rows in the file.
    lines : (n,) int
        1-based line of each usable row.
    names : (n,) tuple of str
        The run's own name, or ``line N``.
    quantities : mapping of str to (n,) float
        Of params, tokens, compute_flop, loss: those the file gives or implies.
    cells : mapping of str to tuple of str
        All columns of the usable rows, as text.
    set_aside : list of mapping
        file, line, column, value, rule, remedy of each row left out as unreadable.
    excluded : tuple of (str, str)
        Run and reason of each row left out on request or as a repetition.
    notes : tuple of str
        What was assumed or derived, in words.
    n_not_sampled : int
        Usable rows a random sample of a long table left out.
    """

    name: str
    n_read: int
    lines: NDArray[np.int64]
    names: tuple[str, ...]
    quantities: dict[str, Floats]
    cells: dict[str, tuple[str, ...]]
    set_aside: list[dict[str, Any]] = field(default_factory=list)
    excluded: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    n_not_sampled: int = 0

    def __len__(self) -> int:
        return len(self.lines)

    def noting(self, *words: str) -> RunTable:
        """Return the table with further notes."""
        return replace(self, notes=(*self.notes, *words))

    def replacing(self, quantities: dict[str, Floats]) -> RunTable:
        """Return the table with other quantities."""
        return replace(self, quantities=quantities)

    def sampled(self, most: int, *, seed: int) -> RunTable:
        """Return at most ``most`` rows, drawn at random without replacement, in their order, and say so."""
        if len(self) <= most:
            return self
        generator = np.random.default_rng(np.random.SeedSequence([seed, len(self)]))
        keep = np.sort(generator.choice(len(self), most, replace=False))
        words = f"fitted to {most:,} of {len(self):,} rows, drawn at random: exact leave-one-out takes no more"
        return replace(self._kept(keep), n_not_sampled=len(self) - most).noting(words)

    def without(self, rows: NDArray[np.intp], reasons: Sequence[str]) -> RunTable:
        """Return the table without some rows, each with its reason."""
        left_out = tuple((self.names[k], why) for k, why in zip(rows, reasons, strict=True))
        kept = self._kept(np.setdiff1d(np.arange(len(self)), rows))
        return replace(kept, excluded=(*self.excluded, *left_out))

    def _kept(self, keep: NDArray[np.intp]) -> RunTable:
        return replace(
            self,
            lines=self.lines[keep],
            names=tuple(self.names[k] for k in keep),
            quantities={name: values[keep] for name, values in self.quantities.items()},
            cells={name: tuple(values[k] for k in keep) for name, values in self.cells.items()},
        )
