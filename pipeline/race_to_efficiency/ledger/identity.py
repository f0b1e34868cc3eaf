"""Which id a publisher's row is: by the names an id has had, through the reviewed alias table, or a new one."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.ledger.lines import slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from race_to_efficiency.ledger.history import History, Version
    from race_to_efficiency.ledger.importers.parsed import ParsedRow


MAX_ID_CHARACTERS = 120
"""Longest id made from a name; the name itself is kept whole."""


@dataclass
class Identities:
    """The ids of a delivery's rows.

    Parameters
    ----------
    by_line : dict of int to str
        Id of each row, by its line.
    unmatched : list of ParsedRow
        Rows whose name nobody has had: new, or renamed.
    flags : list of dict
    """

    by_line: dict[int, str] = field(default_factory=dict)
    unmatched: list[ParsedRow] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)


class Names:
    """Names that mean one thing: the names an id has had, and the pairs of the alias table."""

    def __init__(self, history: History, aliases: Iterable[Mapping[str, str]]) -> None:
        self.history = history
        self.linked: dict[str, set[str]] = defaultdict(set)
        for alias in aliases:
            self.linked[alias["old_name"]].add(alias["new_name"])
            self.linked[alias["new_name"]].add(alias["old_name"])

    def ids(self, name: str) -> list[str]:
        """Return the ids a name may mean, the nearest first: its own, then those of aliases, breadth first."""
        found: list[str] = []
        seen, waiting = {name}, deque([name])
        while waiting:
            current = waiting.popleft()
            found += [row_id for row_id in self.history.names.get(current, ()) if row_id not in found]
            for other in sorted(self.linked.get(current, ())):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return found


def identify(rows: Sequence[ParsedRow], names: Names, live: Mapping[str, Version]) -> Identities:
    """Return the id of every row that has one; two rows never share an id.

    Parameters
    ----------
    rows : sequence of ParsedRow
    names : Names
    live : Mapping of str to Version
        What was in force before the delivery.
    """
    column = names.history.table.name_column
    identities = Identities()
    taken: dict[str, ParsedRow] = {}
    options = {row.line: names.ids(row.name) for row in rows}

    def rank(row: ParsedRow) -> int:
        """Rows that bear an id's present name choose before rows that bear an old one."""
        present = any(row_id in live and live[row_id].cells[column] == row.name for row_id in options[row.line])
        return 0 if present else 1

    for row in sorted(rows, key=rank):
        ordered = sorted(options[row.line], key=lambda row_id: _preference(row_id, row, live, column))
        free = [row_id for row_id in ordered if row_id not in taken]
        if free:
            taken[free[0]] = row
            identities.by_line[row.line] = free[0]
            continue
        if ordered:
            other = taken[ordered[0]]
            why = f"line {other.line} ('{other.name}') is that id already: this row is taken as another product"
            identities.flags.append(
                {"kind": "name_reused", "id": ordered[0], "name": row.name, "line": row.line, "why": why}
            )
        identities.unmatched.append(row)
    identities.unmatched.sort(key=lambda row: row.line)
    return identities


def _preference(row_id: str, row: ParsedRow, live: Mapping[str, Version], column: str) -> int:
    if row_id not in live:
        return 2
    return 0 if live[row_id].cells[column] == row.name else 1


def new_ids(rows: Iterable[ParsedRow], taken: set[str]) -> dict[int, str]:
    """Return a fresh id for each row: the slug of its name, numbered where that is taken."""
    ids: dict[int, str] = {}
    for row in rows:
        base = slug(row.name)[:MAX_ID_CHARACTERS].strip("-") or "row"
        number, made = 1, base
        while made in taken:
            number += 1
            made = f"{base}-{number}"
        taken.add(made)
        ids[row.line] = made
    return ids
