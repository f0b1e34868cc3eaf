"""One reader for people's files and publishers' files: whatever is done to a file, both account for the same rows."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from quick_fits import studied
from race_to_efficiency.cells.files import open_table
from race_to_efficiency.errors import DataInvalid, RaceError, UsageError
from race_to_efficiency.ledger.importers import epoch_hardware, training_runs
from race_to_efficiency.ledger.importers.parsed import Request
from race_to_efficiency.own_tables.run_rows import read_runs
from race_to_efficiency.own_tables.table_rows import Question, read_rows
from runs_for_tests import simulated

NOTE = """\
source_id: finch2026
title: Small birds scale
authors: Finch and Wren
year: 2026
identifier: arXiv 2601.00001
licence: CC-BY 4.0
released: 2026-01-15
constants: {model_family: Finch, dataset: Seeds}
"""
MARKS = "0123456789.,;:\t\"'-+eE %$BMkx/|#\n\r\u00e9\u2212 _(){}[]"


def generator(seed):
    return random.Random(seed)


def request(path):
    sources = SimpleNamespace(rows=pd.DataFrame({"source_id": [], "released": []}))
    return Request(path, dt.date(2026, 7, 1), lambda _: sources)


def text_of(header, rows, delimiter=","):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def tables():
    """Sound tables: plain, quoted with commas and line breaks, semicolons, suffixes, three figures."""
    params, tokens, loss = simulated(5, n=14)
    plain = [(f"{n:.6g}", f"{d:.6g}", f"{y:.5f}") for n, d, y in zip(params, tokens, loss, strict=True)]
    quoted = [(f"a, {k}\nb" if k % 3 else f"c{k}", f"{float(n):,.0f}", d, y) for k, (n, d, y) in enumerate(plain)]
    comma = [tuple(cell.replace(".", ",") for cell in row) for row in plain]
    suffixed = [(f"{float(n) / 1e6:.4g}M", f"{float(d) / 1e9:.5g}B", y) for n, d, y in plain]
    three = [(*row, f"{6 * float(row[0]) * float(row[1]):.8g}") for row in plain]
    return {
        "plain": text_of(("params", "tokens", "loss"), plain),
        "quoted": text_of(("name", "params", "tokens", "loss"), quoted),
        "semicolons": text_of(("N", "D", "val_loss"), comma, ";"),
        "suffixes": text_of(("Model Size", "Training Tokens", "loss"), suffixed, "\t"),
        "three": text_of(("params", "tokens", "loss_nats", "Training FLOP"), three),
    }


def mutated(text, draw):
    """Return the text with one character inserted, replaced or taken out."""
    place, mark = draw.randrange(len(text)), draw.choice(MARKS)
    return draw.choice(
        (text[:place] + mark + text[place:], text[:place] + mark + text[place + 1 :], text[:place] + text[place + 1 :])
    )


def fitted(path):
    """Return what `race fit kappa` reads of a file: physical rows, and the lines set aside; None when it is refused."""
    try:
        table = read_runs(path, columns={}, loss_unit="nats")
    except (DataInvalid, UsageError):
        return None
    assert len(table) + len(table.set_aside) == table.n_read
    return table.n_read, sorted(item["line"] for item in table.set_aside)


def imported(path):
    """Return the same of `race import training-runs`."""
    try:
        parsed = training_runs.read(request(path))
    except (DataInvalid, UsageError):
        return None
    assert len(parsed.rows) + len(parsed.quarantined) == parsed.n_read
    return parsed.n_read, sorted(problem.line for problem in parsed.quarantined)


@pytest.mark.parametrize("count", studied(70, 200))
@pytest.mark.parametrize("shape", tables())
def test_files_changed_in_one_character_are_read_alike_by_fit_and_import(tmp_path, shape, count):
    draw = generator(shape)
    text = tables()[shape]
    path = tmp_path / "finch.csv"
    path.with_suffix(".source.yaml").write_text(NOTE, encoding="utf-8")
    path.write_text(text, encoding="utf-8", newline="")
    assert fitted(path) == imported(path) == (14, [])
    read = 0
    for _ in range(count):
        changed = mutated(text, draw)
        path.write_text(changed, encoding="utf-8", newline="")
        found = fitted(path)
        assert found == imported(path), changed
        read += found is not None
    assert read > count / 2


@pytest.mark.parametrize("count", studied(80, 200))
@pytest.mark.parametrize("shape", tables())
def test_one_quote_put_anywhere_costs_at_most_one_row_or_the_file_is_refused(tmp_path, shape, count):
    text = tables()[shape]
    path = tmp_path / "finch.csv"
    places = generator(shape).sample(range(len(text) + 1), count)
    for place in places:
        path.write_text(f'{text[:place]}"{text[place:]}', encoding="utf-8", newline="")
        found = fitted(path)
        if found is None:
            continue
        read, aside = found
        # a quote in a line break of its own makes a line more; nothing makes a line less
        assert (read, len(aside)) in {(14, 0), (14, 1), (15, 1), (15, 2)}, place
        assert read - len(aside) >= 13


@pytest.mark.parametrize("count", studied(100, 300))
def test_an_export_changed_in_one_character_has_the_same_physical_rows_for_import_and_fit(tmp_path, root, count):
    text = (root / "tests" / "data" / "ledger" / "hardware_generation_2.csv").read_text(encoding="utf-8")
    path = tmp_path / "chips.csv"
    draw, read = generator(7), 0
    for _ in range(count):
        path.write_text(mutated(text, draw), encoding="utf-8", newline="")
        try:
            parsed = epoch_hardware.read(Request(path, dt.date(2030, 1, 1), lambda _: None))
            table = read_rows(path, Question("Release date", "TDP (W)"))
        except RaceError:
            continue
        read += 1
        unread = [problem.line for problem in parsed.quarantined if not problem.column]
        assert (parsed.n_read, unread) == (table.n_read, [record.line for record in open_table(path).unread])
    assert read > count / 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_any_separator_and_either_decimal_mark_read_as_pandas_reads_them_when_told(tmp_path, delimiter, decimal):
    rng = np.random.default_rng(3)
    rows = rng.lognormal(0, 3, (40, 3))
    texts = [[f"{value:.4f}".replace(".", decimal) for value in row] for row in rows]
    path = tmp_path / "t.csv"
    path.write_text(text_of("abc", texts, delimiter), encoding="utf-8")
    theirs = pd.read_csv(path, sep=delimiter, decimal=decimal)
    table = open_table(path)
    for name in "abc":
        assert table.numbers(name).value.tolist() == theirs[name].tolist()
    assert any("decimal commas" in note for note in table.notes) == (decimal == ",")


def test_thousands_are_grouped_the_other_way_where_decimals_are_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1.234.567,5;0,25\n12.000;7\n", encoding="utf-8")
    table = open_table(path)
    assert table.numbers("a").value.tolist() == [1234567.5, 12000]
    assert table.numbers("b").value.tolist() == [0.25, 7]


def test_a_table_is_the_same_in_every_format(tmp_path):
    params, tokens, loss = simulated(2, n=30)
    frame = pd.DataFrame({"name": [f"r{k}" for k in range(30)], "params": params, "tokens": tokens, "loss": loss})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True, double_precision=15)
    frame.to_json(tmp_path / "t.json", orient="records", double_precision=15)
    frame.to_json(tmp_path / "columns.json", double_precision=15)
    frame.to_json(tmp_path / "lists.json", orient="split", double_precision=15)
    for name in ("t.csv", "t.csv.gz", "t.tsv", "t.parquet", "t.jsonl", "t.json", "columns.json", "lists.json"):
        runs = read_runs(tmp_path / name, columns={}, loss_unit="nats")
        assert (runs.n_read, len(runs), runs.names[7]) == (30, 30, "r7")
        for quantity, values in (("params", params), ("tokens", tokens), ("loss", loss)):
            assert np.allclose(runs.quantities[quantity], values, rtol=1e-14, atol=0)


def test_a_broken_json_line_costs_that_line_and_a_broken_array_the_file(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": 2\n[3]\n\n{"a": 4, "b": {"c": "x"}}\n', encoding="utf-8")
    table = open_table(path)
    assert (table.header, table.line.tolist()) == (("a", "b.c"), [1, 5])
    assert sorted(record.line for record in table.unread) == [2, 3]
    path.write_text('[{"a": 1},\n{"a": 2', encoding="utf-8")
    with pytest.raises(RaceError, match="not valid JSON"):
        open_table(path)


def test_a_parquet_file_cut_short_says_so(tmp_path):
    pd.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:-20])
    with pytest.raises(RaceError, match="no whole parquet"):
        open_table(tmp_path / "t.parquet")
