"""What is kept of an origin: the same to the last bit after packing, and the rows it stands for."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.forecast_rows import KEY_COLUMNS
from race_to_efficiency.evaluation.origin_tests import OriginTest, packed, unpacked
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.evaluation.weights import Learned
from race_to_efficiency.units import Quarter

ARRAYS = ("made", "common", "quantiles", "shared", "moved", "last", "ends", "limit")


def made(cells=("a", "b"), horizons=3, members=("x", "y"), seed=1, first=2):
    rng = np.random.default_rng(seed)
    each, width = (len(cells), horizons), len(members) + len(BASELINES)
    said = np.sort(rng.normal(size=(*each, width, 23)), axis=-1)
    said[:, :, -1] = np.nan  # no published trend
    count = (len(members), horizons + first - 1)
    return OriginTest(
        quarter=Quarter(2024, 3),
        vintage="real",
        n_rows=17,
        cells=tuple(cells),
        first_horizon=first,
        members=tuple(members),
        learned=Learned(tuple(members), rng.random(count), np.full(count, np.nan), rng.random(count[1]), "moore"),
        made=said,
        common=rng.random(each),
        quantiles=np.sort(rng.normal(size=(*each, 23)), axis=-1),
        shared=rng.random(each),
        moved=rng.random(each),
        last=rng.normal(size=len(cells)),
        ends=2024.75 + 0.25 * np.arange(1, horizons + 1),
        limit=rng.normal(size=horizons),
    )


@given(st.data())
def test_what_is_packed_comes_back_to_the_last_bit(data):
    tests = {
        name: made(
            cells=[f"c{k}" for k in range(data.draw(st.integers(0, 3)))],
            horizons=data.draw(st.integers(0, 4)),
            members=[f"m{k}" for k in range(data.draw(st.integers(1, 3)))],
            seed=data.draw(st.integers(0, 99)),
        )
        for name in data.draw(st.lists(st.sampled_from(list(TARGETS)), unique=True, max_size=3))
    }
    told, numbers = packed(tests)
    found = unpacked(json.loads(storage.dumps(storage.json_value(told))), numbers)
    assert list(found) == list(tests)
    for name, one in tests.items():
        for field in dataclasses.fields(one):
            left, right = getattr(found[name], field.name), getattr(one, field.name)
            if field.name in ARRAYS:
                np.testing.assert_array_equal(left, right)
                assert left.shape == right.shape
            elif field.name != "learned":
                assert left == right
        np.testing.assert_array_equal(found[name].learned.weights, one.learned.weights)


@pytest.mark.parametrize("name", ["tensor16_record", "speedrun_record_time"])
def test_rows_hold_the_forecast_and_the_baselines_within_the_bound(name):
    target, one = TARGETS[name], made()
    keys, values = one.rows(target)
    said = [baseline for baseline in BASELINES if baseline != "published"]
    assert [key[5] for key in keys] == ["forecast", *said] * 6
    for at, (key, value) in enumerate(zip(keys, values, strict=True)):
        told = dict(zip(KEY_COLUMNS, key, strict=True))
        cell, h, k = at // 12, at // 4 % 3, at % 4
        assert (told["horizon_quarters"], told["target_quarter"]) == (h + 2, str(Quarter(2024, 3).shift(h + 2)))
        assert (told["cell"], told["last"]) == ("ab"[cell], target.sign * one.last[cell])
        assert (told["window_start"], told["window_end"]) == (pytest.approx(2024.75, abs=0.01), one.ends[h])
        better = target.sign * value[:: target.sign]
        if k == 0:
            np.testing.assert_array_equal(better, one.quantiles[cell, h])
            assert (told["shared"], told["moved"]) == (one.shared[cell, h], one.moved[cell, h])
        else:
            np.testing.assert_array_equal(better, np.minimum(one.made[cell, h, 1 + k], one.limit[h]))
            assert (told["shared"], told["moved"]) == (1.0, 0.0)
        assert (np.diff(value) >= 0).all()
    assert one.keys == [(key[3], key[4]) for key in keys[::4]]
    np.testing.assert_array_equal(one.places[:, 0], [key[2] for key in keys[::4]])
    np.testing.assert_array_equal(one.places[:, 3], one.common.ravel())
