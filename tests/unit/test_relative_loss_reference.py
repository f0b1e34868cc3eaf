"""Every case of the reference table, mapped and judged by its kind; and our own cases beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from relative_loss_cases import FUNCTIONS, failure, read_cases

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "relative_loss.csv"
OWN = ROOT / "tests" / "data" / "relative_loss_cases.csv"

shared = pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference table is not on this machine")


@shared
def test_every_reference_function_is_mapped():
    unmapped = sorted({case.function for case in read_cases(REFERENCE)} - set(FUNCTIONS))
    assert not unmapped, f"reference functions without ours: {unmapped}"


@shared
def test_every_reference_case_passes_at_its_own_tolerance():
    cases = read_cases(REFERENCE)
    failures = [text for case in cases if (text := failure(case)) is not None]
    assert len(cases) == 450
    assert not failures, "\n".join(failures)
