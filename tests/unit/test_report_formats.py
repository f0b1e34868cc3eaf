"""CSV a spreadsheet cannot run, Markdown a renderer cannot obey, paper that is the same twice, an index of quarters."""

from __future__ import annotations

import csv
import dataclasses
import gc
import html
import io
import json
import re
from dataclasses import replace

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.report.annex.methods import REDUCIBLE_EQUATION
from race_to_efficiency.report.content import (
    Badge,
    ContentTable,
    Equation,
    Fact,
    Para,
    Section,
    say,
    table_columns,
)
from race_to_efficiency.report.csv_export import DANGEROUS, neutral, table_csv
from race_to_efficiency.report.document import Document
from race_to_efficiency.report.html import embed_json, policy, render_html
from race_to_efficiency.report.index import render_index, sparkline
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.markdown import escape, render_markdown
from race_to_efficiency.report.numbers import NumberRegistry, decimals
from race_to_efficiency.report.pdf import TEMPLATES, render_pdf
from race_to_efficiency.report.shown import said
from race_to_efficiency.report.words.names import name_in_words
from race_to_efficiency.report.words.plain import share_of_width
from race_to_efficiency.stages.report import nothing_collected
from report_quarter import HOSTILE


@pytest.fixture
def numbers() -> NumberRegistry:
    return NumberRegistry()


@pytest.fixture
def table(numbers: NumberRegistry) -> ContentTable:
    value = numbers.add("v", -0.123456789, "1", decimals(2), nodes=("pool.total",))
    rows = tuple(((Fact(name),), (value,), (Badge("very low", ("why",), short=True),)) for name in HOSTILE)
    return ContentTable("t", say("Names a ledger may hold"), table_columns("name", "#value", "status"), rows)


@pytest.fixture
def document(table: ContentTable) -> Document:
    blocks = (Para(say("A result: {v}.", v=table.rows[0][1])), table, REDUCIBLE_EQUATION)
    sections = (Section("one", "One", blocks), Section("two", "Two", (table,)))
    return Document("Title", "Subtitle", "2026Q1", "2026-03-31", "0.1.0", "Cite this", sections)


def test_csv_keeps_numbers_exact_and_runs_nothing(table, numbers):
    lines = list(csv.reader(io.StringIO(table_csv(table, numbers))))
    assert lines[0] == ["name", "value", "status"]
    assert len(lines) == len(HOSTILE) + 1
    for line in lines[1:]:
        assert float(line[1]) == -0.123456789
        assert not line[0].startswith(DANGEROUS)


def test_a_stages_own_words_are_shown_as_they_are_and_make_no_number(numbers):
    said_there = ["at least 1e+28 FLOP by 2028", "z_curv 1.3 < 4 in gadre2024_c4", "5.4% of 1,000 refits, -0.25"]
    section = Section("one", "One", (Para(said(said_there)),))
    document = Document("T", "S", "2026Q1", "2026-03-31", "0.1.0", "Cite", (section,))
    words = "; ".join(said_there)
    assert words.replace("<", "\\<").replace("_", "\\_") in render_markdown(document, numbers)
    page = render_html(document, numbers, scripts=[], payload=None)
    assert "".join(re.findall(r'<bdi class="fact">(.*?)</bdi>', page)) == html.escape("".join(said_there))
    assert "<data" not in page
    assert len(numbers) == 0


@given(st.text(max_size=40))
def test_neutral_text_is_never_a_formula_and_stays_readable(text):
    found = neutral(text)
    assert not found.lstrip(" ").startswith(DANGEROUS)
    assert found.removeprefix("'") == text or found == text


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_names_as_text(name, document, numbers):
    written = escape(name)
    assert "<img" not in written.replace("\\<", "")
    assert "\n" not in written
    page = render_markdown(document, numbers)
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines)


def test_the_page_shows_names_as_text(document, numbers):
    page = render_html(document, numbers, scripts=[], payload=None)
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "\u202e" not in page


def test_the_policy_allows_what_stands_in_the_page_and_nothing_else():
    found = policy("a{}", ["x()"])
    assert found.startswith("default-src 'none'")
    assert "unsafe" not in found
    assert found.count("'sha256-") == 2
    assert policy("a{}", ["y()"]) != found
    assert "script-src 'none'" in policy("a{}", [])


def test_a_script_cannot_close_itself(document, numbers):
    with pytest.raises(ValueError, match="may not hold"):
        render_html(document, numbers, scripts=["x = '</script>'"], payload=None)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4))
def test_embedded_data_read_back_and_hold_no_markup(data):
    text = embed_json(data)
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == data


def test_paper_is_tagged_dated_by_the_data_and_the_same_twice(document, numbers):
    brief = dataclasses.replace(document, brief=document.sections)
    first = render_pdf(brief, numbers)
    assert render_pdf(brief, numbers) == first
    reader = pypdf.PdfReader(io.BytesIO(first))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert str(reader.metadata["/CreationDate"]).startswith("D:20260331")
    width, height = (float(value) for value in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)
    text = "".join(page.extract_text() for page in reader.pages)
    assert "−0.12" in text
    assert "<img src=x onerror=alert(1)>" in "".join(text.split("\u200b"))


def test_an_equation_has_words_for_those_who_cannot_see_it(document, numbers):
    page = render_html(document, numbers, scripts=[], payload=None)
    assert isinstance(REDUCIBLE_EQUATION, Equation)
    assert f'aria-label="{REDUCIBLE_EQUATION.spoken}"' in page
    assert "<math" in page


def entry(quarter: str, revision: int, **fields: object) -> dict[str, object]:
    digest = f"{quarter}-{revision}".encode().hex()
    base = {"number": 1, "quarter": quarter, "revision": revision, "folder": quarter, "as_of": "2026-03-31"}
    return {**base, "reconstructed": False, "manifest_sha256": digest, "supersedes": None, "key_id": None, **fields}


def test_the_index_lists_the_newest_first_and_names_what_was_corrected():
    first = entry("2025Q4", 1, reconstructed=True)
    second = entry("2025Q4", 2, folder="2025Q4.r2", supersedes=first["manifest_sha256"], key_id="abc")
    page = render_index([first, second, entry("2026Q1", 1)])
    assert page.index("2026Q1") < page.index("2025Q4, revision 2") < page.rindex(">2025Q4<")
    assert page.count("corrected by a later revision") == 1
    assert "reconstructed afterwards" in page
    assert 'href="2025Q4.r2/report.html"' in page
    assert "<script" not in page
    assert "No quarter has been published yet" in render_index([])


def test_the_index_tells_each_headline_its_course_and_the_record():
    told = [entry(f"2025Q{n}", 1, finding=f"Finding <{n}>", loss=loss) for n, loss in ((1, 0.4), (2, 0.5), (3, 0.4))]
    page = render_index([*told, entry("2024Q4", 1)], record=["7 of 9 came out inside"])
    assert "Finding &lt;2&gt;" in page
    assert "7 of 9 came out inside" in page
    assert "2025Q1 0.400, 2025Q2 0.500, 2025Q3 0.400" in page
    assert page.count("published before reports had a brief") == 1
    places = [tuple(map(float, point.split())) for point in sparkline([0.4, 0.5, 0.4]).removeprefix("M").split("L")]
    assert places[0][1] == places[2][1] > places[1][1]
    assert places[0][0] < places[1][0] < places[2][0]
    assert sparkline([1.0, 1.0]).count("6.0") >= 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hardware_tensor16.mean_chip", "chips, tensor FP16, mean chip"),
        ("quantile_0.9", "0.9 quantile"),
        ("something_new.odd_one", "something new, odd one"),
        ("algorithmic_lm.ln_loss alone", "algorithms, language models, on log loss alone"),
        ("less power at https://example.test/a_b", "less power at https://example.test/a_b"),
    ],
)
def test_names_of_the_files_become_words(name, words):
    assert name_in_words(name) == words


def test_a_small_drawing_stays_small_on_paper():
    assert share_of_width('<svg xmlns="x" width="259.2pt" height="9pt"/>') == 0.5
    assert share_of_width('<svg xmlns="x" width="720pt" height="9pt"/>') == share_of_width("<svg/>") == 1.0


def test_on_paper_an_equation_is_its_sentence_and_nothing_is_evaluated(document, numbers):
    on_paper = replace(document, brief=document.sections)
    paper = pypdf.PdfReader(io.BytesIO(render_pdf(on_paper, numbers)))
    text = " ".join("".join(page.extract_text() for page in paper.pages).split())
    assert REDUCIBLE_EQUATION.spoken.split(";")[0] in text
    assert "eval(" not in (TEMPLATES / "report.typ").read_text(encoding="utf-8")


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_of_cycles_rests_while_a_report_is_made_and_is_then_as_it_was(on):
    def failing():
        assert not gc.isenabled()
        raise Missing("stopped")

    before = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with pytest.raises(Missing):
            nothing_collected()(failing)()
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()
