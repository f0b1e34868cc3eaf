"""The domain of arguments: one value outside is refused by name, wherever it stands among others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.equation import domain

numbers = st.lists(st.floats(1e-3, 1e3), max_size=5)


@pytest.mark.parametrize("check", [domain.finite, domain.positive, domain.non_negative])
@given(before=numbers, after=numbers, bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_value_that_is_not_finite_is_refused_by_name_among_any_others(check, before, after, bad):
    with pytest.raises(ValueError, match="gamma must be"):
        check("gamma", [*before, bad, *after])


@pytest.mark.parametrize("check", [domain.finite, domain.positive, domain.non_negative])
@given(values=numbers)
def test_what_is_inside_comes_back_as_it_is(check, values):
    assert check("gamma", values).tolist() == values


@pytest.mark.parametrize("value", ["twelve", [1.0, "x"], None, [[1.0], [2.0, 3.0]]])
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match="gamma must be a"):
        domain.finite("gamma", value)
