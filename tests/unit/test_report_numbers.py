"""How a number is written, and that an id always means the same number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.report.numbers import (
    NumberRegistry,
    count,
    decimals,
    general,
    id_part,
    percent,
    scientific,
    significant,
    true_minus,
)

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (decimals(2), -0.004, "0.00"),
        (decimals(2), -1.005, "−1.00"),
        (decimals(3), 1234.5678, "1,234.568"),
        (significant(3), 0.17848, "0.178"),
        (significant(3), 0.0, "0.00"),
        (significant(3), 1252.25, "1,250"),
        (significant(3), 5e26, "5.00 × 10²⁶"),
        (significant(2), 2.34e-5, "2.3 × 10⁻⁵"),
        (scientific(1), 3.14e23, "3.1 × 10²³"),
        (percent(0), 0.945, "94 %"),
        (percent(1), -0.172, "−17.2 %"),
        (count, 1516, "1,516"),
        (general, 64.0, "64"),
        (general, 0.5, "0.5"),
    ],
)
def test_numbers_are_written_as_a_reader_expects(write, value, text):
    assert write(value) == text


def as_float(text: str) -> float:
    """Read a written number back."""
    plain = text.replace(",", "").replace("−", "-")
    mantissa, _, power = plain.partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(SUPERSCRIPTS)) if power else float(mantissa)


@given(st.floats(min_value=1e-12, max_value=1e30), st.integers(2, 5), st.sampled_from([1.0, -1.0]))
def test_significant_digits_keep_the_value(size, digits, sign):
    assert as_float(significant(digits)(sign * size)) == pytest.approx(sign * size, rel=0.51 * 10 ** (1 - digits))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_written_zero_has_no_sign(value):
    text = decimals(1)(value)
    assert not (text.startswith(("−", "-")) and float(text.lstrip("−-").replace(",", "")) == 0.0)
    assert true_minus("-0.000") == "0.000"


def test_the_same_id_is_the_same_number_or_an_error():
    numbers = NumberRegistry()
    first = numbers.add("a", 0.25, "1", estimates=("x",))
    assert numbers.add("a", 0.25, "1", estimates=("x",)) == first
    assert len(numbers) == 1
    with pytest.raises(ValueError, match="already stands for"):
        numbers.add("a", 0.26, "1", estimates=("x",))


def test_a_number_from_nowhere_is_refused():
    with pytest.raises(ValueError, match="'a' is made with no output"):
        NumberRegistry().add("a", 1.0, "1")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, None])
def test_what_is_no_number_is_a_word_and_json_has_no_infinity(value):
    numbers = NumberRegistry()
    numbers.add("t", value, "years", nodes=("curve.static.total.pooled",), absent="never")
    assert numbers.to_json()["t"] == {
        "value": None,
        "unit": "years",
        "text": "never",
        "nodes": ["curve.static.total.pooled"],
        "unreachable": True,
        "reason": "never",
    }


def test_a_number_is_made_with_its_estimates_where_no_other_output_is_named():
    numbers = NumberRegistry()
    numbers.add("a", 1.0, "1", estimates=("x", "y"))
    numbers.add("b", 1.0, "1", estimates=("x",), nodes=("pool.total",))
    assert [numbers[name].nodes for name in ("a", "b")] == [("x", "y"), ("pool.total",)]


def test_what_the_report_makes_itself_says_what_it_rests_on():
    numbers = NumberRegistry()
    made = numbers.made("page.bill", code="here", rows=("t/one",), sources=("pool.total", "setting.cost.values.price"))
    numbers.add("bill", 1.0, "USD", nodes=made)
    numbers.add("figure", 1.0, "USD", nodes=("row.t/two",))
    edges = numbers.lineage.edges()
    assert edges.rows(["page.bill"]) == ["t/one"]
    assert edges.rows(["row.t/two"]) == ["t/two"]
    assert set(edges.targets("page.bill", "from")) == {"pool.total", "setting.cost.values.price"}
    assert edges.targets("page.bill", "code") == ["here"]
    assert edges.targets("setting.cost.values.price", "code") == ["race_to_efficiency.settings.params"]
    numbers.check({"pool.total"})


@pytest.mark.parametrize("nodes", [("pool.total",), ("page.own", "pool.reducible"), ("equation.none",)])
def test_an_output_that_nobody_tells_of_is_refused_with_the_number(nodes):
    numbers = NumberRegistry()
    numbers.made("page.own", code="here", sources=("pool.total",))
    numbers.add("known", 1.0, "1", nodes=("pool.reducible",))
    numbers.add("odd", 1.0, "1", nodes=nodes)
    with pytest.raises(ValueError, match=r"number 'odd' is made with '(pool\.total|equation\.none)'"):
        numbers.check({"pool.reducible"})


@given(st.text(max_size=200))
def test_a_slug_is_safe_in_an_id(text):
    made = id_part(text)
    assert 0 < len(made) <= 60
    assert not set(made) & set(" <>\"'&/\\=\n\t")
