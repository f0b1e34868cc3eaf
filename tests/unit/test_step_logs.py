"""Step-level logs to one row a run: against the rows summed up one by one, in any order, pieces and format."""

from __future__ import annotations

import copy
import gzip
import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from race_to_efficiency.cells import step_logs as reader
from race_to_efficiency.cli import main
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError
from race_to_efficiency.executors.place import HERE, Place
from race_to_efficiency.own_tables import run_summaries, step_logs
from race_to_efficiency.own_tables.run_states import LogRows, RunStates
from race_to_efficiency.own_tables.step_logs import read_step_logs

LOSS = "eval/c4_en-validation/CrossEntropyLoss"
STATED = {"no step": 0, "no loss": 1, "loss not finite": 2, "loss not above 0": 3}


def states_of(rows, names=("a", "b"), before=None):
    """The states of rows given as (run or None, step or None, loss or None), added to those of earlier ones."""
    found = RunStates() if before is None else before
    run = [-1 if name is None else names.index(name) for name, _, _ in rows]
    step = [math.nan if step is None else step for _, step, _ in rows]
    loss = [math.nan if loss is None else loss for _, _, loss in rows]
    stated = [loss is not None for _, _, loss in rows]
    floats = [np.array(column, dtype=np.float64) for column in (step, loss)]
    others = {"tokens": pa.array([None if one is None else 2 * one for _, one, _ in rows])}
    found.add(LogRows(np.array(run, dtype=np.intp), names, *floats, np.array(stated, bool), floats[1], others))
    return found


def direct(rows, name):
    """What rows say of one run, row by row: the last, and those left out."""
    last, bad, left = None, -1, dict.fromkeys(STATED, 0)
    for run, step, loss in rows:
        if run != name:
            continue
        if step is None or step < 0 or step != int(step):
            left["no step"] += 1
        elif loss is None:
            left["no loss"] += 1
        elif not math.isfinite(loss):
            left["loss not finite"] += 1
            bad = max(bad, step)
        elif loss <= 0:
            left["loss not above 0"] += 1
        elif last is None or step >= last[0]:
            last = (step, loss)
    return last, bad, left


row = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.one_of(st.integers(0, 5000), st.integers(0, 100), st.sampled_from([None, -1, 2.5])),
    st.one_of(st.none(), st.floats(0.5, 9.0), st.sampled_from([math.nan, math.inf, 0.0, -1.0])),
)


@given(st.lists(row, max_size=40), st.integers(0, 40))
@example([("a", 0, 1.0), ("a", 5000, 1.0), ("a", 100, 1.0), ("a", 200, 1.0)], 2)  # longer stretches before the cut
@example([("a", 100, 1.0), ("a", 200, 1.0), ("a", 0, 1.0), ("a", 5000, 1.0)], 2)  # and after it
def test_the_states_are_what_the_rows_say_one_by_one_wherever_the_log_is_cut(rows, cut):
    whole, first, second = states_of(rows), states_of(rows[:cut]), states_of(rows[cut:])
    added = states_of(rows[cut:], before=copy.deepcopy(first))
    first.join(copy.deepcopy(second))
    for found in (whole, first, added):
        for name, place in found.names.items():
            last, bad, left = direct(rows, name)
            assert found.last_step[place] == (-1 if last is None else last[0])
            assert found.bad_step[place] == bad
            assert dict(zip(STATED, found.left_out[place].tolist(), strict=True)) == left
            if last is not None:
                assert found.loss[place] == last[1]
                assert found.others["tokens"][place] == 2 * last[0]
        assert found.unnamed == sum(name is None for name, _, _ in rows)
        assert found.n_rows == len(rows)
    np.testing.assert_array_equal(first.level, whole.level)
    np.testing.assert_array_equal(first.counts, whole.counts)
    np.testing.assert_allclose(first.sums, whole.sums, rtol=1e-13, atol=1e-12)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60, unique=True))
def test_a_stretch_is_the_least_power_of_two_steps_that_gives_at_most_64(steps):
    found = states_of([("a", step, 1.0 + step / 1e7) for step in steps])
    width = 1
    while max(steps) // width >= 64:
        width *= 2
    assert 1 << found.level[0] == width
    for stretch in range(64):
        own = [1.0 + step / 1e7 for step in steps if step // width == stretch]
        assert found.counts[0, stretch] == len(own)
        assert found.sums[0, stretch] == pytest.approx(math.fsum(own), rel=1e-14)


def test_the_smoothed_loss_is_a_mean_over_stretches_and_a_short_last_one_is_joined():
    steps = np.arange(257)  # stretches of 8 steps, and one step alone in the last
    rows = [("a", int(step), 3.0 + (0.5 if step % 2 else -0.5) + (2.0 if step < 200 else 0.0)) for step in steps]
    summary = run_summaries.summaries(states_of(rows), "loss", smoothed=True).iloc[0]
    ends = [loss for _, step, loss in rows if step >= 248]
    assert summary["smoothed_loss"] == pytest.approx(math.fsum(ends) / len(ends), rel=1e-15)
    assert summary["best_smoothed_loss"] == pytest.approx(3.0 - 0.5 / 9, rel=1e-15)
    assert summary["loss"] == summary["smoothed_loss"] != summary["last_loss"] == 2.5


def log(n=400, *, end=400, first=6.0, last=3.0, floor_rate=0.1, peak=1e-3):
    """A run of n logged steps with a cosine to a tenth of its peak."""
    share = np.linspace(0.0, 1.0, n) * end / 400
    rate = peak * (floor_rate + (1 - floor_rate) * (1 + np.cos(np.pi * share)) / 2)
    loss = last + (first - last) * np.exp(-5 * share)
    return pd.DataFrame({"step": np.arange(n) * 10, "loss": loss, "lr": rate, "tokens": np.arange(n) * 1e6 + 1})


def runs(root, count=12, figures=("params", "tokens")):
    """Logs of sizes whose losses follow a power law, one file for two runs, with some of their figures."""
    frames = []
    for place in range(count):
        params = 1e7 * 2.0**place
        tokens = 20 * params
        frame = log(last=3.0 * (6 * params * tokens / 1e20) ** -0.05 * (1 + 0.001 * (-1) ** place))
        seen = frame["tokens"] * tokens / 399e6
        frame = frame.assign(run=f"run{place:02}", params=params, tokens=seen, compute_flop=6 * params * seen)
        frames.append(frame[["run", "step", "loss", "lr", *figures]])
    for place in range(0, count, 2):
        pd.concat(frames[place : place + 2]).to_parquet(root / f"{place:02}.parquet", row_group_size=100)
    return pd.concat(frames)


def read(pattern, **given):
    given = {"step": "step", "run": "run", "columns": {}, "place": HERE} | given
    return read_step_logs(str(pattern), **given)


def test_every_format_and_every_cut_gives_the_same_summaries(tmp_path, monkeypatch):
    whole = runs(tmp_path)
    first = read(tmp_path / "*.parquet")
    assert first.n_rows == len(whole) == 12 * 400
    last = whole.groupby("run").last()
    np.testing.assert_array_equal(first.runs["loss"], last["loss"])
    np.testing.assert_array_equal(first.runs["tokens"], last["tokens"])
    assert set(first.runs["schedule"]) == {"finished"}
    monkeypatch.setattr(reader, "PIECE_ROWS", 100)
    monkeypatch.setattr(reader, "BATCH_ROWS", 70)
    assert len(reader.pieces_of(tmp_path / "00.parquet", ("step",))) == 8
    others = [read(tmp_path, run="run")]
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    for name, mark in (("one.csv", ","), ("two.tsv", "\t"), ("deep/three.csv.gz", ";")):
        part = whole[
            whole["run"].str[-1].isin({"one.csv": list("0123"), "two.tsv": list("456")}.get(name, list("789")))
        ]
        text = part.to_csv(index=False, sep=mark).encode()
        (tmp_path / "texts" / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    others.append(read(tmp_path / "texts"))
    (tmp_path / "records").mkdir()
    for end in "01":
        records = whole[whole["run"].str[-2] == end].to_dict("records")
        lines = "\n".join(map(json.dumps, records)).encode()
        name, data = ("a.jsonl", lines) if end == "0" else ("b.ndjson.gz", gzip.compress(lines))
        (tmp_path / "records" / name).write_bytes(data)
    monkeypatch.setattr(reader, "BATCH_RECORDS", 333)
    others.append(read(tmp_path / "records"))
    for other in others:
        for column in ("last_step", "loss", "schedule", "log_rows", "log_rows_used"):
            assert other.runs[column].tolist() == first.runs[column].tolist(), column
        np.testing.assert_allclose(other.runs["smoothed_loss"], first.runs["smoothed_loss"], rtol=1e-14)
        np.testing.assert_array_equal(other.runs["tokens"].astype(float), first.runs["tokens"])


def test_the_order_in_which_pieces_are_done_changes_no_byte(tmp_path, monkeypatch):
    runs(tmp_path, count=6)
    for name, loss in (("y", 3.0), ("z", 2.0)):  # a run that was resumed in another file
        log(last=loss).assign(run="resumed", params=1e8).to_parquet(tmp_path / f"{name}.parquet")
    expected = read(tmp_path).runs
    assert expected.set_index("run").loc["resumed", "loss"] < 2.1

    def backwards(function, items, *, place):
        assert place == Place(2)
        return reversed([(index, copy.deepcopy(function(item))) for index, item in enumerate(items)])

    monkeypatch.setattr(step_logs, "as_finished", backwards)
    pd.testing.assert_frame_equal(read(tmp_path, place=Place(2)).runs, expected, check_exact=True)


@pytest.mark.parametrize("batch", [1 << 24, 24])
def test_every_line_is_accounted_for(batch, tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_BYTES", batch)
    lines = [
        "step,loss,run",
        "1,3.0,a",
        "2,,a",
        "3,nan,a",
        "4,-1,a",
        "x,3,a",
        "5,2.5,a",
        "6,2.0",
        "7,2.0,",
        "8,2.4,b,9",
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    found = read(tmp_path / "a.csv")
    a = found.runs.iloc[0]
    assert (a["run"], a["loss"], a["log_rows"], a["log_rows_used"]) == ("a", 2.5, 6, 2)
    assert [a[f"log_rows_{word}"] for word in ("no_step", "no_loss", "loss_not_finite", "loss_not_above_0")] == [1] * 4
    assert (found.unnamed, found.unread, found.n_rows) == (1, 2, len(lines) - 1)
    assert found.notes[0] == (
        "9 log rows of 1 files read: 2 used of 1 runs; 7 left out (1 no step, 1 no loss, 1 loss not finite, "
        "1 loss not above 0, 1 no run, 2 no row of this header)"
    )


def test_every_line_of_json_is_accounted_for_and_nested_names_are_joined(tmp_path):
    lines = (
        '{"step": 1, "train": {"loss": 3.0}, "run": "a"}',
        "",
        '{"step": 2, "train": {}, "run": "a"}',
        '{"step": 3, "train": {"loss": NaN}, "run": "a"}',
        '{"step": 4, "train": {"loss": -Infinity}, "run": "a"}',
        '{"step": 5, "train": {"loss": "2.5"}, "run": "a", "rate": "n/a"}',
        '{"step": 6, "train": {"loss": 2.0}, "run": "a"',
        "[7, 2.0]",
        '{"step": 8, "train": {"loss": 2.0}, "run": null}',
        '{"step": 9, "step": 10, "train": {"loss": 2.0}, "run": "a"}',
    )
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    assert reader.log_header(tmp_path / "a.jsonl") == ("step", "train.loss", "run", "rate")
    found = read(tmp_path / "a.jsonl")
    a = found.runs.iloc[0]
    assert (a["train.loss"], a["log_rows"], a["log_rows_used"]) == (2.5, 5, 2)
    assert (a["log_rows_no_loss"], a["log_rows_loss_not_finite"]) == (1, 2)
    assert (found.unnamed, found.unread, found.n_rows) == (1, 3, len(lines) - 1)


@pytest.mark.parametrize(
    ("change", "schedule", "diverged"),
    [
        ({}, "finished", False),
        ({"end": 360}, "unfinished", False),  # stopped at nine tenths of its cosine
        ({"floor_rate": 1.0}, "unknown", False),
        ({"floor_rate": 0.0}, "finished", False),
        ({"tail": 4.0}, "finished", True),
        ({"tail": math.nan}, "finished", True),
    ],
)
def test_a_run_that_was_stopped_or_diverged_is_told(tmp_path, change, schedule, diverged):
    tail = change.pop("tail", None)
    frame = log(**change)
    if tail is not None:
        frame.loc[frame.index[-20:], "loss"] = tail
    columns = {name: pa.array(column.to_numpy()) for name, column in frame.assign(run="a").items()}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")  # pandas itself would write nothing for a NaN
    found = read(tmp_path / "a.parquet").runs.iloc[0]
    assert (found["schedule"], found["diverged"], found["unfinished"]) == (schedule, diverged, schedule == "unfinished")
    assert diverged == (not math.isfinite(tail or 0.0) or found["smoothed_loss"] > 1.1 * found["best_smoothed_loss"])


@pytest.mark.parametrize(("batch", "piece"), [(4, 4), (2, 4), (4, 2)])
def test_a_log_resumed_says_a_step_twice_and_the_later_row_counts(tmp_path, monkeypatch, batch, piece):
    monkeypatch.setattr(reader, "BATCH_ROWS", batch)
    monkeypatch.setattr(reader, "PIECE_ROWS", piece)
    log = pa.table({"step": [1, 2, 1, 2], "loss": [3.0, 2.5, 2.9, 2.4]})
    pq.write_table(log, tmp_path / "a.parquet", row_group_size=2)
    assert read(tmp_path / "a.parquet", run=None).runs.iloc[0]["loss"] == 2.4


def test_olmo_s_own_logs_end_where_the_ledger_says(shared, root):
    """The publisher's step logs against the losses and tokens of its table of facts."""
    logs = shared / "data" / "upstream" / "olmo_ladder"
    if not logs.is_dir():
        pytest.skip("the publisher's logs (upstream/olmo_ladder) are not beside this checkout")
    found = read(logs / "*.csv", step="_step", run=None, columns={"loss": LOSS}).runs.set_index("run")
    facts = pd.read_csv(root / "data" / "raw" / "training_runs.csv", dtype=str, keep_default_na=False)
    facts = facts[facts["run_id"].isin([f"olmo-ladder-{name}" for name in found.index])].drop_duplicates("run_id")
    assert sorted(found.index) == ["190M-1xC", "1B-1xC", "370M-1xC"]
    known = facts.set_index(facts["run_id"].str.removeprefix("olmo-ladder-")).loc[found.index]
    np.testing.assert_allclose(found[LOSS], known["loss_nats"].astype(float), rtol=1e-15)
    np.testing.assert_array_equal(found["throughput/total_tokens"].astype(float), known["tokens"].astype(float))
    assert set(found["schedule"]) == {"finished"}
    assert found["log_rows"].to_dict() == {"190M-1xC": 37, "1B-1xC": 82, "370M-1xC": 48}


def test_the_command_fits_what_the_logs_end_with(tmp_path, capfd):
    runs(tmp_path, figures=("compute_flop",))  # fewer forms to fit
    bad = log(last=3.0)
    bad.loc[bad.index[-50:], "loss"] = 8.0
    bad.assign(run="spiked", compute_flop=1e20).to_parquet(tmp_path / "spiked.parquet")
    log(end=300).assign(run="stopped", compute_flop=1e20).to_parquet(tmp_path / "stopped.parquet")
    written = tmp_path / "out" / "runs.parquet"
    written.parent.mkdir()
    fit = ["--form", "power_law", "--bootstrap", "100", "--frontier", "all", "--json"]
    words = ["fit", "kappa", f"{tmp_path}/*.parquet", "--step-column", "step", "--run-column", "run", "--workers", "1"]
    assert main([*words, "--summaries", str(written), *fit]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["account"] == {"read": 14, "used": 12, "excluded": 2, "quarantined": 0}
    reasons = {item["row"]: item["reason"] for item in found["excluded"]}
    assert reasons == {"spiked": "excluded: diverged", "stopped": "excluded: unfinished"}
    kept = pd.read_parquet(written)
    assert kept["log_rows"].sum() == 14 * 400
    assert any(note.startswith("5,600 log rows of 8 files read: 5,600 used of 14 runs") for note in found["notes"])
    (kappa,) = (item for item in found["estimates"] if item["symbol"] == "kappa_total")
    assert kappa["value"] == pytest.approx(0.05, abs=0.002)
    assert kappa["n_rows"] == 12


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"step": "steps"}, UsageError, "--step-column"),
        ({"run": "name"}, UsageError, "--run-column"),
        ({"columns": {"loss": "bpb"}}, UsageError, "bpb"),
        ({"pattern": "none*.csv"}, InputMissing, "no logs"),
        ({"pattern": "cut.parquet"}, DataInvalid, "no whole parquet"),
        ({"pattern": "*.csv", "run": None}, DataInvalid, "b.csv has no column 'loss'"),
    ],
)
def test_logs_that_are_none_are_refused_by_name(tmp_path, given, kind, words):
    (tmp_path / "a.csv").write_text("step,loss,run\n1,3,a\n")
    (tmp_path / "b.csv").write_text("step,losses,run\n1,3,a\n")
    pq.write_table(pa.table({"step": [1], "loss": [2.0], "run": ["a"]}), tmp_path / "cut.parquet")
    data = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    pattern = tmp_path / given.pop("pattern", "a.csv")
    with pytest.raises(kind, match=words):
        read(pattern, **given)


@pytest.mark.parametrize("option", [["--run-column", "run"], ["--smoothed"], ["--workers", "2"], ["--summaries", "b"]])
def test_the_options_of_logs_go_with_the_step(option, tmp_path, capfd):
    (tmp_path / "a.csv").write_text("step,loss,run\n1,3,a\n")
    assert main(["fit", "kappa", str(tmp_path / "a.csv"), *option]) == 2
    assert "--step-column" in capfd.readouterr().err


def test_a_figure_that_is_lacking_is_looked_for_among_the_logs_columns(tmp_path, capfd):
    (tmp_path / "a.csv").write_text("step,loss,params_M\n1,3,70\n2,2.5,70\n")
    assert main(["fit", "kappa", str(tmp_path / "a.csv"), "--step-column", "step", "--workers", "1"]) == 3
    assert "--column 'params=params_M*1e6'" in capfd.readouterr().err


def test_how_far_the_reading_is_said_ten_times_at_most(tmp_path):
    for number in range(23):
        (tmp_path / f"{number:02}.csv").write_text("step,loss\n1,3\n")
    told = []
    read(tmp_path, run=None, progress=told.append)
    assert told == [f"{done} of 23 pieces of the logs read" for done in range(3, 23, 3)]
