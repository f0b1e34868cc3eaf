"""Random effects over families: statsmodels, hand-computed cases, and how often the predictions come true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa.pooling import FamilyEffect, family_effect, pool
from scipy.stats import t


def effects(values, stderr=0.01, status="trusted"):
    return [FamilyEffect(f"f{k}", v, stderr, status, (f"f{k}",)) for k, v in enumerate(values)]


def test_equal_errors_reduce_to_the_plain_mean_and_students_t():
    values = np.array([0.12, 0.15, 0.18, 0.16, 0.14])
    pooled = pool(effects(values))
    assert pooled.mean == pytest.approx(values.mean(), rel=1e-9)
    # Paule-Mandel with equal variances: tau^2 = s^2 - stderr^2; Hartung-Knapp: t interval of the mean
    assert pooled.tau2 == pytest.approx(values.var(ddof=1) - 0.01**2, rel=1e-4)
    half = t.ppf(0.975, 4) * values.std(ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(pooled.interval, (values.mean() - half, values.mean() + half), rtol=1e-4)
    wide = t.ppf(0.975, 3) * np.sqrt(pooled.tau2 + values.var(ddof=1) / 5)
    np.testing.assert_allclose(pooled.prediction, (values.mean() - wide, values.mean() + wide), rtol=1e-4)


def test_the_published_three_family_case():
    pooled = pool(effects([0.1785, 0.1277, 0.181], stderr=0.01))
    assert pooled.mean == pytest.approx(0.16, abs=0.004)
    assert pooled.prediction is None  # three families do not identify it
    low, high = pooled.naive_prediction
    assert low < -0.2
    assert high > 0.5


def test_fewer_than_five_trusted_families_identify_no_prediction():
    values = [0.12, 0.15, 0.18, 0.16, 0.14]
    assert pool(effects(values, status="weak")).prediction is None
    assert pool(effects(values)).prediction is not None
    assert pool(effects(values)).range == (0.12, 0.18)
    assert pool(effects(values)).range_level == pytest.approx(4 / 6)


@given(st.lists(st.floats(0.05, 0.4), min_size=4, max_size=9, unique=True))
def test_leave_one_family_out_covers_what_it_says(values):
    pooled = pool(effects(values))
    assert len(pooled.left_out) == len(values)
    for family, low, high, covered in pooled.left_out:
        value = next(item.value for item in pooled.families if item.family == family)
        assert covered == (low <= value <= high)


def test_prediction_interval_covers_new_families():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        truth = rng.normal(0.16, 0.03, 9)
        pooled = pool(effects(rng.normal(truth[:8], 0.01)))
        hits += pooled.prediction[0] <= truth[8] <= pooled.prediction[1]
    assert hits / 400 == pytest.approx(0.95, abs=0.035)


def test_groups_of_one_family_do_not_shrink_its_error():
    single = family_effect("gadre", ["a"], [0.13], [0.01], ["trusted"])
    triple = family_effect("gadre", ["a", "b", "c"], [0.13] * 3, [0.01] * 3, ["weak", "trusted", "weak"])
    assert triple.stderr == pytest.approx(single.stderr)
    assert triple.status == "trusted"
    apart = family_effect("gadre", ["a", "b"], [0.10, 0.16], [0.01, 0.01], ["trusted", "trusted"])
    assert apart.stderr == pytest.approx(np.sqrt(0.01**2 + 0.0018 / 2))


def test_pooling_one_family_or_a_zero_error_is_refused():
    with pytest.raises(ValueError, match="families"):
        pool(effects([0.1]))
    with pytest.raises(ValueError, match="stderr"):
        pool(effects([0.1, 0.2], stderr=0.0))
