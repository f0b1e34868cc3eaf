"""The report stage on a small quarter of our own: complete, traceable, safe, the same everywhere, never broken."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import json_documents
import pandas as pd
import pypdf
import pytest
import report_quarter
import typer
from race_to_efficiency import storage
from race_to_efficiency.commands import report as command
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.quarter.answers import Answers
from race_to_efficiency.report.inputs import QuarterFiles, read_inputs
from race_to_efficiency.report.report import make_report
from race_to_efficiency.stages import report as stage
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

BRIEF = [
    "Read the energy first",
    "Past and outlook in one picture",
    "How our forecasts have done",
    "How sure we are",
    "What moved since last quarter",
    "What it hangs on",
    "What would change our mind",
    "If power stays, and if it grows",
    "Hare or Turtle?",
    "How others see it",
    "What it stands on",
]

SECTIONS = [
    "Headline",
    "What changed since last quarter",
    "Statements, and how earlier ones did",
    "Scenarios",
    "The outlook: fans, limits of trust, milestones",
    "Kappa: how loss answers to compute",
    "Gamma: how fast efficiency grows",
    "Roadmap: who must deliver what by when",
    "Data account",
    "Methods",
    "Limits",
    "Sources",
    "Appendix",
    "Colophon",
]

NO_RESULT = {"svg", "script", "style", "math", "time", "code", "title", "h1", "h2", "h3", "h4", "option", "label"}
"""Elements whose numerals are no results: drawings (their data stand in tables), headings, dates, code, settings."""

NO_RESULT_CLASS = {"label", "fact", "cite"}
"""Names and settings of ours, text of the ledgers, citations."""

VOID = {"meta", "link", "br", "input", "hr", "img"}


class Page(HTMLParser):
    """Collects every ``<data>`` and every numeral that stands outside one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[tuple[str, str, str]] = []
        self.stray: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        tags = [tag for tag, _ in self.open]
        classes = {name for _, found in self.open for name in (found.get("class") or "").split()}
        for level in ("h2", "h3"):
            if level in tags and "summary" in tags + ["summary"] * (level == "h2"):
                self.headings.append(text)
        if "data" in tags:
            found = next(found for tag, found in self.open if tag == "data")
            self.data.append((found["data-id"], found["value"], text))
            return
        column_heading = any(tag == "th" and found.get("scope") == "col" for tag, found in self.open)
        if re.search(r"\d", text) and not (set(tags) & NO_RESULT or classes & NO_RESULT_CLASS or column_heading):
            self.stray.append(text.strip())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A checkout whose quarter has been run up to the report."""
    folder = tmp_path_factory.mktemp("quarter")
    report_quarter.write_quarter(folder / "data" / "processed")
    return folder


OLD = "figures/fig-old.svg"
"""A file that an earlier report left behind."""


@pytest.fixture(scope="module")
def summary(root) -> dict[str, object]:
    storage.write_text(root / "data" / "processed" / "report" / OLD, "old")
    return stage.run(report_quarter.workspace(root))


@pytest.fixture(scope="module")
def folder(root, summary) -> Path:
    assert summary["problems"] == []
    return root / "data" / "processed" / "report"


@pytest.fixture(scope="module")
def text(folder) -> str:
    return (folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


@pytest.fixture(scope="module")
def numbers(folder) -> dict[str, dict[str, object]]:
    return json.loads((folder / "numbers.json").read_text("utf-8"))


def test_every_format_is_written_and_the_page_is_small(folder, summary):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"report.html", "report.pdf", "report.md", "numbers.json", "forecast.parquet"} <= names
    json_documents.check(
        "stage", {"stage": "report", "quarter": report_quarter.QUARTER, **with_line("report", summary)}
    )
    figures = {name for name in names if name.startswith("figures/")}
    assert {name.removesuffix(".svg") for name in figures if name.endswith(".svg")} == {
        name.removesuffix(".csv") for name in figures if name.endswith(".csv")
    }
    assert summary["html_bytes"] == (folder / "report.html").stat().st_size < 1_000_000
    assert (folder / "forecast.parquet").read_bytes() == (folder.parent / "forecast.parquet").read_bytes()


def test_the_sections_stand_in_their_order(page):
    assert page.headings == [*BRIEF, "Annex: everything behind the brief", *SECTIONS]


def test_no_result_stands_outside_a_number(page):
    assert page.stray == []


def test_a_planted_numeral_is_found(text):
    planted = text.replace('<p class="lead">', '<p class="lead">About 17 times ', 1)
    assert [found[:20] for found in Page(planted).stray] == ["About 17 times Each "]


def test_every_number_on_the_page_is_that_of_numbers_json(page, numbers):
    assert len(page.data) > 700
    for number_id, value, shown in page.data:
        entry = numbers[number_id]
        assert shown == entry["text"], number_id
        assert value == ("" if entry["value"] is None else repr(entry["value"])), number_id


def test_every_number_says_what_it_is_and_where_it_comes_from(numbers):
    for number_id, entry in numbers.items():
        assert entry["nodes"], number_id
        assert "source" not in entry
        assert entry["unit"], number_id
        assert (entry["value"] is None) == ("reason" in entry), number_id


def test_numbers_that_are_estimates_equal_their_records(root, numbers):
    processed = root / "data" / "processed"
    records = {
        item["id"]: item
        for name in ("kappa", "gamma")
        for item in json.loads((processed / f"{name}.json").read_text("utf-8"))["estimates"]
    }
    checked = 0
    for estimate_id, record in records.items():
        for number_id, expected in [(f"{estimate_id}.value", record["value"])] + [
            (f"{estimate_id}.{item['method']}{100 * item['level']:.4g}.{end}", item[end])
            for item in record["intervals"]
            for end in ("low", "high")
        ]:
            if number_id in numbers:
                assert numbers[number_id]["value"] == expected
                assert numbers[number_id]["unit"] == record["unit"]
                assert numbers[number_id]["status"] == record["status"]
                checked += 1
    assert checked > 40
    assert all(name in records for entry in numbers.values() for name in entry.get("estimates", ()))


def row_of(name: str, table: pd.DataFrame) -> pd.Series:
    """Return the one row that a row id (``TABLE:column=value,...``) selects."""
    chosen = table
    columns = "|".join(map(re.escape, table.columns))
    for match in re.finditer(rf"(?:^|,)({columns})=(.*?)(?=,(?:{columns})=|$)", name.partition(":")[2]):
        column, value = match.groups()
        numeric = pd.api.types.is_numeric_dtype(chosen[column])
        chosen = chosen[(chosen[column] - float(value)).abs() < 1e-9 if numeric else chosen[column].eq(value)]
    assert len(chosen) == 1, name
    return chosen.iloc[0]


def test_numbers_that_are_forecast_rows_equal_the_table(root, numbers):
    tables = {
        name: storage.read_parquet(root / "data" / "processed" / f"{name}.parquet")
        for name in ("forecast", "milestones")
    }
    rows = [(entry, name) for entry in numbers.values() for name in entry.get("forecast_rows", ())]
    assert len(rows) > 500
    for entry, name in rows[::7]:
        row = row_of(name, tables[name.partition(":")[0]])
        if entry["unit"] == "share":
            assert entry["value"] == row["unreachable_probability"]
        elif entry["value"] is None:
            assert row["value"] == float("inf")
        else:
            assert entry["value"] == row["value"]
        assert entry.get("status") in (None, row["status"])


def test_the_fans_data_table_is_the_forecast_table(root, folder):
    forecast = storage.read_parquet(root / "data" / "processed" / "forecast.parquet")
    own = forecast[(forecast["scenario_id"] == "constant_power") & (forecast["form"] == "total")]
    lines = list(csv.reader(io.StringIO((folder / "figures" / "fig-fans.csv").read_text("utf-8"))))
    levels = [float(title.removesuffix(" %")) / 100 for title in lines[0][1:]]
    total = [line for line in lines[1:] if line[0].startswith("Total loss, R")]
    assert len(total) == 21
    for index, line in enumerate(total):
        wanted = own[own["horizon"] == index / 2].set_index("output_type_id")["value"]
        assert [float(cell) for cell in line[1:]] == [wanted[round(level, 6)] for level in levels]


def test_the_bundle_holds_every_table_of_the_page_and_every_figure_s(folder, text):
    with zipfile.ZipFile(folder / "tables.zip") as packed:
        files = {name: packed.read(name).decode("utf-8") for name in packed.namelist()}
        assert {item.date_time for item in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    listed = [row[0] for row in csv.reader(io.StringIO(files.pop("contents.csv")))][1:]
    assert listed == list(files)
    in_page = {f"{name}.csv" for name in re.findall(r'<table id="([^"]+)"', text)} - {"explorer-results.csv"}
    assert in_page <= set(files)
    beside = {path.stem: path.read_text("utf-8") for path in (folder / "figures").glob("*.csv")}
    assert beside
    for name, table in beside.items():
        assert table in files.values(), name
    for name, table in files.items():
        for row in csv.reader(io.StringIO(table)):
            assert not any(cell.startswith(("=", "@", "+", "\t")) for cell in row), name


def test_ids_are_unique_and_links_inside_the_page_arrive(page):
    assert len(page.ids) == len(set(page.ids))
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids)
    assert all(link.startswith(("#", "https://")) for link in page.links)


def test_hostile_names_are_shown_as_text_and_the_layout_holds(text, folder):
    assert "<img" not in text
    assert "javascript:alert(3)" not in Page(text).links
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert len(re.findall(r"<script\b", text)) == 2
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x08]", text)
    assert max(map(len, re.findall(r"x{50,}", text))) <= 240
    for path in (folder / "figures").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text("utf-8"))):
            assert not any(cell.startswith(("=", "@", "+", "\t")) for cell in row), path.name


def test_the_page_asks_for_nothing_and_obeys_its_own_policy(text):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    outside = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"\sstyle=", outside)
    assert not re.search(r"\son\w+=\"", outside)
    assert not re.search(r"\bsrc=", outside.replace("&lt;img src=x", ""))


def test_paper_embeds_its_fonts_and_says_the_headline_first(folder, numbers):
    reader = pypdf.PdfReader(folder / "report.pdf")
    for pdf_page in reader.pages:
        for font in pdf_page["/Resources"].get("/Font", {}).values():
            (inner,) = font.get_object()["/DescendantFonts"].get_object()
            descriptor = inner.get_object()["/FontDescriptor"].get_object()
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
    first = " ".join(reader.pages[0].extract_text().split())
    assert numbers["R.constant_power.frontier_trend.5y.q0.5"]["text"] in first
    assert numbers["energy.gamma.route.D.5y.value"]["text"] in first
    assert len(reader.pages) <= 4
    assert "Data to 2026-03-31" in first
    assert reader.metadata.title == "The race to efficiency, 2026Q1"


def test_markdown_says_the_same(folder, numbers):
    page = (folder / "report.md").read_text("utf-8")
    for title in (*BRIEF, *SECTIONS):
        assert f"## {title}\n" in page
    for name in ("R.constant_power.frontier_trend.5y.q0.5", "kappa_total.pooled.power_law.value"):
        assert numbers[name]["text"] in page
    assert not re.search(r"(?<!\\)<img", page)


def test_the_brief_is_a_screen_with_the_numbers_of_the_page(folder, page, numbers):
    document = json.loads((folder / "brief.json").read_text("utf-8"))
    head = {"quarter": report_quarter.QUARTER, "as_of": report_quarter.AS_OF.isoformat(), "freshness": []}
    json_documents.check("show_headline", {**head, **document})
    said = " ".join(" ".join(document["lines"]).split())
    shown = {name for name, _, _ in page.data}
    assert numbers["energy.gamma.route.D.5y.value"]["text"] in document["finding"]
    for number_id, item in document["numbers"].items():
        assert number_id in shown
        assert item == {key: numbers[number_id].get(key) for key in ("value", "unit", "text", "status")}
    for name in ("R.constant_power.frontier_trend.5y.q0.5", "r.constant_power.frontier_trend.5y.q0.9"):
        assert numbers[name]["text"] in said


RUN = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import report_quarter
from race_to_efficiency import storage
from race_to_efficiency.stages import report
root = Path(sys.argv[2])
report_quarter.write_quarter(root / "data" / "processed")
report.run(report_quarter.workspace(root))
folder = root / "data" / "processed" / "report"
for path in sorted(folder.rglob("*")):
    if path.is_file():
        print(path.relative_to(folder).as_posix(), storage.digest_file(path))
"""


def test_the_same_bytes_in_another_folder_zone_language_and_hash_seed(tmp_path, folder, request):
    elsewhere = tmp_path / "a folder with blanks"
    settings = {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "271828"}
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(request.config.rootpath / "tests"), str(elsewhere)],
        env={**os.environ, **settings},
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    there = dict(line.rsplit(" ", 1) for line in made.stdout.splitlines())
    here = {
        path.relative_to(folder).as_posix(): storage.digest_file(path) for path in folder.rglob("*") if path.is_file()
    }
    assert there == here


FILES = ("kappa", "gamma", "scenarios", "anchors", "account", "statements", "changes", "kappa_draws", "forecast",
         "milestones", "scores", "quarantine", "ledger")  # fmt: skip


@pytest.fixture(scope="module")
def inputs(root) -> QuarterFiles:
    space = report_quarter.workspace(root)
    return read_inputs(space.processed, report_quarter.QUARTER, report_quarter.AS_OF, space.params)


@pytest.fixture(scope="module")
def drawings() -> Answers:
    """A chart that needs nothing of the file that is gone is drawn once."""
    return Answers()


@pytest.mark.parametrize("name", FILES)
def test_without_one_file_the_report_says_so_and_stands(name, inputs, drawings, monkeypatch):
    """Checked on Markdown: the content is the same in every format, and figures are laid out but not written as SVG."""
    empty = '<svg xmlns="http://www.w3.org/2000/svg"></svg>'
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, stream, **options: stream.write(empty))
    documents = {key: value for key, value in inputs.documents.items() if key != name}
    tables = {key: value for key, value in inputs.tables.items() if key != name}
    ledger = {} if name == "ledger" else inputs.ledger
    rest = QuarterFiles(inputs.quarter, inputs.as_of, inputs.params, documents, tables, ledger)
    made = make_report(rest, title="The race to efficiency", version="0.1.0", formats=("md",), drawings=drawings)
    assert made.problems == ()
    page = made.files["report.md"].decode()
    assert "**Not in this report.**" in page
    titles = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert [title for title in titles if not title.startswith("Annex.")] == [*BRIEF, *SECTIONS]


def test_with_no_file_at_all_the_stage_says_what_to_run(tmp_path):
    with pytest.raises(InputMissing, match="nothing of 2026Q1 is here") as raised:
        stage.run(report_quarter.workspace(tmp_path))
    assert "race run --quarter 2026Q1" in str(raised.value)


def test_a_part_that_cannot_be_written_is_told_and_breaks_nothing(root, tmp_path):
    shutil.copytree(root / "data" / "processed", tmp_path / "data" / "processed")
    path = tmp_path / "data" / "processed" / "anchors.json"
    document = storage.read_json(path)
    document["anchors"][0]["floor"] = "no mapping"
    storage.write_json(path, document)
    made = stage.run(report_quarter.workspace(tmp_path))
    assert any("TypeError" in problem for problem in made["problems"])
    assert "could not be written" in with_line("report", made)["line"]
    assert (tmp_path / "data" / "processed" / "report" / "report.pdf").stat().st_size > 10_000


def test_what_an_earlier_report_left_behind_is_removed(folder):
    assert not (folder / OLD).exists()
    assert (folder / "figures").is_dir()


def test_the_verb_renders_installs_and_names_the_file(root, tmp_path, monkeypatch, request):
    shutil.copytree(root / "data", tmp_path / "data")
    (tmp_path / "data" / "raw").mkdir()
    shutil.copy(request.config.rootpath / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    made = CliRunner().invoke(app, ["report", "--format", "pdf", "--json"])
    assert made.exit_code == 0, made.output
    shown = json.loads(made.stdout)
    assert shown["path"] == "reports/2026Q1/report.pdf"
    assert shown["bytes"] == (tmp_path / shown["path"]).stat().st_size
    assert CliRunner().invoke(app, ["report", "--format", "docx"]).exit_code != 0
    missing = CliRunner().invoke(app, ["report", "--quarter", "2020Q1"])
    assert isinstance(missing.exception, InputMissing)
