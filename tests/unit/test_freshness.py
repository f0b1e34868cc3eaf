"""A quarter without a single new row cannot pass as fresh, and an old ledger says so."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from race_to_efficiency.commands import show
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.ledger.freshness import OLD_AFTER_DAYS, freshness, require_new_rows
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.report.brief import footing
from race_to_efficiency.report.brief.footing import dateline_note
from race_to_efficiency.report.inputs import QuarterFiles
from race_to_efficiency.report.page import Page
from race_to_efficiency.units import Quarter
from small_settings import section

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


@pytest.mark.parametrize("name", DATED)
def test_a_line_that_cannot_be_read_changes_the_freshness_of_no_other(root: Path, tmp_path: Path, name: str) -> None:
    """An open quote early in a long ledger, a date that is none: that line has no date."""
    source, day = root / "data" / "raw" / f"{name}.csv", dt.date(2026, 3, 31)
    header, *lines = source.read_bytes().splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if at >= len(lines) // 50 and b'"' not in line)
    target = tmp_path / source.name
    target.write_bytes(header + b"".join(lines[:first] + lines[first + 1 :]))
    left = [item for item in freshness(tmp_path, day) if item.table == name]
    released, recorded = (header.decode().rstrip().split(",").index(one) for one in ("released", "recorded"))
    cells = lines[first].decode().rstrip("\n").split(",")
    undated = [" 2026-13-01" if at in (released, recorded) else cell for at, cell in enumerate(cells)]
    today = ["2026-03-31" if at in (released, recorded) else cell for at, cell in enumerate(cells)]
    undecodable = b"\xff" + ",".join(today).encode() + b"\n"
    for bad in (b'x,"' + lines[first], ",".join(undated).encode() + b"\n", undecodable):
        target.write_bytes(header + b"".join(lines[:first]) + bad + b"".join(lines[first + 1 :]))
        assert [item for item in freshness(tmp_path, day) if item.table == name] == left


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


def note(quarter: str, fresh: list[dict[str, object]], *, reconstructed: bool = False) -> str:
    settings = SimpleNamespace(report=section("report", reconstructed=reconstructed))
    day = Quarter.parse(quarter).as_of
    files = QuarterFiles(quarter, day, settings, {"account": {"freshness": fresh}}, {}, {}, {})  # type: ignore[arg-type]
    return dateline_note(Page(files, "0.2", "a title"))


@pytest.mark.parametrize("quarter", ["2025Q4", "2026Q1", "2026Q3"])
def test_the_date_line_names_every_ledger_of_the_headline_that_ends_a_quarter_earlier(
    root: Path, quarter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = [name for name in DATED if name != "green500"]
    monkeypatch.setattr(footing, "headline_tables", lambda page: used)
    day = Quarter.parse(quarter).as_of
    said = note(quarter, [item.to_json() for item in freshness(root / "data" / "raw", day)])
    for name in DATED:
        known = [one for one in column(root / "data" / "raw" / f"{name}.csv", "recorded") if one <= day.isoformat()]
        newest = max(known, default="")
        old = bool(known) and dt.date.fromisoformat(newest) < day - dt.timedelta(days=OLD_AFTER_DAYS)
        assert (f"{name.replace('_', ' ')} to {newest}" in said) == (old and name in used), name


def test_a_quarter_without_a_new_row_is_titled_so() -> None:
    held = {"table": "accelerators", "newest_recorded": "2026-03-31", "age_days": 91, "old": False}
    later = {**held, "table": "training_runs", "newest_recorded": "2026-04-01"}
    assert note("2026Q2", [held]) == "NO ROW OF ANY LEDGER IS NEW IN THIS QUARTER"
    assert note("2026Q2", [held, later]) == ""
    assert note("2026Q2", [held, later], reconstructed=True).startswith("reconstructed")
    assert note("2026Q1", [held]) == ""


def test_a_ledger_without_a_row_has_no_age() -> None:
    said = [
        {"table": "a", "newest_recorded": "2026-03-01", "age_days": 30},
        {"table": "b", "newest_recorded": None, "age_days": None},
    ]
    lines = show.freshness_lines({"as_of": "2026-03-31", "freshness": said})
    assert max(map(len, lines)) <= 80
    assert " ".join(lines) == "Newest entry of each ledger by 2026-03-31: a 2026-03-01 (30 days), b has none yet"
