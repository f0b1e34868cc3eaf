"""Tables as programs print them are read whole, or refused where the print leaves rows out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import rich.box
import tabulate
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.cells.files import open_table
from race_to_efficiency.errors import DataInvalid
from rich.console import Console
from rich.table import Table as RichTable

RUNS = pd.DataFrame(
    {
        "model": ["gpt-70M", "gpt-160M", "gpt-410M", "gpt-1.3B-without-embeddings"],
        "params": [7e7, 1.6e8, 4.1e8, 1.3e9],
        "tokens": [1.4e9, 3.2e9, 8.2123e9, 2.6e10],
        "loss": [3.9123, 3.5512, 3.2001, np.nan],
    }
)

PRINTED = {
    "polars": """
shape: (4, 4)
┌─────────────────────────────┬──────────┬───────────┬────────┐
│ model                       ┆ params   ┆ tokens    ┆ loss   │
│ ---                         ┆ ---      ┆ ---       ┆ ---    │
│ str                         ┆ f64      ┆ f64       ┆ f64    │
╞═════════════════════════════╪══════════╪═══════════╪════════╡
│ gpt-70M                     ┆ 7e7      ┆ 1.4000e9  ┆ 3.9123 │
│ gpt-160M                    ┆ 1.6e8    ┆ 3.2000e9  ┆ 3.5512 │
│ gpt-410M                    ┆ 4.1e8    ┆ 8.2123e9  ┆ 3.2001 │
│ gpt-1.3B-without-embeddings ┆ 1.3000e9 ┆ 2.6000e10 ┆ null   │
└─────────────────────────────┴──────────┴───────────┴────────┘
""",
    "polars_narrow": """
shape: (4, 4)
┌───────────┬──────────┬──────────┬────────┐
│ model     ┆ params   ┆ training ┆ loss   │
│ ---       ┆ ---      ┆ _tokens  ┆ ---    │
│ str       ┆ f64      ┆ ---      ┆ f64    │
│           ┆          ┆ f64      ┆        │
╞═══════════╪══════════╪══════════╪════════╡
│ gpt-70M   ┆ 7e7      ┆ 1.4000e9 ┆ 3.9123 │
│ gpt-160M  ┆ 1.6e8    ┆ 3.2000e9 ┆ 3.5512 │
│ gpt-410M  ┆ 4.1e8    ┆ 8.2123e9 ┆ 3.2001 │
│ gpt-1.3B- ┆ 1.3000e9 ┆ 2.6000e1 ┆ null   │
│ without-e ┆          ┆ 0        ┆        │
│ mbeddings ┆          ┆          ┆        │
└───────────┴──────────┴──────────┴────────┘
""",
    "polars_ascii": """
shape: (4, 4)
+-----------------------------+----------+-----------+--------+
| model                       | params   | tokens    | loss   |
| ---                         | ---      | ---       | ---    |
| str                         | f64      | f64       | f64    |
+=============================================================+
| gpt-70M                     | 7e7      | 1.4000e9  | 3.9123 |
|-----------------------------+----------+-----------+--------|
| gpt-160M                    | 1.6e8    | 3.2000e9  | 3.5512 |
|-----------------------------+----------+-----------+--------|
| gpt-410M                    | 4.1e8    | 8.2123e9  | 3.2001 |
|-----------------------------+----------+-----------+--------|
| gpt-1.3B-without-embeddings | 1.3000e9 | 2.6000e10 | null   |
+-----------------------------+----------+-----------+--------+
""",
    "polars_no_borders": """
shape: (4, 4)
 model                       ┆ params   ┆ tokens    ┆ loss
 ---                         ┆ ---      ┆ ---       ┆ ---
 str                         ┆ f64      ┆ f64       ┆ f64
═════════════════════════════╪══════════╪═══════════╪════════
 gpt-70M                     ┆ 7e7      ┆ 1.4000e9  ┆ 3.9123
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌
 gpt-160M                    ┆ 1.6e8    ┆ 3.2000e9  ┆ 3.5512
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌
 gpt-410M                    ┆ 4.1e8    ┆ 8.2123e9  ┆ 3.2001
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌╌╌╌┼╌╌╌╌╌╌╌╌
 gpt-1.3B-without-embeddings ┆ 1.3000e9 ┆ 2.6000e10 ┆ null
""",
    "polars_inline_types": """
┌─────────────────────────────┬──────────────┬──────────────┬────────────┐
│ model (str)                 ┆ params (f64) ┆ tokens (f64) ┆ loss (f64) │
╞═════════════════════════════╪══════════════╪══════════════╪════════════╡
│ gpt-70M                     ┆ 7e7          ┆ 1.4000e9     ┆ 3.9123     │
│ gpt-160M                    ┆ 1.6e8        ┆ 3.2000e9     ┆ 3.5512     │
│ gpt-410M                    ┆ 4.1e8        ┆ 8.2123e9     ┆ 3.2001     │
│ gpt-1.3B-without-embeddings ┆ 1.3000e9     ┆ 2.6000e10    ┆ null       │
└─────────────────────────────┴──────────────┴──────────────┴────────────┘
""",
    "duckdb": """
┌─────────────────────────────┬──────────────┬───────────────┬────────┐
│            model            │    params    │    tokens     │  loss  │
│           varchar           │    double    │    double     │ double │
├─────────────────────────────┼──────────────┼───────────────┼────────┤
│ gpt-70M                     │   70000000.0 │  1400000000.0 │ 3.9123 │
│ gpt-160M                    │  160000000.0 │  3200000000.0 │ 3.5512 │
│ gpt-410M                    │  410000000.0 │  8212300000.0 │ 3.2001 │
│ gpt-1.3B-without-embeddings │ 1300000000.0 │ 26000000000.0 │   NULL │
└─────────────────────────────┴──────────────┴───────────────┴────────┘
""",
    "clickhouse": """
┌─model────┬──params─┬─────tokens─┬───loss─┐
│ gpt-70M  │     7e7 │      1.4e9 │ 3.9123 │
│ gpt-160M │   1.6e8 │      3.2e9 │ 3.5512 │
│ gpt-410M │   4.1e8 │   8.2123e9 │ 3.2001 │
│ gpt-1.3B-without-embeddings │ 1.3e9 │ 26000000000 │ ᴺᵁᴸᴸ │
└──────────┴─────────┴────────────┴────────┘

4 rows in set. Elapsed: 0.001 sec.
""",
    "julia": """
4×4 DataFrame
 Row │ model     params    tokens    loss
     │ String    Float64   Float64   Float64?
─────┼────────────────────────────────────────
   1 │ gpt-70M   7.0e7     1.4e9     3.9123
   2 │ gpt-160M  1.6e8     3.2e9     3.5512
   3 │ gpt-410M  4.1e8     8.2123e9  3.2001
   4 │ gpt-1.3B-without-embeddings  1.3e9     2.6e10    missing
""",
    "tibble": """
# A tibble: 4 × 4
  model        params      tokens  loss
  <chr>         <dbl>       <dbl> <dbl>
1 gpt-70M    70000000  1400000000  3.9123
2 gpt-160M  160000000  3200000000  3.5512
3 gpt-410M  410000000  8212300000  3.2001
4 gpt-1.3B-without-embeddings 1300000000 26000000000 NA
""",
    "psql": """
  model   |  params | tokens | loss
----------+---------+--------+--------
 gpt-70M  | 7e7     | 1.4e9  | 3.9123
 gpt-160M | 1.6e8   | 3.2e9  | 3.5512
 gpt-410M | 4.1e8   | 8.2123e9 | 3.2001
 gpt-1.3B-without-embeddings | 1.3e9 | 2.6e10 |
(4 rows)
""",
}

CUT = {
    "polars_cut": """
shape: (4, 4)
┌─────────────────────────────┬──────────┬───────────┬────────┐
│ model                       ┆ params   ┆ tokens    ┆ loss   │
│ ---                         ┆ ---      ┆ ---       ┆ ---    │
│ str                         ┆ f64      ┆ f64       ┆ f64    │
╞═════════════════════════════╪══════════╪═══════════╪════════╡
│ gpt-70M                     ┆ 7e7      ┆ 1.4000e9  ┆ 3.9123 │
│ …                           ┆ …        ┆ …         ┆ …      │
│ gpt-1.3B-without-embeddings ┆ 1.3000e9 ┆ 2.6000e10 ┆ null   │
└─────────────────────────────┴──────────┴───────────┴────────┘
""",
    "duckdb_cut": """
┌───────┬────────┐
│   n   │  loss  │
│ int64 │ double │
├───────┼────────┤
│     0 │ 3.9123 │
│     1 │ 3.9123 │
│     2 │ 3.9123 │
│     3 │ 3.9123 │
│     4 │ 3.9123 │
│     5 │ 3.9123 │
│     6 │ 3.9123 │
│     7 │ 3.9123 │
│     8 │ 3.9123 │
│     9 │ 3.9123 │
│     · │    ·   │
│     · │    ·   │
│     · │    ·   │
│    10 │ 3.5512 │
│    11 │ 3.5512 │
│    12 │ 3.5512 │
│    13 │ 3.5512 │
│    14 │ 3.5512 │
│    15 │ 3.5512 │
│    16 │ 3.5512 │
│    17 │ 3.5512 │
│    18 │ 3.5512 │
│    19 │ 3.5512 │
└───────┴────────┘
     50 rows
    (20 shown)
""",
    "pandas": pd.concat([RUNS] * 30, ignore_index=True).to_string(max_rows=6, show_dimensions=True),
    "spark": """
+-----+-------+
|    n|   loss|
+-----+-------+
|  1e9| 3.9123|
|  2e9| 3.5512|
+-----+-------+
only showing top 2 rows
""",
    "tibble": """
# A tibble: 36 × 2
       params  loss
        <dbl> <dbl>
 1   21000000  9.35
 2   21000000  7.91
# ℹ 34 more rows
# ℹ Use `print(n = ...)` to see more rows
""",
    "julia": """
30×2 DataFrame
 Row │ params  loss
     │ Int64   Float64
─────┼─────────────────
   1 │   1000  3.1
  ⋮  │   ⋮        ⋮
  30 │   9000  2.9
        28 rows omitted
""",
    "by_hand": "params,loss\n1e9,3.1\n...,...\n9e9,2.9\n",
}


def opened(path, text):
    path.write_text(text, encoding="utf-8")
    return open_table(path)


def assert_whole(table, rows=RUNS):
    names = [name.strip() for name in table.header]
    assert len(table) == len(rows)
    assert table.unread == ()
    for column in ("params", "tokens", "loss"):
        found = next(name for name in names if column in name)
        np.testing.assert_allclose(table.numbers(found).value, rows[column], rtol=1e-6)


@pytest.mark.parametrize("program", PRINTED)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_print_is_read_whole(program, line_end, tmp_path):
    text = PRINTED[program].replace("ᴺᵁᴸᴸ", "NULL").replace("\n", line_end)
    assert_whole(opened(tmp_path / "runs.txt", text))


@pytest.mark.parametrize("before", ["D select * from runs;", "My runs\nof last year"])
def test_words_before_a_box_are_told(before, tmp_path):
    table = opened(tmp_path / "runs.txt", f"{before}\n{PRINTED['duckdb']}")
    assert_whole(table)
    assert any("titles" in note for note in table.notes)


def test_types_are_no_units_and_names_are_as_the_program_has_them(tmp_path):
    table = opened(tmp_path / "runs.txt", PRINTED["polars_narrow"])
    assert table.header == ("model", "params", "training_tokens", "loss")
    assert table.texts("model").tolist() == RUNS["model"].tolist()
    assert opened(tmp_path / "runs.txt", PRINTED["polars_inline_types"]).header == tuple(RUNS)


def test_a_row_stands_on_the_line_where_it_stands(tmp_path):
    text = PRINTED["polars_narrow"]
    table = opened(tmp_path / "runs.txt", text)
    assert [text.splitlines()[line - 1].split()[1] for line in table.line] == [
        "gpt-70M",
        "gpt-160M",
        "gpt-410M",
        "gpt-1.3B-",
    ]


@pytest.mark.parametrize("program", CUT)
def test_a_print_that_leaves_rows_out_is_refused(program, tmp_path):
    with pytest.raises(DataInvalid, match="leaves rows out") as found:
        opened(tmp_path / "runs.txt", CUT[program])
    assert program != "duckdb_cut" or "20 of 50 rows" in found.value.why
    assert "CSV" in found.value.remedy


def test_a_row_that_cannot_be_read_is_no_row_left_out(tmp_path):
    table = opened(tmp_path / "runs.txt", PRINTED["duckdb"].replace("│ gpt-160M  ", "│ gpt │ 160M") + "4 rows\n")
    assert (len(table), len(table.unread)) == (3, 1)


def test_names_that_are_broken_over_two_lines_are_no_types(tmp_path):
    box = ["┌───┬───┐", "│ release │ loss │", "│ date    │      │", "├───┼───┤", "│ 2020-01-01 │ 3.1 │", "└───┴───┘"]
    assert opened(tmp_path / "runs.txt", "\n".join(box)).header == ("release date", "loss")


def test_a_shape_that_is_larger_than_the_table_is_refused(tmp_path):
    with pytest.raises(DataInvalid, match="4 of 5 rows"):
        opened(tmp_path / "runs.txt", PRINTED["polars"].replace("(4, 4)", "(5, 4)"))


@pytest.mark.parametrize(
    "text",
    [
        "n rows,x\n3 rows,4\n5 rows,6\n",
        "name,x\n│a│,1\n─,2\n",
        "date,float\n2020-01-01,3\n2021-01-01,4\n",
        "kind,text\na,date\nb,time\n",
        "x,note\n1,2 rows omitted\n2,10 more rows\n",
        "x,note\n1,...\n2,·\n",
    ],
)
def test_a_plain_table_is_left_as_it_is(text, tmp_path):
    table = opened(tmp_path / "runs.csv", text)
    wanted = pd.read_csv(tmp_path / "runs.csv", dtype=str, keep_default_na=False)
    assert table.header == tuple(wanted)
    assert [table.texts(name).tolist() for name in wanted] == [wanted[name].tolist() for name in wanted]
    assert table.unread == ()


_DRAWN = [
    "fancy_grid",
    "fancy_outline",
    "rounded_grid",
    "heavy_grid",
    "mixed_outline",
    "double_grid",
    "psql",
    "grid",
    "rst",
]


@settings(max_examples=25, deadline=None)
@given(
    style=st.sampled_from(_DRAWN),
    rows=st.lists(st.tuples(*[st.floats(1e-3, 1e12, allow_nan=False)] * 3), min_size=2, max_size=6),
)
def test_whatever_another_library_draws_is_read(tmp_path_factory, style, rows):
    text = tabulate.tabulate(rows, ["params", "tokens", "loss"], style, floatfmt=".17g")
    table = opened(tmp_path_factory.mktemp("drawn") / "runs.txt", text)
    assert_whole(table, pd.DataFrame(rows, columns=["params", "tokens", "loss"]))


@pytest.mark.parametrize("style", ["HEAVY_HEAD", "ROUNDED", "SQUARE", "DOUBLE", "DOUBLE_EDGE", "HEAVY", "ASCII2"])
def test_what_rich_draws_is_read(tmp_path, style):
    drawn = RichTable(*RUNS, box=getattr(rich.box, style), title="Runs of the ladder", show_lines=style == "SQUARE")
    for row in RUNS.astype(object).where(RUNS.notna(), "").itertuples(index=False):
        drawn.add_row(*map(str, row))
    with (tmp_path / "rich.txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=100).print(drawn)
    table = open_table(tmp_path / "rich.txt")
    np.testing.assert_allclose(table.numbers("loss").value, RUNS["loss"])
    assert len(table) == len(RUNS)
