"""Targets, as-of views at origins and outcomes, on the shipped ledgers and on rows made by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.outcomes import outcomes
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter.backtest_lineage import backtest_lineage
from race_to_efficiency.quarter.lineage import gathered
from race_to_efficiency.units import Quarter, decimal_year

END = dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, END)


@pytest.mark.parametrize(
    ("target", "day", "count"),
    [
        # the selections behind the published figures of hardware_tensor16 and training_flop_per_joule
        ("tensor16_chip", END, 62),
        ("tensor16_chip", dt.date(2025, 6, 30), 51),
        ("training_flop_per_joule_year", END, 141),
        # 80 records of track 1, two of them re-timings
        ("speedrun_record_time", END, 78),
    ],
)
def test_rows_are_those_of_the_estimates(views: LedgerViews, target: str, day: dt.date, count: int) -> None:
    assert len(views.known(TARGETS[target], day).observations) == count


def test_a_row_that_lacks_a_figure_or_has_none_above_zero_is_no_observation(views: LedgerViews) -> None:
    target = TARGETS["tensor16_chip"]
    rows = views.used("accelerators", END)
    known = target.observations(rows)
    for column in target.needs:
        for value in (0.0, -1.0, np.nan):
            place = rows.index[rows["accelerator_id"] == known["item"].iloc[5]][0]
            changed = rows.copy()
            changed.loc[place, column] = value
            left = target.observations(changed)
            assert set(known["item"]) - set(left["item"]) == {known["item"].iloc[5]}
            assert len(left) == len(known) - 1


def test_values_are_log2_of_the_quantity(views: LedgerViews) -> None:
    rows = views.used("accelerators", END).set_index("accelerator_id")
    known = views.known(TARGETS["tensor16_chip"], END).observations
    for item in known.sample(8, random_state=1).itertuples():
        row = rows.loc[item.item]
        assert 2**item.value == pytest.approx(row["fp16_tensor_flop_s"] / row["tdp_w"])
        assert item.time == decimal_year(row["released"].date())
        assert item.block.endswith(row["released"].date().isoformat())


def test_mlperf_is_the_best_of_the_round_on_eight(views: LedgerViews) -> None:
    rows = views.used("mlperf_training", END)
    expected = rows[rows["accelerator_count"] == 8].groupby(["benchmark", "round"])["minutes"].min()
    known = views.known(TARGETS["mlperf_best8_minutes"], END).observations
    assert len(known) == len(expected)
    for item in known.itertuples():
        assert 2**item.value == pytest.approx(expected[item.cell, item.block])


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.id)
def test_observations_are_in_order_and_finite(views: LedgerViews, target: object) -> None:
    known = views.known(target, END).observations  # type: ignore[arg-type]
    assert known["time"].is_monotonic_increasing
    assert np.isfinite(known["value"]).all()
    assert not known["item"].duplicated().any()


def test_vintages_are_named_for_what_they_are(views: LedgerViews) -> None:
    chips, runs, power = (TARGETS[name] for name in ("tensor16_chip", "frontier_compute", "frontier_power"))
    assert views.known(chips, dt.date(2024, 12, 31)).vintage == "pseudo"
    assert views.known(chips, dt.date(2025, 3, 31)).vintage == "real"
    assert views.known(runs, dt.date(2024, 12, 31)).vintage == "real"
    # the first snapshots of the models' table had no power: before 2025-02-24 nobody could have known it
    assert views.known(power, dt.date(2024, 12, 31)).vintage == "pseudo"
    assert views.known(power, dt.date(2025, 3, 31)).vintage == "real"
    assert views.known(TARGETS["mlperf_best8_minutes"], END).vintage == "pseudo"


def test_a_pseudo_view_shows_the_first_snapshot_cut_by_release(views: LedgerViews) -> None:
    chips = TARGETS["tensor16_chip"]
    first = views.known(chips, dt.date(2025, 3, 13)).observations
    early = views.known(chips, dt.date(2021, 12, 31)).observations
    expected = first[first["released"] <= pd.Timestamp(2021, 12, 31)].reset_index(drop=True)
    pd.testing.assert_frame_equal(early, expected)
    assert views.known(chips, dt.date(2021, 12, 31)).data_to == 2022.0


def test_a_lone_early_line_is_no_snapshot(views: LedgerViews) -> None:
    # a version of one chip dated before the first snapshot: days before it must not see it, nor take it for a snapshot
    intake = views.intakes["accelerators"]
    line = intake.rows[intake.rows["accelerator_id"] == "nvidia-a100"].tail(1)
    line = line.assign(line=99_999, recorded=pd.Timestamp(2023, 6, 30), tdp_w=1.0)
    rows = pd.concat([intake.rows, line.astype(intake.rows.dtypes)], ignore_index=True)
    planted = LedgerViews({"accelerators": dataclasses.replace(intake, rows=rows)})
    chips = TARGETS["tensor16_chip"]
    assert planted.first_known(chips) == views.first_known(chips) == dt.date(2025, 3, 13)
    for day in (dt.date(2021, 12, 31), dt.date(2023, 6, 29)):
        left, right = (one.known(chips, day).observations for one in (planted, views))
        pd.testing.assert_frame_equal(left, right)


def test_what_was_recorded_later_is_left_behind(root: Path) -> None:
    day = dt.date(2025, 3, 31)
    then = LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, day)
    for name, intake in then.intakes.items():
        assert intake.rows["recorded"].max().date() <= day, name
    # FP8 figures came with the snapshot of 2025-10-30: in March nobody could state anything about them
    fp8 = TARGETS["fp8_record"]
    assert then.known(fp8, day).observations.empty
    assert then.settled_by(fp8, dt.date(2024, 12, 31), day) is None
    # before the first snapshot of a table that snapshot is all there is, and the view says pseudo
    early = LedgerViews.read(root / "data" / "raw", ("accelerators",), dt.date(2023, 12, 31))
    assert early.recorded("accelerators", dt.date(2025, 12, 31)) == [dt.date(2025, 3, 13)]
    assert early.known(TARGETS["tensor16_chip"], dt.date(2023, 12, 31)).vintage == "pseudo"


def test_data_reach_to_the_last_snapshot(views: LedgerViews) -> None:
    known = views.known(TARGETS["frontier_compute"], END)
    assert known.data_to == decimal_year(dt.date(2025, 12, 3))


def test_outcomes_settle_in_the_first_view_that_reaches_them(views: LedgerViews) -> None:
    runs = TARGETS["frontier_compute"]
    assert views.settled_by(runs, dt.date(2025, 3, 31), END) == dt.date(2025, 11, 1)
    assert views.settled_by(runs, dt.date(2025, 12, 31), END) is None
    assert views.settled_by(runs, dt.date(2023, 3, 31), END) == dt.date(2024, 7, 6)
    assert views.settled_by(runs, dt.date(2025, 3, 31), dt.date(2025, 6, 30)) is None
    # a table without snapshots: the last speedrun record is of 2026-03-22
    runs = TARGETS["speedrun_record_time"]
    assert views.settled_by(runs, dt.date(2026, 3, 31), END) == dt.date(2026, 3, 31)
    assert views.settled_by(runs, dt.date(2026, 6, 30), dt.date(2026, 9, 30)) is None


def test_a_later_revision_does_not_move_a_settled_record(views: LedgerViews) -> None:
    # Grok 3: 1.54e8 W in February 2025, 1.10e8 W from November on, the first view that reached the quarter
    power = outcomes(TARGETS["frontier_power"], views, END, Quarter(2024, 3)).set_index("target_quarter")["observed"]
    assert 2 ** power["2025Q1"] == pytest.approx(1.099487e8, rel=1e-6)
    # before 2025-02-24 that snapshot settles: Llama 3.1 then stood at 2.53e7 W, later at 2.26e7
    assert 2 ** power["2024Q3"] == pytest.approx(2.528025e7, rel=1e-6)


def test_outcomes_by_hand(views: LedgerViews) -> None:
    seconds = outcomes(TARGETS["speedrun_record_time"], views, END, Quarter(2025, 3)).set_index("target_quarter")
    assert (2 ** seconds["observed"]).round(2).to_dict() == {"2025Q3": 146.82, "2025Q4": 113.64, "2026Q1": 85.56}
    chips = views.known(TARGETS["tensor16_chip"], END).observations
    inside = chips[(chips["released"] >= "2024-10-01") & (chips["released"] <= "2024-12-31")]
    found = outcomes(TARGETS["tensor16_chip"], views, END, Quarter(2024, 4))
    assert sorted(found.loc[found["target_quarter"] == "2024Q4", "item"]) == sorted(inside["item"])


def test_the_year_holds_four_quarters(views: LedgerViews) -> None:
    target = TARGETS["training_flop_per_joule_year"]
    known = views.known(target, dt.date(2025, 2, 24)).observations
    year = known[(known["released"] >= "2023-01-01") & (known["released"] <= "2023-12-31")]
    found = outcomes(target, views, END, Quarter(2023, 4)).set_index("target_quarter")["observed"]
    assert found["2023Q4"] == pytest.approx(float(np.median(year["value"])))


def test_published_trend_counts_from_its_publication(views: LedgerViews) -> None:
    chips = TARGETS["tensor16_chip"]
    rows = views.intakes["published_values"].rows
    out = rows.loc[rows["value_id"] == chips.published, "released"].iloc[0].date()
    assert views.published_rate(chips, out - dt.timedelta(days=1)) is None
    assert views.published_rate(chips, out) == pytest.approx(0.333)


def test_a_start_after_the_last_row_gives_no_rows(views: LedgerViews) -> None:
    target = dataclasses.replace(TARGETS["tensor16_chip"], id="none", from_year=2100.0)
    assert views.known(target, END).observations.empty


@pytest.mark.parametrize("day", [dt.date(2025, 3, 31), dt.date(2026, 3, 31)])
def test_every_edge_of_a_target_is_a_row_of_its_ledger(root: Path, tmp_path: Path, day: dt.date) -> None:
    """A publication cites what each number rests on: a name that no ledger knows would have no citation."""
    views = LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, day)
    backtest_lineage(views, [*TARGETS], [], [], day).write(tmp_path, "backtest")
    edges = gathered(tmp_path)
    rows = edges[edges["kind"] == "row"]
    observed = [name for name, target in TARGETS.items() if len(views.known(target, day).observations)]
    assert set(rows["output"]) == {f"backtest.{name}" for name in observed}
    for table in sorted({target.table for target in TARGETS.values()}):
        known = set(read_ledger(table, root / "data" / "raw").rows[table_of(table).key].astype(str))
        named = {row.partition("/")[2] for row in rows["target"] if row.startswith(f"{table}/")}
        assert named
        assert named <= known
