"""The discrepancy by decade: against simulated families, statsmodels and hand-made errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy, excess_per_decade
from race_to_efficiency.calibration.kappa.forms import POWER_LAW
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.calibration.kappa.prediction import predicted
from scipy.stats import t
from statsmodels.api import OLS
from statsmodels.robust.scale import mad


def families(values: np.ndarray) -> Discrepancy:
    found = Discrepancy.of("floor", [(f"f{k}", f"g{k}", float(value)) for k, value in enumerate(values)])
    assert found is not None
    return found


def law(discrepancy: Discrepancy | None, *, models: int | None = None) -> Law:
    rng = np.random.default_rng(4)
    theta = np.array([3.0, 0.05])
    draws = np.tile(theta, (400, 1)) * np.exp(0.001 * rng.standard_normal((400, 1)))
    compute = np.geomspace(1e18, 1e21, 200)
    ranges = {"compute_flop": (1e18, 1e21)}
    residuals = 0.002 * rng.standard_normal(200)
    return Law("g", POWER_LAW, theta, draws, residuals, compute, 200, models, ranges, "trusted", (), discrepancy)


def test_the_scale_is_the_median_absolute_deviation_about_zero() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 7, 12):
        signed = 0.03 * rng.standard_t(3, n)
        assert families(np.abs(signed)).sd_per_decade == pytest.approx(mad(signed, center=0.0), rel=1e-12)


def test_simulated_families_give_their_scale_back() -> None:
    rng = np.random.default_rng(2)
    truth = 0.03
    found = [families(np.abs(truth * rng.standard_normal(9))).sd_per_decade for _ in range(1500)]
    assert np.median(found) == pytest.approx(truth, rel=0.05)
    # three of nine families far off move it little: the mean of squares would have gone a hundredfold
    spoilt = np.abs(truth * rng.standard_normal((1500, 9)))
    spoilt[:, :3] = 3.0
    assert np.median([families(row).sd_per_decade for row in spoilt]) < 2.5 * truth


def test_a_new_family_lies_within_what_the_others_say() -> None:
    rng = np.random.default_rng(3)
    for n in (5, 9):
        inside = {"covered_80": 0, "covered_95": 0}
        for _ in range(600):
            rows = families(np.abs(0.03 * rng.standard_normal(n))).left_out()
            for name in inside:
                inside[name] += rows[0][name]
        # the median of few is noisy: Student's tails with as many degrees as families nearly make up for it
        assert 0.74 < inside["covered_80"] / 600 < 0.86
        assert 0.89 < inside["covered_95"] / 600 < 0.98


def test_the_excess_is_the_line_through_the_origin() -> None:
    rng = np.random.default_rng(5)
    decades = rng.uniform(0.1, 2.0, 4000)
    error = 0.04 * decades + 0.01 * rng.standard_normal(4000)
    found = excess_per_decade(error, decades, 0.01)
    assert found == pytest.approx(0.04, rel=0.01)
    # weighted by 1 / decades^2, as the excess of a far run scatters by its own size
    regression = OLS((error**2 - 0.01**2) / decades, decades).fit()
    assert found**2 == pytest.approx(float(regression.params[0]), rel=1e-9)
    assert excess_per_decade(-error, decades, 0.01) == found
    assert excess_per_decade(0.01 * np.ones(4), np.ones(4), 0.02) == 0.0
    assert excess_per_decade(np.ones(3), np.zeros(3), 0.0) == 0.0


def test_a_family_counts_once_however_many_groups_and_cutoffs_it_has() -> None:
    once = Discrepancy.of("floor", [("a", "a1", 0.01), ("b", "b1", 0.03), ("c", "c1", 0.05)])
    many = Discrepancy.of("floor", [("a", "a1", 0.01), ("b", "b1", 0.03)] + [("c", f"c{k}", 0.05) for k in range(40)])
    assert once is not None
    assert many is not None
    assert many.sd_per_decade == pytest.approx(once.sd_per_decade)
    assert [item.n_cutoffs for item in many.families] == [1, 1, 40]
    assert len(many.families[2].groups) == 40
    # root mean squares: of the cut-offs of a group, then of the groups
    nested = Discrepancy.of("floor", [("a", "a1", 0.03), ("a", "a1", 0.04), ("a", "a2", 0.0)])
    assert nested is not None
    assert nested.families[0].per_decade == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 2 / 2))
    assert Discrepancy.of("floor", []) is None


def test_of_a_familys_own_runs_the_others_speak() -> None:
    found = Discrepancy.of("floor", [("a", "a1", 0.01), ("a", "a2", 0.09), ("b", "b1", 0.03), ("c", "c1", 0.05)])
    assert found is not None
    for name in ("a", "a1", "a2"):
        others = found.without(name)
        assert others is not None
        assert [item.family for item in others.families] == ["b", "c"]
    assert found.without("unknown") == found
    assert families(np.array([0.1])).without("f0") is None
    row = next(row for row in found.left_out() if row["family"] == "c")
    by_hand = np.median([np.sqrt((0.01**2 + 0.09**2) / 2), 0.03]) / 0.67449
    assert row["sd_per_decade"] == pytest.approx(by_hand, rel=1e-4)
    assert row["covered_95"] == (by_hand * t.ppf(0.975, 2) >= 0.05)


def test_the_record_is_read_back_and_wrong_ones_are_refused() -> None:
    found = families(np.array([0.01, 0.02, 0.2]))
    document = found.to_json()
    assert Discrepancy.from_json(document) == found
    assert document["covered_95"] == pytest.approx(np.mean([row["covered_95"] for row in document["left_out"]]))
    with pytest.raises(ValueError, match="not negative"):
        Discrepancy.from_json({**document, "families": [{**document["families"][0], "per_decade": -1.0}]})
    with pytest.raises(ValueError, match="needs families"):
        Discrepancy.from_json({**document, "families": []})
    assert Law.from_json(law(found).to_json()).discrepancy == found
    assert Law.from_json(law(None).to_json()).discrepancy is None
    older = {name: cell for name, cell in law(None).to_json().items() if name != "discrepancy"}
    assert Law.from_json(older).discrepancy is None


def test_intervals_widen_with_decades_and_only_beyond_the_runs() -> None:
    known = families(np.full(8, 0.02 * 0.67448975))
    compute = np.array([1e17, 1e20, 1e22, 1e24])
    bare, wide = (predicted(law(one), [compute], level=0.9) for one in (None, known))
    assert wide.decades_beyond == pytest.approx([1, 0, 1, 3])
    assert wide.mean_low[1] == bare.mean_low[1]
    assert wide.new_high[1] == bare.new_high[1]
    np.testing.assert_array_equal(wide.loss, bare.loss)
    # three decades off the error of the form is all but alone
    half = np.log(wide.mean_high / wide.mean_low) / 2
    assert half[3] == pytest.approx(0.06 * t.ppf(0.95, 8), rel=0.01)
    assert half[2] == pytest.approx(
        np.hypot(0.02 * t.ppf(0.95, 8), np.log(bare.mean_high / bare.mean_low)[2] / 2), rel=0.05
    )
    assert half[0] == pytest.approx(half[2], rel=0.02)
    off = replace(law(known), ranges={"compute_flop": (1e16, 1e25)})
    assert predicted(off, [compute]).new_high[3] == pytest.approx(predicted(law(None), [compute]).new_high[3])
