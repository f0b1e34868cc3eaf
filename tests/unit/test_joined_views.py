"""A view made of rows of others knows of their cells what it would find by looking."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.comparison.attribution import ViewChange, applied
from race_to_efficiency.quarter.world import LedgerView, Selection, World

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2024, 1, 6))
ROW = st.fixed_dictionaries(
    {
        "maker": st.sampled_from(["a", "b", None]),
        "value": st.sampled_from([1.0, 2.5, float("nan")]),
        "flag": st.booleans(),
        "released": st.none() | DAYS,
        "exclusion": st.sampled_from(["", "open_division"]),
        "recorded": DAYS,
    }
)
LEDGER = st.dictionaries(st.sampled_from("uvwxyz"), ROW)

SELECTIONS = (
    Selection("chips"),
    Selection("chips", columns=("id", "value")),
    Selection("chips", columns=("released", "flag"), used=True),
    Selection("chips", where=(("maker", "a"),)),
    Selection("chips", used=True, stating="value"),
    Selection("chips", columns=("recorded",), recorded_by="2024-01-03"),
)


def view(rows: Mapping[str, Mapping[str, object]]) -> LedgerView:
    """A view as ingest writes one: a row an id, in their order, with columns of fixed types."""
    names = sorted(rows)
    columns = {name: [rows[row][name] for row in names] for name in ("maker", "value", "flag", "exclusion")}
    frame = pd.DataFrame({"id": names, **columns}).astype(
        {"id": "str", "maker": "str", "value": "float64", "flag": "bool", "exclusion": "str"}
    )
    for name in ("released", "recorded"):
        frame[name] = pd.to_datetime(pd.Series([rows[row][name] for row in names], dtype=object))
    return LedgerView(frame.astype({"released": "datetime64[us]", "recorded": "datetime64[us]"}), "id")


def world(chips: LedgerView) -> World:
    return World({"chips": chips}, None, dt.date(2024, 1, 31), 1)  # type: ignore[arg-type]


@given(before=LEDGER, after=LEDGER, data=st.data())
@settings(max_examples=30, deadline=None)
def test_it_is_told_apart_from_others_by_its_rows_alone(
    before: dict[str, dict[str, object]], after: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    """Whatever changes are made, a view has the rows, digests and selections of the same rows put together by hand."""
    made, expected = view(before), dict(before)
    for _ in range(data.draw(st.integers(1, 2))):  # the second is made of one that is made of others itself
        named = data.draw(st.sets(st.sampled_from("uvwxyz"), min_size=1))
        changes = [ViewChange("chips", row, "revised") for row in sorted(named)]
        made = applied(world(made), world(view(after)), changes)["chips"]
        expected = {row: cells for row, cells in expected.items() if row not in named}
        expected |= {row: after[row] for row in named if row in after}
    plain = view(expected)
    pd.testing.assert_frame_equal(made.rows, plain.rows)
    for selection in SELECTIONS:
        assert made.digest(selection) == plain.digest(selection)
        pd.testing.assert_frame_equal(made.select(selection), plain.select(selection))
        assert made.ids(selection) == plain.ids(selection)


def test_what_the_views_behind_it_know_is_not_worked_out_again() -> None:
    row = {"maker": "a", "value": 1.0, "flag": True, "released": None, "exclusion": "", "recorded": dt.date(2024, 1, 1)}
    before, after = view({"u": row, "v": row}), view({"u": row, "v": {**row, "value": 2.0}})
    for one in (before, after):
        one.digest(SELECTIONS[0])
    made = applied(world(before), world(after), [ViewChange("chips", "v", "revised")])["chips"]
    blind = LedgerView(made.rows.iloc[:0], "id", made.made_of, made.order)  # has nothing of its own to look at
    assert blind.digest(SELECTIONS[0]) == after.digest(SELECTIONS[0]) == made.digest(SELECTIONS[0])
    assert np.concatenate([places for _, places in made.made_of]).tolist() == [0, 1]
