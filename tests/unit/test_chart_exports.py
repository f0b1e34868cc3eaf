"""Charts' exports of Weights & Biases against the long log of the same numbers, and against pandas' own melting."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import shlex

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from race_to_efficiency.cells import step_logs as reader
from race_to_efficiency.cli import main
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.own_tables.chart_header import chart_header
from race_to_efficiency.own_tables.step_logs import read_step_logs

ENDS = ("", "__MIN", "__MAX")
SIZES = {"d12-125M": 1.25e8, "gpt - small, v2": 3e8, "größe 1": 6e8, '"q"': 1.2e9, "Group: e": 2.4e9, "f - loss": 4.8e9}


def read(pattern, **given):
    given = {"step": "Step", "run": None, "columns": {}, "place": HERE} | given
    return read_step_logs(str(pattern), **given)


def wide_rows(losses, *, metric="train/loss", own_steps=True):
    """The rows of a chart's export, header first, of run -> {step: loss}, as W&B writes it."""
    steps = sorted({step for points in losses.values() for step in points})
    metrics = ["_step", metric] if own_steps else [metric]
    rows = [["Step", *(f"{run} - {name}{end}" for run in losses for name in metrics for end in ENDS)]]
    for step in steps:
        row = [str(step)]
        for points in losses.values():
            loss = points.get(step, "")
            row += [str(step) if step in points else ""] * 3 if own_steps else []
            row += [loss, loss and "0.5", loss and "99"]  # ranges that would change the losses if they were read
        rows.append(row)
    return rows


def text_of(rows, delimiter=","):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue()


def long_rows(losses, metric="train/loss"):
    return [["Step", "run", metric], *([s, run, v] for run, points in losses.items() for s, v in points.items())]


def curves(sizes=SIZES, steps=range(0, 2000, 40)):
    """Losses of runs that follow a power law of their compute, as texts; every run lacks some of the steps."""
    found = {}
    for place, (run, size) in enumerate(sizes.items()):
        end = 3.0 * (120 * size * size / 1e20) ** -0.05 * (1 + 0.001 * math.sin(2.4 * place))
        found[run] = {step: repr(end + 2 * math.exp(-step / 150)) for step in steps if (step // 40 + place) % 5}
    return found


def write_sizes(path, sizes=SIZES, head=("Name", "State", "n_params", "train_tokens"), **states):
    rows = [[run, states.get(run, "finished"), repr(size), repr(20 * size)] for run, size in sizes.items()]
    path.write_text(text_of([head, *rows]), encoding="utf-8")
    return path


def chart(path, **more):
    path.write_text(text_of(wide_rows(curves(), **more)), encoding="utf-8")
    return path


def same(found, expected):
    pd.testing.assert_frame_equal(found.runs, expected.runs, check_exact=True)


letters = st.text("aé1漢, -_/:;'\"", min_size=1, max_size=8).map(lambda text: " ".join(text.split()))
names = letters.filter(lambda name: name.strip("- ") and not name.startswith("#"))
cell = st.one_of(st.floats(0.5, 9.0).map(repr), st.sampled_from(["NaN", "inf", "-1", "0"]))
points = st.dictionaries(st.integers(0, 300), cell, min_size=1, max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, points, min_size=1, max_size=5), st.randoms(use_true_random=False), st.booleans())
@example({"a - b": {1: "3.0"}, "a": {1: "2.0", 3: "1.0"}}, None, True)
def test_an_export_says_what_the_long_log_of_its_numbers_says(tmp_path, losses, random, own_steps):
    """Against the long table, and whatever the order of the columns and of the runs."""
    losses = {run: dict(sorted(points.items())) for run, points in losses.items()}
    rows = wide_rows(losses, own_steps=own_steps)
    (tmp_path / "long.csv").write_text(text_of(long_rows(losses)), encoding="utf-8")
    (tmp_path / "wide.csv").write_text(text_of(rows), encoding="utf-8")
    expected, found = read(tmp_path / "long.csv", run="run"), read(tmp_path / "wide.csv")
    same(found, expected)
    assert found.n_rows == expected.n_rows == sum(map(len, losses.values()))
    if random is not None:
        order = list(range(len(rows[0])))
        random.shuffle(order)
        (tmp_path / "mixed.csv").write_text(text_of([[row[k] for k in order] for row in rows]), encoding="utf-8")
        same(read(tmp_path / "mixed.csv"), expected)


@settings(max_examples=200)
@given(st.lists(st.one_of(names, st.tuples(names, names).map(" - ".join), st.just("a - loss__MIN")), max_size=8))
def test_no_table_without_the_ranges_of_a_column_is_an_export(header):
    assume(not any(f"{name}__MAX" in header for name in header))
    assert chart_header(header) is None


@pytest.mark.parametrize(
    "header",
    [
        ["step", "loss", "run"],
        ["step", "train - loss", "val - loss"],
        ["step", "loss", "grad - norm", "grad - norm__MIN", "grad - norm__MAX"],  # a long log with a range in it
        ["step", "val_loss", "a - loss", "a - loss__MIN", "a - loss__MAX"],
        ["step", "train/loss", "eval/loss", "a - loss", "a - loss__MIN", "a - loss__MAX"],
        ["step", "loss", "loss__MIN", "loss__MAX"],
        ["step", " - loss", " - loss__MIN", " - loss__MAX"],
        ["step", "a - loss", "a - loss__MIN"],
    ],
)
def test_a_long_log_is_not_taken_for_an_export(header):
    assert chart_header(header) is None


def test_a_column_that_is_named_as_the_loss_makes_the_log_a_long_one():
    header = ["step", "acc", *(f"a - score{end}" for end in ENDS)]
    assert chart_header(header) is not None
    assert chart_header(header, loss="acc") is None


def test_a_long_log_with_ranges_is_read_by_its_run_column(tmp_path):
    rows = [["Step", "run", "a - loss", "a - loss__MIN", "a - loss__MAX"], [1, "x", 2.0, 1, 3], [2, "y", 2.5, 1, 3]]
    (tmp_path / "a.csv").write_text(text_of(rows))
    found = read(tmp_path / "a.csv", run="run", columns={"loss": "a - loss"})
    with pytest.raises(DataInvalid, match=r"a\.csv has no column loss"):
        read(tmp_path / "a.csv", run="run")
    assert found.runs["run"].tolist() == ["x", "y"]


def test_the_command_gives_the_bytes_of_the_long_log(tmp_path, capfd):
    chart(tmp_path / "chart.csv")
    (tmp_path / "long.csv").write_text(text_of(long_rows(curves())), encoding="utf-8")
    more = ["--runs", str(write_sizes(tmp_path / "runs.csv")), "--form", "power_law", "--bootstrap", "100", "--json"]
    said = []
    for name, options in (("chart.csv", []), ("long.csv", ["--run-column", "run"])):
        assert main(["fit", "kappa", str(tmp_path / name), "--step-column", "Step", *options, *more]) == 0
        said.append(json.loads(capfd.readouterr().out))
    own = [note for note in said[0]["notes"] if note not in said[1]["notes"]]
    assert own == [
        (
            "a chart's export: 6 runs, each its column '<run> - train/loss'; "
            "columns not read: 24 of __MIN and __MAX, 6 of _step"
        ),
        "a line called 'Group: ...' is the mean over a group of runs",
    ]
    said[0]["notes"] = [note for note in said[0]["notes"] if note not in own]
    assert json.dumps(said[0]) == json.dumps(said[1])
    assert said[0]["account"] == {"read": 6, "used": 6, "excluded": 0, "quarantined": 0}
    (kappa,) = (item for item in said[0]["estimates"] if item["symbol"] == "kappa_total")
    assert kappa["value"] == pytest.approx(0.05, abs=0.002)


def test_every_column_and_row_is_accounted_for(tmp_path):
    rows = wide_rows({"a": {1: "3.0", 2: "2.0"}, "empty": {}})
    head = [*rows[0], "note"]
    rows = [head, [*rows[1], "x"], [*rows[2], ""], ["3", *[""] * 12, "y"], ["", "4", "4", "4", "1.5", *[""] * 9], ["5"]]
    (tmp_path / "a.csv").write_text(text_of(rows))
    found = read(tmp_path / "a.csv")
    assert found.notes[:2] == (
        "4 log rows of 1 files read: 2 used of 2 runs; 2 left out (1 no step, 1 no row of this header)",
        (
            "a chart's export: 2 runs, each its column '<run> - train/loss'; "
            "columns not read: 8 of __MIN and __MAX, 2 of _step, 1 of note; 1 rows hold no value"
        ),
    )
    assert len(head) == 1 + 2 + 8 + 2 + 1
    assert found.runs[["run", "log_rows", "last_step"]].to_numpy().tolist() == [["a", 3, 2], ["empty", 0, -1]]


def formats(folder):
    """The same export in every way that a table may be written."""
    rows = wide_rows(curves())
    text = text_of(rows)
    commas = text_of([rows[0], *([cell.replace(".", ",") for cell in row] for row in rows[1:])], ";")
    frame = pd.read_csv(io.StringIO(text))
    yield "plain.csv", text.encode()
    yield "packed.csv.gz", gzip.compress(text.encode())
    yield "marked.csv", text.encode("utf-8-sig")
    yield "tabs.tsv", text_of(rows, "\t").encode()
    yield "commas.csv", commas.encode()
    yield "declared.csv", b"sep=;\r\n" + commas.encode()
    yield "spreadsheet.txt", commas.replace(";", "\t").encode("utf-16")
    yield "titled.csv", b"# chart\n" + text.encode()
    yield "lines.jsonl", frame.to_json(orient="records", lines=True, double_precision=15).encode()
    frame.to_parquet(folder / "a.parquet", row_group_size=7)
    yield "groups.parquet", (folder / "a.parquet").read_bytes()


def test_every_format_says_the_same(tmp_path):
    expected = read(chart(tmp_path / "chart.csv"))
    for name, data in formats(tmp_path):
        (tmp_path / name).write_bytes(data)
        found = read(tmp_path / name)
        assert found.notes == expected.notes, name
        if name.endswith("jsonl"):
            np.testing.assert_allclose(found.runs["train/loss"], expected.runs["train/loss"], rtol=1e-14)
        else:
            same(found, expected)


def test_pandas_melts_it_to_the_same_last_losses(tmp_path):
    frame = pd.read_csv(chart(tmp_path / "chart.csv"))
    drawn = frame.melt("Step").dropna()
    drawn = drawn[drawn["variable"].str.endswith(" - train/loss")].sort_values("Step")
    last = drawn.groupby(drawn["variable"].str.removesuffix(" - train/loss"))["value"].last()
    found = read(tmp_path / "chart.csv").runs.set_index("run")["train/loss"]
    np.testing.assert_allclose(found, last.loc[found.index], rtol=1e-15)


def test_a_parquet_s_nan_is_a_loss_and_its_null_is_none(tmp_path):
    columns = {"Step": [1, 2, 3], **{f"a - loss{end}": [3.0, 2.0, math.nan] for end in ENDS}}
    columns |= {f"b - loss{end}": pa.array([3.0, 2.0, None]) for end in ENDS}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet").runs.set_index("run")
    assert found["diverged"].to_dict() == {"a": True, "b": False}
    assert found["log_rows"].to_dict() == {"a": 3, "b": 2}


def test_cells_of_a_further_metric_stay_the_numbers_they_are(tmp_path):
    columns = {"Step": [1, 2]}
    for run, seen in (("a", [10, 20]), ("b", [30, None])):
        columns |= {f"{run} - loss{end}": [3.0, 2.0] for end in ENDS}
        columns |= {f"{run} - tokens{end}": pa.array(seen) for end in ENDS}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet").runs
    assert found.loc[0, "tokens"] == 20
    assert np.isnan(found.loc[1, "tokens"])  # of its last row


def two_metrics(path, first="train/loss", second="eval/loss"):
    one, two = (wide_rows(curves(), metric=name, own_steps=False) for name in (first, second))
    two = [two[0], *([row[0], *(cell and "7.5" for cell in row[1:])] for row in two[1:])]
    path.write_text(text_of([[*a, *b[1:]] for a, b in zip(one, two, strict=True)]), encoding="utf-8")
    return path


def test_of_two_losses_it_is_asked_which(tmp_path):
    two_metrics(tmp_path / "a.csv")
    with pytest.raises(DataInvalid, match=r"several columns of a\.csv could be the loss") as error:
        read(tmp_path / "a.csv")
    assert error.value.remedy == "add --column 'loss=train/loss' or --column 'loss=eval/loss'"
    found = read(tmp_path / "a.csv", columns={"loss": "eval/loss"})
    assert set(found.runs["eval/loss"]) == {7.5}
    assert "columns not read: 24 of __MIN and __MAX, 6 of train/loss" in found.notes[1]


def test_a_learning_rate_beside_the_loss_tells_the_schedule(tmp_path):
    two_metrics(tmp_path / "a.csv", second="lr")
    assert set(read(tmp_path / "a.csv").runs["schedule"]) == {"unknown"}  # it never fell
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    rows[1] = [cell and ("9" if " - lr" in name else cell) for name, cell in zip(rows[0], rows[1], strict=True)]
    rows[-1] = [cell and (".09" if " - lr" in name else cell) for name, cell in zip(rows[0], rows[-1], strict=True)]
    (tmp_path / "a.csv").write_text(text_of(rows), encoding="utf-8")
    assert "finished" in set(read(tmp_path / "a.csv").runs["schedule"])


def test_one_metric_is_the_loss_if_its_name_speaks_of_one(tmp_path):
    found = read(chart(tmp_path / "a.csv", metric="lm loss, smooth"))
    assert "the one metric 'lm loss, smooth' was read as loss" in found.notes
    chart(tmp_path / "a.csv", metric="acc")
    with pytest.raises(DataInvalid, match=r"a\.csv has no column loss") as error:
        read(tmp_path / "a.csv")
    assert "acc" in error.value.why


def test_of_two_metrics_of_which_none_is_known_none_is_taken(tmp_path):
    two_metrics(tmp_path / "a.csv", first="lm loss, smooth", second="acc")
    with pytest.raises(DataInvalid, match=r"a\.csv has no column loss"):
        read(tmp_path / "a.csv")


def test_a_metric_that_holds_the_mark_between_is_taken_where_it_is_named(tmp_path):
    chart(tmp_path / "a.csv", metric="val - loss", own_steps=False)
    assert set(read(tmp_path / "a.csv", columns={"loss": "val - loss"}).runs["run"]) == set(SIZES)
    assert set(read(tmp_path / "a.csv").runs["run"]) == {f"{run} - val" for run in SIZES}


def timed(path, own_steps):
    rows = wide_rows({"a": {1: "3.0", 2: "2.0", 3: "2.5"}}, own_steps=own_steps)
    rows[0][0] = "Relative Time (Process)"
    for row, time in zip(rows[1:], ("0.7", "9.25", "4.5"), strict=True):
        row[0] = time
    path.write_text(text_of(rows))
    return path


def test_a_time_along_the_bottom_is_no_step(tmp_path):
    found = read(timed(tmp_path / "a.csv", own_steps=True), step="Relative Time (Process)")
    assert found.runs[["last_step", "train/loss"]].to_numpy().tolist() == [[3, 2.5]]
    assert "'Relative Time (Process)' counts no steps: those of '<run> - _step' were taken" in found.notes
    assert found.notes[1].endswith("columns not read: 1 of Relative Time (Process), 4 of __MIN and __MAX")
    same(read(tmp_path / "a.csv", step="_step"), found)
    found = read(timed(tmp_path / "a.csv", own_steps=False), step="Relative Time (Process)")
    assert found.runs[["last_step", "train/loss"]].to_numpy().tolist() == [[2, 2.0]]
    assert "'Relative Time (Process)' counts no steps: its order was taken for them" in found.notes


def test_a_step_without_a_value_is_no_row_of_the_log(tmp_path):
    rows = wide_rows({"a": {1: "3.0", 2: "2.0"}})
    rows.append(["3", "3", "3", "3", "", "", ""])
    (tmp_path / "a.csv").write_text(text_of(rows))
    for step in ("Step", "_step"):
        found = read(tmp_path / "a.csv", step=step)
        assert found.runs[["log_rows", "last_step"]].to_numpy().tolist() == [[2, 2]]
        assert found.notes[1].endswith("1 rows hold no value")


def test_tokens_along_the_bottom_are_the_tokens_of_the_runs(tmp_path, capfd):
    rows = wide_rows({run: {int(20 * SIZES[run]): p[max(p)]} for run, p in curves().items()}, own_steps=False)
    rows[0][0] = "train/tokens"
    (tmp_path / "a.csv").write_text(text_of(rows), encoding="utf-8")
    words = ["fit", "kappa", str(tmp_path / "a.csv"), "--step-column", "train/tokens"]
    assert main(words) == 3
    assert "do not say params of their runs" in capfd.readouterr().err
    (tmp_path / "runs.csv").write_text(text_of([["run", "params"], *SIZES.items()]), encoding="utf-8")
    fit = ["--form", "power_law", "--bootstrap", "100", "--json"]
    assert main([*words, "--runs", str(tmp_path / "runs.csv"), *fit]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["account"]["used"] == 6


def test_several_exports_are_joined_and_must_hold_the_metric(tmp_path):
    whole = curves()
    parts = dict(list(whole.items())[:2]), dict(list(whole.items())[2:])
    for name, part in zip("ab", parts, strict=True):
        (tmp_path / f"{name}.csv").write_text(text_of(wide_rows(part)), encoding="utf-8")
    (tmp_path / "whole").mkdir()
    same(read(f"{tmp_path}/*.csv"), read(chart(tmp_path / "whole" / "all.csv")))
    assert "2 charts' exports: 6 runs" in read(f"{tmp_path}/*.csv").notes[1]
    chart(tmp_path / "d.csv", metric="eval/loss")
    with pytest.raises(DataInvalid, match=r"d\.csv has no column 'train/loss'"):
        read(f"{tmp_path}/*.csv")
    (tmp_path / "d.csv").write_text("Step,loss\n1,2\n")
    with pytest.raises(DataInvalid, match=r"d\.csv is no chart's export"):
        read(f"{tmp_path}/*.csv")


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"step": "step"}, UsageError, "X axis: Step; metrics of its runs: _step, train/loss"),
        ({"run": "name"}, UsageError, "its runs stand along the top"),
        ({"columns": {"loss": "eval/loss"}}, UsageError, "train/loss"),
    ],
)
def test_what_an_export_has_not_is_refused_by_name(tmp_path, given, kind, words):
    with pytest.raises(kind) as error:
        read(chart(tmp_path / "a.csv"), **given)
    assert words in str(error.value)


def test_two_runs_of_one_name_are_refused(tmp_path):
    rows = wide_rows({"a": {1: "3.0"}})
    (tmp_path / "a.csv").write_text(text_of([[*row, *row[1:]] for row in rows]))
    with pytest.raises(DataInvalid, match=r"2 columns of a\.csv are called 'a - _step'"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["plain.csv", "groups.parquet"])
def test_an_export_is_read_whole_up_to_a_size(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(dict(formats(tmp_path))[name])
    monkeypatch.setattr(reader, "MOST_WHOLE_BYTES", 1000)
    with pytest.raises(DataInvalid, match="1,000 bytes"):
        read(tmp_path / name)


def test_sizes_are_not_guessed_from_names_and_the_command_that_is_offered_works(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chart(tmp_path / "my chart.csv", metric="lm loss")
    words = ["fit", "kappa", "my chart.csv", "--step-column", "Step", "--column", "loss=lm loss"]
    assert main(words) == 3
    said = capfd.readouterr().err
    assert "a size in a run's name is not read" in said
    columns = said.split("with the columns ")[1].split(":")[0].split(",")
    rows = [[run, size, 20 * size] for run, size in SIZES.items()]
    (tmp_path / "runs.csv").write_text(text_of([columns, *rows]), encoding="utf-8")
    offered = shlex.split(said.split("race fit kappa ")[1].strip().splitlines()[0])
    assert main(["fit", "kappa", *offered, "--form", "power_law", "--bootstrap", "100"]) == 0


def test_an_export_given_as_a_table_of_runs_is_told_for_what_it_is(tmp_path, capfd):
    chart(tmp_path / "a.csv")
    assert main(["fit", "kappa", str(tmp_path / "a.csv")]) == 3
    said = capfd.readouterr().err
    assert "a.csv is a chart's export" in said
    assert "--step-column Step --runs runs.csv" in said
