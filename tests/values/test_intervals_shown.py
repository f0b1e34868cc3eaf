"""Every interval that the page prints beside a number is the one that the trace of that number tells."""

from __future__ import annotations

import math
import re
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import json_documents
import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands.audit_text import print_trace
from race_to_efficiency.provenance.records import QuarterRecords
from race_to_efficiency.provenance.targets import TraceTarget
from race_to_efficiency.provenance.trace import _of_number, trace

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

LOW, HIGH = "\x01", "\x02"
NUMBER = f"{LOW}([^{HIGH}]*){HIGH}"
PAIR = re.compile(rf"\[{NUMBER}, {NUMBER}\]|{NUMBER} to {NUMBER}")
NO_INTERVALS = {
    "score": "where coverage would lie by chance",
    "anchor": "the nearest and the furthest group",
    "published": "others' values, whose level they do not say, and fits made for this comparison alone",
}
"""Pairs of the page that are no interval of a number, by the first part of their ids."""


class Blocks(HTMLParser):
    """The page in blocks of one paragraph, one row or one card, every number in it by its id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.blocks: list[str] = [""]
        self.inside = 0
        self.shown = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.inside += self.inside > 0 and tag == "div"
        if (tag == "div" and found.get("class") == "card") or (tag in ("p", "li", "tr") and not self.inside):
            self.blocks.append("")
            self.inside += tag == "div"
        if tag == "data":
            self.blocks[-1] += f"{LOW}{found['data-id']}{HIGH}"
            self.shown = True

    def handle_endtag(self, tag: str) -> None:
        self.inside -= self.inside > 0 and tag == "div"
        self.shown = self.shown and tag != "data"

    def handle_data(self, data: str) -> None:
        if not self.shown:
            self.blocks[-1] += data


@pytest.fixture(scope="module")
def records(small_quarter: Workspace) -> QuarterRecords:
    as_of = small_quarter.quarter.as_of.isoformat()
    return QuarterRecords(str(small_quarter.quarter), as_of, small_quarter.processed, published=False,
                          raw=small_quarter.raw)  # fmt: skip


def is_interval(low: str, high: str) -> bool:
    """Two ends of one number; what has no record of its own, or stands for two routes, is none."""
    routes = low.endswith(".value") and high.endswith(".value")
    return low.partition(".")[0] not in NO_INTERVALS and not routes


def closed(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def test_every_interval_of_the_page_is_told_by_the_trace_of_its_number(
    small_quarter: Workspace, records: QuarterRecords
) -> None:
    page = Blocks((small_quarter.processed / "report" / "report.html").read_text(encoding="utf-8"))

    @cache
    def told(name: str) -> set[tuple[float | None, float | None]]:
        document = _of_number(TraceTarget("number", name), records)
        return {(closed(item["low"]), closed(item["high"])) for item in document["intervals"]}

    kinds, lost = set(), []
    for block in page.blocks:
        names = re.findall(NUMBER, block)
        for match in PAIR.finditer(block):
            low, high = (name for name in match.groups() if name is not None)
            if not is_interval(low, high):
                continue
            ends = (records.numbers[low]["value"], records.numbers[high]["value"])
            kinds.add(low.partition(".")[0])
            if not any(ends in told(name) for name in names):
                lost.append((low, high))
    assert lost == []
    assert kinds >= {
        "energy", "gamma", "kappa_total", "R", "r", "L_over_L0", "years_to", "statement", "change", "crossover",
        "floor", "limit", "others", "product", "roadmap", "scenario",
    }  # fmt: skip


def test_a_range_of_8_in_10_lies_within_that_of_19_in_20(numbers: dict[str, Any]) -> None:
    pairs = [item["ends"] for item in numbers.values() if len(item.get("ends", ())) == 2]
    assert len(pairs) >= 10
    for narrow, wide in pairs:
        assert (narrow["level"], wide["level"]) == (0.8, 0.95)
        low, lower, high, higher = (numbers[ends[end]]["value"] for end in ("low", "high") for ends in (narrow, wide))
        assert lower <= low <= high <= higher


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_an_estimate_on_the_page_is_traced_with_its_own_intervals(records: QuarterRecords, level: float) -> None:
    estimate = records.estimates["gamma.route.D"]
    found = trace("gamma.route.D.value", records, {})
    assert found["intervals"] == estimate["intervals"]
    assert found["grade"] == estimate["grade"]["confidence"]
    assert level in {item["level"] for item in found["intervals"]}


def test_the_energy_is_traced_as_the_page_prints_it(
    records: QuarterRecords, numbers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "energy.gamma.route.D.5y.value"
    found = trace(name, records, {"published": False, "note": "not published", "intact": None})
    json_documents.check("audit_trace", storage.json_value(found))
    rates = {
        item["level"]: item for item in records.estimates["gamma.route.D"]["intervals"] if item["method"] == "draws"
    }
    assert [item["level"] for item in found["intervals"]] == [0.8, 0.95]
    for item in found["intervals"]:
        assert item["low"] == pytest.approx(2.0 ** (-5 * rates[item["level"]]["high"]), rel=1e-12)
        assert item["high"] == pytest.approx(2.0 ** (-5 * rates[item["level"]]["low"]), rel=1e-12)
    texts = [numbers[name]["text"], *(numbers[f"energy.gamma.route.D.5y.{end}"]["text"] for end in ("low", "high"))]
    assert found["interval_texts"][0] == {"level": 0.8, "low": texts[1], "high": texts[2]}
    print_trace(found, rows=False)
    said = capsys.readouterr().out.splitlines()
    assert re.search(r" share  80 % \[\S+, \S+\] draws  95 % \[\S+, \S+\] draws  (very )?(low|medium|high)$", said[0])
    assert said[1].startswith(f"  shown as {texts[0]}, 80 % {texts[1]} to {texts[2]}, 95 % 1/")


def test_a_number_without_an_interval_says_so(records: QuarterRecords, capsys: pytest.CaptureFixture[str]) -> None:
    found = trace("brief.r.other_form", records, {"published": False, "note": "not published", "intact": None})
    assert found["intervals"] == []
    assert "interval_texts" not in found
    print_trace(found, rows=False)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert "  no interval  " in first
    assert second == f"  shown as {found['text']}"
