"""Cells as people write them: numbers, units, dates and the names of columns; what can mean two things is refused."""

from __future__ import annotations

import calendar
import math
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cells.date_styles import one_date
from race_to_efficiency.cells.dates import read_dates
from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.numbers import number, read_numbers
from race_to_efficiency.cells.published import number_cell
from race_to_efficiency.cells.run_columns import find_figures, suggestions
from race_to_efficiency.cells.run_figures import compute_ratio
from race_to_efficiency.cells.scales import scale_of
from race_to_efficiency.cells.text import MISSING, MISSING_WORDS, CellError
from race_to_efficiency.errors import DataInvalid, UsageError
from scipy import constants

POWERS = {
    "k": 3,
    "K": 3,
    "M": 6,
    "m": 6,
    "B": 9,
    "b": 9,
    "G": 9,
    "bn": 9,
    "T": 12,
    "t": 12,
    " million": 6,
    " Billion": 9,
}


def cells(*texts):
    return np.array(texts, dtype=object)


@given(st.decimals(min_value="0.001", max_value="9999", places=3), st.sampled_from(sorted(POWERS)))
def test_a_suffixed_count_is_the_decimal_number_it_says(value, suffix):
    found = number(f"{value}{suffix}")
    assert found.scaled == float(value * Decimal(10) ** POWERS[suffix])
    assert number(f"  {value} {suffix} ").scaled == found.scaled


RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
POWERS_OF_TEN = ("×10{raised}", " × 10{raised}", " x 10^{power}", "·10^{power}", "*10**{power}", " ⋅ 10 ^ {power}")
TEX_POWERS = (r"${} \times 10^{{{}}}$", r"${}\cdot10^{{{}}}$", r"{} \times 10^{{{}}}", r"${}\,\times\,10^{{{}}}$")


@given(st.decimals(min_value="0.001", max_value="9999", places=3), st.integers(-30, 30))
def test_a_power_of_ten_is_the_same_however_it_is_printed(value, power):
    wanted = float(f"{value}e{power}")
    for written in POWERS_OF_TEN:
        assert number(str(value) + written.format(power=power, raised=str(power).translate(RAISED))).scaled == wanted
    for written in TEX_POWERS:
        assert number(written.format(value, power)).scaled == wanted
        assert number("-" + written.replace("$", "").format(value, power)).scaled == -wanted
    for written in (f"10^{power}", f"10{str(power).translate(RAISED)}", f"$10^{{{power}}}$", f"10**{power}"):
        assert number(written).scaled == float(f"1e{power}")
    assert number(f"-10^{power}").scaled == -float(f"1e{power}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30.449 billion tokens", 30.449e9),
        ("7 B params", 7e9),
        ("30449000 tokens", 30449000.0),
        ("1.4×10⁹ parameters", 1.4e9),
        (r"$12{,}500$", 12500.0),
        (r"$2.907 \pm 0.003$", 2.907),
        ("$1,200$", 1200.0),
    ],
)
def test_a_count_may_name_what_it_counts_and_a_formula_its_figure(text, value):
    assert number(text).scaled == value


EMPHASIS = ("**{}**", "*{}*", "`{}`", "_{}_", "'{}'", "“{}”")
QUALIFIED = ("~{}", "≈ {}", "ca. {}", "about {}", "{}*", "{} †", "{}[12]", "{}[1][2]")
VALUES = st.decimals(min_value="0.001", max_value="9999", places=3)


@given(VALUES, st.sampled_from(["", "B", " M"]))
def test_marks_around_a_number_leave_it_what_it_is(value, suffix):
    text = f"{value}{suffix}"
    for mark in (*EMPHASIS, *QUALIFIED):
        assert number(mark.format(text)) == number(text)


@given(VALUES)
def test_what_qualifies_a_number_is_said_and_keeps_a_publisher_s_cell_out(value):
    for mark in EMPHASIS:
        assert read_numbers(cells(mark.format(value), "x")).notes == ()
        assert number_cell(mark.format(value)) == number_cell(str(value))
    for mark in QUALIFIED:
        assert len(read_numbers(cells(mark.format(value), "x")).notes) == 1
        with pytest.raises(CellError):
            number_cell(mark.format(value))


@pytest.mark.parametrize(("text", "value"), [("1.4B (1,400,000,000)", 1.4e9), ("7e9 (7B)", 7e9), ("2 (2)", 2.0)])
def test_the_same_number_once_more_in_brackets_is_one_number(text, value):
    assert number(text).scaled == value


@pytest.mark.parametrize("text", ["7B (6.7B)", "28M (2M)", "2.907 (3)", "1.4 (C4, 2024)"])
def test_another_number_in_brackets_is_not_chosen_from(text):
    with pytest.raises(CellError):
        number(text)
    assert number("2.907 (0.003)", dimension="loss").scaled == 2.907


@given(st.integers(0, 10**12), st.sampled_from([",", " ", "'", "\u00a0", "\u202f", "_"]))
def test_thousands_grouped_by_any_mark(value, mark):
    assert number(f"{value:,}".replace(",", mark)).scaled == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3.12 TFLOP/s", 3.12e12),
        ("300 W", 300.0),
        ("1.4D+09", 1.4e9),
        ("-2.d-03", -2e-3),
        ("0.7 kW", 700.0),
        ("80 GB", 8e10),
        ("2 TB/s", 2e12),
        ("30 GFLOPS/W", 3e10),
        ("\u22125.5", -5.5),
        ("3.1 x 10^21", 3.1e21),
        ("3.1\u00d710^21 FLOP", 3.1e21),
        ("12 %", 0.12),
        ("$1,200.50", 1200.5),
    ],
)
def test_a_free_column_reads_units(text, value):
    assert number(text, dimension=None).scaled == value


@pytest.mark.parametrize(
    "text",
    [
        "7Q",
        "7 birds",
        "20 m",
        "1.2.3",
        "1,23,456",
        "5 W",
        "7e",
        "1e5e5",
        "0x1F",
        "1 2",
        "3/4",
        "10⁹⁹⁹",
        "2⁸",
        "7 tokens B",
    ],
)
def test_what_is_no_count_is_refused(text):
    if text == "20 m":
        assert number(text).scaled == 2e7  # as in 20m; a length is no count of parameters
        return
    with pytest.raises(CellError):
        number(text)


def test_a_unit_of_another_dimension_is_refused():
    assert number("5 kW", dimension="w").scaled == 5000
    with pytest.raises(CellError, match="number in w"):
        number("5 GB", dimension="w")


def test_cells_without_a_unit_among_cells_with_one_have_no_known_scale():
    found = read_numbers(cells("3 TFLOP/s", "4e12", "5 TFLOP/s", "n/a", "x"), dimension=None)
    assert np.nan_to_num(found.value).tolist() == [3e12, 0, 5e12, 0, 0]
    assert set(found.problems) == {1, 3, 4}
    assert "without a unit" in found.problems[1]
    assert found.problems[3] == MISSING
    assert any("TFLOP/s" in note for note in found.notes)
    assert read_numbers(cells("300 W", "250"), dimension=None).value.tolist() == [300, 250]
    with pytest.raises(CellError, match="one unit"):
        read_numbers(cells("300 W", "4 TFLOP/s"), dimension=None)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_a_plain_column_is_read_at_once_as_cell_by_cell(values):
    texts = [repr(value) for value in values]
    at_once = read_numbers(cells(*texts)).value.tolist()
    one_by_one = read_numbers(cells(*texts, "n/a")).value.tolist()[:-1]
    assert at_once == one_by_one == values


@pytest.mark.parametrize("text", ["1_0", "\u0663", "nan", "inf", "infinity"])
def test_what_python_would_read_as_a_float_is_read_alike_alone_and_in_a_column(text):
    found = read_numbers(cells("1", text, "2"))
    assert np.isnan(found.value[1])
    assert 1 in found.problems


def test_every_missing_word_is_missing_in_numbers_and_dates_alike():
    for word in MISSING_WORDS:
        for text in (word, word.upper(), f" {word} "):
            assert number(text) is None
            assert one_date(text, None) is None
    assert set(read_numbers(cells(*MISSING_WORDS)).problems.values()) == {MISSING}
    assert set(read_dates(cells(*MISSING_WORDS)).problems.values()) == {MISSING}


# dates


@given(st.integers(1950, 2090), st.integers(1, 4))
def test_a_quarter_in_any_spelling_is_the_middle_of_its_period(year, quarter):
    period = pd.Period(year=year, quarter=quarter, freq="Q")
    middle = period.start_time + (period.end_time - period.start_time) / 2
    styles = (
        f"Q{quarter} {year}",
        f"{year}Q{quarter}",
        f"{year}-Q{quarter}",
        f"{quarter}Q{year}",
        f"q{quarter}/{year}",
    )
    found = read_dates(cells(*styles))
    assert not found.problems
    assert len(set(found.day.tolist())) == 1
    assert abs(found.day[0].item() - middle.date()) <= timedelta(days=2)
    assert any("quarters" in note for note in found.notes)


@given(st.dates(date(1955, 1, 1), date(2090, 12, 31)))
def test_day_numbers_of_spreadsheets_and_compact_dates(day):
    serial = (day - date(1899, 12, 30)).days  # 1 January 2000 is 36526
    found = read_dates(cells(str(serial), "36526", f"{serial}.75"))
    assert found.day.tolist() == [day, date(2000, 1, 1), day]
    assert any("day numbers" in note for note in found.notes)
    assert read_dates(cells(f"{day:%Y%m%d}")).day.tolist() == [day]


def test_a_day_number_among_dates_is_no_date():
    found = read_dates(cells("45012", "2024-05-01"))
    assert list(found.problems) == [0]


@pytest.mark.parametrize(
    ("text", "day", "span"),
    [
        ("2024-00-00", date(2024, 7, 2), "year"),
        ("2024-05-00", date(2024, 5, 15), "month"),
        ("2024H1", date(2024, 4, 1), "half"),
        ("H2 2024", date(2024, 10, 1), "half"),
        ("2024-05-01T10:00:00Z", date(2024, 5, 1), "day"),
        ("May 1st, 2024", date(2024, 5, 1), "day"),
        ("20240229", date(2024, 2, 29), "day"),
        ("Apr-12", date(2012, 4, 15), "month"),
        ("Sept '99", date(1999, 9, 15), "month"),
        ("c. 2012", date(2012, 7, 2), "year"),
        ("~2012-05", date(2012, 5, 15), "month"),
    ],
)
def test_partial_dates_say_what_they_state(text, day, span):
    assert one_date(text, None) == (day, span)


@pytest.mark.parametrize(
    "text", ["Q5 2024", "H3 2024", "Abc-12", "Apr-123", "c. x", "20240230", "2024-13-00", "202405", "1714521600"]
)
def test_no_dates(text):
    found = read_dates(cells(text, "2024-01-01"))
    assert list(found.problems) == [0]


@given(st.floats(1950, 2090))
def test_numbers_of_a_typed_column_are_decimal_years(year):
    found = read_dates(np.array([year, 2001.5]))
    assert found.decimal[0] == year
    days = 366 if calendar.isleap(int(year)) else 365
    exact = np.datetime64(date(int(year), 1, 1)) + np.timedelta64(round((year - int(year)) * days * 86400), "s")
    assert abs((found.day[0] - exact) / np.timedelta64(1, "D")) <= 1.0


# names of columns

TOOLKITS = {
    "chinchilla": "compute_flop=C|params=N|tokens=D|loss=loss",
    "lower case": "params=n|tokens=d|loss=l",
    "svg points": "params=Model Size|compute_flop=Training FLOP|loss=loss|=x",
    "tracker": "params=n_params|tokens=train_tokens|loss=val/loss|=Name",
    "trainer": "params=num_parameters|tokens=num_input_tokens_seen|loss=eval_loss|compute_flop=total_flos",
    "megatron": "params=parameters|tokens=consumed_tokens|loss=lm loss",
    "ladder": "params=num_params|tokens=throughput/total_tokens|loss=eval/CrossEntropyLoss",
    "camel": "params=numParams|tokens=numTokens|loss=finalLoss",
    "paper": "params=Params (B)*1e9|tokens=Tokens (B)*1e9|loss=Loss (nats)",
    "brackets": "params=Parameters [M]*1e6|compute_flop=FLOPs (1e21)*1e21|loss=Validation loss",
    "days": "params=Model size (in millions)*1e6|compute_flop=Training compute (PF-days)*8.64e19|loss=test_loss",
    "nats": "params=params|tokens=tokens|loss=loss_nats|=run_id",
}
"""Figure=column of a table's header, with the factor its unit asks for."""


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_the_columns_of_toolkits_are_found(toolkit):
    pairs = [pair.split("=") for pair in TOOLKITS[toolkit].split("|")]
    columns = {figure: column for figure, column in pairs if figure}
    found = find_figures([column.partition("*")[0] for _, column in pairs])
    assert found.columns == columns
    guessed = [name for figure, name in columns.items() if name not in (figure, "loss_nats")]
    assert len(found.notes) == len(guessed)


@pytest.mark.parametrize(
    ("figure", "header", "option"),
    [
        ("params", ("params_M", "x"), "--column 'params=params_M*1e6'"),
        ("tokens", ("tokens_in_B", "tokens_B"), "--column 'tokens=tokens_B*1e9'"),
        ("tokens", ("tokens_billions",), "--column 'tokens=tokens_billions*1e9'"),
        ("compute_flop", ("gflops",), "--column 'compute_flop=gflops*1e9'"),
        ("compute_flop", ("flops_1e18",), "--column 'compute_flop=flops_1e18*1e18'"),
        ("loss", ("bpb",), "--column loss=bpb"),
        ("loss", ("valid_ppl", "ppl"), "--column loss=ppl --loss-unit perplexity"),
        ("loss", ("loss_c4_val", "loss_lower95_c4_val"), "--column loss=loss_c4_val"),
        ("params", ("non_embedding_params",), "--column params=non_embedding_params"),
    ],
)
def test_a_column_that_comes_near_is_offered_with_its_factor(figure, header, option):
    assert suggestions(figure, header)[0] == option


def test_two_losses_are_rivals_and_neither_is_taken():
    found = find_figures(("params", "tokens", "train_loss", "val_loss"))
    assert "loss" not in found.columns
    assert found.rivals["loss"] == ("train_loss", "val_loss")


@pytest.mark.parametrize(
    ("unit", "dimension", "factor"),
    [
        ("B", "", 1e9),
        ("millions", "", 1e6),
        ("10^9 tokens", "", 1e9),
        ("1e21", "flop", 1e21),
        ("ZFLOP", "flop", 1e21),
        ("pfs-days", "flop", 8.64e19),
        ("hp", "w", None),
        ("B", "w", None),
    ],
)
def test_units_of_headers(unit, dimension, factor):
    assert scale_of(unit, dimension) == factor


# columns and their ratios


@pytest.fixture
def chips(tmp_path):
    path = tmp_path / "chips.csv"
    path.write_text("FLOP/s,tdp_w,FLOP\n6,3,1\n8,0,2\nx,2,3\n", encoding="utf-8")
    return open_table(path)


def test_a_ratio_of_columns_is_that_of_its_numbers_and_a_whole_name_comes_first(chips):
    assert chips.numbers("FLOP/s").value[:2].tolist() == [6, 8]
    ratio = chips.numbers("FLOP/s / tdp_w")
    assert ratio.value[0] == 2
    assert set(ratio.problems) == {1, 2}
    assert chips.numbers("FLOP/s*1e3/tdp_w").value[0] == 2000
    assert chips.numbers("2*FLOP").value.tolist() == [2, 4, 6]
    for wrong in ("FLOP/watts", "watts", "FLOP/", "FLOP//tdp_w", "3", "9" * 25, "9" * 400, "2*3", "1e999"):
        with pytest.raises(UsageError):
            chips.numbers(wrong)


def test_a_column_of_logarithms_is_read_as_the_exponent_of_its_base(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("log10_N,ln_D,2^x,x\n3,1,5,4\n-2,0,6,0.5\n400,x,7,1\n", encoding="utf-8")
    table = open_table(path)
    assert table.numbers("10^log10_N").value[:2] == pytest.approx([1000.0, 0.01], rel=1e-15)
    assert set(table.numbers("10^log10_N").problems) == {2}  # 1e400 is no number
    assert table.numbers("e^ln_D").value[:2] == pytest.approx([math.e, 1.0], rel=1e-15)
    assert table.numbers("2^x").value.tolist() == [5, 6, 7]  # a column's own name comes first
    assert table.numbers("6*10^log10_N/2^log10_N").value[:2] == pytest.approx([6e3 / 8, 0.06 * 4])
    for wrong in ("10^y", "3^x", "10^", "x^2"):
        with pytest.raises(UsageError):
            table.numbers(wrong)


def test_an_error_stated_after_a_number_is_left_out_and_that_is_said():
    found = read_numbers(cells("2.907 ± 0.003", "3.1+/-.02", "4", "1e3 +- 2e1", r"5 \pm 0.1"))
    assert found.value.tolist() == [2.907, 3.1, 4.0, 1000.0, 5.0]
    assert found.notes == ("errors stated after the numbers were left out",)
    assert read_numbers(cells("1e+3", "-2", "x")).notes == ()
    assert set(read_numbers(cells("2 ±", "± 3", "1 ± 2 ± 3x")).problems) == {0, 1, 2}


def test_a_name_that_stands_twice_is_refused_when_it_is_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,b\n1,2,3\n", encoding="utf-8")
    table = open_table(path)
    assert table.numbers("a").value.tolist() == [1]
    with pytest.raises(DataInvalid, match="stands 2 times"):
        table.numbers("b")


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1.0, ""),
        (1 / 3, "2 params tokens"),
        (1e-9, "in FLOP?"),
        (1.4, "8.4 params tokens"),
        (30.0, "in FLOP?"),
    ],
)
def test_compute_that_is_a_constant_times_6nd_is_remarked(factor, said):
    rng = np.random.default_rng(0)
    params, tokens = rng.lognormal(20, 2, 50), rng.lognormal(24, 2, 50)
    ratio = compute_ratio(params, tokens, factor * 6 * params * tokens)
    assert ratio.middle == pytest.approx(factor, rel=1e-12)
    assert said in ratio.remark
    assert bool(ratio.remark) == bool(said)
    noisy = compute_ratio(params, tokens, 6 * params * tokens * rng.lognormal(0, 1.5, 50))
    assert "disagree" in noisy.doubt


# what is no table


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<!DOCTYPE html><p>504", "web page"),
        (b"PK\x03\x04xl/workbook", "zip (or a spreadsheet) and ends early"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0old", "old spreadsheet"),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "UTF-16 and cannot be decoded"),
        ("a,b\nf\u00e9,2\n".encode("latin-1"), "0xe9 is not UTF-8"),
        (b"a,b\n1,\x002\n", "NUL"),
        (b"1,2,3\n4,5,6\n", "holds numbers, not the names"),
        (b'"params,tokens\n1,2\n', "first line cannot be read"),
        (b"[1, 2, 3]", "no records"),
        (b'[{"a": 1}', "not valid JSON"),
        (b'{"a": [1, 2], "b": [1]}', "differ in length"),
        (b"\x1f\x8b\x08garbage", "gzip"),
        (b"PAR1 but no more", "no whole parquet"),
        (b"a,b\n" + b"x" * 3_000_000, "more than 2,000,000 bytes"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(tmp_path, data, said):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataInvalid) as caught:
        open_table(path)
    assert said in f"{caught.value} {caught.value.why}"
    assert caught.value.remedy
    assert str(path) in caught.value.where


def test_a_declared_separator_old_line_ends_and_trailing_separators(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"sep=;\r\na;b\r\n1,5;2\r\n3;4;\r\n")
    table = open_table(path)
    assert (table.header, table.line.tolist(), len(table.unread)) == (("a", "b"), [3, 4], 0)
    assert table.numbers("a").value.tolist() == [1.5, 3]
    path.write_bytes(b"a,b\r1,2\r3,4\r")
    assert open_table(path).numbers("b").value.tolist() == [2, 4]


def test_two_header_rows_are_read_by_the_second(tmp_path):
    frame = pd.DataFrame(
        np.arange(6.0).reshape(2, 3),
        columns=pd.MultiIndex.from_tuples([("m", "params"), ("m", "tokens"), ("e", "loss")]),
    )
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    table = open_table(path)
    assert table.header == ("params", "tokens", "loss")
    assert (table.line.tolist(), table.n_read) == ([3, 4], 2)
    assert any("two header rows" in note for note in table.notes)


@pytest.mark.parametrize("prefix", ["kilo", "mega", "giga", "tera", "peta", "exa"])
def test_prefixes_of_watts_are_those_of_the_international_system(prefix: str) -> None:
    letter = {"kilo": "k"}.get(prefix, prefix[0].upper())
    assert scale_of(f"{letter}W", "w") == getattr(constants, prefix)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["model/num_params", "train/tokens", "val/loss"], {"params": 0, "tokens": 1, "loss": 2}),
        (["config.n_params", "summary.tokens", "summary.val_loss"], {"params": 0, "tokens": 1, "loss": 2}),
        (["parameter_count", "throughput/total_tokens", "eval/paloma/loss"], {"params": 0, "tokens": 1, "loss": 2}),
        (["config.d", "config.n", "config.l"], {}),
        (["params", "config.params", "tokens"], {"params": 0, "tokens": 2}),
    ],
)
def test_names_in_a_logger_s_folders_are_those_without_them(header, found):
    read = find_figures(header)
    assert read.columns == {figure: header[place] for figure, place in found.items()}


def test_two_names_in_folders_are_rivals_and_neither_is_taken():
    read = find_figures(["params", "tokens", "a/val_loss", "b/val_loss"])
    assert "loss" not in read.columns
    assert read.rivals == {"loss": ("a/val_loss", "b/val_loss")}
