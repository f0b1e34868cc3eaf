"""A bad line is named and quarantined; nothing else is lost."""

from __future__ import annotations

import csv
import io
import math
import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.cells.physical import lines_of, records
from race_to_efficiency.cells.text import CellError
from race_to_efficiency.cells.typed import parse_cell
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.ledger.intake import REPEATED_LINE, read_ledger
from race_to_efficiency.ledger.metadata import Column
from race_to_efficiency.ledger.schemas import TABLES

if TYPE_CHECKING:
    from pathlib import Path


def row_text(cells: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


class Ledger:
    """A ledger folder that a test may damage."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.path = folder / f"{name}.csv"
        self.name = name
        self.lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        self.header = next(csv.reader([self.lines[0]]))

    def edit(self, line: int, column: str, text: str) -> str:
        """Write ``text`` into a cell of a 1-based line; return the row's id."""
        cells = next(csv.reader([self.lines[line - 1]]))
        cells[self.header.index(column)] = text
        self.lines[line - 1] = row_text(cells)
        return cells[0]

    def read(self):
        self.path.write_text("".join(self.lines), encoding="utf-8", newline="")
        return read_ledger(self.name, self.folder)


@pytest.fixture
def ledger(root: Path, tmp_path: Path):
    def make(name: str, keep: int = 40) -> Ledger:
        for table in ("sources", "accelerator_aliases", "notable_model_aliases"):
            shutil.copy(root / "data" / "raw" / f"{table}.csv", tmp_path)
        lines = (root / "data" / "raw" / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / f"{name}.csv").write_text("".join(lines[: keep + 1]), encoding="utf-8", newline="")
        return Ledger(tmp_path, name)

    return make


def test_the_shipped_ledgers_are_valid_line_by_line(root: Path, shipped) -> None:
    for name, intake in shipped.items():
        with (root / "data" / "raw" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            count = sum(1 for _ in csv.reader(stream)) - 1
        assert intake.quarantined.empty, name
        assert (intake.n_read, len(intake.rows)) == (count, count)


def test_counts_of_the_shipped_ledgers(shipped) -> None:
    accelerators = shipped["accelerators"].rows
    assert (len(accelerators), accelerators["accelerator_id"].nunique()) == (281 + 3, 179)
    assert len(shipped["training_runs"].rows) == 1516 + 1194
    assert len(shipped["mlperf_training"].rows) == 2069 + 185
    assert len(shipped["speedrun_records"].rows) == 97 + 9
    assert len(shipped["language_model_perplexity"].rows) == 46
    assert len(shipped["published_values"].rows) == 16 + 13
    added = ("optimiser_steps", "slowrun_records", "green500", "inference_price_trends", "other_forecasts")
    assert [len(shipped[name].rows) for name in added] == [28, 32, 10, 21, 10]


def test_values_in_memory_are_those_in_the_file(root: Path, shipped) -> None:
    """An oracle that shares nothing with the parser: the csv module and float()."""
    with (root / "data" / "raw" / "accelerators.csv").open(encoding="utf-8", newline="") as stream:
        raw = list(csv.DictReader(stream))
    rows = shipped["accelerators"].rows
    for column in ("tdp_w", "fp16_tensor_flop_s", "release_price_usd", "tensor_cores"):
        expected = [float(row[column]) if row[column] else math.nan for row in raw]
        pd.testing.assert_series_equal(rows[column].astype("float64"), pd.Series(expected, name=column))
    assert [str(value)[:10] if not pd.isna(value) else "" for value in rows["released"]] == [
        row["released"] for row in raw
    ]
    assert list(rows["name"]) == [row["name"] for row in raw]


@pytest.mark.parametrize(
    ("name", "line", "column", "text", "rule"),
    [
        ("accelerators", 3, "tdp_w", "lots", "number"),
        ("accelerators", 3, "tdp_w", "inf", "finite"),
        ("accelerators", 3, "tdp_w", "1e999", "finite"),
        ("accelerators", 3, "tdp_w", "0", "> 0"),
        ("accelerators", 3, "tdp_w", "7_0", "number"),
        ("accelerators", 3, "tensor_cores", "1.5", "whole number"),
        ("accelerators", 3, "released", "2026-13-01", "calendar date"),
        ("accelerators", 3, "released", "01/02/2026", "ISO date"),
        ("accelerators", 3, "released", "1800-01-01", "1940-01-01 to 2100-12-31"),
        ("accelerators", 3, "source_id", "nowhere", "a key of sources"),
        ("accelerators", 3, "recorded_basis", "guess", "one of snapshot, assumed_released, stated"),
        ("accelerators", 3, "withdrawn", "perhaps", "true or false"),
        ("accelerators", 3, "recorded", "", "required"),
        ("accelerators", 3, "accelerator_id", "", "required"),
        ("accelerators", 3, "name", "x" * 20_001, "at most 20000 characters"),
        ("accelerators", 3, "name", "a\x00b", "no control characters"),
        ("training_runs", 5, "loss_nats", "-2.5", "> 0"),
        ("training_runs", 5, "compute_basis", "guess", "one of c_over_6n, 6nd, tracker, attention_included, stated"),
        ("mlperf_training", 7, "round", "five", r"matches `v\d+\.\d+`"),
        ("mlperf_training", 7, "division", "ajar", "one of closed, open"),
        ("notable_training_runs", 9, "mfu", "1.2", "<= 1"),
        ("language_model_perplexity", 9, "perplexity", "0.5", "> 1"),
    ],
)
def test_one_bad_cell_quarantines_its_line_alone(
    ledger, name: str, line: int, column: str, text: str, rule: str
) -> None:
    sound = ledger(name).read()
    damaged = ledger(name)
    row_id = damaged.edit(line, column, text)
    intake = damaged.read()
    finding = intake.quarantined.iloc[0]
    assert len(intake.quarantined) == 1
    assert (finding["file"], finding["line"], finding["row_id"]) == (f"data/raw/{name}.csv", line, row_id)
    assert (finding["column"], finding["rule"], finding["value"]) == (column, rule, text[:200])
    assert finding["remedy"]
    expected = sound.rows[sound.rows["line"] != line].reset_index(drop=True)
    pd.testing.assert_frame_equal(intake.rows.reset_index(drop=True), expected)
    assert intake.n_read == len(intake.rows) + intake.n_quarantined


def test_an_unreadable_cell_hides_no_range_failure_of_its_column(ledger) -> None:
    damaged = ledger("accelerators")
    for line, text in ((3, "lots"), (5, "-1"), (7, "inf"), (9, "nan")):
        damaged.edit(line, "tdp_w", text)
    intake = damaged.read()
    assert dict(zip(intake.quarantined["line"], intake.quarantined["rule"], strict=True)) == {
        3: "number", 5: "> 0", 7: "finite", 9: "finite",
    }  # fmt: skip
    assert len(intake.rows) == intake.n_read - 4


def test_two_bad_cells_of_one_line_are_two_findings_of_one_lost_line(ledger) -> None:
    damaged = ledger("accelerators")
    damaged.edit(4, "tdp_w", "-1")
    damaged.edit(4, "released", "soon")
    intake = damaged.read()
    assert set(intake.quarantined["column"]) == {"tdp_w", "released"}
    assert intake.n_quarantined == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:-1] + ",more\n",
        lambda line: line.rsplit(",", 1)[0] + "\n",
        lambda line: '"' + line,
        lambda line: "<<<<<<< HEAD\n",
    ],
    ids=["too wide", "too narrow", "open quote", "conflict mark"],
)
def test_a_line_of_another_shape_costs_itself_only(ledger, damage) -> None:
    damaged = ledger("accelerators")
    damaged.lines[9] = damage(damaged.lines[9])
    intake = damaged.read()
    assert list(intake.quarantined["line"]) == [10]
    assert intake.quarantined["column"].item() == ""
    assert len(intake.rows) == 39


def test_a_byte_that_is_not_utf8_costs_its_line_only(ledger) -> None:
    damaged = ledger("accelerators")
    damaged.path.write_bytes("".join(damaged.lines).encode().replace(b"Baidu Kunlun I,", b"Baidu Kunlun \xff,", 1))
    intake = read_ledger("accelerators", damaged.folder)
    assert len(intake.rows) == 39
    assert "0xff is not UTF-8" in intake.quarantined["rule"].item()


def test_a_second_line_for_one_id_and_date_is_quarantined(ledger) -> None:
    damaged = ledger("accelerators")
    damaged.lines.append(damaged.lines[4])
    damaged.lines.append(damaged.lines[5])
    damaged.edit(43, "tdp_w", "5")
    intake = damaged.read()
    assert list(intake.quarantined["line"]) == [42, 43]
    assert list(intake.quarantined["rule"]) == [REPEATED_LINE, "unique accelerator_id + recorded"]
    assert len(intake.rows) == 40


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        '=HYPERLINK("http://x","y")',
        "\u202eRTL\u2066",
        "x" * 10_000,
        'a "quoted", b',
        "two\nlines",
    ],
)
def test_hostile_text_passes_through_as_text(ledger, text: str) -> None:
    damaged = ledger("accelerators")
    row_id = damaged.edit(6, "name", text)
    intake = damaged.read()
    assert intake.quarantined.empty
    assert intake.rows.set_index("accelerator_id").loc[row_id, "name"] == text


def test_a_renamed_header_is_refused_naming_the_missing_and_the_found(ledger) -> None:
    damaged = ledger("accelerators")
    damaged.lines[0] = damaged.lines[0].replace("tdp_w", "TDP (W)")
    with pytest.raises(DataInvalid) as caught:
        damaged.read()
    assert caught.value.exit_code == 3
    assert "missing: tdp_w" in str(caught.value)
    assert "TDP (W)" in str(caught.value.why)


def test_other_broken_headers_and_a_missing_file(ledger, tmp_path: Path) -> None:
    damaged = ledger("accelerators")
    for header in ("", damaged.lines[0].strip() + ",colour\n", damaged.lines[0].replace("foundry", "name")):
        damaged.lines[0] = header
        with pytest.raises(DataInvalid):
            damaged.read()
    (tmp_path / "accelerators.csv").unlink()
    with pytest.raises(InputMissing):
        read_ledger("accelerators", tmp_path)


def test_what_was_read_once_is_read_anew_where_a_byte_of_what_it_looks_at_is_another(ledger, tmp_path: Path) -> None:
    table = ledger("accelerators")
    before = table.read()
    before.rows.loc[:, "manufacturer"] = "spoilt by a reader"
    again = table.read()
    assert "spoilt by a reader" not in set(again.rows["manufacturer"])
    assert again.rows.equals(read_ledger("accelerators", tmp_path).rows)
    table.edit(3, "tdp_w", "412.5")
    assert table.read().rows.set_index("line").loc[3, "tdp_w"] == 412.5
    used = again.rows["source_id"].iloc[0]
    sources = tmp_path / "sources.csv"
    kept = [
        line
        for line in sources.read_text(encoding="utf-8").splitlines(keepends=True)
        if not line.startswith(f"{used},")
    ]
    sources.write_text("".join(kept), encoding="utf-8")
    assert set(table.read().quarantined["column"]) == {"source_id"}
    header = table.path.read_bytes().splitlines(keepends=True)[0]
    assert read_ledger("accelerators", tmp_path, instead={"accelerators": header}).n_read == 0
    with pytest.raises(DataInvalid):
        read_ledger("accelerators", tmp_path, instead={"accelerators": b""})


def test_columns_may_stand_in_another_order(ledger) -> None:
    sound = ledger("accelerators").read()
    shuffled = ledger("accelerators")
    order = list(reversed(range(len(shuffled.header))))
    shuffled.lines = [row_text([cells[place] for place in order]) for cells in csv.reader(shuffled.lines)]
    pd.testing.assert_frame_equal(shuffled.read().rows, sound.rows)


def test_a_bad_source_row_does_not_take_its_readers_with_it(ledger) -> None:
    damaged = ledger("accelerators")
    sources = Ledger(damaged.folder, "sources")
    place = next(n for n, line in enumerate(sources.lines, 1) if line.startswith("epoch_chip_dataset"))
    sources.edit(place, "licence", "")
    sources.read()
    assert damaged.read().quarantined.empty


CELLS = st.sampled_from(
    ["lots", "-1", "inf", "", "0", "1e400", "2026-13-01", "=1+1", '"', "true", "x;;y", "\x00", "NaN", "12"]
)


@settings(max_examples=40)
@given(edits=st.lists(st.tuples(st.integers(2, 41), st.sampled_from(TABLES["accelerators"].names), CELLS), max_size=6))
def test_whatever_is_written_into_cells_only_edited_lines_are_lost(ledger_factory, sound, edits) -> None:
    damaged = ledger_factory()
    for line, column, text in edits:
        damaged.edit(line, column, text)
    intake = damaged.read()
    touched = {line for line, _, _ in edits}
    assert set(intake.quarantined["line"]) <= touched
    assert set(sound["line"]) - touched <= set(intake.rows["line"])
    assert intake.n_read == 40 == len(intake.rows) + intake.n_quarantined


@pytest.fixture(scope="module")
def ledger_factory(root: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("raw")
    for table in ("sources", "accelerator_aliases"):
        shutil.copy(root / "data" / "raw" / f"{table}.csv", folder)
    text = "".join(
        (root / "data" / "raw" / "accelerators.csv").read_text(encoding="utf-8").splitlines(keepends=True)[:41]
    )

    def make() -> Ledger:
        (folder / "accelerators.csv").write_text(text, encoding="utf-8", newline="")
        return Ledger(folder, "accelerators")

    return make


@pytest.fixture(scope="module")
def sound(ledger_factory) -> pd.DataFrame:
    """The rows of the ledger as shipped."""
    return ledger_factory().read().rows


@given(
    st.lists(
        st.lists(
            st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8),
            min_size=3,
            max_size=3,
        ),
        max_size=6,
    )
)
def test_records_read_what_the_csv_module_wrote(rows: list[list[str]]) -> None:
    text = "a,b,c\n" + "".join(row_text(row) for row in rows)
    found = [list(record.cells) for record in records(lines_of(text.encode()))][1:]
    wanted = [row for row in rows if row_text(row).strip()]
    assert found == wanted


def test_a_quote_that_never_closes_ends_with_its_line() -> None:
    found = list(records(lines_of(b'a,b\n1,"open\n2,x\n3,y\n')))
    assert [(record.line, bool(record.problem)) for record in found] == [(1, False), (2, True), (3, False), (4, False)]


@given(st.floats())
def test_a_number_cell_holds_every_finite_float_and_nothing_else(value: float) -> None:
    column = Column("x", "number", "")
    if math.isfinite(value):
        assert parse_cell(column.kind, repr(value)) == value
    else:
        with pytest.raises(CellError) as caught:
            parse_cell(column.kind, repr(value))
        assert caught.value.rule == "finite"


@pytest.mark.parametrize("text", ["0x10", "1_000", "1,000", "1e", "--1", "1 2", "١٢", "12 W", "None"])
def test_text_that_python_or_a_person_might_read_as_a_number_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        parse_cell("number", text)
