"""The same runs in the dialects that people write: the same numbers are read, or a command is offered that does."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from fuzz_driver import MAX_SECONDS, within
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.api.questions import spoken
from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.memory import table_in_memory
from race_to_efficiency.cells.physical import SUMMARY
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.own_tables.run_rows import read_runs as read_with

PARAMS = np.array([4.977e7, 1.1083e8, 2.20258e9, 3.9e8, 7.1e8, 1.25e9])
TOKENS = np.array([4.383e9, 5.384e9, 1.16716e11, 2.2e10, 9.1e9, 4.4e10])
LOSS = np.array([3.3395, 3.0566, 2.215, 2.6131, 2.7017, 2.402])


def read_runs(path, *, columns=None, loss_unit="nats"):
    return read_with(path, columns=columns or {}, loss_unit=loss_unit)


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(params, tokens, loss, mark=","):
    return [mark.join(map(str, row)) for row in zip(params, tokens, loss, strict=True)]


def grouped(values):
    return [f"{value:,.0f}".replace(",", ".") for value in values]


def comma(values):
    return [str(value).replace(".", ",") for value in values]


def fortran(values):
    return [f"{value:.6E}".replace("E", "D") for value in values]


def tex(values):
    return [rf"${value / 1e6!r} \times 10^{{6}}$" for value in values.tolist()]


PLAIN = rows(PARAMS, TOKENS, LOSS)
SCALED = rows(PARAMS / 1e6, TOKENS / 1e9, LOSS)
SAME = {
    "title": ("Scaling runs of 2024", "", "params,tokens,loss", *PLAIN),
    "title_of_a_sheet": ("Scaling runs,,", ",,", "params,tokens,loss", *PLAIN),
    "comments": ("# made by me, on two machines", "# 2024", "params,tokens,loss", *PLAIN),
    "units_below": ("params,tokens,loss", "M,B,nats/token", *SCALED),
    "units_below_in_brackets": ("model size,training tokens,val loss", "(M params),(B tokens),(nats)", *SCALED),
    "grouped_by_points": ("Parameter;Tokens;Loss", *rows(grouped(PARAMS), grouped(TOKENS), comma(LOSS), ";")),
    "a_comment_that_is_the_header": ("# params,tokens,loss", *PLAIN),
    "blanks": ("params tokens loss", *rows(PARAMS, TOKENS, LOSS, " ")),
    "columns_of_one_width": ("    params     tokens       loss", *[line.replace(",", "  ") for line in PLAIN]),
    "numpy_savetxt": ("# made by me on two machines", "# params tokens loss", *rows(PARAMS, TOKENS, LOSS, "  ")),
    "org_mode": (
        "| params | tokens | loss |",
        "|--------+--------+------|",
        *(f"| {line} |" for line in rows(PARAMS, TOKENS, LOSS, " | ")),
    ),
    "latex": (
        "\\begin{tabular}{lrr}",
        r"\toprule",
        r"$N$ & \textbf{tokens} & loss \\[2pt]",
        r"\cmidrule(lr){1-2}",
        *(rf"{row} \\" for row in rows(tex(PARAMS), tex(TOKENS), LOSS, " & ")),
        r"\bottomrule",
        r"\end{tabular}",
    ),
    "raised_powers": ("params;tokens;loss", *rows([f"{x / 1e6!r}×10⁶" for x in PARAMS.tolist()], TOKENS, LOSS, ";")),
    "counted": (
        "params,tokens,loss",
        *rows(PARAMS, [f"{x / 1e9!r} billion tokens" for x in TOKENS.tolist()], LOSS),
    ),
    "markdown_of_a_model_card": (
        "| Model | #Params | Tokens | Val loss |",
        "|:--|--:|--:|:-:|",
        *(f"| [m](https://x.org) | `{n}` | {d} | **{y}** |" for n, d, y in zip(PARAMS, TOKENS, LOSS, strict=True)),
    ),
    "words_around_a_table": (
        "Here it is:",
        "",
        "| N | D | loss |",
        "|-|-|-|",
        *(f"| {row} |" for row in rows(PARAMS, TOKENS, LOSS, " | ")),
    ),
    "footnotes_and_about": (
        "params,tokens,loss",
        *rows([f"{x}*" for x in PARAMS], [f"~{x / 1e9!r}B[{k}]" for k, x in enumerate(TOKENS.tolist())], LOSS),
    ),
    "quotes_of_another_kind": (
        "'params','tokens','loss'",
        *rows(*[[f"'{x}'" for x in v] for v in (PARAMS, TOKENS, LOSS)]),
    ),
    "an_error_in_brackets": ("params,tokens,loss", *rows(PARAMS, TOKENS, [f"{y} (0.003)" for y in LOSS])),
    "millions_in_german": (
        "Parameter;Tokens;Loss",
        *rows([f"{x / 1e6!r} Mio.".replace(".", ",", 1) for x in PARAMS.tolist()], grouped(TOKENS), comma(LOSS), ";"),
    ),
    "merged_header": (
        "Model,Training,,Result",
        "name,params,tokens,loss",
        *[f"m{k},{row}" for k, row in enumerate(PLAIN)],
    ),
    "a_header_half_merged": ("Model,Scale,,Loss", ",params,tokens,", *[f"m{k},{row}" for k, row in enumerate(PLAIN)]),
    "latex_merged_header": (
        r"& \multicolumn{2}{c}{Scale} & \\",
        r"Model & Params & Tokens & Loss \\",
        *(rf"\multirow{{1}}{{*}}{{m}} & {row} \\" for row in rows(PARAMS, TOKENS, LOSS, " & ")),
    ),
    "latex_letters_and_errors": (
        r"$N$ & $D$ (B) & $\mathcal{L}$ \\",
        *(
            rf"${n / 1e6!r}$M & {d / 1e9!r} & {y}$_{{\pm 0.01}}$ \\"
            for n, d, y in zip(PARAMS.tolist(), TOKENS.tolist(), LOSS, strict=True)
        ),
    ),
    "a_fence_around_it": ("```csv", "params,tokens,loss", *PLAIN, "```"),
    "tok": ("params,tokens,loss", *rows(PARAMS, [f"{x / 1e9!r}B tok" for x in TOKENS.tolist()], LOSS)),
    "r_write_table": (
        '"params" "tokens" "loss"',
        *[f'"{k}" {row}' for k, row in enumerate(rows(PARAMS, TOKENS, LOSS, " "), 1)],
    ),
    "row_names": ("params\ttokens\tloss", *[f"a\t{row}" for row in rows(PARAMS, TOKENS, LOSS, "\t")]),
    "a_frame_as_pandas_prints_it": tuple(
        pd.DataFrame({"params": PARAMS, "tokens": TOKENS, "loss": LOSS}).to_string().splitlines()
    ),
    "restructured_text": (
        "====== ====== ====",
        "params tokens loss",
        "====== ====== ====",
        *rows(PARAMS, TOKENS, LOSS, " "),
    ),
    "rule_below_the_names": ("params  tokens  loss", "------  ------  ----", *rows(PARAMS, TOKENS, LOSS, "  ")),
    "fortran": ("params tokens loss", *rows(fortran(PARAMS), fortran(TOKENS), LOSS, " ")),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_runs_are_read_from_every_dialect(tmp_path, name):
    found = read_runs(written(tmp_path / "runs.csv", *SAME[name]))
    assert found.n_read == len(found) == len(LOSS)
    for figure, truth in (("params", PARAMS), ("tokens", TOKENS), ("loss", LOSS)):
        np.testing.assert_allclose(found.quantities[figure], truth, rtol=1e-12)


@given(
    st.lists(st.tuples(st.integers(1, len(PLAIN)), st.sampled_from(["# a, note", "#,,", "params, tokens ,loss", ""])))
)
def test_comments_and_repeated_names_are_no_rows_wherever_they_stand(tmp_path_factory, inserted):
    lines = ["params,tokens,loss", *PLAIN]
    for place, line in sorted(inserted, reverse=True):
        lines.insert(place + 1, line)
    found = open_table(written(tmp_path_factory.mktemp("t") / "runs.csv", *lines))
    assert found.n_read == len(found) == len(LOSS)
    np.testing.assert_array_equal(found.numbers("tokens").value, TOKENS)
    words = [line for _, line in inserted if line]
    assert sum(int(note.split()[-1]) for note in found.notes if "no rows" in note) == len(words)


def test_a_row_numbered_with_a_hash_is_a_row(tmp_path):
    found = open_table(
        written(tmp_path / "t.csv", "run,params,tokens,loss", *[f"#{k},{row}" for k, row in enumerate(PLAIN)])
    )
    assert found.n_read == len(found) == len(LOSS)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", ",\n", "\r\n", " ,\r\n"])
def test_json_lines_after_a_mark_and_with_commas_between(tmp_path, mark, end):
    records = [json.dumps({"params": n, "tokens": d, "loss": y}) for n, d, y in zip(PARAMS, TOKENS, LOSS, strict=True)]
    (tmp_path / "runs.jsonl").write_bytes((mark + "".join(record + end for record in records)).encode())
    found = read_runs(tmp_path / "runs.jsonl")
    assert found.n_read == len(found) == len(LOSS)
    np.testing.assert_array_equal(found.quantities["tokens"], TOKENS)


def test_a_ratio_is_offered_with_the_column_that_comes_near_and_never_as_tokens(tmp_path):
    path = written(tmp_path / "runs.csv", "token_multiplier,params_active,loss", *rows(TOKENS / PARAMS, PARAMS, LOSS))
    with pytest.raises(DataInvalid, match="no column params and no column tokens") as refused:
        read_runs(path)
    options = [part for part in shlex.split(refused.value.remedy) if "=" in part]
    assert options == ["params=params_active", "tokens=token_multiplier*params_active"]
    found = read_runs(path, columns=dict(option.split("=", 1) for option in options))
    np.testing.assert_allclose(found.quantities["tokens"], TOKENS, rtol=1e-12)


def test_a_ratio_alone_is_not_offered_as_tokens(tmp_path):
    with pytest.raises(DataInvalid, match="no column params and no column tokens") as refused:
        read_runs(written(tmp_path / "runs.csv", "token_multiplier,x,loss", *PLAIN))
    assert "token_multiplier" not in refused.value.remedy


def test_counts_of_data_are_offered_as_tokens_and_others_as_sizes(tmp_path):
    lines = rows([f"{x / 1e9!r}B" for x in PARAMS.tolist()], [f"{x / 1e9!r}B" for x in TOKENS.tolist()], LOSS)
    with pytest.raises(DataInvalid, match="no column params and no column tokens") as refused:
        read_runs(written(tmp_path / "runs.csv", "Model,Corpus,loss", *lines))
    assert refused.value.remedy == "add --column params=Model and --column tokens=Corpus"


def test_names_with_figures_in_them_may_stand_again(tmp_path):
    names = "params,tokens,loss_v2"
    path = written(tmp_path / "runs.csv", names, *PLAIN[:3], names, *PLAIN[3:])
    found = read_runs(path, columns={"loss": "loss_v2"})
    assert found.n_read == len(found) == len(LOSS)


def test_the_numbers_along_the_top_of_a_grid_may_stand_again(tmp_path):
    top = "params,4e8,2e9,9e9"
    lines = [f"{size:g},{3 - j / 20:.4f},{2.9 - j / 20:.4f},{2.8 - j / 20:.4f}" for j, size in enumerate(PARAMS)]
    found = read_runs(written(tmp_path / "grid.csv", top, *lines[:3], top, *lines[3:]))
    assert found.n_read == len(found) == 3 * len(PARAMS)


def test_a_line_of_some_of_the_names_is_a_line_that_cannot_be_read(tmp_path):
    found = open_table(written(tmp_path / "t.csv", "params,tokens,loss", *PLAIN, "tokens,params"))
    assert [record.line for record in found.unread] == [len(PLAIN) + 2]


def test_a_column_that_is_another_figure_is_not_offered(tmp_path):
    with pytest.raises(DataInvalid, match="no column loss") as refused:
        read_runs(written(tmp_path / "runs.csv", "params,flops,mean", *PLAIN))
    assert "flops" not in refused.value.remedy


@pytest.mark.parametrize("word", ["Total", "mean:", "Average", "Summe"])
def test_a_total_is_set_aside_and_no_run(tmp_path, word):
    lines = [f"r{k},{row}" for k, row in enumerate(PLAIN)]
    mean = f"{word},{PARAMS.mean()},{TOKENS.mean()},{LOSS.mean()}"
    found = read_runs(written(tmp_path / "runs.csv", "name,params,tokens,loss", *lines, mean))
    assert (found.n_read, len(found)) == (len(LOSS) + 1, len(LOSS))
    assert [(row["line"], row["rule"]) for row in found.set_aside] == [(len(LOSS) + 2, SUMMARY)]
    np.testing.assert_array_equal(found.quantities["loss"], LOSS)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "frame", "index"])
def test_a_total_is_set_aside_whatever_holds_the_table(tmp_path, kind):
    frame = pd.DataFrame({"name": [f"r{k}" for k in range(6)], "params": PARAMS, "tokens": TOKENS, "loss": LOSS})
    frame.loc[6] = ["Average", PARAMS.mean(), TOKENS.mean(), LOSS.mean()]
    path = tmp_path / "runs"
    if kind in ("csv", "index"):
        frame.to_csv(path, index=kind == "index")
    elif kind == "json":
        frame.to_json(path, orient="records")
    elif kind == "parquet":
        frame.to_parquet(path)
    found = read_runs(table_in_memory(frame, "runs") if kind == "frame" else path)
    assert (found.n_read, [(row["line"], row["rule"]) for row in found.set_aside]) == (7, [(8, SUMMARY)])
    np.testing.assert_allclose(found.quantities["loss"], LOSS)


def test_a_column_of_lists_that_nobody_asks_for_is_no_hindrance(tmp_path):
    frame = pd.DataFrame({"curve": [[1.0, 2.0]] * 6, "params": PARAMS, "tokens": TOKENS, "loss": LOSS})
    frame.to_parquet(tmp_path / "runs")
    assert len(read_runs(tmp_path / "runs")) == 6


def test_rows_that_are_called_means_and_maxima_are_rows(tmp_path):
    lines = [f"{('mean', 'max', 'cls')[k % 3]},{row}" for k, row in enumerate(PLAIN)]
    assert len(read_runs(written(tmp_path / "runs.csv", "pooling,params,tokens,loss", *lines))) == len(LOSS)


@pytest.mark.parametrize("ends", [("\r", "\r\n"), ("\r\n", "\r"), ("\n", "\r"), ("\r\n", "\n")])
def test_line_ends_of_several_kinds_in_one_file(tmp_path, ends):
    lines = ["params,tokens,loss", *PLAIN]
    (tmp_path / "t.csv").write_bytes("".join(line + ends[k % 2] for k, line in enumerate(lines)).encode())
    found = read_runs(tmp_path / "t.csv")
    assert found.n_read == len(found) == len(LOSS)
    np.testing.assert_array_equal(found.quantities["tokens"], TOKENS)


@pytest.mark.parametrize("names", ["tokens,params,loss", "D,N,loss"])
def test_a_second_table_with_its_columns_in_another_order_is_refused(tmp_path, names):
    swapped = rows(TOKENS, PARAMS, LOSS)
    with pytest.raises(DataInvalid, match="two tables") as refused:
        read_runs(written(tmp_path / "runs.csv", "params,tokens,loss", *PLAIN, "", names, *swapped))
    assert refused.value.where.endswith(f":{len(PLAIN) + 3}")
    found = read_runs(written(tmp_path / "runs.csv", "params,tokens,loss", *PLAIN, "", "N,D,loss", *PLAIN))
    assert len(found) == found.n_read == 2 * len(PLAIN)


def test_a_decimal_comma_between_commas_makes_no_row_names(tmp_path):
    lines = [f"{k},{3 + k},{k:02d}" for k in range(1, 6)]
    found = open_table(written(tmp_path / "t.csv", "id,loss", *lines))
    assert (len(found), len(found.unread)) == (0, 5)


def test_a_first_row_of_words_below_a_nameless_column_is_no_header(tmp_path):
    lines = [",model,notes,loss", "r0,small,first,diverged", "r1,big,second,3.2"]
    assert len(open_table(written(tmp_path / "t.csv", *lines))) == 2


def test_a_row_nobody_can_read_twice_states_the_cell_and_what_to_do(tmp_path):
    sizes = [f"{x / 1e6!r}M ({x / 1.1e6:.1f}M)" for x in PARAMS.tolist()]
    with pytest.raises(DataInvalid, match="can be used") as refused:
        read_runs(written(tmp_path / "runs.csv", "params,tokens,loss", *rows(sizes, TOKENS, LOSS)))
    assert sizes[0] in refused.value.why
    assert "several numbers" in refused.value.why
    assert "write one of them" in refused.value.remedy


def test_losses_that_are_all_negative_are_offered_with_their_sign_turned(tmp_path):
    path = written(tmp_path / "runs.csv", "params,tokens,loss", *rows(PARAMS, TOKENS, -LOSS))
    with pytest.raises(DataInvalid, match="can be used") as refused:
        read_runs(path)
    option = shlex.split(refused.value.remedy)[-1]
    found = read_runs(path, columns=dict([option.split("=", 1)]))
    np.testing.assert_array_equal(found.quantities["loss"], LOSS)


def test_a_size_in_bytes_is_offered_as_parameters_and_that_is_said(tmp_path):
    path = written(tmp_path / "runs.csv", "size_gb,tokens,loss", *rows(PARAMS * 2 / 1e9, TOKENS, LOSS))
    with pytest.raises(DataInvalid, match="no column params") as refused:
        read_runs(path)
    assert "2 bytes a parameter" in refused.value.remedy
    option = shlex.split(refused.value.remedy)[2]
    found = read_runs(path, columns=dict([option.split("=", 1)]))
    np.testing.assert_allclose(found.quantities["params"], PARAMS, rtol=1e-12)


def test_of_several_metrics_a_loss_is_offered_with_the_rows_that_hold_it(tmp_path):
    lines = [
        f"{row},bits_per_byte,{y / 3}\n{row},acc,0.5" for row, y in zip(rows(PARAMS, TOKENS, LOSS), LOSS, strict=True)
    ]
    lines = [line.replace(f",{y},", ",") for line, y in zip(lines, LOSS, strict=True)]
    path = written(tmp_path / "runs.csv", "params,tokens,Metric,Value", *lines)
    with pytest.raises(DataInvalid, match="no column loss") as refused:
        read_runs(path)
    words = shlex.split(refused.value.remedy.removeprefix("add "))
    assert words == ["--column", "loss=Value", "--where", "Metric == bits_per_byte"]
    found = read_with(path, columns={"loss": "Value"}, loss_unit="nats", where=[words[3]])
    np.testing.assert_allclose(found.quantities["loss"], LOSS / 3)


def test_a_row_of_nothing_but_missing_cells_is_no_rule(tmp_path):
    body = rows(PARAMS, TOKENS, LOSS, "|")
    found = open_table(written(tmp_path / "runs.md", "params|tokens|loss", "---|:---:|---", *body, "-|--|-"))
    assert found.n_read == len(body) + 1


def test_every_row_of_a_latex_table_is_accounted_for(tmp_path):
    *most, last = [f"{row} \\\\" for row in rows(PARAMS, TOKENS, LOSS, " & ")]
    broken = most[1].replace("& ", "&\n", 1)
    lines = ("params & tokens & loss \\\\", "% 1 & 2 & 3 \\\\", most[0], broken, *most[2:], last.removesuffix(" \\\\"))
    found = open_table(written(tmp_path / "runs.tex", *lines, r"\end{tabular}"))
    assert found.numbers("params").value.tolist() == [PARAMS[0], *PARAMS[2:]]
    assert [record.line for record in found.unread] == [4, 5]  # a row over two lines is set aside, not lost


@pytest.mark.parametrize("corner", ["params", r"N \ C", r"Params\FLOP"])
@pytest.mark.parametrize("top", ["{:g}", "C={:g}", "FLOP = {:g}", "loss@{:g}"])
def test_the_top_and_the_corner_of_a_grid_may_name_what_they_hold(tmp_path, corner, top):
    budgets = [1e19, 3.162e19, 1e20, 3.162e20]
    lines = [f"{size:g},{','.join(f'{3 - k / 10 - j / 20:.4f}' for k in range(4))}" for j, size in enumerate(PARAMS)]
    found = read_runs(written(tmp_path / "grid.csv", ",".join([corner, *map(top.format, budgets)]), *lines))
    assert len(found) == len(PARAMS) * len(budgets)
    np.testing.assert_allclose(found.quantities["compute_flop"], np.tile(budgets, len(PARAMS)))
    np.testing.assert_allclose(found.quantities["params"], np.repeat(PARAMS, len(budgets)), rtol=1e-12)


OFFERED = {
    "tokens_per_param": (("params,tokens_per_param,loss", *rows(PARAMS, TOKENS / PARAMS, LOSS)), ""),
    "unit_of_another_name": (("params,training data (B tokens),loss", *rows(PARAMS, TOKENS / 1e9, LOSS)), ""),
    "bits_in_brackets": (("params,tokens,loss (bits/token)", *rows(PARAMS, TOKENS, LOSS / np.log(2))), "bits"),
    "bits_in_square_brackets": (("params,tokens,loss [bits]", *rows(PARAMS, TOKENS, LOSS / np.log(2))), "bits"),
    "log_likelihood": (("params,tokens,log_likelihood", *rows(PARAMS, TOKENS, -LOSS)), ""),
    "TPP": (("params,TPP,loss", *rows(PARAMS, TOKENS / PARAMS, LOSS)), ""),
    "chinchilla_multiple": (("params,chinchilla_multiple,loss", *rows(PARAMS, TOKENS / PARAMS / 20, LOSS)), ""),
    "tokens_a_step": (
        ("params,train_steps,tokens_per_batch,loss", *rows(PARAMS, TOKENS / 2e6, [f"2e6,{y}" for y in LOSS])),
        "",
    ),
    "steps": (
        ("params,steps,batch_size,seq_len,loss", *rows(PARAMS, TOKENS / 2**21, [f"1024,2048,{y}" for y in LOSS])),
        "",
    ),
    "sizes_as_names": (("Model,tokens,loss", *rows([f"{x / 1e9!r}B" for x in PARAMS.tolist()], TOKENS, LOSS)), ""),
    "corpus": (("params,Corpus size,loss", *rows(PARAMS, [f"{x / 1e9!r}B tokens" for x in TOKENS.tolist()], LOSS)), ""),
    "one_metric": (("params,tokens,Metric,Value", *rows(PARAMS, TOKENS, [f"nll,{y}" for y in LOSS])), ""),
    "log10_tokens": (("params,log10(tokens),loss", *rows(PARAMS, np.log10(TOKENS), LOSS)), ""),
    "ln_D": (("params,ln D,loss", *rows(PARAMS, np.log(TOKENS), LOSS)), ""),
    "log2_tokens": (("params,log2_tokens,loss", *rows(PARAMS, np.log2(TOKENS), LOSS)), ""),
    "size": (("size,tokens,loss", *rows(PARAMS, TOKENS, LOSS)), ""),
    "perplexity_in_two_words": (("params,tokens,Val PPL", *rows(PARAMS, TOKENS, np.exp(LOSS))), "perplexity"),
}


@pytest.mark.parametrize("name", OFFERED)
def test_what_is_not_guessed_is_offered_and_then_read_right(tmp_path, name):
    lines, unit = OFFERED[name]
    file = written(tmp_path / "runs.csv", *lines)
    with pytest.raises(DataInvalid) as refused:
        read_runs(file)
    words = shlex.split(refused.value.remedy.removeprefix("add "))
    assert words[0] == "--column"
    figure, _, column = words[1].partition("=")
    assert (words[2:] == ["--loss-unit", unit]) if unit else (len(words) == 2)
    found = read_runs(file, columns={figure: column}, loss_unit=unit or "nats")
    for quantity, truth in (("params", PARAMS), ("tokens", TOKENS), ("loss", LOSS)):
        np.testing.assert_allclose(found.quantities[quantity], truth, rtol=1e-12)
    with pytest.raises(DataInvalid) as refused:
        spoken(read_runs)(file)
    said = re.fullmatch(r"add columns=(\{.+?\})(?:, loss_unit='(\w+)')?", refused.value.remedy)
    assert said is not None
    assert said[1] == f"{{'{figure}': '{column}'}}"
    assert (said[2] or "") == unit


@pytest.mark.parametrize("name", ["log_params", "log(N)", "loss_per_token"])
def test_logarithms_and_ratios_are_not_offered_as_what_they_name(tmp_path, name):
    lines = (f"{name},tokens,loss" if "loss" not in name else f"params,tokens,{name}", *PLAIN)
    with pytest.raises(DataInvalid, match="has no column") as refused:
        read_runs(written(tmp_path / "runs.csv", *lines))
    assert f"={name}" not in refused.value.remedy
    assert re.search(r"--column (params|loss)=NAME", refused.value.remedy)


RECORDS = [
    {"config": {"n_params": n, "train_tokens": d}, "summary": {"val_loss": loss}}
    for n, d, loss in zip(PARAMS.tolist(), TOKENS.tolist(), LOSS.tolist(), strict=True)
]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"project": {"name": "x"}, "seed": 1, "runs": RECORDS}, "the records are those of 'runs'"),
        (
            [["N", "D", "loss"], *np.column_stack([PARAMS, TOKENS, LOSS]).tolist()],
            "the names are those of the first list",
        ),
        (
            pd.DataFrame({"N": PARAMS, "D": TOKENS, "loss": LOSS}).to_dict(orient="split"),
            "the names are those of 'columns'",
        ),
        ({"N": PARAMS.tolist(), "D": TOKENS.tolist(), "loss": LOSS.tolist()}, ""),
        ({"tokens": TOKENS.tolist(), "params": PARAMS.tolist(), "loss": LOSS.tolist(), "data": ["a"] * 6}, ""),
    ],
)
def test_records_within_a_json_document_are_read(tmp_path, document, said):
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert (said in open_table(path).notes) == bool(said)
    found = read_runs(path)
    for quantity, truth in (("params", PARAMS), ("tokens", TOKENS), ("loss", LOSS)):
        np.testing.assert_array_equal(found.quantities[quantity], truth)


@pytest.mark.parametrize(
    "document",
    [
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        {"a": [{"x": 1}], "b": [{"x": 2}, {"x": 3}]},
        {"columns": ["N", "loss"], "data": [[1.0, 2.0], [3.0]]},
        [],
        {},
    ],
)
def test_a_json_document_without_one_list_of_named_records_is_refused(tmp_path, document):
    path = tmp_path / "runs.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataInvalid):
        open_table(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
def test_a_text_in_another_unicode_encoding_is_the_same_table(tmp_path, encoding):
    lines = "\n".join(("params;tokens;loss;größe", *(f"{line};é" for line in rows(PARAMS, TOKENS, LOSS, ";"))))
    (tmp_path / "runs.csv").write_bytes(f"\ufeff{lines}".encode(encoding))
    found = open_table(tmp_path / "runs.csv")
    assert found.header == ("params", "tokens", "loss", "größe")
    assert found.texts("größe").tolist() == ["é"] * len(LOSS)
    np.testing.assert_array_equal(found.numbers("tokens").value, TOKENS)


def test_numpy_writes_what_is_read(tmp_path):
    np.savetxt(tmp_path / "runs.txt", np.column_stack([PARAMS, TOKENS, LOSS]), header="params tokens loss")
    found = read_runs(tmp_path / "runs.txt")
    for figure, truth in (("params", PARAMS), ("tokens", TOKENS), ("loss", LOSS)):
        np.testing.assert_array_equal(found.quantities[figure], truth)


def test_a_line_with_a_cell_too_few_between_blanks_is_told(tmp_path):
    lines = rows(PARAMS, TOKENS, LOSS, " ")
    lines[2] = lines[2].rpartition(" ")[0]
    found = read_runs(written(tmp_path / "runs.txt", "params tokens loss", *lines))
    assert (found.n_read, len(found)) == (len(LOSS), len(LOSS) - 1)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("words that are no table\nat all\n", ("words that are no table",)),
        ("a note on runs\nof last year and this\nwith two\nlines alike in it\nby chance\n", ("a note on runs",)),
        ("value\n1 234\n5 678\n", ("value",)),
        ("value\n1\n2\n", ("value",)),
        ("run name,loss\nbig one,3\nsmall one,2\n", ("run name", "loss")),
    ],
)
def test_words_are_not_cut_at_every_blank(tmp_path, text, header):
    (tmp_path / "t.txt").write_text(text)
    found = open_table(tmp_path / "t.txt")
    assert (found.header, found.notes) == (header, ())


def test_two_losses_are_named_once_each(tmp_path):
    lines = [f"{row},{loss}" for row, loss in zip(PLAIN, LOSS, strict=True)]
    with pytest.raises(DataInvalid) as refused:
        read_runs(written(tmp_path / "runs.csv", "params,tokens,train_loss,val_loss", *lines))
    assert refused.value.remedy == "add --column loss=train_loss or --column loss=val_loss"


def test_a_column_that_is_no_figure_keeps_its_name_above_its_unit(tmp_path):
    days = [f"20{year}-03-01,{2.0 ** (year / 2):.6f}" for year in range(10, 22)]
    table = open_table(written(tmp_path / "chips.csv", "date,value", "(year-month-day),GFLOPS/W", *days))
    assert table.header == ("date", "value")
    assert len(table) == table.n_read == len(days)


@pytest.mark.parametrize("first", ["name", "M", "GPU"])
def test_a_first_row_of_words_is_a_row_where_not_half_of_it_are_units(tmp_path, first):
    lines = ("run,maker,loss", f"{first},Acme,broken", "a,Acme,3.1", "b,Acme,2.9")
    table = open_table(written(tmp_path / "runs.csv", *lines))
    assert table.header == ("run", "maker", "loss")
    assert len(table) == 3


ENDLESS = ("a" + "_" * 20_000, "x " * 10_000, "a per " * 4_000, "per_" * 5_000 + "!", "loss@" * 4_000, "(" * 20_000)


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("missing", [True, False])
def test_a_name_without_end_is_looked_at_once(tmp_path, name, missing):
    """A search that takes the square or the cube of a name's length never ends on these."""
    table = [f"{line},1" for line in PLAIN]
    path = written(tmp_path / "runs.csv", f'params,tokens,{"other" if missing else "loss"},"{name}"', *table)
    with within(MAX_SECONDS):
        if missing:
            with pytest.raises(DataInvalid, match="loss"):
                read_runs(path)
        else:
            assert len(read_runs(path)) == len(PARAMS)
