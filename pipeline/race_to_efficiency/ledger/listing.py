"""What an import tells of itself: every line it appends, and what to look at, summed by cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.ledger.lines import ledger_value

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping, Sequence

    from race_to_efficiency.ledger.import_records import FlagCount, NewRow
    from race_to_efficiency.ledger.metadata import Table

TELLING = {
    "accelerators": "fp16_tensor_flop_s",
    "mlperf_training": "minutes",
    "notable_training_runs": "compute_flop",
    "speedrun_records": "record_time_s",
    "training_runs": "loss_nats",
}
"""The figure of a row that estimates turn on, by ledger."""

MOVING = (
    "unit_slip",
    "compute_ratio",
    "power_of_two",
    "above_frontier",
    "record_time",
    "withdrawals_held_back",
    "mass_withdrawal",
    "other_source",
    "group_not_fitted",
    "unknown_benchmark",
    "log_missing",
    "log_cut_short",
    "log_without_run_stop",
    "date_after_recorded",
)
"""Kinds of flags that an estimate can move by, the worst first; the others come after them."""


def listed_rows(
    table: Table, lines: Iterable[Mapping[str, str]], before: Container[str], recorded: str, last_day: str | None
) -> list[NewRow]:
    """Return one item for each line that is appended.

    Parameters
    ----------
    table : Table
    lines : iterable of mapping
        Ledger lines as texts.
    before : container of str
        Ids in force before.
    recorded : str
        ISO date the import counts from.
    last_day : str or None
        Last day of the current quarter; None when there is none.

    Returns
    -------
    list of dict
        id, name, what (new, revised, withdrawn, kept: a later snapshot's state written out), released, recorded, the
        column that matters with its value, and whether the line falls after the quarter.
    """
    column = TELLING.get(table.name, "")
    items: list[NewRow] = []
    for cells in lines:
        what = "revised" if cells[table.key] in before else "new"
        what = "kept" if cells["recorded"] != recorded else "withdrawn" if cells["withdrawn"] == "true" else what
        newest = max(cells["released"], cells["recorded"])
        items.append(
            {
                "id": cells[table.key],
                "name": cells[table.name_column or table.key],
                "what": what,
                "released": cells["released"] or None,
                "recorded": cells["recorded"],
                "column": column or None,
                "value": ledger_value("number", cells[column]) if column else None,
                "after_quarter": None if last_day is None else newest > last_day,
            }
        )
    return items


def counted(flags: Sequence[Mapping[str, Any]]) -> list[FlagCount]:
    """Return the flags summed by kind, those that an estimate can move by first, then the most frequent."""
    counts: dict[str, int] = {}
    for flag in flags:
        counts[flag["kind"]] = counts.get(flag["kind"], 0) + 1
    rank = {kind: place for place, kind in enumerate(MOVING)}
    ordered = sorted(counts, key=lambda kind: (rank.get(kind, len(rank)), -counts[kind], kind))
    why = {flag["kind"]: flag["why"] for flag in reversed(flags)}
    return [
        {"kind": kind, "count": counts[kind], "why": why[kind], "moves_estimates": kind in rank} for kind in ordered
    ]


def not_fitted(
    lines: Iterable[Mapping[str, str]], families: Mapping[str, str], fitted: Collection[str]
) -> list[dict[str, Any]]:
    """Return a flag for each group of new runs that no fit uses, with what to add to params.yaml.

    Parameters
    ----------
    lines : iterable of mapping
        Lines of training_runs.
    families : mapping of str to str
        Source -> its family.
    fitted : collection of str
        Groups of `fit_kappa.groups`.
    """
    groups = {line["group"]: line["source_id"] for line in lines if line.get("group")}
    why = "no fit uses this group: add these lines under fit_kappa.groups in params.yaml"
    return [
        {
            "kind": "group_not_fitted",
            "id": group,
            "why": why,
            "add": f"  - group: {group}\n    family: {families.get(groups[group]) or group}",
        }
        for group in sorted(groups)
        if group not in fitted
    ]
