"""Every case of the reference table for what we compute, judged by its kind; and our own 60-digit cases beside it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from relative_loss_cases import FUNCTIONS, NOT_COMPUTED, agrees, failure, read_cases
from relative_loss_oracle import classify, evaluate, tolerance

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "relative_loss.csv"
OWN = ROOT / "tests" / "data" / "relative_loss_cases.csv"

shared = pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference table is not on this machine")


@shared
def test_every_reference_function_is_mapped_or_named_as_not_computed():
    assert {case.function for case in read_cases(REFERENCE)} - set(FUNCTIONS) == NOT_COMPUTED


@shared
def test_every_reference_case_passes_at_its_own_tolerance():
    cases = [case for case in read_cases(REFERENCE) if case.function not in NOT_COMPUTED]
    failures = [text for case in cases if (text := failure(case)) is not None]
    assert len(cases) == 365
    assert not failures, "\n".join(failures)


def test_every_own_case_passes_at_its_own_tolerance():
    cases = read_cases(OWN)
    failures = [text for case in cases if (text := failure(case)) is not None]
    assert not failures, "\n".join(failures)


def test_own_cases_hold_every_kind():
    kinds = Counter(case.kind for case in read_cases(OWN))
    assert {"value", "inf", "overflow", "underflow", "subnormal", "domain_error"} <= set(kinds), kinds


@pytest.mark.parametrize("case", [c for c in read_cases(OWN) if c.kind != "domain_error"][::9], ids=lambda c: c.id)
def test_own_cases_are_what_the_oracle_says_today(case):
    kind, value = classify(evaluate(case.function, case.inputs))
    assert (kind, repr(value)) == (case.kind, repr(case.expected)), json.dumps(case.inputs)
    if kind == "value" and "_sat_" not in case.function:  # conditions of quadratures cost seconds
        assert tolerance(case.function, case.inputs) == pytest.approx(case.rtol, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "value", "expected", "verdict"),
    [
        ("value", 1.0 + 1e-13, 1.0, False),
        ("value", 1.0 + 1e-15, 1.0, True),
        ("zero", 5e-324, 0.0, False),
        ("underflow", 0.0, 0.0, True),
        ("subnormal", 1.5e-323, 1e-323, True),
        ("subnormal", 1e-321, 1e-323, False),
        ("inf", float("nan"), float("inf"), False),
        ("overflow", float("inf"), float("-inf"), False),
        ("overflow", 1.7e308, float("inf"), False),
    ],
)
def test_the_judge_itself_refuses_what_it_should(kind, value, expected, verdict):
    case = read_cases(OWN)[0]
    judged = type(case)(case.id, case.function, case.inputs, expected, kind, 2e-14, True)
    assert agrees(judged, value) is verdict
