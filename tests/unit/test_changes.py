"""Differences between views: every row has one cause, and the causes lead from one view to the other."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import shutil
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_ledgers import without_news
from race_to_efficiency.ledger.changes import CAUSES, TableDiff, diff_views
from race_to_efficiency.ledger.intake import Intake, read_ledger
from race_to_efficiency.ledger.schemas import LEDGERS, table_of
from race_to_efficiency.ledger.vintages import View, view_of
from race_to_efficiency.units import Quarter

QUARTERS = [Quarter(2024, 3).shift(number).as_of for number in range(0, 7, 2)]


def compose(before: View, after: View, diff: TableDiff, causes: Collection[str]) -> pd.DataFrame:
    """The earlier view's rows with some causes applied: all of them give the later view's rows."""
    key = table_of(diff.table).key
    moved = {change.row_id for change in diff.changes if change.cause in causes}
    kept = before.rows[~before.rows[key].isin(moved)]
    arriving = after.rows[after.rows[key].isin(moved)]
    return pd.concat([kept, arriving], ignore_index=True).sort_values(key, kind="stable").reset_index(drop=True)


@pytest.mark.parametrize("name", LEDGERS)
def test_all_causes_together_lead_from_one_view_to_the_other(shipped, name: str) -> None:
    for before, after in itertools.pairwise([view_of(shipped[name], day) for day in QUARTERS]):
        diff = diff_views(before, after)
        pd.testing.assert_frame_equal(compose(before, after, diff, ()), before.rows)
        facts = [column for column in after.rows.columns if column not in {"line", "recorded"}]
        pd.testing.assert_frame_equal(compose(before, after, diff, CAUSES)[facts], after.rows[facts])


def test_causes_can_be_applied_in_any_order(shipped) -> None:
    before, after = (view_of(shipped["accelerators"], day) for day in (dt.date(2025, 3, 31), dt.date(2025, 12, 31)))
    diff = diff_views(before, after)
    told = {name: count for name, count in diff.counts.items() if name != "entered_late"}  # which needs a third view
    assert all(told.values()), "this step of the ledger has every cause"
    key = "accelerator_id"
    composed = {
        frozenset(applied): compose(before, after, diff, applied)[key]
        for count in range(1, len(CAUSES) + 1)
        for applied in itertools.combinations(CAUSES, count)
    }
    assert all(rows.is_unique for rows in composed.values())
    for order in itertools.permutations(CAUSES):
        ids = set(before.rows[key])
        for count, cause in enumerate(order, 1):
            moved = set(diff.ids(cause))
            ids = (ids - moved) | (moved & set(after.rows[key]))
            assert set(composed[frozenset(order[:count])]) == ids


def test_the_causes_of_a_real_step_against_a_plain_comparison(shipped) -> None:
    """An oracle over the parquet-like frames: sets of ids, and pandas' own comparison of the shared rows."""
    before, after = (view_of(shipped["accelerators"], day) for day in (dt.date(2025, 3, 31), dt.date(2025, 12, 31)))
    diff = diff_views(before, after)
    old, new = before.rows.set_index("accelerator_id"), after.rows.set_index("accelerator_id")
    assert set(diff.ids("added")) == set(new.index) - set(old.index)
    assert set(diff.ids("withdrawn")) == set(old.index) - set(new.index)
    shared = old.index.intersection(new.index)
    bookkeeping = {"line", "recorded", "recorded_basis", "source_id", "withdrawn", "exclusion"}
    facts = [column for column in old.columns if column not in bookkeeping]
    was, now = old.loc[shared, facts], new.loc[shared, facts]
    differs = ~(was.eq(now).fillna(value=False) | (was.isna() & now.isna()))
    moved = old.loc[shared, "exclusion"].ne(new.loc[shared, "exclusion"])
    assert set(diff.ids("reclassified")) == set(shared[moved])
    assert set(diff.ids("revised")) == set(shared[differs.any(axis=1) & ~moved])
    cells = {(change.row_id, cell["column"]) for change in diff.changes for cell in change.cells}
    assert cells == {(row_id, column) for column in facts for row_id in shared[differs[column]]}


def test_what_is_known_of_this_step(shipped) -> None:
    before, after = (view_of(shipped["accelerators"], day) for day in (dt.date(2025, 3, 31), dt.date(2025, 12, 31)))
    document = diff_views(before, after).to_json()
    revised = {
        row["id"]: {cell["column"]: (cell["old"], cell["new"]) for cell in row["cells"]} for row in document["revised"]
    }
    assert revised["google-tpu-v4"]["tdp_w"] == (192.0, 340.0)
    assert revised["nvidia-gb200-nvl2"]["released"] == ("2024-06-02", "2025-02-15")
    reclassified = {row["id"]: (row["old_exclusion"], row["new_exclusion"]) for row in document["reclassified"]}
    assert reclassified["nvidia-b300"] == ("undated", "")
    assert document["counts"] == {cause: len(document[cause]) for cause in CAUSES}


def test_nothing_changed_is_no_change(shipped) -> None:
    for name in LEDGERS:
        view = view_of(shipped[name], dt.date(2026, 3, 31))
        assert diff_views(view, view).changes == ()


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), share=st.floats(0.0, 0.5))
def test_what_entered_late_is_where_hindsight_differs(shipped: dict[str, Intake], seed: int, share: float) -> None:
    """Some lines of the ledger are taken to have come in after the first day: every row keeps one cause."""
    intake = shipped["accelerators"]
    late_lines = set(intake.rows["line"].sample(frac=share, random_state=seed))
    then = intake.of(set(intake.rows["line"]) - late_lines)
    first, second = dt.date(2025, 6, 30), dt.date(2026, 3, 31)
    before, hindsight, after = view_of(then, first), view_of(intake, first), view_of(intake, second)
    diff = diff_views(before, after, hindsight)
    assert [change.row_id for change in diff.changes] == [one.row_id for one in diff_views(before, after).changes]
    facts = [column.name for column in table_of("accelerators").facts] + ["exclusion"]

    def texts(view: View) -> dict[str, tuple[str, ...]]:
        return {row["accelerator_id"]: tuple(str(row[name]) for name in facts) for row in view.rows.to_dict("records")}

    old, seen, new = texts(before), texts(hindsight), texts(after)
    for change in diff.changes:
        mine = [rows.get(change.row_id) for rows in (old, seen, new)]
        expected = mine[0] != mine[1] and (mine[0] is None or mine[1] == mine[2])
        assert (change.cause == "entered_late") == expected
    composed = compose(before, after, diff, CAUSES)
    pd.testing.assert_frame_equal(composed[facts], after.rows[facts])


@pytest.mark.parametrize("cause", ["revised", "added", "withdrawn", "reclassified"])
def test_a_planted_change_has_its_one_cause(root: Path, tmp_path: Path, cause: str) -> None:
    raw = without_news(Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw")))
    before = view_of(read_ledger("accelerators", raw), dt.date(2026, 3, 31))
    with (raw / "accelerators.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    line = dict([row for row in rows if row["accelerator_id"] == "nvidia-h100-pcie"][-1], recorded="2026-05-01")
    planted = {
        "revised": {"tdp_w": "351"},
        "added": {"accelerator_id": "acme-1", "name": "Acme 1"},
        "withdrawn": {"withdrawn": "true"},
        "reclassified": {"released": ""},
    }[cause]
    with (raw / "accelerators.csv").open("a", encoding="utf-8", newline="") as stream:
        csv.DictWriter(stream, list(rows[0]), lineterminator="\n").writerow(line | planted)
    after = view_of(read_ledger("accelerators", raw), dt.date(2026, 6, 30))
    diff = diff_views(before, after)
    assert diff.counts == {name: int(name == cause) for name in CAUSES}


def test_views_of_two_tables_are_not_compared(shipped) -> None:
    day = dt.date(2026, 3, 31)
    with pytest.raises(ValueError, match="not of one table"):
        diff_views(view_of(shipped["accelerators"], day), view_of(shipped["sources"], day))
