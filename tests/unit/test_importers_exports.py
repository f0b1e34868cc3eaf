"""Publishers' exports under every header they have had, and everything else that may arrive in their place."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cells import screening
from race_to_efficiency.cells.numbers import SeveralNumbersError
from race_to_efficiency.cells.published import date_cell, number_cell, order_of
from race_to_efficiency.cells.screening import screened_bytes
from race_to_efficiency.cells.text import text_of_cell, tidy
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.ledger.importers import epoch_hardware, epoch_models
from race_to_efficiency.ledger.importers.parsed import Parsed, Request

DATA = Path(__file__).resolve().parent.parent / "data" / "ledger"


def no_ledger(name: str):
    raise AssertionError(f"an export is read without the ledger, yet {name} was asked for")


def read(module, path: Path) -> Parsed:
    return module.read(Request(path, dt.date(2030, 1, 1), no_ledger))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.979e15", "1979000000000000"),
        ("1.979e25", "1.979e+25"),
        ("11,458", "11458"),
        ("$11,458.50", "11458.5"),
        (" 700.0 ", "700"),
        ("=700", "700"),
        ('="700"', "700"),
        ("0", ""),
        ("0.0", ""),
        ("", ""),
        ("N/A", ""),
        ("—", ""),
        ("46.2%", "0.462"),
        ("5,5", "5"),
    ],
)
def test_numbers_as_published(text: str, expected: str) -> None:
    assert number_cell(text) == expected


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("lots", "number"),
        ("inf", "finite"),
        ("-Infinity", "finite"),
        ("1e999", "finite"),
        ("0x1F", "number"),
        ("1 2", "number"),
        ("=A1+B2", "number"),
    ],
)
def test_what_is_no_finite_number_is_refused_by_name(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=f"^{rule}$"):
        number_cell(text)


def test_two_listed_numbers_are_never_joined_into_one() -> None:
    with pytest.raises(SeveralNumbersError):
        number_cell("2260275840,2290000001")


@given(st.floats(min_value=1e-30, max_value=1e30))
def test_a_published_float_becomes_the_same_float(value: float) -> None:
    assert float(number_cell(repr(value))) == value
    assert float(number_cell(f"{value:,.6f}" if value > 1 else repr(value))) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-18", "2024-03-18"),
        ("2025-05-27 19:05:39+00:00", "2025-05-27"),
        ("3/18/2024", "2024-03-18"),
        ("18/3/2024", "2024-03-18"),
        ("05/28/24", "2024-05-28"),
        ("6/1/99", "1999-06-01"),
        ("March 18, 2024", "2024-03-18"),
        ("18 Mar 2024", "2024-03-18"),
        ("18-Mar-2024", "2024-03-18"),
        ("", ""),
        ("TBD", ""),
    ],
)
def test_dates_as_published(text: str, expected: str) -> None:
    assert date_cell(text) == expected


@pytest.mark.parametrize("text", ["2026-13-01", "2025-02-29", "soon", "Q3 2025", "2025", "Smarch 1, 2024"])
def test_what_is_no_calendar_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        date_cell(text)


@given(st.dates(min_value=dt.date(1970, 1, 1), max_value=dt.date(2069, 12, 31)))
def test_every_day_reads_back_in_every_style(day: dt.date) -> None:
    for style in ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%m/%d/%y"):
        assert date_cell(day.strftime(style)) == day.isoformat()
    assert date_cell(day.strftime("%d/%m/%Y"), "day_first") == day.isoformat()


def test_one_day_above_twelve_decides_which_part_is_the_day() -> None:
    assert order_of(["3/4/2024", "28/5/2024", ""]) == "day_first"
    assert order_of(["3/4/2024", "5/28/2024"]) == "month_first"
    assert order_of(["3/4/2024"]) == "month_first"


def test_a_spreadsheets_wrapping_is_removed_and_other_formulas_stay_text() -> None:
    assert text_of_cell('="Acme  One"') == "Acme One"
    assert text_of_cell("=HYPERLINK(A1)") == "=HYPERLINK(A1)"
    assert text_of_cell("  two\n lines\xa0here ") == "two lines here"


# the same chips under three headers


def expected_chips() -> dict[str, dict[str, str]]:
    """The invented chips by an independent reading of the plainest of the three files."""
    with (DATA / "hardware_generation_2.csv").open(encoding="utf-8", newline="") as stream:
        return {row["Hardware name"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_three_generations_of_the_header_give_the_same_rows(generation: int) -> None:
    parsed = read(epoch_hardware, DATA / f"hardware_generation_{generation}.csv")
    truth = expected_chips()
    assert [row.name for row in parsed.rows] == list(truth)
    for row in parsed.rows:
        wanted = truth[row.name]
        pairs = {
            "tdp_w": "TDP (W)", "fp16_tensor_flop_s": "Tensor-FP16/BF16 performance (FLOP/s)",
            "fp32_flop_s": "FP32 (single precision) performance (FLOP/s)", "release_price_usd": "Release price (USD)",
            "memory_bandwidth_bytes_s": "Memory bandwidth (byte/s)", "tensor_cores": "Tensor cores",
            "transistors_millions": "Number of transistors (millions)",
        }  # fmt: skip
        for column, theirs in pairs.items():
            found, want = (float(text) if text else math.nan for text in (row.cells[column], wanted[theirs]))
            assert found == pytest.approx(want, rel=1e-12, nan_ok=True), (row.name, column)
        memory = float(wanted["Memory size per board (Byte)"]) / 1e9 if wanted["Memory size per board (Byte)"] else None
        assert row.cells["memory_gb"] == ("" if memory is None else f"{memory:g}")
        assert row.cells["released"] == wanted["Release date"]
        assert row.cells["manufacturer"] == wanted["Manufacturer"]


def test_processors_and_empty_rows_of_the_oldest_exports_are_excluded_with_their_reason() -> None:
    parsed = read(epoch_hardware, DATA / "hardware_generation_1.csv")
    assert [(problem.name, problem.rule) for problem in parsed.excluded] == [
        ("Acme Host 9", "not an accelerator (CPU)"),
        ("", "empty row"),
    ]
    assert parsed.n_read == len(parsed.rows) + len(parsed.excluded) + len(parsed.quarantined) == 7


def test_unknown_and_absent_columns_are_reported() -> None:
    flags = {(flag["kind"], flag["column"]) for flag in read(epoch_hardware, DATA / "hardware_generation_3.csv").flags}
    assert flags == {
        ("unknown_column", "Cooling"),
        ("absent_column", "int16_op_s"),
        ("absent_column", "intranode_bandwidth_bytes_s"),
    }


def test_two_generations_of_the_models_table() -> None:
    old, new = (read(epoch_models, DATA / f"models_generation_{number}.csv") for number in (1, 2))
    assert [row.name for row in old.rows] == [row.name for row in new.rows] == ["Lark-7B", "Wren", 'Owl "2", large']
    shared = ("released", "params", "compute_flop", "hours", "chip_count", "mfu", "tokens", "organization", "country")
    for a, b in zip(old.rows, new.rows, strict=True):
        assert {name: a.cells[name] for name in shared} == {name: b.cells[name] for name in shared}
    assert new.rows[0].cells["frontier_flag"] == "true"
    assert old.rows[0].cells["frontier_flag"] == new.rows[1].cells["frontier_flag"] == "false"
    assert new.rows[1].cells["mfu"] == "0.462"
    several = [flag for flag in new.flags if flag["kind"] == "several_numbers"]
    assert [(flag["name"], flag["column"], flag["value"]) for flag in several] == [
        ('Owl "2", large', "tokens", "3200,192800")
    ]
    assert new.rows[2].cells["tokens"] == ""


# hostile and broken deliveries


def export_text() -> str:
    return (DATA / "hardware_generation_2.csv").read_text(encoding="utf-8")


BROKEN = {
    "web page": (b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>", "web page", 1),
    "gzip of no table": (gzip.compress(bytes(10_000_000)), "NUL", 1),
    "half a gzip": (gzip.compress(export_text().encode())[:-30], "gzip and ends early", None),
    "a byte of gzip changed": (gzip.compress(export_text().encode())[:60] + b"\xff" * 40, "gzip and cannot be", None),
    "zip": (b"PK\x03\x04" + bytes(100), "zip", 1),
    "NUL": (export_text().replace("Borealis B", "Borealis\x00B").encode(), "NUL", 4),
    "latin-1": (export_text().replace("Borealis B", "Boréalis B").encode("latin-1"), "UTF-8", 4),
    "half UTF-16": (export_text().encode("utf-16")[:-1], "UTF-16 and cannot be decoded", None),
    "empty": (b"", "empty", 1),
    "blank": (b"\n\n \n", "empty", 1),
    "header only": (export_text().splitlines(keepends=True)[0].encode(), "no rows", 1),
    "half written": (export_text().encode()[:-260], "cut short", 5),
    "half a header": (export_text().encode()[:100], "missing required columns", 1),
    "cut in a quote": (export_text().encode()[: export_text().index("North") + 3] + b"\n", "cut short", 5),
    "no column for power": (export_text().replace("TDP (W)", "Watts").encode(), "missing required columns: 'TDP'", 1),
    "power twice": (export_text().replace("Foundry", "TDP (W)").encode(), "twice", 1),
    "power in another unit": (export_text().replace("TDP (W)", "TDP (hp)").encode(), "'TDP'", 1),
    "mostly ragged": (
        (export_text() + "a,b\nc,d\ne,f\ng,h\ni,j\nk,l\n").encode(),
        "do not have the header's 22 cells",
        7,
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_table_is_refused_with_the_reason_and_the_line(tmp_path: Path, name: str) -> None:
    data, reason, line = BROKEN[name]
    path = tmp_path / "2030-01-01.csv"
    path.write_bytes(data)
    with pytest.raises(DataInvalid) as caught:
        read(epoch_hardware, path)
    assert reason in str(caught.value.why)
    assert caught.value.where == (f"{path}:{line}" if line else str(path))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("shape", ["semicolons", "tabs", "gzip", "UTF-16"])
def test_an_export_saved_by_a_spreadsheet_or_packed_is_read_all_the_same(tmp_path: Path, shape: str) -> None:
    rows = list(csv.reader(export_text().splitlines()))
    path = tmp_path / "export.csv"
    if shape == "gzip":
        path.write_bytes(gzip.compress(export_text().encode()))
    else:
        encoding = "utf-16" if shape == "UTF-16" else "utf-8"  # what a spreadsheet calls Unicode text: tabs in UTF-16
        with path.open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream, delimiter=";" if shape == "semicolons" else "\t").writerows(rows)
    plain = read(epoch_hardware, DATA / "hardware_generation_2.csv")
    assert read(epoch_hardware, path).rows == plain.rows


def test_a_missing_column_lists_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(export_text().replace("TDP (W)", "Watts"), encoding="utf-8")
    with pytest.raises(DataInvalid, match=r"found: Hardware name, Manufacturer, .*Watts"):
        read(epoch_hardware, path)


def test_an_endless_line_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(export_text().encode() + b"x" * 5_000_000 + b"\n")
    held = []
    monkeypatch.setattr(screening.storage, "read_chunks", counting(held, screening.storage.read_chunks))
    with pytest.raises(DataInvalid) as caught:
        screened_bytes(path)
    assert caught.value.where == f"{path}:7"
    assert sum(held) <= screening.MAX_LINE_BYTES + 2 * (1 << 20)


def counting(held: list[int], read_chunks):
    def chunks(path: Path, *size: int):
        for piece in read_chunks(path, *size):
            held.append(len(piece))
            yield piece

    return chunks


def test_a_file_past_the_cap_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"a,b\n" * 1000)
    with pytest.raises(DataInvalid, match="more than 3,000 bytes"):
        screened_bytes(path, most_bytes=3000)


def test_a_folder_or_nothing_at_the_path_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="not a file"):
        screened_bytes(tmp_path)
    with pytest.raises(InputMissing, match="does not exist"):
        screened_bytes(tmp_path / "absent.csv")


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused_never_a_traceback(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.csv"
    path.write_bytes(data)
    with pytest.raises(DataInvalid):
        read(epoch_hardware, path)


@given(st.data())
def test_any_cut_of_a_sound_export_is_refused_or_read_to_its_end(tmp_path_factory, data) -> None:
    whole = export_text().encode()
    place = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path_factory.getbasetemp() / "cut.csv"
    path.write_bytes(whole[:place])
    try:
        parsed = read(epoch_hardware, path)
    except DataInvalid:
        return
    names = list(expected_chips())
    assert [row.name for row in parsed.rows] + [p.name for p in parsed.quarantined] == names[: parsed.n_read]


def test_ragged_but_readable_rows_are_quarantined_one_by_one(tmp_path: Path) -> None:
    lines = export_text().splitlines(keepends=True)
    lines[2] = lines[2].rstrip("\n") + ",surplus\n"
    path = tmp_path / "export.csv"
    path.write_text("".join(lines), encoding="utf-8")
    parsed = read(epoch_hardware, path)
    assert [(problem.line, problem.name, problem.rule) for problem in parsed.quarantined] == [
        (3, "Acme Two SXM", "22 cells (found 23)")
    ]
    assert [row.name for row in parsed.rows] == [name for name in expected_chips() if name != "Acme Two SXM"]


@pytest.mark.parametrize(
    ("old", "new", "column", "rule"),
    [
        ("300.0", "about 300", "tdp_w", "number"),
        ("2019-03-18", "2019-13-18", "released", "calendar date"),
        ("640.0", "640.5", "tensor_cores", "whole number"),
        ("Acme One", " ", "name", "required"),
    ],
)
def test_one_unreadable_cell_quarantines_its_row_by_line_and_column(
    tmp_path: Path, old: str, new: str, column: str, rule: str
) -> None:
    path = tmp_path / "export.csv"
    path.write_text(export_text().replace(old, new, 1), encoding="utf-8")
    parsed = read(epoch_hardware, path)
    assert [(problem.line, problem.column, problem.rule) for problem in parsed.quarantined] == [(2, column, rule)]
    assert len(parsed.rows) == 4


def test_rows_of_one_name_are_one_when_equal_and_in_doubt_when_not(tmp_path: Path) -> None:
    lines = export_text().splitlines(keepends=True)
    path = tmp_path / "export.csv"
    path.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    parsed = read(epoch_hardware, path)
    assert [(problem.line, problem.rule) for problem in parsed.excluded] == [(7, "repeats line 2")]
    assert len(parsed.rows) == 5
    path.write_text("".join([*lines, lines[1].replace("300.0", "350.0")]), encoding="utf-8")
    parsed = read(epoch_hardware, path)
    assert {problem.line for problem in parsed.quarantined} == {2, 7}
    assert "Acme One" not in {row.name for row in parsed.rows}


# the publishers' own files


UPSTREAM = [
    (epoch_hardware, "epoch_ml_hardware", "accelerators_history.csv", "name", {}),
    (epoch_models, "epoch_notable_models", "notable_training_runs_history.csv", "model", {"released": "date"}),
]


@pytest.mark.upstream
@pytest.mark.parametrize(("module", "folder", "facts", "name", "other"), UPSTREAM, ids=["hardware", "models"])
def test_the_real_exports_give_the_facts_gathered_from_them(shared: Path, module, folder, facts, name, other) -> None:
    with (shared / "data" / "facts" / facts).open(encoding="utf-8", newline="") as stream:
        gathered = list(csv.DictReader(stream))
    for path in sorted((shared / "data" / "upstream" / folder).glob("*.csv")):
        parsed = read(module, path)
        truth = {tidy(row[name]): row for row in gathered if row["snapshot_date"] == path.stem}
        assert not parsed.quarantined
        assert not parsed.excluded
        assert {row.name for row in parsed.rows} == set(truth)
        listed = names_with_listed_tokens(path)
        for row in parsed.rows:
            for column, text in row.cells.items():
                wanted = tidy(truth[row.name][other.get(column, column)])
                if column == "tokens" and row.name in listed:
                    continue  # the gathering joined the digits of two numbers
                assert same(text, wanted), (path.name, row.name, column, text, wanted)


def names_with_listed_tokens(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        column = "Training dataset size (gradients)"
        return {tidy(row["Model"]) for row in csv.DictReader(stream) if "," in row.get(column, "")}


def same(text: str, wanted: str) -> bool:
    """Equal as numbers, as flags, or as texts, which the facts cut at 80 characters."""
    try:
        return float(text or 0) == float(wanted or 0)
    except ValueError:
        flag = {"": "false", "True": "true"}.get(wanted, "")
        return text in {wanted, flag} or (len(wanted) >= 79 and text.startswith(wanted))
