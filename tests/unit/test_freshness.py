"""A quarter without a single new row cannot pass as fresh, and an old ledger says so."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from pathlib import Path

import pytest
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.ledger.freshness import OLD_AFTER_DAYS, freshness, require_new_rows
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.units import Quarter

DATED = [name for name, table in TABLES.items() if table.versioned]


def column(path: Path, name: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [row[name] for row in csv.DictReader(stream) if row[name]]


@pytest.mark.parametrize("quarter", [Quarter(2025, 2), Quarter(2026, 1), Quarter(2031, 4)])
def test_the_newest_dates_are_those_of_the_files(root: Path, quarter: Quarter) -> None:
    raw, day = root / "data" / "raw", quarter.as_of
    found = {item.table: item for item in freshness(raw, day)}
    assert list(found) == DATED
    for name, item in found.items():
        recorded = [one for one in column(raw / f"{name}.csv", "recorded") if one <= day.isoformat()]
        assert item.newest_recorded == max(recorded, default=None)
        assert item.age_days == (day - dt.date.fromisoformat(max(recorded))).days if recorded else item.age_days is None
        released = [one for one in column(raw / f"{name}.csv", "released") if one <= day.isoformat()]
        assert item.newest_released == max(released, default=None)
        with (raw / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert item.lines_after == sum(
            row["recorded"] > day.isoformat() or row["released"] > day.isoformat() for row in rows
        )
        assert item.old == (item.age_days is None or item.age_days > OLD_AFTER_DAYS)


def test_every_quarter_that_was_published_had_something_new(root: Path) -> None:
    quarters = [Quarter(2025, 1), Quarter(2025, 2), Quarter(2025, 3), Quarter(2025, 4), Quarter(2026, 1)]
    for before, quarter in zip([None, *quarters], quarters, strict=False):
        require_new_rows(root / "data" / "raw", quarter, before)


def test_a_far_quarter_is_refused_and_the_newest_row_of_each_ledger_is_named(root: Path) -> None:
    with pytest.raises(InputMissing, match="2031Q4 has nothing to say") as raised:
        require_new_rows(root / "data" / "raw", Quarter(2031, 4), Quarter(2031, 3))
    for item in freshness(root / "data" / "raw", Quarter(2031, 4).as_of):
        assert f"{item.table} {item.newest_recorded}" in str(raised.value)
    assert raised.value.exit_code == 6


def test_before_anything_was_out_there_is_nothing_to_run(root: Path) -> None:
    with pytest.raises(InputMissing, match="no row was out by then"):
        require_new_rows(root / "data" / "raw", Quarter(1939, 1), None)


@pytest.mark.parametrize(("recorded", "fresh"), [("2026-03-31", False), ("2026-04-01", True), ("2026-06-30", True)])
def test_one_row_entered_between_the_two_ends_is_enough(root: Path, tmp_path: Path, recorded: str, fresh: bool) -> None:
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw"))
    for name in DATED:  # as the ledgers stood at the end of 2026Q1
        with (raw / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            header, *lines = list(csv.reader(stream))
        place = header.index("recorded")
        kept = [line for line in lines if line[place] <= "2026-03-31"]
        if name == "speedrun_records":
            kept.append([*kept[-1][:place], recorded, *kept[-1][place + 1 :]])
        with (raw / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows([header, *kept])
    if fresh:
        require_new_rows(raw, Quarter(2026, 2), Quarter(2026, 1))
    else:
        with pytest.raises(InputMissing, match="no row is new since 2026Q1"):
            require_new_rows(raw, Quarter(2026, 2), Quarter(2026, 1))
