"""Grades of rates: doubts of the rows, disagreement of other choices, mixtures by their middle, routes by the worst."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gamma_views import inputs_of
from gamma_views import result as result_of
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.grades import ASSUMED, GRADES
from race_to_efficiency.calibration.gamma.components import Component, from_draws, refused
from race_to_efficiency.calibration.gamma.judging import disagreement, judged, mixed
from race_to_efficiency.calibration.gamma.routes import Route, fit_route, graded_routes

SAME = {"sign_changes": False, "status_changes": False, "outside_interval": False, "moves_much": False}
MOVED = {"change": "start 2 years later", "value": 0.1, "delta": -0.1, "base": 0.2, "status": "weak"}
CHECK = {**SAME, **MOVED, "gate": True}
OTHER = {**CHECK, "gate": False}
FLAGS = st.fixed_dictionaries({name: st.booleans() for name in (*SAME, "gate")})


def rate(name="a", value=1.0, *, layer="chip", spread=0.1, rests_on="measured", rows=50, basis="joule", **grade):
    component = Component(name, "x", (layer,), basis, "m", rests_on=rests_on)
    draws = value + spread * np.random.default_rng(0).standard_normal(400)
    fit = from_draws(inputs_of({}), component, draws, value=value, n_rows=rows)
    return replace(fit, estimate=replace(fit.estimate, **grade)) if grade else fit


@pytest.fixture(scope="module")
def gate():
    return inputs_of({}).params.gate


@pytest.mark.parametrize(
    ("row", "steps"),
    [
        ({**CHECK, "sign_changes": True}, 2),
        ({**CHECK, "status_changes": True}, 2),
        ({**CHECK, "outside_interval": True}, 1),
        ({**CHECK, "moves_much": True}, 1),
        ({**OTHER, "outside_interval": True}, 1),
        # a definition that merely moves it, or whose own status is another, is no disagreement
        ({**OTHER, "moves_much": True, "status_changes": True}, 0),
        (CHECK, 0),
    ],
)
def test_what_another_choice_costs(gate, row, steps):
    assert disagreement([CHECK, row]) == steps
    found = judged(gate, rate(), [CHECK, row]).estimate
    assert (found.grade.evidence, found.grade.agreement) == (0, steps)  # disagreement is counted on one axis alone
    assert (found.status == "weak") == (row["gate"] and steps > 0)


@given(st.lists(FLAGS, max_size=4), st.lists(FLAGS, max_size=4))
def test_further_choices_never_better_a_grade(first, more):
    assert disagreement(first) <= disagreement([*first, *more])


def test_doubts_of_the_rows_count_as_evidence_and_stay_when_a_check_fails_too(gate):
    doubted = rate(rows=5).with_status("weak", ["only 5 rows"])
    told = judged(gate, doubted, [{**CHECK, "moves_much": True}]).estimate
    assert (told.grade.evidence, told.grade.agreement, told.grade.confidence) == (2, 1, "low")
    assert len(told.reasons) == 2
    old = judged(gate, rate().with_status("weak", ["it ended"]), []).estimate
    assert (old.grade.evidence, old.grade.agreement) == (1, 0)
    assert judged(gate, rate(rests_on="modelled"), []).estimate.grade.confidence == "high"
    assert judged(gate, rate(rests_on="assumed"), []).estimate.grade.evidence == ASSUMED


def test_a_later_doubt_lowers_the_evidence_and_keeps_the_rest(gate):
    found = judged(gate, rate(), [{**CHECK, "sign_changes": True}]).with_status("weak", ["unread rows"]).estimate
    assert (found.grade.evidence, found.grade.agreement) == (1, 2)
    assert rate().with_status("trusted", []).estimate.grade.evidence == 0


def test_a_mixture_has_the_middle_of_its_parts_by_weight_and_a_step_for_the_weights():
    parts = {
        "lm": rate("lm", evidence=1, agreement=1),
        "prior": rate("prior", evidence=3, agreement=0),
        "run": rate("run", evidence=0, agreement=2),
    }

    def grade(**weights):
        blend = rate("mix")
        blend = replace(blend, estimate=replace(blend.estimate, diagnostics={"weights": weights}))
        found = mixed(blend, parts, []).estimate.grade
        return found.evidence, found.agreement

    third = 1.0 / 3.0
    assert grade(lm=third, prior=third, run=third) == (2, 1)
    assert grade(lm=0.2, prior=0.2, run=0.6) == (1, 2)
    assert grade(lm=0.2, prior=0.6, run=0.2) == (3, 0)
    assert grade(prior=1.0) == (3, 0)
    blend = rate("mix")
    blend = replace(blend, estimate=replace(blend.estimate, diagnostics={"weights": {"prior": 1.0}}))
    assert mixed(blend, parts, [{**OTHER, "outside_interval": True}]).estimate.grade.agreement == 1
    assert mixed(rate("mix"), parts, []).estimate.grade.evidence == 0  # refused or unmixed: nothing to take a middle of


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=2))
def test_a_route_has_the_worst_of_its_parts(levels):
    fits = [
        rate(name, layer=layer, evidence=evidence, agreement=agreement)
        for name, layer, (evidence, agreement) in zip("ab", ("chip", "algorithm"), levels, strict=True)
    ]
    route = Route("X", tuple(fit.component for fit in fits))
    found, _ = fit_route(inputs_of({}), route, {fit.component.key: fit for fit in fits})
    assert found.estimate.grade.evidence == max(evidence for evidence, _ in levels)
    assert found.estimate.grade.agreement == max(agreement for _, agreement in levels)


def test_routes_to_the_same_rate_that_lie_outside_cost_steps_and_other_bases_none():
    def told(*values, basis="joule"):
        beside = [rate(str(k), value, basis=basis) for k, value in enumerate(values)]
        return graded_routes([rate("own", 1.0), *beside])[0].estimate.grade.agreement

    assert told() == 0
    assert told(1.05, 0.95) == 0
    assert told(1.05, 3.0) == 1  # one of two: not most
    assert told(1.05, 3.0, 0.1) == 2
    assert told(3.0) == 2
    assert told(3.0, 0.1, basis="accelerator_hour") == 0
    # a route without a number neither judges nor is judged
    nothing = refused(rate("none").component, "no rows")
    both = graded_routes([rate("own", 1.0), nothing])
    assert [item.estimate.grade.agreement for item in both] == [0, 0]
    assert both[1].estimate.grade.confidence == "refused"
    # what the parts disagree about is never forgotten
    worse = graded_routes([rate("own", 1.0, agreement=2), rate("b", 1.01)])
    assert worse[0].estimate.grade.agreement == 2


def test_the_default_route_admits_that_power_is_modelled():
    found = result_of("2026-03-31")
    efficiency = found.fits["training_flop_per_joule.ols"]
    assert efficiency.component.rests_on == "modelled"
    assert efficiency.estimate.grade.evidence >= 1
    route = found.fits["route.D"].estimate.grade
    assert GRADES.index(route.confidence) >= GRADES.index(efficiency.estimate.grade.confidence)
    assert found.fits["growth.power"].component.rests_on == "modelled"
    assert found.fits["growth.duration"].component.rests_on == "measured"
    assert found.fits["algorithmic_published.prior"].estimate.grade.evidence == ASSUMED
