"""What trackers' exports say of runs beside their logs: a table of sizes, how each run ended, histories in a tree."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from race_to_efficiency.cells.step_logs import run_names
from race_to_efficiency.cli import main
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.own_tables.run_facts import read_facts
from race_to_efficiency.own_tables.run_rows import read_runs
from race_to_efficiency.own_tables.step_logs import read_step_logs

SIZES = {f"run-{place}": 1e8 * 2.0**place for place in range(7)}
FIT = ["--form", "power_law", "--bootstrap", "100", "--json"]


def losses(size):
    """The last of them falls as a power of the compute of 20 tokens a parameter."""
    return [3.0 * (120 * size * size / 1e20) ** -0.05 + 2 * math.exp(-step / 5) for step in range(60)]


def histories(root, sizes=SIZES):
    """W&B's histories in a tree: every file is called alike, every run has a folder."""
    for run, size in sizes.items():
        folder = root / run / "files"
        folder.mkdir(parents=True)
        lines = [
            {"loss": loss, "_step": step, "_runtime": step * 1.5, "_timestamp": 1.7e9 + step}
            for step, loss in enumerate(losses(size))
        ]
        (folder / "wandb-history.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def sizes_table(path, rows=None, head="Name,n_params,train_tokens"):
    rows = [f"{run},{size!r},{20 * size!r}" for run, size in SIZES.items()] if rows is None else rows
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def answer(capfd, *words, code=0):
    assert main(["fit", "kappa", *map(str, words), *FIT]) == code
    told = capfd.readouterr()
    return json.loads(told.out) if code == 0 else told.err + told.out


def test_a_tree_of_histories_and_a_table_of_sizes_are_a_fit(tmp_path, capfd):
    histories(tmp_path / "wandb")
    words = (tmp_path / "wandb", "--step-column", "_step", "--runs", sizes_table(tmp_path / "runs.csv"))
    found = answer(capfd, *words)
    assert found["account"] == {"read": 7, "used": 7, "excluded": 0, "quarantined": 0}
    (kappa,) = (item for item in found["estimates"] if item["symbol"] == "kappa_total")
    assert kappa["value"] == pytest.approx(0.05, abs=1e-3)
    notes = found["notes"]
    assert "420 log rows of 7 files read: 420 used of 7 runs" in notes
    assert "runs are called by their paths: files of the logs have one name" in notes
    assert "7 of 7 runs are rows of runs.csv, by its 'Name'" in notes
    assert "column 'n_params' was read as params" in notes


def test_histories_as_csv_say_what_those_in_json_say(tmp_path):
    histories(tmp_path / "json")
    (tmp_path / "csv").mkdir()
    for run in SIZES:
        lines = pd.read_json(tmp_path / "json" / run / "files" / "wandb-history.jsonl", lines=True, precise_float=True)
        lines.to_csv(tmp_path / "csv" / f"{run}.csv", index=False)
    given = {"step": "_step", "run": None, "columns": {}, "place": HERE}
    one, two = (read_step_logs(str(tmp_path / kind), **given).runs for kind in ("json", "csv"))
    pd.testing.assert_frame_equal(one, two, check_exact=False, rtol=1e-14)
    assert one["run"].tolist() == list(SIZES)


part = st.sampled_from(["a", "b", "files", "run-1"])


@given(st.lists(st.lists(part, min_size=1, max_size=4).map("/".join), min_size=1, max_size=6, unique=True))
def test_every_file_of_a_tree_is_a_run_of_its_own(paths):
    names = run_names([Path(f"{path}.csv") for path in paths])
    assert len(set(names)) == len(paths)
    titles = [path.rpartition("/")[2] for path in paths]
    assert (names == titles) == (len(set(titles)) == len(titles))
    assert names == run_names([Path(f"logs/deep/{path}.csv") for path in paths])


def test_files_that_differ_by_their_endings_alone_are_runs_too(tmp_path):
    names = run_names([tmp_path / "a" / "log.csv", tmp_path / "a" / "log.jsonl", tmp_path / "b" / "log.csv"])
    assert names == ["a/log.csv", "a/log.jsonl", "b/log.csv"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.permutations(list(SIZES)), st.integers(0, 7), st.booleans())
def test_joining_is_pandas_own_left_join_whatever_the_order(tmp_path, order, count, decimal_commas):
    runs = pd.DataFrame({"run": list(SIZES), "loss": 2.0})
    rows = [f"{run};{SIZES[run] / 1e6!r};1" for run in order[:count]] + ["other;1.5;2"]
    path = sizes_table(
        tmp_path / "runs.csv",
        [row.replace(".", ",") if decimal_commas else row for row in rows],
        head="Name;params_M;loss",
    )
    if not count:
        with pytest.raises(DataInvalid, match=r"runs\.csv names no run of the logs"):
            read_facts(path).joined(runs)
        return
    found, notes = read_facts(path).joined(runs)
    right = pd.DataFrame({"run": order[:count], "params_M": [SIZES[run] / 1e6 for run in order[:count]]})
    expected = runs.merge(right, how="left", on="run")
    assert pd.to_numeric(found["params_M"]).equals(expected["params_M"])
    assert found["loss"].tolist() == [2.0] * 7  # the logs' own
    assert notes[0] == f"{count} of 7 runs are rows of runs.csv, by its 'Name'"
    assert ("not in runs.csv" in " ".join(notes)) == (count < 7)
    assert "rows of runs.csv that are no runs of the logs: 'other'" in notes
    assert "of runs.csv not read, since the logs say it: 'loss'" in notes


def test_a_run_without_a_size_is_set_aside_and_one_that_crashed_left_out(tmp_path, capfd):
    histories(tmp_path / "logs", {**SIZES, "unsized": 1e9, "broken": 1e9})
    rows = [f"{run},finished,{size!r},{20 * size!r}" for run, size in SIZES.items()]
    rows += ["broken,crashed,1e9,2e10", "elsewhere,finished,1,1", "cut"]
    sizes_table(tmp_path / "runs.csv", rows, head="Name,State,n_params,train_tokens")
    found = answer(capfd, tmp_path / "logs", "--step-column", "_step", "--runs", tmp_path / "runs.csv")
    assert found["account"] == {"read": 9, "used": 7, "excluded": 1, "quarantined": 1}
    assert found["excluded"] == [{"row": "broken", "reason": "State is crashed"}]
    assert found["quarantined"][0]["rule"] == "two of params, tokens, compute_flop"
    assert "not in runs.csv: 'unsized'" in found["notes"]
    assert "1 lines of runs.csv are no rows of its header" in found["notes"]


def test_figures_are_named_in_either_table_and_the_logs_come_first(tmp_path, capfd):
    rows = [f"{k},{run},{loss!r},{20 * size!r}" for run, size in SIZES.items() for k, loss in enumerate(losses(size))]
    sizes_table(tmp_path / "log.csv", rows, head="step,run,loss,zz")
    sizes_table(tmp_path / "runs.csv", [f"{run},{size!r},1" for run, size in SIZES.items()], head="run,width,zz")
    words = (tmp_path / "log.csv", "--step-column", "step", "--run-column", "run", "--runs", tmp_path / "runs.csv")
    named = ("--column", "params=width", "--column", "tokens=zz", "--where", "width > 1.5e8")
    found = answer(capfd, *words, *named)
    assert found["account"] == {"read": 7, "used": 6, "excluded": 1, "quarantined": 0}
    (kappa,) = (item for item in found["estimates"] if item["symbol"] == "kappa_total")
    assert kappa["value"] == pytest.approx(0.05, abs=1e-3)


def test_logs_that_say_params_and_tokens_want_no_table_and_a_table_without_them_is_told(tmp_path, capfd):
    rows = [f"1,{run},2.5,{size!r},{20 * size!r}" for run, size in SIZES.items()]
    sizes_table(tmp_path / "log.csv", rows, head="step,run,loss,params,tokens")
    found = read_step_logs(str(tmp_path / "log.csv"), step="step", run="run", columns={}, place=HERE)
    found.refuse_without_size("log.csv", "race fit kappa log.csv")
    histories(tmp_path / "logs")
    sizes_table(tmp_path / "runs.csv", [f"{run},red" for run in SIZES], head="run,colour")
    words = (tmp_path / "logs", "--step-column", "_step", "--runs", tmp_path / "runs.csv")
    said = answer(capfd, *words, code=3)
    assert "colour" in said
    assert "write runs.csv" not in said


def test_the_loss_is_the_logs_own(tmp_path):
    histories(tmp_path / "logs")
    sizes_table(tmp_path / "runs.csv", head="run,params,final")
    given = {"step": "_step", "run": None, "columns": {"loss": "final"}, "place": HERE}
    with pytest.raises(UsageError, match="has no column 'final'"):
        read_step_logs(str(tmp_path / "logs"), runs=tmp_path / "runs.csv", **given)


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ("model,params,tokens", ["run-0,1,1"], "runs.csv has no column that names the run"),
        ("run,params,tokens", ["x,1,1"], "runs.csv names no run of the logs"),
        ("run,params,tokens", ["run-0,1,1", "run-0,2,2"], "'run-0' stands 2 times in column 'run' of runs.csv"),
    ],
)
def test_a_table_that_says_nothing_of_the_logs_is_refused_by_its_cause(tmp_path, capfd, head, rows, words):
    histories(tmp_path / "logs")
    path = sizes_table(tmp_path / "runs.csv", rows, head=head)
    assert words in answer(capfd, tmp_path / "logs", "--step-column", "_step", "--runs", path, code=3)


EXPORT = '"Name","State","Notes","User","Tags","Created","Runtime","Sweep","n_params","train_tokens","train/loss"'


CREATED = '"-","u","","2025-01-01T00:00:00.000Z","100",""'


def export(path, ends):
    """W&B's own table of a project's runs, (name, state, loss) a row."""
    rows = [
        f'"{name}","{state}",{CREATED},"{SIZES[name]!r}","{20 * SIZES[name]!r}","{loss}"' for name, state, loss in ends
    ]
    path.write_text("\n".join([EXPORT, *rows]) + "\n")
    return path


def finished():
    return [(run, "finished", repr(losses(size)[-1])) for run, size in SIZES.items()]


states = st.sampled_from(["finished", "crashed", "running", "failed", "killed", "Crashed", ""])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(states, st.sampled_from(["", "9.5", "2.5", "-1"])), max_size=12))
def test_each_row_of_a_project_s_export_is_used_or_left_out_with_the_reason(tmp_path, more):
    ends = [*finished(), *(("run-3", state, loss) for state, loss in more)]
    runs = read_runs(export(tmp_path / "runs.csv", ends), columns={}, loss_unit="nats")
    stopped = [state.lower() for state, _ in more if state.lower() not in ("finished", "")]
    wrong = [loss for state, loss in more if state.lower() in ("finished", "") and loss in ("", "-1")]
    assert [why for _, why in runs.excluded] == [f"State is {state}" for state in stopped]
    assert len(runs.set_aside) == len(wrong)
    assert len(runs) + len(stopped) + len(wrong) == runs.n_read == len(ends)


def test_a_run_left_out_is_called_by_its_name(tmp_path):
    ends = finished()
    ends[2] = ("run-2", "crashed", "")
    runs = read_runs(export(tmp_path / "runs.csv", ends), columns={}, loss_unit="nats")
    assert runs.excluded == (("run-2", "State is crashed"),)


def test_who_asks_for_states_gets_those(tmp_path):
    path = export(tmp_path / "runs.csv", [*finished()[:-1], ("run-6", "crashed", "2.0"), ("run-6", "running", "2.0")])
    runs = read_runs(path, columns={}, loss_unit="nats", where=["State != running"])
    assert len(runs) == 7
    assert [why for _, why in runs.excluded] == ["not State != running"]
    assert len(read_runs(path, columns={}, loss_unit="nats", exclude=["loss > 99"])) == 6


def test_a_column_of_other_states_leaves_no_run_out(tmp_path):
    rows = [*(f"{k + 1}e8,1e9,{3 - k / 10},Ohio" for k in range(5)), "1e9,1e9,2,running"]
    path = sizes_table(tmp_path / "a.csv", rows, head="params,tokens,loss,State")
    assert len(read_runs(path, columns={}, loss_unit="nats")) == 6


def test_a_project_without_a_finished_run_is_refused_with_what_works(tmp_path):
    path = export(tmp_path / "runs.csv", [(name, "crashed", loss) for name, _, loss in finished()])
    with pytest.raises(DataInvalid, match=r"no run of runs\.csv is finished") as error:
        read_runs(path, columns={}, loss_unit="nats")
    assert len(read_runs(path, columns={}, loss_unit="nats", where=[error.value.remedy.split("'")[1]])) == 7


def test_what_stands_among_the_logs_and_is_none_is_named_with_what_to_do(tmp_path):
    histories(tmp_path / "logs")
    (tmp_path / "logs" / "run-0" / "files" / "requirements.txt").write_text("torch==2.0\n")
    with pytest.raises(UsageError, match=r"requirements\.txt has no column '_step'") as error:
        read_step_logs(str(tmp_path / "logs"), step="_step", run=None, columns={}, place=HERE)
    assert "'logs/**/*.jsonl'" in error.value.remedy


@pytest.mark.parametrize("coding", ["utf-16", "cp1252"])
def test_a_long_log_in_another_coding_is_refused_as_such(tmp_path, coding):
    (tmp_path / "a.csv").write_bytes("step,loss,größe\n1,2.0,3\n".encode(coding))
    with pytest.raises(DataInvalid, match="UTF-8"):
        read_step_logs(str(tmp_path / "a.csv"), step="step", run=None, columns={}, place=HERE)
