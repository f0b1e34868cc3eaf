"""The metadata tree, the models made from it, and what the shipped ledgers promise."""

from __future__ import annotations

import csv
import math
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pandera.errors as pe
import pandera.pandas as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.cells.text import number_text, tidy
from race_to_efficiency.errors import UsageError
from race_to_efficiency.ledger.dictionary import dictionary_text
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.lines import cell_text, slug
from race_to_efficiency.ledger.metadata import Column
from race_to_efficiency.ledger.schemas import DTYPES, LEDGERS, TABLES, fits, pandera_model, table_of

if TYPE_CHECKING:
    from pathlib import Path


def lines_of(root: Path, name: str) -> list[dict[str, str]]:
    with (root / "data" / "raw" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", TABLES)
def test_every_column_says_what_it_is_and_the_model_follows_the_tree(name: str) -> None:
    table = TABLES[name]
    model = pandera_model(name)
    assert tuple(model.columns) == table.names
    assert model.strict is True
    for column in table.columns:
        assert column.meaning.endswith((".", ";")), column.name
        assert not column.numeric or column.maximum is not None, f"{column.name}: infinity needs an upper bound"


@pytest.mark.parametrize("name", TABLES)
def test_the_model_takes_the_stated_types_and_no_others(name: str) -> None:
    empty = pd.DataFrame({column.name: pd.Series([], dtype=DTYPES[column.kind]) for column in TABLES[name].columns})
    pandera_model(name).validate(empty, lazy=True)
    other = {column.name: "float64" if column.kind != "number" else "str" for column in TABLES[name].columns}
    wrong = pd.DataFrame({column: pd.Series([], dtype=dtype) for column, dtype in other.items()})
    with pytest.raises(pe.SchemaErrors) as caught:
        pandera_model(name).validate(wrong, lazy=True)
    refused = caught.value.failure_cases.query("check.str.startswith('dtype')")
    assert set(refused["column"]) == set(other)
    with pytest.raises(pe.SchemaErrors):
        pandera_model(name).validate(empty.assign(colour=0.0), lazy=True)


PLANTED: dict[str, list[object]] = {
    "text": ["", " ", "x", " x", "x" * 301, "\u00a0", "snapshot", "a\nb"],
    "number": [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1.0, 1e15, 1e300],
    "count": [None, 0, -1, 1, 2**53],
    "date": [None, "1939-12-31", "1940-01-01", "2100-12-31", "2101-01-01"],
    "flag": [True, False],
}


def unnamed(column: Column) -> Column:
    """Return a column's kind and rules alone."""
    return replace(column, name="", meaning="", unit="", references="")


FIRST = {unnamed(column): (table, column.name) for table in reversed(TABLES) for column in TABLES[table].columns[::-1]}
"""The first column of all tables that has some kind and rules."""


@cache
def refused_by_pandera(alike: Column) -> list[int]:
    """Return which of the values planted pandera refuses in a column of some kind and rules."""
    table, name = FIRST[alike]
    values = pd.Series(PLANTED[alike.kind], dtype=DTYPES[alike.kind])
    try:
        pa.DataFrameSchema({name: pandera_model(table).columns[name]}).validate(values.to_frame(name), lazy=True)
    except pe.SchemaErrors as errors:
        return sorted(set(errors.failure_cases["index"]))
    return []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_taken_without_pandera_where_pandera_takes_it_and_nowhere_else(root: Path, name: str) -> None:
    """Every kind of value planted in a shipped row, and frames of other columns and types.

    A column that is like one before it, in this table or another, is planted with a value that is refused.
    """
    whole = read_ledger(name, root / "data" / "raw").rows[list(TABLES[name].names)]
    assert fits(name, whole)
    frame, model = whole.head(1), pandera_model(name)
    assert fits(name, frame)
    for column in TABLES[name].columns:
        values = pd.Series(PLANTED[column.kind], dtype=DTYPES[column.kind])
        refused = refused_by_pandera(unnamed(column))
        first = FIRST[unnamed(column)] == (name, column.name)
        for place in values.index if first else refused[:1]:
            planted = frame.assign(**{column.name: values[place : place + 1].set_axis(frame.index)})
            assert fits(name, planted) == (place not in refused), (column.name, values[place])
    first = TABLES[name].names[0]
    for other in (frame.assign(colour=0.0), frame.drop(columns=first), frame[list(reversed(frame.columns))]):
        assert not fits(name, other)
        with pytest.raises(pe.SchemaErrors):
            model.validate(other, lazy=True)
    assert not fits(name, frame.astype({first: object}))


def test_of_the_values_planted_some_are_taken_and_some_refused_in_every_kind_of_column() -> None:
    for kind, values in PLANTED.items():
        refused = [len(refused_by_pandera(alike)) for alike in FIRST if alike.kind == kind]
        assert min(refused) < len(values), kind
        assert kind == "flag" or max(refused) > 0, kind


def test_a_shipped_ledger_is_read_without_loading_pandera(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from race_to_efficiency.ledger.intake import read_all\n"
        "read_all(Path(sys.argv[1])); sys.exit('pandera' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(root / "data" / "raw")], check=True)


@pytest.mark.parametrize("name", LEDGERS)
def test_every_ledger_ends_with_the_same_bookkeeping(name: str) -> None:
    tail = ("released", "recorded", "recorded_basis", "withdrawn")
    assert TABLES[name].names[-4:] == tail
    assert "source_id" in TABLES[name].names


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, -math.inf])
def test_the_model_refuses_what_is_not_positive_and_finite(value: float) -> None:
    frame = pd.DataFrame(
        {
            column.name: pd.Series(
                [{"text": "x", "flag": False, "date": pd.Timestamp("2020-01-01")}.get(column.kind)],
                dtype=DTYPES[column.kind],
            )
            for column in TABLES["accelerators"].columns
        }
    ).assign(recorded_basis="snapshot", tdp_w=value)
    with pytest.raises(pe.SchemaErrors) as caught:
        pandera_model("accelerators").validate(frame, lazy=True)
    assert set(caught.value.failure_cases["column"]) == {"tdp_w"}


def test_an_unknown_table_is_named_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match="no table 'chips'"):
        table_of("chips")
    with pytest.raises(KeyError):
        table_of("accelerators").column("colour")


def test_the_data_dictionary_is_current(root: Path) -> None:
    assert storage.read_text(root / "data" / "raw" / "README.md") == dictionary_text(), "run `race dictionary`"


@pytest.mark.parametrize("name", TABLES)
def test_the_dictionary_lists_every_column_of_every_file(name: str) -> None:
    section = dictionary_text().split(f"## {name}.csv")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE) == list(TABLES[name].names)


@pytest.mark.parametrize("name", TABLES)
def test_the_shipped_ledger_has_its_header_its_order_and_shortest_numbers(root: Path, name: str) -> None:
    table = TABLES[name]
    data = (root / "data" / "raw" / table.file_name).read_bytes()
    assert b"\r" not in data
    assert data.endswith(b"\n")
    assert len(data) < 2_000_000
    rows = lines_of(root, name)
    assert tuple(rows[0]) == table.names
    for column in table.columns:
        if column.kind == "number":
            wrong = [
                row[column.name]
                for row in rows
                if row[column.name] and number_text(float(row[column.name])) != row[column.name]
            ]
            assert not wrong, column.name


@pytest.mark.parametrize("name", [name for name in LEDGERS if name != "sources"])
def test_every_source_resolves_to_a_citation_with_licence(root: Path, name: str) -> None:
    sources = {row["source_id"]: row for row in lines_of(root, "sources")}
    for row in lines_of(root, name):
        source = sources[row["source_id"]]
        assert source["citation"]
        assert source["licence"]


COMPUTE_OVER_6ND = {
    ("", "6nd"): (1 - 1e-9, 1 + 1e-9), ("", "c_over_6n"): (1 - 1e-9, 1 + 1e-9), ("", "tracker"): (0.74, 1.08),
    ("", "attention_included"): (1.11, 1.77), ("xlstm", "attention_included"): (0.8, 2.11),
    ("xlstm", "6nd"): (0.7, 0.97), ("clark", "attention_included"): (1.29, 3.55),
}  # fmt: skip
"""What compute_flop is of 6ND, by basis; two families count otherwise (no embeddings, attention at long context)."""


def test_training_run_groups_carry_their_family_and_compute_basis(root: Path) -> None:
    families = {row["source_id"]: row["family"] for row in lines_of(root, "sources")}
    rows = lines_of(root, "training_runs")
    assert {families[row["group"]] for row in rows} == {
        "chinchilla", "gadre", "muennighoff", "gemstones", "porian", "marin", "llama3", "pythia",
        "kempner", "olmo_ladder", "xlstm", "clark",
    }  # fmt: skip
    for row in rows:
        ratio = float(row["compute_flop"]) / (6 * float(row["params"]) * float(row["tokens"]))
        family, basis = families[row["group"]], row["compute_basis"]
        low, high = COMPUTE_OVER_6ND.get((family, basis)) or COMPUTE_OVER_6ND["", basis]
        assert low <= ratio <= high, row["run_id"]


def test_every_loss_says_its_unit_where_its_source_does(root: Path) -> None:
    words = {row["source_id"]: row["loss_unit"] for row in lines_of(root, "sources")}
    for row in lines_of(root, "training_runs"):
        unknown = row["group"] == "llama3_2024"  # "UNITS UNKNOWN (not nats/token)"
        assert row["loss_unit"] == ("" if unknown else "nats/token"), row["run_id"]
        assert ("UNKNOWN" in words[row["group"]]) == unknown


FACTS = {
    "training_runs_added.csv": ("training_runs", lambda row: row["run_id"]),
    "mlperf_training_v5.1.csv": ("mlperf_training", lambda row: row["run_id"]),
    "published_values_added.csv": ("published_values", lambda row: row["key"]),
    "green500_to_2021.csv": ("green500", lambda row: f"{row['list']}/{row['rank']}"),
    "speedrun_track3_to_2026-05-15.csv": ("optimiser_steps", lambda row: f"track3-{int(row['record_no']):03d}"),
    "slowrun_records.csv": ("slowrun_records", lambda row: f"{row['track']}-{int(row['record_no']):03d}"),
    "inference_price_trends.csv": (
        "inference_price_trends",
        lambda row: f"{row['benchmark']}/{row['threshold_model']}",
    ),
    "other_forecasts.csv": ("other_forecasts", lambda row: row["forecast_id"]),
}


@pytest.mark.upstream
@pytest.mark.parametrize("name", FACTS)
def test_the_facts_added_stand_in_the_ledgers_as_they_were_gathered(root: Path, shared: Path, name: str) -> None:
    table, key_of = FACTS[name]
    held = {row[TABLES[table].key]: row for row in lines_of(root, table)}
    sources = {line["source_id"] for line in lines_of(root, "sources")}
    with (shared / "data" / "facts" / name).open(encoding="utf-8", newline="") as stream:
        facts = list(csv.DictReader(stream))
    for fact in facts:
        row = held[key_of(fact)]
        for column in set(fact) & set(row) - {"accelerator", "source", "citation"}:
            kind = TABLES[table].column(column).kind
            if kind in {"number", "count"} and fact[column]:
                assert float(row[column]) == float(fact[column]), (fact, column)
            elif column != "accelerator_minutes":
                assert row[column].lower() == tidy(fact[column]).lower(), (fact, column)
        assert row["source_id"] in sources


def test_six_n_d_passes_the_largest_integer_so_params_and_tokens_are_floats(root: Path) -> None:
    largest = max(6 * float(row["params"]) * float(row["tokens"]) for row in lines_of(root, "training_runs"))
    assert largest > 2**63
    assert {table_of("training_runs").column(name).kind for name in ("params", "tokens", "compute_flop")} == {"number"}


def test_clusters_join_checkpoints_and_budgets_of_one_run(root: Path) -> None:
    clusters: dict[str, set[str]] = {}
    for row in lines_of(root, "training_runs"):
        clusters.setdefault(row["group"], set()).add(row["cluster"])
    assert len(clusters["gemstones2025_cool_end"]) == 20  # models with a cool-down among the 22 of the paper
    assert len(clusters["chinchilla_besiroglu2024"]) == 245
    porian = [row for row in lines_of(root, "training_runs") if row["group"] == "porian2024_rw_tuned"]
    assert {row["cluster"]: row["params"] for row in porian} == {
        f"porian-rw-tuned-n{row['params']}": row["params"] for row in porian
    }
    budgets = [(row["cluster"], row["compute_flop"]) for row in porian]
    assert len(set(budgets)) == len(budgets)


def test_chinchilla_was_published_before_its_numbers_were_data(root: Path) -> None:
    dates = {
        (row["released"], row["recorded"], row["recorded_basis"])
        for row in lines_of(root, "training_runs")
        if row["group"] == "chinchilla_besiroglu2024"
    }
    assert dates == {("2022-03-29", "2024-04-15", "stated")}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_the_same_float(value: float) -> None:
    text = number_text(value)
    assert float(text) == value
    assert math.copysign(1.0, float(text)) == math.copysign(1.0, value)
    assert not text.endswith(".0")


@given(st.text())
def test_a_slug_is_plain_and_stable(text: str) -> None:
    made = slug(text)
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", made)
    assert slug(made) == made
    assert tidy(tidy(text)) == tidy(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA A100 SXM4 80 GB", "nvidia-a100-sxm4-80-gb"),
        ("PointNet++", "pointnet-plus-plus"),
        ("PanGu-Σ", "pangu-sigma"),
        ("NÜWA", "nuwa"),
        ("DALL·E 3", "dall-e-3"),
    ],
)
def test_slugs_of_real_names(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_missing_values_become_empty_cells() -> None:
    assert cell_text(Column("tdp_w", "number", ""), math.nan) == ""
    assert cell_text(Column("chip_count", "count", ""), None) == ""
    assert cell_text(Column("chip_count", "count", ""), 16000.0) == "16000"
    assert cell_text(Column("withdrawn", "flag", ""), True) == "true"


def test_a_frame_of_one_s_own_is_checked_by_the_columns_it_has() -> None:
    mine = pd.DataFrame({"run_id": ["a", "b"], "params": [1e9, -1.0], "loss_nats": [2.5, math.inf]})
    model = pandera_model("training_runs").select_columns(list(mine))
    with pytest.raises(pe.SchemaErrors) as caught:
        model.validate(mine, lazy=True)
    found = caught.value.failure_cases
    assert {(row.column, row.index) for row in found.itertuples(index=False)} == {("params", 1), ("loss_nats", 1)}
    assert len(model.validate(mine.head(1), lazy=True)) == 1
