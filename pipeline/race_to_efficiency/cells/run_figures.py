"""The figures of training runs, row by row: which rows can be used, and what the figures say of one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.cells.numbers import SeveralNumbersError
from race_to_efficiency.cells.physical import SUMMARY
from race_to_efficiency.cells.run_columns import DIMENSIONS
from race_to_efficiency.cells.text import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.cells.table import Table

SCALES = ("params", "tokens", "compute_flop")

MOST_VALUE = {"params": 1e16, "tokens": 1e19, "compute_flop": 1e32, "loss": 30.0}
"""Figures beyond any run, loss in nats a token: a cell above them is wrong (a uniform guess costs some 12 nats)."""

_DISAGREE = 0.7
"""Spread of ln(C/6ND) above which the columns contradict one another: beyond any way of counting FLOP."""

_CONSTANT, _SAME = 5e-3, 0.02
"""A ratio that varies less than rounding to three digits does is one of definition; one this near 1 is 6 N D."""

_NEAR, _FAR = 3.3, 15.0
"""Attention and embeddings move C/6ND by less than the first; ways of counting FLOP by less than the second."""

SEVERAL = SeveralNumbersError("several numbers").said
EMPTY, LACKING = "the cell is empty", "two of params, tokens, compute_flop"
"""Rules that a row breaks which does not state enough."""


class UnusableRow(NamedTuple):
    """A row that cannot be used: where, the cell as it stands, the rule it breaks, and what to do."""

    line: int
    column: str
    value: str
    rule: str
    remedy: str


@dataclass(frozen=True)
class Figures:
    """The figures of a table's rows.

    Parameters
    ----------
    value : dict of str to (n,) float
        By figure; NaN where a row does not state it.
    good : (n,) bool
        Rows with a loss and with compute, or two of params, tokens and compute.
    wrong : tuple of UnusableRow
        One for each other row of the file, those included that cannot be read as rows.
    notes : tuple of str
    """

    value: dict[str, Floats]
    good: NDArray[np.bool_]
    wrong: tuple[UnusableRow, ...]
    notes: tuple[str, ...] = field(default=())


def read_figures(table: Table, columns: Mapping[str, str], *, most: Mapping[str, float] = MOST_VALUE) -> Figures:
    """Read params, tokens, compute_flop and loss of every row; a bad row never takes a good one with it.

    Parameters
    ----------
    table : Table
    columns : mapping of str to str
        Figure -> column or expression, as `run_columns.find_figures` finds them.
    most : mapping of str to float
        Largest value of each figure.
    """
    value: dict[str, Floats] = {}
    rules: dict[str, dict[int, str]] = {}
    notes: list[str] = []
    for name, expression in columns.items():
        found = table.numbers(expression, DIMENSIONS[name])
        notes += [f"{name}: {note}" for note in found.notes]
        value[name], rules[name] = found.value, dict(found.problems)
        with np.errstate(invalid="ignore"):
            for rule, broken in (("not positive", value[name] <= 0), ("beyond any run", value[name] > most[name])):
                rules[name] |= dict.fromkeys(np.flatnonzero(broken).tolist(), rule)
        if rules[name]:
            value[name] = value[name].copy()
            value[name][list(rules[name])] = np.nan
    known = {name: np.isfinite(values) for name, values in value.items()}
    stated = [known[name] for name in SCALES if name in known]
    good = known["loss"] & (np.sum(stated, axis=0, dtype=np.int8) >= 2)
    good |= known["loss"] & known.get("compute_flop", np.zeros(len(table), dtype=bool))
    for name in known:
        mistaken = [row for row, rule in rules[name].items() if rule != MISSING]
        good[mistaken] = False
    wrong = [_finding(table, columns, rules, row) for row in np.flatnonzero(~good).tolist()]
    wrong += [
        UnusableRow(
            record.line,
            "",
            ", ".join(record.cells)[:200],
            record.problem,
            _REMEDIES.get(record.problem, "correct the line"),
        )
        for record in table.unread
    ]
    return Figures(value, good, tuple(sorted(wrong)), tuple(notes))


def _finding(table: Table, columns: Mapping[str, str], rules: Mapping[str, dict[int, str]], row: int) -> UnusableRow:
    """Return why one row cannot be used: a cell that is wrong, or what is missing."""
    line = int(table.line[row])
    broken = {name: rules[name][row] for name in columns if row in rules[name]}
    order = ["loss", *SCALES]
    for name in sorted(broken, key=lambda name: (broken[name] == MISSING, order.index(name))):
        text = _cell(table, columns[name], row)
        if broken[name] != MISSING:
            return UnusableRow(
                line, name, text, broken[name], _REMEDIES.get(broken[name], "write a plain number, e.g. 7e9")
            )
        if name == "loss":
            return UnusableRow(line, name, text, EMPTY, "fill it in, or leave the row out")
    missing = next(name for name in reversed(SCALES) if name in columns)
    return UnusableRow(
        line,
        missing,
        _cell(table, columns[missing], row),
        LACKING,
        "fill the cell in (merged cells: with that above it), or leave the row out",
    )


_REMEDIES = {
    "not positive": "correct the figure, or leave the row out",
    SUMMARY: "none is needed: it is left out",
    SEVERAL: "write one of them, or each in a column of its own",
    "beyond any run": "is it in the unit of the column? correct it, or leave the row out",
}


def _cell(table: Table, expression: str, row: int) -> str:
    """Return the cell behind a figure, as it stands."""
    place = next(int(part) for _, part in table.parts(expression) if not isinstance(part, float))
    return str(table.column(place)[row])


def implied_compute(params: ArrayLike, tokens: ArrayLike) -> Floats:
    """Return the compute of training, FLOP: about 6 a parameter and token.

    References
    ----------
    Kaplan et al. (2020), arXiv 2001.08361.
    """
    with np.errstate(over="ignore"):
        return np.asarray(6.0 * np.asarray(params) * np.asarray(tokens))


@dataclass(frozen=True)
class ComputeRatio:
    """How compute stands to 6 params tokens over a table's rows.

    Parameters
    ----------
    middle : float
        Median of compute/(6 params tokens).
    spread : float
        Standard deviation of its logarithm.
    """

    middle: float
    spread: float

    @property
    def constant(self) -> bool:
        """Whether it is one number in all rows, up to rounding."""
        return self.spread < _CONSTANT

    @property
    def doubt(self) -> str:
        """Why the columns contradict one another; empty when they do not."""
        if self.spread <= _DISAGREE:
            return ""
        return f"compute_flop/(6 params tokens) scatters by a factor {np.exp(self.spread):.2g}: columns disagree"

    @property
    def remark(self) -> str:
        """What a reader should look at: another unit, or another count of FLOP a parameter and token."""
        if self.doubt:
            return ""
        if self.constant and 1.0 / _FAR < self.middle < _FAR:
            same = abs(self.middle - 1.0) < _SAME
            return "" if same else f"compute_flop is {self.middle:.3g} x 6 params tokens in all rows: {self._count}"
        near = 1.0 / _NEAR < self.middle < _NEAR
        return "" if near else f"compute_flop is {self.middle:.3g} x 6 params tokens: is it in FLOP?"

    @property
    def _count(self) -> str:
        passes = "a forward pass alone" if abs(6 * self.middle - 2) < _SAME else "counted another way"
        return f"it is {6 * self.middle:.3g} params tokens, {passes}; kappa does not depend on the factor, A does"


def compute_ratio(params: Floats, tokens: Floats, compute_flop: Floats) -> ComputeRatio | None:
    """Return how compute stands to 6 params tokens; None where no row states all three."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        logs = np.log(compute_flop) - np.log(6.0 * params * tokens)
    logs = logs[np.isfinite(logs)]
    return ComputeRatio(float(np.exp(np.median(logs))), float(np.std(logs))) if len(logs) else None
