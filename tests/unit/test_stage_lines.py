"""The line of each stage: every number it returned that the line names, and nothing of it left in the document."""

from __future__ import annotations

import pytest
from race_to_efficiency.commands.stage_lines import LINES, with_line

SUMMARIES = {
    "ingest": {"tables": {"a": {"read": 1200, "used": 7, "quarantined": 2},
                          "b": {"read": 34, "used": 5, "quarantined": 3}}},
    "fit_kappa": {"estimates": 12, "trusted": 3, "told": {"groups": 4, "grades": "7 high, 5 low"}},
    "fit_gamma": {"estimates": 9, "told": {"grades": "9 low", "routes": [
        {"route": "D", "value": 1.862}, {"route": "E", "value": None}, {"route": "A", "value": 0.5}]}},
    "forecast": {"scenarios": 14, "rows": 184336, "draws": 10000},
    "backtest": {"outcomes": 21, "verdicts": {"pass": 2, "fail": 1, "too few to judge": 5}, "statements": 16,
                 "record": {"n": 30, "resolved": 11}, "told": {"targets": 8}},
    "compare": {"rows": 33, "moved": 6, "missing": None,
                "told": {"before": "2025Q4", "quarter": "2026Q1", "fitted": 2}},
    "report": {"numbers": 1500, "problems": [], "html_bytes": 612_345, "told": {"figures": 15}},
}  # fmt: skip
SHOWN = {
    "ingest": "1,234 rows read, 12 used, 5 quarantined",
    "fit_kappa": "12 estimates of 4 groups; confidence: 7 high, 5 low",
    "fit_gamma": "9 estimates; confidence: 9 low; routes D 1.86, A 0.50",
    "forecast": "14 scenarios, 184336 rows, 10000 joint draws",
    "backtest": "21 outcomes, 8 targets: 2 pass, 1 fail, 5 too few to judge; 16 statements; 11 of 30 published ones "
    "resolved",
    "compare": "2025Q4 -> 2026Q1: 33 rows changed, 6 estimates moved; 2 groups of kappa fitted again",
    "report": "1500 numbers, 15 figures, 0.61 MB",
}


@pytest.mark.parametrize("name", sorted(LINES))
def test_a_line_says_what_the_stage_returned_and_takes_its_own_part_away(name: str) -> None:
    shown = with_line(name, SUMMARIES[name])
    assert shown.pop("line") == SHOWN[name]
    assert shown == {key: value for key, value in SUMMARIES[name].items() if key != "told"}


def test_what_did_not_happen_is_not_told() -> None:
    quiet = {**SUMMARIES["backtest"], "record": {"n": 0, "resolved": 0}}
    assert with_line("backtest", quiet)["line"].endswith("16 statements")
    told = {"before": "2025Q4", "quarter": "2026Q1", "fitted": 0}
    assert with_line("compare", {**SUMMARIES["compare"], "told": told})["line"].endswith("6 estimates moved")
    one = with_line("compare", {**SUMMARIES["compare"], "told": told | {"fitted": 1}})["line"]
    assert one.endswith("; 1 group of kappa fitted again")
    why = {"code": "not compared", "quarter": "2026Q1", "before": "2025Q4", "why": "ledger {x} is not there"}
    shown = with_line("compare", {"rows": 0, "moved": 0, "missing": why["why"], "told": {"missing": why}})
    assert shown["line"] == "2026Q1 cannot be compared with 2025Q4: ledger {x} is not there"
    assert shown["missing"] == "ledger {x} is not there"
    lost = {**SUMMARIES["report"], "problems": ["Kappa: no file", "Gamma: no file"]}
    assert with_line("report", lost)["line"].endswith("MB; could not be written: Kappa: no file; Gamma: no file")


def test_a_stage_that_is_none_of_ours_speaks_for_itself() -> None:
    assert with_line("count_rows", {"groups": 2, "line": "2 groups"}) == {"groups": 2, "line": "2 groups"}
    assert with_line("count_rows", {"groups": 2}) == {"groups": 2, "line": "done"}
