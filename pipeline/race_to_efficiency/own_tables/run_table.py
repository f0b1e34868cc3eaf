"""The usable rows of an analyst's table of training runs, with an account of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.table import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.cells.table import Table


class Texts(Mapping[str, "NDArray[Any]"]):
    """The columns of some rows of a table as texts, each read when it is asked for.

    Parameters
    ----------
    table : Table
    rows : (n,) int, optional
        All rows when omitted.
    """

    def __init__(self, table: Table, rows: NDArray[np.intp] | None = None) -> None:
        self.table, self.rows = table, rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        if self.table.place(name) is None:
            raise KeyError(name)
        cells = self.table.texts(name)
        return cells if self.rows is None else cells[self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.header)

    def __len__(self) -> int:
        return len(self.table.header)

    def __contains__(self, name: object) -> bool:
        return name in self.table.header

    def n_different(self, name: str) -> int:
        """Return how many different cells a column has, without making texts of numbers."""
        cells = self.table.column(self.table.place(name) or 0)
        cells = cells if self.rows is None else cells[self.rows]
        if cells.dtype == object:
            return len(set(cells.tolist()))
        ordered = np.sort(cells)  # numpy's own unique hashes, which takes four times as long here
        return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1 if len(ordered) else 0

    def taken(self, rows: NDArray[np.intp]) -> Texts:
        """Return the same columns of some of the rows."""
        return Texts(self.table, rows if self.rows is None else self.rows[rows])


class LineNames(Sequence[str]):
    """Names of runs by their lines, made when they are asked for.

    Parameters
    ----------
    lines : (n,) int
    """

    def __init__(self, lines: NDArray[np.int64]) -> None:
        self.lines = lines

    def __getitem__(self, place: Any) -> Any:
        return f"line {self.lines[place]}"

    def __len__(self) -> int:
        return len(self.lines)


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
    names : (n,) sequence of str
        The run's own name, or ``line N``.
    quantities : mapping of str to (n,) float
        Of params, tokens, compute_flop, loss: those the file gives or implies.
    cells : Texts or mapping of str to (n,) object
        All columns of the usable rows, as text.
    set_aside : list of mapping
        file, line, column, value, rule, remedy of each row left out as unreadable.
    excluded : tuple of (str, str)
        Run and reason of each row left out on request or as a repetition.
    notes : tuple of str
        What was assumed or derived, in words.
    derived : frozenset of str
        Quantities that follow from two others, in some rows at least.
    loss_unit : str
        Unit of the loss: nats a token, or what its column says.
    group : str
        The group these rows are, of a table that is divided; empty for a whole table.
    """

    name: str
    n_read: int
    lines: NDArray[np.int64]
    names: Sequence[str]
    quantities: dict[str, Floats]
    cells: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    set_aside: list[dict[str, Any]] = field(default_factory=list)
    excluded: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()
    loss_unit: str = "nats/token"
    group: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def title(self) -> str:
        """The file's name without its endings, and the group: what ids are made of."""
        return f"{title_of(self.name)}.{self.group}" if self.group else title_of(self.name)

    def noting(self, *words: str) -> RunTable:
        """Return the table with further notes."""
        return replace(self, notes=(*self.notes, *words))

    def without(self, rows: NDArray[np.bool_], reasons: Sequence[str]) -> RunTable:
        """Return the table without the rows of a mask, each with its reason, in their order."""
        left_out = tuple((self.names[k], why) for k, why in zip(np.flatnonzero(rows).tolist(), reasons, strict=True))
        return replace(self.kept(~rows), excluded=(*self.excluded, *left_out))

    def divided(self, column: str) -> list[RunTable]:
        """Return the rows of each value of a column, in the order of the values; a row without one is left out."""
        labels = self.cells[column]
        unnamed = np.asarray(labels == "", dtype=np.bool_)
        reasons = [f"no {column}"] * int(unnamed.sum())
        whole = self.without(unnamed, reasons) if reasons else self
        labels = whole.cells[column]
        parts = [replace(whole.kept(np.asarray(labels == name)), group=str(name)) for name in np.unique(labels)]
        return [replace(part, excluded=()) if k else part for k, part in enumerate(parts)]

    def kept(self, rows: NDArray[np.bool_]) -> RunTable:
        """Return the rows of a mask."""
        if rows.all():
            return self
        index, names, cells = np.flatnonzero(rows), self.names, self.cells
        lines = self.lines[index]
        return replace(
            self,
            lines=lines,
            names=LineNames(self.lines[index])
            if isinstance(names, LineNames)
            else tuple(names[k] for k in index.tolist()),
            quantities={name: values[index] for name, values in self.quantities.items()},
            cells=cells.taken(index) if isinstance(cells, Texts) else {n: v[index] for n, v in cells.items()},
        )
