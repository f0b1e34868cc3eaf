"""The brief keeps its limits, and the page is linted: words, grade level, tables that say nothing, empty headings."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pypdf
import pytest

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

MOST_WORDS = 1200
MOST_PAGES = 4
MOST_BYTES = 1_500_000
HIGHEST_GRADE = 10.0

VOID = {"meta", "link", "br", "input", "hr", "img"}


class Outline(HTMLParser):
    """The page as a reader meets it: prose of the brief, headings with what follows them, tables as rows of text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.brief: list[str] = []
        self.prose: list[str] = []
        self.headings: list[tuple[str, list[str]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("h2", "h3", "h4") and "reading" not in str(self.open[-1][1].get("class")):
            self.headings.append((tag, []))
        if tag == "table":
            self.tables[str(found.get("id"))] = []
        if tag == "tr":
            next(reversed(self.tables.values())).append([])
        if tag in ("td", "th"):
            next(reversed(self.tables.values()))[-1].append("")
        if tag in ("p", "li") and self.inside("class", "brief"):
            self.prose.append("")
        if tag in ("figure", "svg") and self.headings:
            self.headings[-1][1].append(tag)
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self.open]
        if {"script", "style", "svg"} & set(tags):
            return
        if {"td", "th"} & set(tags):
            next(reversed(self.tables.values()))[-1][-1] += data
        if data.strip() and self.headings:
            self.headings[-1][1].append(data)
        if (self.inside("class", "brief") and "details" not in tags) or "h1" in tags:
            self.brief.append(data)
        if self.prose and {"p", "li"} & set(tags) and "details" not in tags and self.inside("class", "brief"):
            self.prose[-1] += data

    def inside(self, key: str, value: str) -> bool:
        return any(found.get(key) == value for _, found in self.open)


@pytest.fixture(scope="module")
def text(small_quarter: Workspace) -> str:
    return (small_quarter.processed / "report" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(text: str) -> Outline:
    return Outline(text)


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e: within a tenth of a dictionary's count over running text."""
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    return max(1, groups - (word.lower().endswith("e") and not word.lower().endswith("le") and groups > 1))


def grade_level(sentences: list[str]) -> float:
    """Kincaid, Fishburne, Rogers & Chissom (1975): .39 words a sentence + 11.8 syllables a word - 15.59."""
    words = [re.findall(r"[A-Za-z’']+|[\d][\d.,/]*", sentence) for sentence in sentences]
    spoken = [word for found in words for word in found]
    return 0.39 * len(spoken) / len(sentences) + 11.8 * sum(map(syllables, spoken)) / len(spoken) - 15.59


def sentences_of(paragraphs: list[str]) -> list[str]:
    joined = [re.sub(r"\s+", " ", paragraph).strip() for paragraph in paragraphs]
    return [part for text in joined for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\d])", text) if " " in part]


def test_the_formula_tells_a_primer_from_a_statute() -> None:
    primer = ["The cat sat on the mat.", "The dog ran to the man.", "He had a red hat."]
    statute = (
        "Notwithstanding any contrary provision, the aforementioned intermediary institutions shall periodically "
        "communicate comprehensive documentation regarding consolidated expenditures."
    )
    assert grade_level(primer) < 3
    assert grade_level([statute]) > 18


def test_the_brief_is_short_and_plain(outline: Outline) -> None:
    words = " ".join(outline.brief).split()
    assert 400 < len(words) <= MOST_WORDS
    sentences = sentences_of(outline.prose)
    assert len(sentences) > 25
    assert grade_level(sentences) <= HIGHEST_GRADE


def test_the_paper_has_four_pages_at_most_and_the_page_is_light(small_quarter: Workspace, text: str) -> None:
    paper = (small_quarter.processed / "report" / "report.pdf").read_bytes()
    assert len(pypdf.PdfReader(io.BytesIO(paper)).pages) <= MOST_PAGES
    assert len(text.encode()) < MOST_BYTES


def test_the_screen_has_forty_lines_of_eighty_characters(small_quarter: Workspace) -> None:
    document = json.loads((small_quarter.processed / "report" / "brief.json").read_text(encoding="utf-8"))
    assert 20 < len(document["lines"]) <= 38
    assert max(map(len, document["lines"])) <= 80


def test_every_number_of_the_brief_is_traced(small_quarter: Workspace, numbers: dict[str, Any]) -> None:
    document = json.loads((small_quarter.processed / "report" / "brief.json").read_text(encoding="utf-8"))
    assert len(document["numbers"]) > 40
    assert all(numbers[name]["nodes"] for name in document["numbers"])


def test_what_is_decided_on_takes_three_grades_each_with_its_record(small_quarter: Workspace, outline: Outline) -> None:
    scores = json.loads((small_quarter.processed / "scores.json").read_text(encoding="utf-8"))
    settled = {
        item["grade"]: f"{100 * item['coverage_80']:.0f} % of {item['n']:,}" for item in scores["grades"] if item["n"]
    }
    rows = outline.tables["brief-confidence-table"][1:]
    assert len({row[2] for row in rows}) == len(rows) >= 3
    assert {row[2]: row[3] for row in rows} == {row[2]: settled.get(row[2], "no record") for row in rows}
    assert sum(row[3] != "no record" for row in rows) >= 2


def test_no_heading_is_empty(outline: Outline) -> None:
    assert len(outline.headings) > 30
    empty = [below for index, (tag, below) in enumerate(outline.headings) if len(below) < 2 and
             (index + 1 == len(outline.headings) or outline.headings[index + 1][0] <= tag)]  # fmt: skip
    assert empty == []


def test_no_table_says_the_same_in_every_row(outline: Outline) -> None:
    """Three rows or more that differ in nothing but their names are a sentence, not a table."""
    assert len(outline.tables) > 20
    same = [
        name
        for name, (_, *rows) in outline.tables.items()
        if len(rows) >= 3
        and len({tuple(cell.strip() for cell in row[1:]) for row in rows}) == 1
        and name != "explorer-results"  # whose cells the script fills; tests/browser read them there
    ]
    assert same == []


def test_the_linter_sees_what_it_looks_for() -> None:
    cells = "".join(f"<tr><th>{name}</th><td>no</td></tr>" for name in "abc")
    head = "<body><h1>x</h1><div><h2>Title</h2><h2>Next</h2><table id='t'><tr><th>k</th></tr>"
    page = f"{head}{cells}</table></div></body>"
    with pytest.raises(AssertionError):
        test_no_heading_is_empty(padded(Outline(page)))
    with pytest.raises(AssertionError):
        test_no_table_says_the_same_in_every_row(padded(Outline(page)))


def padded(outline: Outline) -> Outline:
    """Give a small page as many headings and tables as the tests above ask for at least."""
    outline.headings += [("h2", ["Title", "text"])] * 40
    outline.tables |= {f"pad{index}": [["k"], ["a", "1"]] for index in range(30)}
    return outline
