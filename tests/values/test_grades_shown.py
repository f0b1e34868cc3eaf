"""Grades of a quarter: they differ, and what the page, the Markdown and the screen show is what the records hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.commands.screens import LISTED
from race_to_efficiency.commands.views import VIEWS

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

MOST_OF_ONE_GRADE = 0.8
OLD_WORDS = re.compile(r"\b(weak|trusted)\b", re.IGNORECASE)


class Shown(HTMLParser):
    """The page's words, its badges, and the cells of its tables' rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hidden, self.cell, self.table = 0, False, ""
        self.words: list[str] = []
        self.badges: list[tuple[str, str]] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.links: dict[str, list[tuple[str, str]]] = {}
        self._badge = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.hidden += tag in ("script", "style")
        if tag == "table":
            self.table = str(found.get("id"))
            self.rows[self.table] = []
        if tag == "tr" and self.table:
            self.rows[self.table].append([])
        if tag in ("td", "th"):
            self.cell = True
            self.rows[self.table][-1].append("")
        classes = str(found.get("class")).split()
        if classes[0] == "badge" and self.cell:
            link = str(found.get("href") or "") if tag == "a" else ""
            self.links.setdefault(self.table, []).append((" ".join(classes[1].split("-")), link))
        self._badge = classes[1] if classes[0] == "badge" else self._badge

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        self.words.append(data)
        if self.cell:
            self.rows[self.table][-1][-1] += data
        if self._badge:
            self.badges.append((self._badge, data))
            self._badge = ""


@pytest.fixture(scope="module")
def estimates(small_quarter: Workspace) -> dict[str, dict[str, Any]]:
    names = ("kappa.json", "gamma.json")
    documents = [json.loads((small_quarter.processed / name).read_text(encoding="utf-8")) for name in names]
    return {item["id"]: item for document in documents for item in document["estimates"]}


@pytest.fixture(scope="module")
def shown(small_quarter: Workspace) -> Shown:
    return Shown((small_quarter.processed / "report" / "report.html").read_text(encoding="utf-8"))


def confidence(item: dict[str, Any]) -> str:
    return str(item["grade"]["confidence"])


@pytest.mark.parametrize("symbol", ["kappa_", "gamma_", ""])
def test_a_grade_tells_estimates_apart(estimates: dict[str, dict[str, Any]], symbol: str) -> None:
    counts = Counter(confidence(item) for item in estimates.values() if item["symbol"].startswith(symbol))
    assert max(counts.values()) <= MOST_OF_ONE_GRADE * counts.total()
    assert len(set(counts) & set(GRADES)) >= 4


def test_a_status_and_a_grade_never_contradict_each_other(estimates: dict[str, dict[str, Any]]) -> None:
    for item in estimates.values():
        assert (item["status"] == "refused") == (confidence(item) == "refused")
        assert item["status"] != "weak" or confidence(item) in GRADES[1:]


def test_modelled_power_and_an_assumed_prior_take_their_steps(estimates: dict[str, dict[str, Any]]) -> None:
    for name in ("training_flop_per_joule.ols", "training_flop_per_joule.same_format", "growth.power"):
        assert estimates[f"gamma.{name}"]["grade"]["evidence"] >= 1
    assert estimates["gamma.algorithmic_published.prior"]["grade"]["evidence"] == 3
    route, power = (estimates[f"gamma.{name}"] for name in ("route.D", "training_flop_per_joule.ols"))
    assert GRADES.index(confidence(route)) >= GRADES.index(confidence(power))
    assert route["grade"]["agreement"] >= 1  # the slowest route per joule lies outside its interval


def test_the_page_shows_the_grade_of_the_record(shown: Shown, estimates: dict[str, dict[str, Any]]) -> None:
    routes = {row[0].removesuffix(" (default)").replace(" ", "_"): row for row in shown.rows["routes"][1:]}
    assert len(routes) >= 6
    for name, row in routes.items():
        grade = confidence(estimates[f"gamma.route.{name}"])
        assert re.match(rf"{grade}( (one|two|three) steps? for |$)", row[-1]), (name, row[-1], grade)
    told = Counter(row[-1] for row in shown.rows["fig-kappa-data"][1:])
    drawn = (("kappa_total", "power_law"), ("kappa_reducible", "chinchilla"))
    expected = Counter(confidence(item) for item in estimates.values() if (item["symbol"], item["form"]) in drawn)
    assert told == expected


def test_every_badge_has_the_look_of_its_words(shown: Shown) -> None:
    assert len(shown.badges) > 40
    for look, words in shown.badges:
        assert look == words.removesuffix(" confidence").replace(" ", "-")
    assert {look.replace("-", " ") for look, _ in shown.badges} == {*GRADES, "refused"}


def test_a_grade_in_a_table_of_forecasts_leads_to_the_record_of_that_grade(shown: Shown) -> None:
    recorded = {row[0] for row in shown.rows["grades"][1:]}
    assert recorded == set(GRADES)
    tables = [name for name in shown.links if name.startswith(("milestones-", "results-"))]
    assert {name.partition("-")[0] for name in tables} == {"milestones", "results"}
    for name in (*tables, "anchor-table"):
        assert len(shown.links[name]) == len(shown.rows[name]) - 1
        for grade, link in shown.links[name]:
            assert link == ("#grades" if grade in recorded else ""), (name, grade)
    assert not any(link for _, link in shown.links["fig-kappa-data"])  # an estimate's grade has no record


def test_markdown_and_the_screen_show_the_same(small_quarter: Workspace, estimates: dict[str, dict[str, Any]]) -> None:
    text = (small_quarter.processed / "report" / "report.md").read_text(encoding="utf-8")
    for name in ("A", "B", "C"):
        line = next(line for line in text.splitlines() if line.startswith(f"| {name} | "))
        assert line.split(" | ")[-1].startswith(confidence(estimates[f"gamma.route.{name}"]))
    document = {"as_of": "2026-03-31", **VIEWS["estimates"].read(small_quarter)}
    _, (_, *lines), _ = LISTED["estimates"](document)
    assert len(lines) == len(estimates)
    for line in lines:
        said = " ".join(line)
        assert said.endswith(f" {confidence(estimates[said.split()[0]])}")
    document = {"as_of": "2026-03-31", **VIEWS["gamma"].read(small_quarter)}
    _, ((line,), *_), _ = LISTED["gamma"](document)
    joules = [item["value"] for item in document["routes"] if item["basis"] == "joule" and not item["default"]]
    assert line.endswith(f"the other routes per joule {min(joules):.2f} to {max(joules):.2f}")


def test_nothing_a_reader_sees_says_the_old_words(small_quarter: Workspace, shown: Shown) -> None:
    folder = small_quarter.processed / "report"
    said = {
        "page": " ".join(shown.words),
        "Markdown": (folder / "report.md").read_text(encoding="utf-8"),
        "screen": " ".join(json.loads((folder / "brief.json").read_text(encoding="utf-8"))["lines"]),
    }
    for view in ("estimates", "gamma", "routes"):
        title, rows, _ = LISTED[view]({"as_of": "2026-03-31", **VIEWS[view].read(small_quarter)})
        said[view] = " ".join([title, *(" ".join(row) for row in rows)])
    for place, words in said.items():
        found = OLD_WORDS.search(words)
        assert found is None, (place, words[max(found.start() - 60, 0) : found.end() + 60])
