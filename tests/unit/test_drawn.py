"""A remembered chart is the chart that would be drawn, and any other argument has a chart of its own."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from race_to_efficiency.quarter.answers import Answers
from race_to_efficiency.report.figures.drawn import UntoldError, remembered, remembering, told
from race_to_efficiency.report.figures.forest import Bar, Group, forest

if TYPE_CHECKING:
    from pathlib import Path

BARS = (
    Bar("one", 1.0, (0.8, 1.2), (0.5, None), "high"),
    Bar("a name that takes another line", 2.0, (1.8, 2.2), (1.5, 2.5), "low", strong=True),
)
WORDS = {"title": "Two", "short": "two bars", "cite": "Lu (2025)"}


def made(bars: tuple[Bar, ...] = BARS, figure_id: str = "fig-a", **words: str) -> str:
    return forest([Group(bars, "kappa")], figure_id, **(WORDS | words))


def test_a_chart_is_the_same_drawn_remembered_and_read_back(tmp_path: Path) -> None:
    plain = made()
    assert "<svg" in plain
    for _ in range(2):
        with remembering(Answers(tmp_path, "drawings")):
            assert made() == made() == plain


def test_whatever_a_chart_shows_or_says_is_drawn_anew_when_it_changes(tmp_path: Path) -> None:
    changed: list[dict[str, Any]] = [
        {"bars": (dataclasses.replace(BARS[0], **{field: value}), BARS[1])}
        for field, value in {
            "name": "two",
            "value": 1.1,
            "inner": (0.8, 1.3),
            "outer": (0.4, None),
            "confidence": "low",
            "strong": True,
        }.items()
    ]
    changed += [{"bars": BARS[:1]}, {"bars": BARS[::-1]}, {"figure_id": "fig-b"}, *({name: "x"} for name in WORDS)]
    plain = [made(**options) for options in changed]
    for _ in range(2):
        with remembering(Answers(tmp_path, "drawings")):
            made()
            assert [made(**options) for options in changed] == plain


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
ARRAYS = st.lists(st.floats(allow_nan=False), max_size=3).map(np.array)
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.dictionaries(SCALARS, inner, max_size=2)
    ),
    max_leaves=5,
)


@given(one=VALUES, other=VALUES)
def test_two_arguments_are_told_alike_only_where_they_are(one: Any, other: Any) -> None:
    """repr tells every value here apart, to the type and the sign of zero."""
    assume(repr(one) != repr(other))
    assert told(one) != told(other)
    assert told(one) == told(one)


def test_numbers_alike_in_value_and_not_in_type_or_shape_are_told_apart() -> None:
    values = [
        1,
        1.0,
        True,
        "1",
        np.float64(1),
        np.array(1.0),
        np.array([1.0]),
        np.array([1]),
        np.array([[1.0]]),
        [1.0],
        (1.0,),
    ]
    assert len({repr(told(value)) for value in values}) == len(values)
    assert told(-0.0) != told(0.0)
    assert told(float("nan")) == told(float("nan"))


@pytest.mark.parametrize("value", [len, iter([1]), {1}, object(), np.array(["a"]), np.array([None]), [len], {"a": len}])
def test_what_cannot_be_told_is_drawn_every_time(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UntoldError):
        told(value)
    asked = []

    @remembered
    def chart(shown: Any) -> str:
        asked.append(shown)
        return f"{len(asked)}"

    with remembering(Answers(tmp_path, "drawings")):
        assert [chart(value), chart(value)] == ["1", "2"]


def test_a_chart_that_fails_is_not_remembered(tmp_path: Path) -> None:
    asked = []

    @remembered
    def chart(shown: int) -> str:
        asked.append(shown)
        if len(asked) == 1:
            raise ValueError("no such figure")
        return "drawn"

    with remembering(Answers(tmp_path, "drawings")):
        with pytest.raises(ValueError, match="no such"):
            chart(1)
        assert chart(1) == chart(1) == "drawn"
    assert asked == [1, 1]


def test_a_remembered_chart_needs_no_drawing_library(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from race_to_efficiency.quarter.answers import Answers\n"
        "from race_to_efficiency.report.figures.drawn import remembering\n"
        "from race_to_efficiency.report.figures.forest import Bar, Group, forest\n"
        "with remembering(Answers(Path(sys.argv[1]), 'drawings')):\n"
        "    bars = (Bar('a', 1.0, (0.9, 1.1), (0.8, 1.2), 'low'),)\n"
        "    forest([Group(bars, 'k')], 'f', title='t', short='s', cite='c')\n"
        "print('matplotlib' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip() for _ in range(2)]
    assert said == ["True", "False"]
