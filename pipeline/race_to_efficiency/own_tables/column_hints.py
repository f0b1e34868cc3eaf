"""Options that name a figure's column, found in what the cells hold where no name says it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.cells.numbers import number
from race_to_efficiency.cells.run_columns import OTHER_UNITS, SPELLINGS, key
from race_to_efficiency.cells.scales import SUFFIXES, without_counted
from race_to_efficiency.cells.text import CellError
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from race_to_efficiency.cells.table import Table

_LOOKED_AT = 200
_VALUES = frozenset(["value", "values", "score", "result"])
_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])\d+(?:[.p]\d+)?[kmbt](?:tok\w*|par\w*|p)?(?![a-z0-9])", re.IGNORECASE)
_MOST_NAMES = 0.8
"""Share of a column's cells that must hold a size before it is a column of names with sizes."""
_OF_DATA = ("token", "data", "corpus")
_OF_NEITHER = ("batch", "vocab", "seq", "context", "step")
"""Parts of names whose suffixed counts are no sizes of models, or none of data either."""


def hints(figure: str, table: Table, taken: Collection[str]) -> list[Words]:
    """Return options for counts in columns of other names (Model: 1.4B) and a loss in a table of metrics and values.

    Parameters
    ----------
    figure : str
        Of `SPELLINGS`.
    table : Table
    taken : collection of str
        Columns that are another figure.
    """
    places = [place for place, name in enumerate(table.header) if name not in taken and table.header.count(name) == 1]
    if figure in ("params", "tokens"):
        named = [table.header[place] for place in places]
        of_data = {name for name in named if any(part in name.lower() for part in _OF_DATA)}
        named = [name for name in named if (name in of_data) == (figure == "tokens")]
        return [Words(Option("columns", name, figure)) for name in named if _counts(table, name)]
    return list(_of_metrics(table, places)) if figure == "loss" else []


class SizesInNames(NamedTuple):
    """A column of names that hold sizes, and one of them."""

    column: str
    example: str


def sizes_in_names(table: Table) -> SizesInNames | None:
    """Return the column whose names hold the runs' sizes (gpt-1.3B-26Btok); None where no column does."""
    for place, name in enumerate(table.header):
        cells = [cell for cell in table.texts_at(place)[:_LOOKED_AT].tolist() if cell]
        held = [cell for cell in cells if _SIZE_IN_NAME.search(cell) and not cell[0].isdigit()]
        if cells and len(held) >= _MOST_NAMES * len(cells) and len(set(held)) > 1:
            return SizesInNames(name, held[0])
    return None


def _counts(table: Table, name: str) -> bool:
    """Return whether a column holds counts with suffixes and nothing else: 70M, 1.4B."""
    cells = [cell for cell in table.texts(name)[:_LOOKED_AT].tolist() if cell]
    if not cells or any(part in name.lower() for part in _OF_NEITHER):
        return False
    try:
        found = [number(cell, decimal=table.decimal) for cell in cells]
    except CellError:
        return False
    return all(one is not None and without_counted(one.unit.lower()) in SUFFIXES for one in found)


def _of_metrics(table: Table, places: list[int]) -> Iterator[Words]:
    """Yield the column of values, with the metric that is a loss where there are others."""
    values = next((table.header[place] for place in places if key(table.header[place]) in _VALUES), None)
    for place in places if values else ():
        metrics = dict.fromkeys(table.texts_at(place).tolist())
        for metric in metrics:
            unit = "" if key(metric) in SPELLINGS["loss"] else OTHER_UNITS.get(key(metric))
            if unit is None or len(key(metric)) < 3:
                continue
            named = [Option("columns", values, "loss")]
            named += [Option("loss_unit", unit)] if unit else []
            named += [Option("where", f"{table.header[place]} == {metric}")] if len(metrics) > 1 else []
            yield Words(*named)
