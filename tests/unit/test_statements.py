"""Statements: resolvable, reproducible, without hindsight; settled and scored by their own rules."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.evaluation import published_scores, statements
from race_to_efficiency.evaluation import track_record as track
from race_to_efficiency.evaluation.backtesting import LEDGERS
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.scoring import weighted_interval_score
from race_to_efficiency.evaluation.settlement import settle
from race_to_efficiency.evaluation.statement_estimates import normal_mixture, reestimate
from race_to_efficiency.evaluation.statement_observables import first_passage, iso_date
from race_to_efficiency.evaluation.statements import (
    Sources,
    Statement,
    make_statements,
    read_statements,
    statements_frame,
)
from race_to_efficiency.ledger.intake import Intake, read_ledger
from race_to_efficiency.units import DATE_UNIT, Quarter
from small_settings import section

BACKTEST = section("backtest", draws=200, loss={"replicates": 20})
PARAMS = section("statements", search_years=8)
GROUPS = ("gadre2024_c4", "muennighoff2023", "chinchilla_besiroglu2024")


def gamma_draws(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    centres = {
        "growth.frontier_compute": (2.24, 0.1),
        "growth.identity_compute": (2.2, 0.1),
        "growth.power": (1.1, 0.15),
        "growth.duration": (0.3, 0.2),
        "growth.identity_flop_per_joule": (0.8, 0.2),
        "level.frontier_compute_log2_flop": (89.0, 0.5),
    }
    return pd.DataFrame({name: centre + sd * rng.normal(size=n) for name, (centre, sd) in centres.items()})


def kappa_draws(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    frames = []
    for group in GROUPS:
        jitter = 1 + 0.03 * rng.normal(size=(n, 5))
        theta = np.array([1.7, 480.0, 2100.0, 0.35, 0.37]) * jitter
        frame = pd.DataFrame(theta, columns=["E", "A", "B", "alpha", "beta"])
        frames.append(frame.assign(group=group, family=group, form="chinchilla", draw=range(n), kappa=0.18))
    return pd.concat(frames, ignore_index=True)


WINDOWS = dict.fromkeys(gamma_draws(1).columns, ("2012-12-03", "2025-07-15"))


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", LEDGERS, dt.date(2026, 3, 31))


def sources(views: LedgerViews, quarter: str = "2026Q1") -> Sources:
    return Sources(Quarter.parse(quarter), views, {}, gamma_draws(), WINDOWS, kappa_draws(), BACKTEST, PARAMS, 7)


@pytest.fixture(scope="module")
def made(views: LedgerViews) -> list[Statement]:
    return make_statements(sources(views))


def test_at_least_twenty_and_all_that_were_asked_for(made: list[Statement]) -> None:
    assert len(made) >= statements.MINIMUM_STATEMENTS
    names = " ".join(item.id for item in made)
    for wanted in (
        "largest_run_compute_1y",
        "largest_run_compute_2y",
        "largest_run_compute_4y",
        "first_run_compute",
        "first_run_power",
        "reestimate_power",
        "reestimate_duration",
        "reestimate_identity_flop_per_joule",
        "best_16_bit_4q",
        "best_8_bit_4q",
        "speedrun_4q",
        "mlperf_llama2_70b_lora",
        "mean_chip_next_quarter",
        "next_scale_loss_gadre2024_c4",
        "kappa_eff_frontier",
    ):
        assert wanted in names
    # no further run of a closed group can be published
    assert "next_scale_loss_chinchilla" not in names


def test_only_benchmarks_of_the_newest_round_are_stated(made: list[Statement]) -> None:
    stated = {item.cell for item in made if item.target == "mlperf_best8_minutes"}
    assert {"bert", "llama2_70b_lora"} <= stated
    assert not stated & {"maskrcnn", "rnnt", "resnet", "unet3d"}  # retired before round v5.0


def test_every_statement_can_be_settled(made: list[Statement]) -> None:
    assert len({item.id for item in made}) == len(made)
    for item in made:
        assert item.resolution_source
        assert item.resolution_rule
        assert item.basis
        assert item.baseline.get("method")
        assert dt.date.fromisoformat(item.by) > dt.date(2026, 3, 31)
        if item.quantiles:
            assert list(item.quantiles) == [f"{level:g}" for level in PARAMS.quantile_levels]
        if item.unit == DATE_UNIT:
            assert item.dates is not None
            for level, value in (item.quantiles or {}).items():
                assert (value is None) == (item.dates[level] is None)
    assert {item.kind for item in made} == {"quantiles", "probability"}


def test_longer_horizons_are_wider_and_records_do_not_fall(made: list[Statement]) -> None:
    by_name = {item.id.split(".", 1)[1]: item for item in made}
    widths, medians = [], []
    for years in (1, 2, 4):
        q = by_name[f"largest_run_compute_{years}y"].quantiles or {}
        widths.append(np.log2(q["0.9"] / q["0.1"]))  # type: ignore[operator]
        medians.append(q["0.5"])
        assert q["0.025"] >= 5e26 * (1 - 1e-12)  # type: ignore[operator]
    assert widths == sorted(widths)
    assert medians == sorted(medians)  # type: ignore[type-var]


def test_probability_and_quantiles_of_one_quantity_agree(made: list[Statement]) -> None:
    by_name = {item.id.split(".", 1)[1]: item for item in made}
    q = by_name["largest_run_compute_2y"].quantiles or {}
    p = by_name["compute_threshold"].probability
    below = np.interp(28.0, np.log10([v for v in q.values() if v]), [float(level) for level in q])
    assert p == pytest.approx(1 - below, abs=0.05)


def test_the_same_inputs_make_the_same_statements(views: LedgerViews, made: list[Statement]) -> None:
    again = make_statements(sources(views))
    assert json.dumps([item.to_json() for item in again]) == json.dumps([item.to_json() for item in made])


def test_no_hindsight(root: Path) -> None:
    # the ledgers as they stood on 2025-06-30 and as they stand now make the same statements for 2025Q2
    day, raw = dt.date(2025, 6, 30), root / "data" / "raw"
    now = LedgerViews.read(raw, LEDGERS, day)
    then = {}
    for name in LEDGERS:
        lines = read_ledger(name, raw)
        keep = lines.rows["recorded"] <= pd.Timestamp(day)
        then[name] = Intake(name, lines.rows[keep].reset_index(drop=True), lines.quarantined, lines.n_read)
    left, right = (make_statements(sources(one, "2025Q2")) for one in (LedgerViews(then), now))
    assert len(left) >= statements.MINIMUM_STATEMENTS
    assert [item.to_json() for item in left] == [item.to_json() for item in right]
    # FP8 figures entered the ledger in October 2025
    assert not any("best_8_bit" in item.id for item in right)


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


def test_first_passage_by_hand() -> None:
    found = first_passage(
        np.array([0.0, 0.2, 0.2, 0.6]), 2026.0, np.array([2026.25, 2026.5, 2026.75, 2027.0]), (0.1, 0.4, 0.7)
    )
    assert found["0.1"] == pytest.approx(2026.375)
    assert found["0.4"] == pytest.approx(2026.875)
    assert found["0.7"] is None
    assert iso_date(2026.0) == "2026-01-01"
    assert iso_date(2024.4973) == "2024-07-01"


def test_reestimates_move_as_much_as_simulated_ones() -> None:
    # 40 rows over 10 years, then 4 more in the eleventh: how far does the slope move?
    rng = np.random.default_rng(3)
    moves, stderrs = [], []
    for _ in range(3000):
        t = np.concatenate([10 * rng.uniform(size=40), 10 + rng.uniform(size=4)])
        y = rng.normal(size=44)
        old, new = (np.polyfit(t[:n], y[:n], 1)[0] for n in (40, 44))
        moves.append(new - old)
        stderrs.append(1 / np.sqrt(((t[:40] - t[:40].mean()) ** 2).sum()))
    draws = np.mean(stderrs) * rng.normal(size=20_000)
    later, _ = reestimate(draws, ("2015-01-01", "2025-01-01"), dt.date(2025, 1, 1), dt.date(2026, 1, 1))
    assert later.std() == pytest.approx(np.std(moves), rel=0.08)


def test_normal_mixture_adds_variances() -> None:
    centre = np.random.default_rng(1).normal(size=400)
    assert normal_mixture(centre, 2.0).var() == pytest.approx(centre.var() + 4.0, rel=0.02)


def test_older_statements_settle_by_their_rule(views: LedgerViews, root: Path) -> None:
    early = LedgerViews.read(root / "data" / "raw", LEDGERS, dt.date(2025, 3, 31))
    made = {item.id.split(".", 1)[1]: item for item in make_statements(sources(early, "2025Q1"))}
    end = dt.date(2026, 3, 31)
    assert settle(made["speedrun_4q"], views, end, PARAMS) == ("resolved", pytest.approx(85.56))
    assert settle(made["speedrun_4q"], views, dt.date(2025, 12, 31), PARAMS) == ("open", None)
    # 85.56 s is not at most 60 s
    assert settle(made["speedrun_threshold"], views, end, PARAMS) == ("resolved", 0.0)
    # the models' table reaches 2025-12-02 only
    assert settle(made["largest_run_compute_1y"], views, end, PARAMS) == ("open", None)
    assert settle(made["first_run_compute"], views, end, PARAMS) == ("open", None)
    low = dataclasses.replace(made["first_run_compute"], threshold=1e26)
    status, date = settle(low, views, end, PARAMS)
    assert (status, iso_date(date or 0)) == ("resolved", "2025-02-17")


def test_reestimates_settle_from_later_estimates(made: list[Statement], views: LedgerViews) -> None:
    item = next(one for one in made if one.id.endswith("reestimate_power"))
    end = dt.date(2027, 3, 31)
    later = {"2027Q1": {"growth.power": 1.3}}
    assert settle(item, views, end, PARAMS, estimates=later) == ("resolved", 1.3)
    assert settle(item, views, dt.date(2026, 6, 30), PARAMS) == ("open", None)
    assert settle(item, views, end, PARAMS, estimates={"2027Q1": {"growth.x": 1.0}}) == ("void", None)


def with_run(views: LedgerViews, item: Statement, recorded: pd.Timestamp) -> LedgerViews:
    """The ledgers with one more run of the statement's group at its scale, released on the day it was recorded."""
    intake = views.intakes["training_runs"]
    line = intake.rows[intake.rows["group"] == item.target.removeprefix("loss:")].tail(1)
    line = line.assign(
        run_id="new",
        run_flags="",
        line=99_999,
        compute_flop=1.5 * float(item.threshold or 0),
        loss_nats=2.2,
        recorded=recorded,
        released=recorded,
    )
    rows = pd.concat([intake.rows, line.astype(intake.rows.dtypes)], ignore_index=True)
    return LedgerViews({**views.intakes, "training_runs": dataclasses.replace(intake, rows=rows)})


@pytest.mark.parametrize("day", ["2024-06-01", "2026-03-30", "2026-03-31"])
def test_a_run_known_when_the_statement_was_made_never_settles_it(
    made: list[Statement], views: LedgerViews, day: str
) -> None:
    """Otherwise a statement could be won with what its author already held in hand."""
    for item in (one for one in made if one.target.startswith("loss:")):
        known = with_run(views, item, pd.Timestamp(day))
        assert settle(item, known, dt.date(2026, 12, 31), PARAMS) == ("open", None)
        assert settle(item, known, dt.date.fromisoformat(item.by), PARAMS) == ("void", None)
        new = with_run(views, item, pd.Timestamp(2026, 4, 1))
        assert settle(item, new, dt.date(2026, 12, 31), PARAMS) == ("resolved", 2.2)


def test_next_scale_losses_settle_from_new_runs(made: list[Statement], views: LedgerViews) -> None:
    item = next(one for one in made if one.id.endswith("next_scale_loss_gadre2024_c4"))
    end = dt.date(2027, 3, 31)
    assert settle(item, views, end, PARAMS) == ("void", None)
    later = with_run(views, item, pd.Timestamp(2026, 9, 1))
    assert settle(item, later, end, PARAMS) == ("resolved", 2.2)
    assert settle(item, later, dt.date(2026, 6, 30), PARAMS) == ("open", None)


def statement(**change: object) -> Statement:
    base = {
        "id": "2025Q1.x",
        "what": "x",
        "by": "2026-03-31",
        "kind": "quantiles",
        "unit": "s",
        "resolution_source": "a",
        "resolution_rule": "b",
        "basis": "c",
        "target": "speedrun_record_time",
        "target_quarter": "2026Q1",
        "quantiles": {"0.1": 64.0, "0.5": 128.0, "0.9": 256.0},
        "baseline": {"method": "last_value", "quantiles": {"0.1": 32.0, "0.5": 128.0, "0.9": 512.0}},
    }
    return Statement(**(base | change))  # type: ignore[arg-type]


def test_scores_by_hand() -> None:
    found = published_scores.score_statement(statement(), 64.0)
    expected = weighted_interval_score([6.0], [[6.0, 7.0, 8.0]], [0.1, 0.5, 0.9]).wis[0]
    assert found["score"] == pytest.approx(expected)
    assert found["score_baseline"] == pytest.approx(
        weighted_interval_score([6.0], [[5.0, 7.0, 9.0]], [0.1, 0.5, 0.9]).wis[0]
    )
    event = statement(
        kind="probability", quantiles=None, probability=0.8, threshold=60.0, baseline={"probability": 0.5}
    )
    assert published_scores.score_statement(event, 1.0) == {
        "score": pytest.approx(0.04),
        "score_baseline": 0.25,
        "pit": None,
    }
    date = statement(
        unit="decimal year", by="2046-03-31", quantiles={"0.1": 2026.0, "0.5": 2027.0, "0.9": None}, baseline={}
    )
    assert published_scores.score_statement(date, 2027.0)["score"] == pytest.approx(
        (0.1 * (2046.2438 - 2026)) / 1.5, rel=1e-3
    )


def test_published_statements_are_scored_as_published(views: LedgerViews) -> None:
    frozen = [statement(), statement(id="2025Q1.gone", target_quarter="2027Q1", by="2027-03-31")]
    today = [
        statement(quantiles={"0.1": 60.0, "0.5": 90.0, "0.9": 120.0}),
        statement(id="2025Q1.new"),
    ]
    found = published_scores.score_published(frozen, today, views, dt.date(2026, 3, 31), PARAMS).set_index("id")
    scored = found.loc["2025Q1.x"]
    assert scored["status"] == "resolved"
    assert scored["observed"] == pytest.approx(85.56)
    assert scored["score"] == pytest.approx(published_scores.score_statement(frozen[0], 85.56)["score"])
    assert scored["score_today"] == pytest.approx(published_scores.score_statement(today[0], 85.56)["score"])
    assert scored["score_today"] < scored["score"]
    assert scored["width_ratio"] == pytest.approx(0.5)
    assert "128.0 -> 90.0" in scored["drift"]
    assert found.loc["2025Q1.gone", "status"] == "open"
    assert "no longer" in found.loc["2025Q1.gone", "drift"]
    assert found.loc["2025Q1.new", "status"] == "not published"
    kappa = statement(id="2025Q1.kappa", target="kappa_eff")
    assert settle(kappa, views, dt.date(2026, 3, 31), PARAMS) == ("by hand", None)
    same = published_scores.score_published(frozen[:1], frozen[:1], views, dt.date(2026, 3, 31), PARAMS)
    assert same["drift"].tolist() == ["none"]


def test_earlier_publications_are_scored_from_what_they_stated(views: LedgerViews, tmp_path: Path) -> None:
    power = statement(
        id="2025Q1.power",
        target="estimate:growth.power",
        unit="doublings/yr",
        quantiles={"0.1": 1.0, "0.5": 1.1, "0.9": 1.2},
        baseline={},
    )
    estimate = {"component": "growth", "estimator": "power", "value": 1.15}
    stated = {"statements": [statement().to_json(), power.to_json()]}
    kept = tmp_path / "published"
    for quarter, name, document, gamma in (
        ("2025Q1", "2025Q1", stated, {"estimates": []}),
        ("2026Q1", "2026Q1", {"statements": []}, {"estimates": [estimate]}),
    ):
        storage.write_json(kept / f"{name}.json", track.published_document(quarter, name, document, gamma))
    assert track.read_published(kept, "2025Q1") == []
    earlier = track.read_published(kept, "2026Q1")
    assert [item["publication"] for item in earlier] == ["2025Q1"]
    day = dt.date(2026, 3, 31)
    own = {"2026Q1": track.growths_of({"estimates": [estimate]})}
    found = track.score_published_quarters(earlier, views, day, PARAMS, own_growths=own).set_index("id")
    assert found.loc["2025Q1.x", "observed"] == pytest.approx(85.56)
    assert found.loc["2025Q1.power", "observed"] == 1.15
    assert found["drift"].str.contains("race run --quarter 2025Q1").all()
    later = track.read_published(kept, "2026Q2")
    assert len(later) == 2
    assert track.score_published_quarters(later, views, day, PARAMS)["observed"].notna().all()

    today = {"statements": [statement(quantiles={"0.1": 60.0, "0.5": 90.0, "0.9": 120.0}).to_json(), power.to_json()]}
    storage.write_json(tmp_path / "processed" / "2025Q1" / "statements.json", today)
    scored = track.score_published_quarters(
        earlier, views, day, PARAMS, recomputed=tmp_path / "processed", own_growths=own
    )
    found = scored.set_index("id")
    assert "128.0 -> 90.0" in found.loc["2025Q1.x", "drift"]
    assert found.loc["2025Q1.power", "drift"] == "none"
    record = track.track_record(scored)
    assert record["publications"] == [
        {
            "publication": "2025Q1",
            "n": 2,
            "resolved": 2,
            "open": 0,
            "void": 0,
            "by_hand": 0,
            "with_baseline": 1,
            "better_than_baseline": int(found.loc["2025Q1.x", "score"] < found.loc["2025Q1.x", "score_baseline"]),
        }
    ]
    assert track.track_record(track.score_published_quarters([], views, day, PARAMS)) == {
        "published": [],
        "publications": [],
    }


def test_a_correction_stands_beside_what_it_corrects(tmp_path: Path) -> None:
    for name in ("2025Q4", "2025Q4.r2", "2025Q3"):
        document = track.published_document(name[:6], name, {"statements": []}, {"estimates": []})
        storage.write_json(tmp_path / f"{name}.json", document)
    names = [item["publication"] for item in track.read_published(tmp_path, "2026Q1")]
    assert names == ["2025Q3", "2025Q4", "2025Q4.r2"]
    storage.write_json(tmp_path / "2025Q2.json", {"quarter": "2025Q2"})
    with pytest.raises(DataInvalid, match="lacks growths, publication, statements"):
        track.read_published(tmp_path, "2026Q1")
    storage.write_json(tmp_path / "notes.json", {})
    with pytest.raises(DataInvalid, match="not named for a publication"):
        track.read_published(tmp_path, "2026Q1")
