"""What an import would append: worked out in full before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.ledger.history import History, Version
from race_to_efficiency.ledger.identity import Names, identify, new_ids
from race_to_efficiency.ledger.importers.parsed import Parsed, ParsedRow, Problem
from race_to_efficiency.ledger.intake import Intake, check_lines
from race_to_efficiency.ledger.lines import ledger_value
from race_to_efficiency.ledger.listing import listed_rows
from race_to_efficiency.ledger.planned import Plan
from race_to_efficiency.ledger.proposals import Proposal, RenameEnd, propose, what_they_share
from race_to_efficiency.ledger.repeats import repeated_runs, split_rows
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.ledger.suspicion import MASS_WITHDRAWAL, frontiers, row_flags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.ledger.metadata import Table


class Planner:
    """Compares a delivery with the ledger as it stood on the day it counts from.

    Who stated a row first keeps it: another publisher's delivery fills its empty cells and changes no other, and what
    is no longer in a whole table is withdrawn only where the same publisher stated it last.
    """

    def __init__(
        self, parsed: Parsed, recorded: str, intake: Intake, aliases: list[dict[str, str]], known_sources: set[str]
    ) -> None:
        self.parsed = parsed
        self.table: Table = TABLES[parsed.table]
        self.history = History(parsed.table, intake.rows)
        self.aliases = aliases
        self.known = {"sources": known_sources | {source["source_id"] for source in parsed.sources}}
        self.before = self.history.live(recorded)
        self.plan = Plan(parsed, recorded, flags=list(parsed.flags))
        self.own = {parsed.source_id, *parsed.earlier_sources}
        self.frontier = frontiers(self.before.values())
        self.accepted: dict[int, str] = {}

    def work_out(self, *, accept_renames: bool, accept_withdrawals: bool = False, last_day: str | None = None) -> Plan:
        """Return the plan.

        Parameters
        ----------
        accept_renames : bool
            Make every proposed rename one version of one id.
        accept_withdrawals : bool
            Withdraw what is gone also where it is more than a fifth of the publisher's rows.
        last_day : str, optional
            Last day of the current quarter, to name the rows that fall after it.
        """
        ids = self._identify(accept_renames=accept_renames)
        for row in self.parsed.rows:
            ids[row.line] = ids.get(row.line, row.name)
        self._rows(ids)
        if self.parsed.whole_table:
            self._withdrawals(set(ids.values()), accepted=accept_withdrawals)
            self._restore_later_snapshots()
        plan = self.plan
        plan.lines.sort(key=lambda cells: (cells["recorded"], cells[self.table.key]))
        plan.new_rows = listed_rows(self.table, plan.lines, self.before, plan.recorded, last_day)
        fresh = [cells for cells in plan.lines if cells[self.table.key] not in self.before]
        gone = [self.before[item["id"]].cells for item in plan.withdrawals]
        plan.proposed_clusters = split_rows(self.table.name, self.table.key, gone, fresh)
        return plan

    # ids and renames

    def _identify(self, *, accept_renames: bool) -> dict[int, str]:
        """Return the id of each row, by line; record the renames found on the way."""
        if not self.table.name_column:
            return {}
        names = Names(self.history, self.aliases)
        identities = identify(self.parsed.rows, names, self.before)
        self.plan.flags += identities.flags
        ids = dict(identities.by_line)
        self._known_renames(ids)
        for proposal in self._proposals(identities.unmatched, ids, names):
            self.plan.proposed_renames.append(proposal.to_json(accepted=accept_renames, basis="proposed"))
            if accept_renames:
                self._accept(proposal, ids)
        ids |= new_ids(
            [row for row in identities.unmatched if row.line not in ids], set(self.history.versions) | set(ids.values())
        )
        return ids

    def _known_renames(self, ids: Mapping[int, str]) -> None:
        """List the rows whose id bore another name the day before: renames the alias table or the past has settled."""
        column = self.table.name_column
        for row in self.parsed.rows:
            version = self.before.get(ids.get(row.line, ""))
            if version and version.cells[column] != row.name:
                past = row.name in self.history.names
                proposal = what_they_share(
                    self.table, RenameEnd(version.row_id, version.cells[column], version.cells), self._side(row)
                )
                basis = "a name this id has had" if past else "alias table"
                self.plan.proposed_renames.append(proposal.to_json(accepted=True, basis=basis))

    def _proposals(self, unmatched: list[ParsedRow], ids: Mapping[int, str], names: Names) -> list[Proposal]:
        """Return the renames between ids no longer in the delivery and names nobody has had."""
        seen = set(ids.values()) | self._held_back(names)
        state = self.history.at(self.plan.recorded)
        mine = [(row_id, vs[0]) for row_id, vs in self.history.versions.items() if self._is_own(vs[0])]
        gone = [v for row_id, v in state.items() if row_id not in seen and self._is_own(v) and self._went_today(v)]
        later = [first for row_id, first in mine if row_id not in state and row_id not in seen]
        come = [self._side(row) for row in unmatched]
        today = [row for row in self.parsed.rows if self._came_today(ids.get(row.line, ""))]
        come += [RenameEnd(f"id {ids[row.line]}", row.name, row.cells) for row in today]
        column = self.table.name_column
        sides = [RenameEnd(version.row_id, version.cells[column], version.cells) for version in gone + later]
        return propose(self.table, sides, come)

    def _is_own(self, version: Version) -> bool:
        """Tell whether the publisher of this delivery stated a version."""
        return version.cells["source_id"] in self.own

    def _went_today(self, version: Version) -> bool:
        return not version.withdrawn or version.recorded == self.plan.recorded

    def _came_today(self, row_id: str) -> bool:
        versions = self.history.versions.get(row_id, [])
        first_day = self.history.dates[:1]
        return [version.recorded for version in versions[:1]] == [self.plan.recorded] != first_day

    def _accept(self, proposal: Proposal, ids: dict[int, str]) -> None:
        """Make a proposal one id, and a line of the alias table."""
        if proposal.new.key.startswith("line "):
            ids[int(proposal.new.key.removeprefix("line "))] = proposal.old.key
        old_name, new_name, snapshot = proposal.old.name, proposal.new.name, self.plan.recorded
        first = self.history.versions[proposal.old.key][0].recorded
        if first > snapshot:
            old_name, new_name, snapshot = new_name, old_name, first
        line = {"old_name": old_name, "new_name": new_name, "snapshot": snapshot, "evidence": proposal.evidence}
        self.plan.alias_lines.append(line)

    def _side(self, row: ParsedRow) -> RenameEnd:
        return RenameEnd(f"line {row.line}", row.name, row.cells)

    def _held_back(self, names: Names) -> set[str]:
        """Return the ids of rows that are in the delivery but could not be read: present, so not withdrawn."""
        held: set[str] = set()
        for problem in (*self.parsed.quarantined, *self.parsed.excluded):
            held |= set(names.ids(problem.name)) if self.table.name_column else {problem.name}
        return held

    # rows

    def _rows(self, ids: Mapping[int, str]) -> None:
        """Sort every row into unchanged, new or revised; quarantine what the ledger's own checks refuse."""
        candidates = {row.line: (row, self._cells(row, ids[row.line])) for row in self.parsed.rows}
        findings = check_lines(self.table, {line: cells for line, (_, cells) in candidates.items()}, self.known)
        refused = {finding["line"]: finding for finding in reversed(findings)}
        fresh = {line: cells for line, (_, cells) in candidates.items() if cells[self.table.key] not in self.before}
        held = [version.cells for version in self.before.values()]
        sound = {line: cells for line, cells in fresh.items() if line not in refused}
        repeats = repeated_runs(self.table.name, self.table.key, held, sound)
        for line, (row, cells) in candidates.items():
            if line in refused:
                bad = refused[line]
                self._quarantine(row, bad["column"], bad["rule"], bad["value"], bad["remedy"])
            elif line in repeats:
                rule = f"the run is {repeats[line].row_id} of {repeats[line].source_id} already"
                remedy = "nothing to do: a run counts once, under whatever name"
                self.parsed.excluded.append(Problem(line, row.name, "", rule, "", remedy, row.where))
            else:
                self._sort_row(row, cells)

    def _cells(self, row: ParsedRow, row_id: str) -> dict[str, str]:
        """Return a row's full line: what the delivery states over what was in force, or over the defaults."""
        version = self.before.get(row_id)
        if version and self._is_another_s(version, row):
            return self._filled(version, row)
        cells = dict.fromkeys(self.table.names, "") | {"source_id": self.parsed.source_id}
        cells |= dict(version.cells) if version else dict(row.defaults)
        if self.table.name_column:
            cells[self.table.name_column] = row.name
        cells |= {name: text for name, text in row.cells.items() if name in cells}
        return cells | self._stamp() | {self.table.key: row_id}

    def _is_another_s(self, version: Version, row: ParsedRow) -> bool:
        return not self._is_own(version) and "source_id" not in row.cells

    def _filled(self, version: Version, row: ParsedRow) -> dict[str, str]:
        """Return another publisher's row with its empty cells filled; where this one says otherwise it is flagged."""
        cells = dict(version.cells)
        kept = {name for name in cells if name != self.table.name_column}
        told = {name: text for name, text in row.cells.items() if text and name in kept}
        for name, text in told.items():
            if cells[name] and cells[name] != text:
                why = f"{cells['source_id']} stated it first and keeps it; this delivery says {text}"
                self.plan.flags.append({"kind": "other_source", "id": version.row_id, "column": name, "why": why})
        cells |= {name: text for name, text in told.items() if not cells[name]}
        return cells | self._stamp()

    def _stamp(self, *, withdrawn: str = "false") -> dict[str, str]:
        basis = self.parsed.recorded_basis
        return {"recorded": self.plan.recorded, "recorded_basis": basis, "withdrawn": withdrawn}

    def _sort_row(self, row: ParsedRow, cells: dict[str, str]) -> None:
        row_id = cells[self.table.key]
        version = self.before.get(row_id)
        changes = [
            (column, version.cells[column.name], cells[column.name])
            for column in self.table.facts
            if version and version.cells[column.name] != cells[column.name]
        ]
        if version and not changes:
            self.plan.unchanged += 1
            return
        if self.history.has_line(row_id, self.plan.recorded):
            rule = "one version a day"
            remedy = (
                f"the ledger holds another version of {row_id} of {self.plan.recorded}: import with a later --recorded"
            )
            self._quarantine(row, "recorded", rule, self.plan.recorded, remedy)
            return
        if version and "source_id" not in row.cells and self._is_own(version):
            cells["source_id"] = self.parsed.source_id
        self.plan.lines.append(cells)
        self.plan.new += not version
        self.plan.revised += bool(version)
        label = {"id": row_id, "name": row.name, "line": row.line} | ({"where": row.where} if row.where else {})
        for column, old, new in changes:
            change = {
                "column": column.name,
                "old": ledger_value(column.kind, old),
                "new": ledger_value(column.kind, new),
            }
            self.plan.revisions.append({**label, **change})
        self.plan.flags += [{**flag, **label} for flag in row_flags(self.table, version, cells, self.frontier)]

    def _quarantine(self, row: ParsedRow, column: str, rule: str, value: str, remedy: str) -> None:
        self.parsed.quarantined.append(Problem(row.line, row.name, column, rule, value, remedy, row.where))

    # whole tables

    def _withdrawals(self, present: set[str], *, accepted: bool) -> None:
        """Withdraw what is no longer in the publisher's whole table, keeping the last known facts."""
        present |= self._held_back(Names(self.history, self.aliases))
        own = {row_id: version for row_id, version in sorted(self.before.items()) if self._is_own(version)}
        gone = {row_id: version for row_id, version in own.items() if row_id not in present}
        if len(gone) > MASS_WITHDRAWAL * len(own):
            why = f"{len(gone)} of {len(own)} rows of {self.parsed.source_id} are gone: is the export whole?"
            kind = "mass_withdrawal" if accepted else "withdrawals_held_back"
            why += "" if accepted else " None was withdrawn; --accept-withdrawals withdraws them"
            self.plan.flags.append({"kind": kind, "why": why})
            if not accepted:
                return
        for row_id, version in gone.items():
            name = version.cells[self.table.name_column]
            if self.history.has_line(row_id, self.plan.recorded):
                why = f"gone, but the ledger holds a version of {self.plan.recorded}: import with a later --recorded"
                self.plan.flags.append({"kind": "one_version_a_day", "id": row_id, "name": name, "why": why})
                continue
            stamp = {**self._stamp(withdrawn="true"), "source_id": self.parsed.source_id}
            self.plan.lines.append({**version.cells, **stamp})
            self.plan.withdrawn += 1
            self.plan.withdrawals.append({"id": row_id, "name": name})

    def _restore_later_snapshots(self) -> None:
        """Keep every later view as it was when an older export is imported after newer ones.

        The ledger writes a line only where something changed, so a version put between two snapshots would reach into
        the later one. Where it would, the later snapshot's own state is written out as a line of its date.
        """
        after = self.history.next_date(self.plan.recorded)
        if after is None:
            return
        state = self.history.at(after)
        for cells in list(self.plan.lines):
            row_id = cells[self.table.key]
            if self.history.has_line(row_id, after):
                continue
            stamp = {"recorded": after, "recorded_basis": "snapshot"}
            later = state.get(row_id)
            kept = {**later.cells, **stamp} if later else {**cells, **stamp, "withdrawn": "true"}
            self.plan.lines.append(kept)
