"""Grades of kappa: what a fit rests on, what its two reducible forms say of each other, and the spread of families."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa.evidence import Evidence
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, POWER_LAW
from race_to_efficiency.calibration.kappa.pooled import Member, pooled_estimate
from race_to_efficiency.calibration.kappa.trust import axes, judge
from small_settings import section

PARAMS = section("fit_kappa")
GATES = PARAMS.gates
SOUND = Evidence(
    form=CHINCHILLA,
    theta=np.array([5.0, 6.0, 1.8, 0.34, 0.37]),
    stderr=np.full(5, 0.01),
    kappa=0.18,
    kappa_stderr=0.005,
    n_rows=200,
    n_clusters=200,
    clustered=False,
    compute_decades=3.0,
    residual_sd=0.005,
    z_curv=20.0,
    starts_agreeing=9,
    n_starts=9,
    condition=100.0,
    positive_definite=True,
    profile_closed=True,
    bootstrap_converged=1.0,
)


def lost(**changes: object) -> tuple[int, int]:
    return axes(replace(SOUND, **changes), GATES)


def test_a_sound_fit_loses_nothing() -> None:
    assert judge(SOUND, GATES)[0] == "trusted"
    assert lost() == (0, 0)


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"residual_sd": 0.02}, 1),
        ({"residual_sd": 0.05}, 2),
        ({"profile_closed": False}, 1),
        ({"known_defects": ("a defect",)}, 1),
        ({"known_defects": ("a defect",), "residual_sd": 0.02}, 1),  # whichever is more, not both
        # what the runs are too few, too narrow or too loud to tell
        ({"n_rows": 12}, 2),
        ({"compute_decades": 0.7}, 2),
        ({"z_curv": 1.0}, 2),
        ({"kappa_stderr": 0.15}, 2),
        ({"clustered": True, "n_clusters": 7}, 2),
        ({"clustered": True, "n_clusters": 7, "residual_sd": 0.2}, 3),
    ],
)
def test_the_evidence_of_a_fit(changes: dict[str, object], evidence: int) -> None:
    assert lost(**changes) == (evidence, 0)
    # a power law has no floor to see; everything else counts alike
    power = {**changes, "form": POWER_LAW, "theta": np.array([3.0, 0.05]), "stderr": np.full(2, 1e-3)}
    if "z_curv" not in changes and "n_rows" not in changes:
        assert lost(**power) == (evidence, 0)


@pytest.mark.parametrize(
    ("apart", "agreement"),
    [((0.20, 0.15), 1), ((0.15, 0.20), 1), ((0.31, 0.16), 1), ((0.33, 0.09), 2), ((0.1, 0.2), 2), ((-0.1, 0.2), 2)],
)
def test_forms_that_contradict_each_other_cost_agreement_and_nothing_else(
    apart: tuple[float, float], agreement: int
) -> None:
    assert lost(forms_apart=apart) == (0, agreement)
    assert lost(forms_apart=apart, n_rows=12) == (2, agreement)
    status, (reason,) = judge(replace(SOUND, forms_apart=apart), GATES)
    assert (status, f"{apart[0]:.3g} on all runs" in reason, f"floor form {apart[1]:.3g}" in reason) == (
        "weak",
        True,
        True,
    )


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.integers(6, 300), st.integers(6, 300))
def test_more_scatter_or_fewer_rows_never_better_a_kappa(scatter: float, more: float, rows: int, fewer: int) -> None:
    near = lost(residual_sd=min(scatter, more), n_rows=max(rows, fewer))
    assert lost(residual_sd=max(scatter, more), n_rows=min(rows, fewer)) >= near


def members(values: list[float]) -> list[Member]:
    return [
        Member(f"g{k}", f"f{k}", f"l{k}", "chinchilla", value, 0.002, "trusted", "admitted", 50, None, 0.0)
        for k, value in enumerate(values)
    ]


def test_families_that_differ_cost_a_pool_agreement_and_few_of_them_evidence() -> None:
    def grade(*values: float) -> tuple[int, int]:
        found = pooled_estimate("chinchilla", members(list(values)), PARAMS)
        assert found is not None
        spread = found.diagnostics["tau"] / found.value
        assert (spread >= 0.1) + (spread >= 0.3) == found.grade.agreement
        return found.grade.evidence, found.grade.agreement

    assert grade(*(0.16, 0.161, 0.162, 0.158, 0.16, 0.159)) == (0, 0)
    assert grade(*(0.13, 0.19, 0.15, 0.18, 0.16, 0.17)) == (0, 1)
    assert grade(*(0.05, 0.30, 0.10, 0.25, 0.15, 0.20)) == (0, 2)
    assert grade(0.16, 0.161, 0.162, 0.158)[0] == 2
