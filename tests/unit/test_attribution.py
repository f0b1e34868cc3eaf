"""The parts of a change are actual refits, sum to the change, and find a planted single cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.comparison.attribution import CAUSES, RowWorlds, ViewChange, attribute, name_rows
from race_to_efficiency.quarter.world import LedgerView, World

N = 12


def chips(frame: pd.DataFrame) -> dict[str, LedgerView]:
    return {"chips": LedgerView(frame, "chip_id")}


def world(seed: int = 1) -> World:
    rng = np.random.default_rng(3)
    years = np.sort(rng.uniform(2016, 2026, N))
    frame = pd.DataFrame(
        {
            "chip_id": [f"chip-{k:02d}" for k in range(N)],
            "year": years,
            "value": 0.3 * (years - 2020) + rng.normal(0, 0.2, N),
            "exclusion": "",
            "recorded": pd.Timestamp("2025-01-01"),
        }
    )
    return World(chips(frame), {"power": 1.0}, date(2025, 6, 30), seed)  # type: ignore[arg-type]


def evaluate(given_world: World) -> Mapping[str, float]:
    """Slope by numpy's polyfit (settings scale it; the seed adds resampling noise to a second estimate)."""
    rows = given_world.rows("chips")
    rows = rows[rows["exclusion"] == ""]
    slope = float(np.polyfit(rows["year"], rows["value"], 1)[0]) * given_world.settings["power"]
    noise = float(np.random.default_rng(given_world.seed).normal(0, 0.01))
    return {"slope": slope, "noisy": slope + noise}


def changed(base: World, **by_row: object) -> World:
    frame = base.rows("chips").copy()
    for row, value in by_row.items():
        frame.loc[frame["chip_id"] == row.replace("_", "-"), "value"] = value
    return replace(base, tables=chips(frame))


def changes_of(old: World, new: World) -> list[ViewChange]:
    """Name the one cause of every row that differs (values and exclusions never change together here)."""
    before = old.rows("chips").set_index("chip_id")[["value", "exclusion"]]
    after = new.rows("chips").set_index("chip_id")[["value", "exclusion"]]
    found = [ViewChange("chips", row, "added") for row in after.index.difference(before.index)]
    found += [ViewChange("chips", row, "withdrawn") for row in before.index.difference(after.index)]
    for row in after.index.intersection(before.index):
        if after.loc[row, "exclusion"] != before.loc[row, "exclusion"]:
            found.append(ViewChange("chips", row, "reclassified"))
        elif after.loc[row, "value"] != before.loc[row, "value"]:
            found.append(ViewChange("chips", row, "revised"))
    return found


def parts_of(old: World, new: World, name: str = "slope") -> dict[str, float]:
    found = next(item for item in attribute(old, new, changes_of(old, new), evaluate) if item.id == name)
    assert sum(part.value for part in found.parts) == pytest.approx(found.delta, abs=1e-12)
    return {part.cause: part.value for part in found.parts}


def test_no_change_gives_zero_everywhere() -> None:
    assert set(parts_of(world(), world()).values()) == {0.0}


def test_a_revised_cell_is_wholly_a_revision() -> None:
    parts = parts_of(world(), changed(world(), chip_03=9.0))
    assert parts["revised"] != 0
    assert all(value == 0 for cause, value in parts.items() if cause != "revised")


def test_an_added_row_a_withdrawn_row_and_a_reclassified_row_are_told_apart() -> None:
    base = world()
    frame = base.rows("chips")
    shorter = replace(base, tables=chips(frame[frame["chip_id"] != "chip-11"]))
    excluded = frame.assign(exclusion=np.where(frame["chip_id"] == "chip-05", "outlier", ""))
    for old, new, cause in (
        (shorter, base, "added"),
        (base, shorter, "withdrawn"),
        (base, replace(base, tables=chips(excluded)), "reclassified"),
    ):
        parts = parts_of(old, new)
        assert [name for name, value in parts.items() if value] == [cause]
        assert parts[cause] == evaluate(new)["slope"] - evaluate(old)["slope"]


def test_a_setting_and_the_seed_alone() -> None:
    base = world()
    assert [c for c, v in parts_of(base, replace(base, settings={"power": 2.0})).items() if v] == ["settings"]
    assert [c for c, v in parts_of(base, world(seed=2), "noisy").items() if v] == ["resampling"]


def test_the_passing_of_time_is_no_setting() -> None:
    """An estimate that counts from the reference date moves with the date alone, and with no other cause."""
    base = world()
    later = replace(base, as_of=date(2025, 9, 30))

    def dated(given_world: World) -> Mapping[str, float]:
        return {"age": float(given_world.as_of.toordinal()), **evaluate(given_world)}

    (age,) = (item for item in attribute(base, later, [], dated) if item.id == "age")
    assert {part.cause: part.value for part in age.parts if part.value} == {"reference_date": 92.0}
    both = replace(later, settings={"power": 2.0})
    parts = {item.id: {part.cause: part.value for part in item.parts} for item in attribute(base, both, [], dated)}
    assert (parts["age"]["reference_date"], parts["age"]["settings"]) == (92.0, 0.0)
    assert parts["slope"]["reference_date"] == 0.0
    assert parts["slope"]["settings"] != 0.0


@settings(max_examples=20)
@given(st.data())
def test_parts_always_sum_to_the_change(data: st.DataObject) -> None:
    base = world()
    frame = base.rows("chips")
    dropped = data.draw(st.sets(st.sampled_from(list(frame["chip_id"])), max_size=3))
    revised = data.draw(st.sets(st.sampled_from(list(frame["chip_id"])), max_size=3))
    excluded = data.draw(st.sets(st.sampled_from(list(frame["chip_id"])), max_size=2))
    end = frame[~frame["chip_id"].isin(dropped)].copy()
    end["value"] = end["value"] + np.where(end["chip_id"].isin(revised), 1.5, 0.0)
    end["exclusion"] = np.where(end["chip_id"].isin(excluded), "outlier", "")
    extra = frame.iloc[:1].assign(chip_id="chip-99", year=2026.2, value=5.0)
    new = World(
        chips(pd.concat([end, extra], ignore_index=True)),
        {"power": data.draw(st.sampled_from([1.0, 1.5]))},
        base.as_of,
        data.draw(st.sampled_from([1, 2])),
    )
    for item in attribute(base, new, changes_of(base, new), evaluate, published={"slope": 0.31}):
        assert item.delta is not None
        assert abs(sum(part.value for part in item.parts) - item.delta) < 1e-10
        assert tuple(part.cause for part in item.parts) == CAUSES


def test_the_code_s_part_is_what_todays_code_changes_on_the_old_world() -> None:
    old = world()
    item = next(i for i in attribute(old, old, [], evaluate, published={"slope": 0.5}) if i.id == "slope")
    assert item.old == 0.5
    assert {p.cause: p.value for p in item.parts if p.value} == {"code": evaluate(old)["slope"] - 0.5}


def test_the_row_that_did_it_is_named_first() -> None:
    old, new = world(), changed(world(), chip_03=9.0, chip_06=0.1)
    item = next(i for i in attribute(old, new, changes_of(old, new), evaluate) if i.id == "slope")
    named = name_rows(item, RowWorlds(old, new), changes_of(old, new), evaluate)
    rows = next(part.rows for part in named.parts if part.cause == "revised")
    assert rows[0]["row"] == "chips/chip-03"
    alone = changed(world(), chip_03=9.0)
    assert rows[0]["effect"] == evaluate(alone)["slope"] - evaluate(old)["slope"]


def test_an_estimate_on_one_side_only_has_no_parts() -> None:
    def grown(given_world: World) -> Mapping[str, float]:
        extra = {"late": 1.0} if given_world.settings["power"] > 1 else {}
        return {**evaluate(given_world), **extra}

    item = next(i for i in attribute(world(), replace(world(), settings={"power": 2.0}), [], grown) if i.id == "late")
    assert (item.old, item.delta, item.parts) == (None, None, ())
