"""Statements: the very forecasts that are scored, asked once, of a live source, without hindsight, in plain words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation import statement_calendar
from race_to_efficiency.evaluation.averaging import probability_up_to
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, backtest
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.settlement import settle
from race_to_efficiency.evaluation.statement_words import amount, event_words, why
from race_to_efficiency.evaluation.statements import (
    Sources,
    Statement,
    make_statements,
    printed_rates,
    read_statements,
    statements_frame,
)
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.evaluation.weights import Learned
from race_to_efficiency.ledger.intake import Intake, read_ledger
from race_to_efficiency.units import Quarter
from small_settings import section

BACKTEST = section("backtest", first_origin="2025Q1", horizon_quarters=8, members={"draws": 200})
PARAMS = section("statements")
NOW = Quarter(2026, 1)
RATES = {"growth.frontier_compute": (2.24, 2.03, 2.46), "training_flop_per_joule.ols": (0.75, -9.0, 9.0)}


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, NOW.as_of)


@pytest.fixture(scope="module")
def table(views: LedgerViews) -> pd.DataFrame:
    return backtest(views, NOW, BACKTEST, 7)[0]


def sources(views: LedgerViews, table: pd.DataFrame, quarter: Quarter = NOW, **more: object) -> Sources:
    names = ("a", "b")
    weights = np.full((2, 8), 0.5)
    learned = Learned(names, weights, weights, np.ones(8), "last_value")
    fixed: dict[str, object] = {
        "earlier": (),
        "params": PARAMS,
        "rates": RATES,
        "weights": {"frontier_compute": learned},
    }
    return Sources(quarter, views, table, **(fixed | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(views: LedgerViews, table: pd.DataFrame) -> list[Statement]:
    return make_statements(sources(views, table))


@pytest.fixture(scope="module")
def series(views: LedgerViews, table: pd.DataFrame) -> dict[str, list[Statement]]:
    """What would have been stated in each quarter since 2025Q1, each knowing the ones before it."""
    found: dict[str, list[Statement]] = {}
    quarter = Quarter(2025, 1)
    while quarter <= NOW:
        earlier = [item for made in found.values() for item in made]
        found[str(quarter)] = make_statements(sources(views, table, quarter, earlier=earlier))
        quarter = quarter.shift(1)
    return found


def test_twelve_to_twenty_a_quarter(series: dict[str, list[Statement]]) -> None:
    for quarter, found in series.items():
        assert 12 <= len(found) <= 20, quarter
        assert len({item.id for item in found}) == len(found)
        assert {item.kind for item in found} == {"quantiles", "probability"}


def test_no_question_is_asked_twice(series: dict[str, list[Statement]]) -> None:
    asked = [
        (item.target, item.cell, item.threshold or item.target_quarter) for found in series.values() for item in found
    ]
    assert len(set(asked)) == len(asked)
    # it is the memory that does it: without it the benchmarks of the next round come again
    rounds = [item for item in series["2026Q1"] if item.target == PARAMS.rounds.target]
    assert rounds == []


def test_without_the_memory_the_next_round_is_asked_again(made: list[Statement]) -> None:
    assert 1 <= len([item for item in made if item.target == PARAMS.rounds.target]) <= PARAMS.rounds.most


def test_an_open_question_keeps_no_other_from_being_asked(
    views: LedgerViews, table: pd.DataFrame, made: list[Statement]
) -> None:
    for item in made:
        again = make_statements(sources(views, table, earlier=[item]))
        # an event that is open may be asked at another threshold
        asked = {(one.target, one.cell, one.kind, one.threshold) for one in again}
        rest = {(one.target, one.cell, one.kind, one.threshold) for one in made if one is not item}
        assert rest <= asked
        assert (item.target, item.cell, item.kind, item.threshold) not in asked


def test_every_statement_is_complete(series: dict[str, list[Statement]], views: LedgerViews) -> None:
    for quarter, found in series.items():
        day = Quarter.parse(quarter).as_of
        for item in found:
            by, published = dt.date.fromisoformat(item.by), dt.date.fromisoformat(item.published_by)
            # a source that publishes before the date, and no date further than four years
            assert day < published <= by <= Quarter.parse(quarter).shift(16).as_of
            for text in (item.what, item.resolution_source, item.resolution_rule, item.basis, item.plain):
                assert text
            assert item.baseline["method"] == "last_value"
            assert ("probability" if item.kind == "probability" else "quantiles") in item.baseline
            assert item.target in TARGETS  # nothing about our own re-estimates
            assert item.unit == (TARGETS[item.target].unit if item.kind == "quantiles" else "1")


def test_statements_are_the_forecasts_of_the_backtest(made: list[Statement], table: pd.DataFrame) -> None:
    own = table[(table["origin"] == str(NOW)) & (table["method"] == "forecast")]
    for item in made:
        rows = own[(own["target"] == item.target) & (own["target_quarter"] == item.target_quarter)]
        row = rows[rows["cell"] == item.cell].iloc[0]
        q = row[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
        if item.quantiles is not None:
            for level, value in item.quantiles.items():
                assert value == pytest.approx(2.0 ** float(row[f"q{level}"]), rel=1e-12)
            continue
        below = probability_up_to(q, float(np.log2(item.threshold or 1)))
        reached = below if TARGETS[item.target].sign < 0 else 1 - below
        assert item.probability == pytest.approx(float(np.clip(reached, 0.005, 0.995)))
        assert PARAMS.event_odds[0] <= (item.probability or 0) <= PARAMS.event_odds[1]
        # a round number still ahead
        assert TARGETS[item.target].sign * ((item.threshold or 0) - (item.last or 0)) > 0
        digit = float(f"{item.threshold:e}".partition("e")[0])
        assert digit in PARAMS.event_steps


def test_implied_rates_stand_beside_the_printed_ones(made: list[Statement]) -> None:
    by_target = {item.target: item for item in made if item.kind == "quantiles"}
    compute = by_target["frontier_compute"]
    quantiles = compute.quantiles or {}
    implied = np.log2(quantiles["0.5"] / compute.last)  # type: ignore[operator]
    assert compute.rate["implied_per_year"] == pytest.approx(implied, rel=1e-3)
    assert (compute.rate["low"], compute.rate["high"]) == RATES["growth.frontier_compute"][1:]
    outside = not compute.rate["low"] <= compute.rate["implied_per_year"] <= compute.rate["high"]
    assert outside == ("why" in compute.rate)
    assert "why" not in by_target["training_flop_per_joule_year"].rate
    assert set(by_target["run_cost_record"].rate) == {"implied_per_year"}
    for item in made:
        if {"low", "high"} <= set(item.rate):
            inside = item.rate["low"] <= item.rate["implied_per_year"] <= item.rate["high"]
            assert inside or item.rate["why"]


def test_a_reason_names_the_members_or_the_last_window() -> None:
    heavy = why(1.0, (2.0, 1.5, 2.5), {"walk": 0.5, "moore": 0.3, "jumps": 0.2}, mean=False)
    assert "walk (50%) and moore (30%)" in heavy
    assert "1.00" in heavy
    assert "2.00 [1.50, 2.50]" in heavy
    assert "below its trend" in why(3.0, (2.0, 1.5, 2.5), {}, mean=True)
    assert "above its trend" in why(1.0, (2.0, 1.5, 2.5), {}, mean=True)


def test_plain_words_state_chances_and_today() -> None:
    assert event_words("it falls by 2027", 0.97, 5.0, "s").startswith("About 9 chances in 10 that it falls")
    assert event_words("it falls", 0.01, 5.0, "s").startswith("About 1 chance in 10")
    assert amount(85.56, "s") == "85.6 s"
    assert amount(5e26, "FLOP") == "5e+26 FLOP"


def test_printed_rates_are_values_with_their_95_per_cent() -> None:
    interval = {"method": "t", "level": 0.95, "low": 1.0, "high": 3.0}
    good = {
        "component": "growth",
        "estimator": "power",
        "value": 2.0,
        "intervals": [{**interval, "level": 0.8}, interval],
    }
    bad = [good | {"estimator": "x", "value": None}, good | {"estimator": "y", "intervals": []}]
    assert printed_rates({"estimates": [good, *bad]}) == {"growth.power": (2.0, 1.0, 3.0)}


def test_only_benchmarks_of_the_newest_round_are_stated(made: list[Statement]) -> None:
    stated = {item.cell for item in made if item.target == "mlperf_best8_minutes"}
    assert "llama2_70b_lora" in stated
    assert not stated & {"maskrcnn", "rnnt", "resnet", "unet3d", "gnn"}  # retired before round v5.0


def test_the_next_publication_is_expected_after_the_usual_gap(views: LedgerViews) -> None:
    target = TARGETS["tensor16_record"]
    expected = statement_calendar.next_publication(target, views, NOW.as_of, 180)
    days = [dt.date.fromisoformat(text) for text in ("2025-11-14", "2025-12-10", "2025-12-16", "2026-03-31")]
    gaps = [(days[0] - dt.date(2025, 10, 30)).days, *((b - a).days for a, b in itertools.pairwise(days))]
    assert expected == days[-1] + dt.timedelta(days=float(np.median(gaps)))
    # its first publication was a fortnight before: a stated gap
    first = statement_calendar.next_publication(target, views, dt.date(2025, 3, 31), 180)
    assert first == dt.date(2025, 3, 13) + dt.timedelta(days=180)
    # due already: any day now; silent for more than twice its longest gap: never
    assert statement_calendar.next_publication(target, views, dt.date(2026, 6, 30), 180) == dt.date(2026, 7, 1)
    assert statement_calendar.next_publication(target, views, dt.date(2027, 6, 30), 180) is None
    assert statement_calendar.next_publication(target, views, dt.date(2020, 1, 1), 180) is None


def test_a_source_that_does_not_publish_in_time_is_not_asked(views: LedgerViews, table: pd.DataFrame) -> None:
    soon = section("statements", quantities=[{"target": "run_cost_record", "quarters": 1}], events=[])
    assert make_statements(sources(views, table, params=soon))[0].target != "run_cost_record"
    late = section("statements", quantities=[{"target": "run_cost_record", "quarters": 4}], events=[])
    assert make_statements(sources(views, table, params=late))[0].target == "run_cost_record"


def test_an_aggregate_without_rows_of_late_is_not_asked(views: LedgerViews) -> None:
    target = TARGETS["tensor16_quarter_mean"]
    assert statement_calendar.lives(target, views, NOW)
    many = dataclasses.replace(target, minimum_items=6)
    assert not statement_calendar.lives(many, views, NOW)
    assert statement_calendar.lives(TARGETS["frontier_compute"], views, NOW)


def test_rounds_come_in_their_seasons(views: LedgerViews) -> None:
    target = TARGETS["mlperf_best8_minutes"]
    found = [str(statement_calendar.next_round(target, views, Quarter(2025, k))) for k in (1, 2, 3, 4)]
    assert found == ["2025Q2", "2025Q4", "2025Q4", "2026Q2"]


def test_the_same_inputs_make_the_same_statements(
    views: LedgerViews, table: pd.DataFrame, made: list[Statement]
) -> None:
    again = make_statements(sources(views, table))
    assert json.dumps([item.to_json() for item in again]) == json.dumps([item.to_json() for item in made])


def test_no_hindsight(root: Path, series: dict[str, list[Statement]]) -> None:
    """The ledgers as they stood on 2025-06-30 make the statements of 2025Q2 that today's make."""
    day, raw = dt.date(2025, 6, 30), root / "data" / "raw"
    then = {}
    for name in SCORED_LEDGERS:
        lines = read_ledger(name, raw)
        keep = lines.rows["recorded"] <= pd.Timestamp(day)
        then[name] = Intake(name, lines.rows[keep].reset_index(drop=True), lines.quarantined, lines.n_read)
    views, quarter = LedgerViews(then), Quarter(2025, 2)
    old = backtest(views, quarter, BACKTEST, 7)[0]
    found = make_statements(sources(views, old, quarter, earlier=series["2025Q1"]))
    assert [item.to_json() for item in found] == [item.to_json() for item in series["2025Q2"]]
    # FP8 figures entered the ledger in October 2025
    assert not any(item.target == "fp8_record" for item in found)
    assert any(item.target == "fp8_record" for item in series["2025Q4"])


def test_statements_survive_their_files(made: list[Statement]) -> None:
    assert read_statements(json.loads(json.dumps([item.to_json() for item in made]))) == made
    assert read_statements(statements_frame(made).to_dict("records")) == made


@pytest.mark.parametrize(
    "change",
    [
        {"probability": 1.2, "kind": "probability", "quantiles": None},
        {"kind": "probability"},
        {"quantiles": {"0.1": 2.0, "0.5": 1.0}},
        {"quantiles": None},
    ],
)
def test_inconsistent_statements_are_refused(change: dict[str, object]) -> None:
    good = {
        "id": "2026Q1.x",
        "what": "x",
        "by": "2027-03-31",
        "kind": "quantiles",
        "unit": "s",
        "resolution_source": "a",
        "resolution_rule": "b",
        "basis": "c",
        "quantiles": {"0.1": 1.0, "0.5": 2.0},
    }
    Statement(**good)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"2026Q1\.x"):
        Statement(**(good | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recorded", "status"), [("2026-03-30", "open"), ("2026-03-31", "open"), ("2026-04-01", "resolved")]
)
def test_a_run_known_when_it_was_stated_settles_no_loss(recorded: str, status: str) -> None:
    row = {"group": "g", "run_id": "r", "compute_flop": 1e22, "loss_nats": 2.5, "recorded": pd.Timestamp(recorded)}
    views = SimpleNamespace(used=lambda *_: pd.DataFrame([row]), recorded=lambda *_: [])
    stated = SimpleNamespace(
        id="2026Q1.loss.g", by="2027-03-31", target="loss:g", unit="nats/token", threshold=1e22, target_quarter="2027Q1"
    )
    found = settle(stated, views, dt.date(2026, 6, 30), section("statements"))
    assert found.status == status
