"""Tables that are broken or are none: a stray quote costs one row at most, and each refusal names the true cause."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
from race_to_efficiency.errors import DataInvalid, RaceError
from race_to_efficiency.own_tables.run_rows import read_runs
from runs_for_tests import simulated

ROWS = 60


@pytest.fixture(scope="module")
def text():
    rows = zip(*simulated(1, n=ROWS), strict=True)
    lines = [f"{n:.0f},{d:.0f},{y:.6f},run {k} of C4" for k, (n, d, y) in enumerate(rows)]
    return "\n".join(["params,tokens,loss,run", *lines]) + "\n"


def test_of_a_thousand_stray_quotes_none_costs_more_than_a_row(text, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "runs.csv"
    refused = 0
    for place in rng.integers(0, len(text) + 1, 1000):
        path.write_text(f'{text[:place]}"{text[place:]}', encoding="utf-8")
        try:
            runs = read_runs(path, columns={}, loss_unit="nats")
        except DataInvalid:
            refused += 1
            assert place <= len("params,tokens,loss,run"), "only a broken header is worth a refusal"
            continue
        assert runs.n_read == ROWS
        assert len(runs) >= ROWS - 1
        assert len(runs) + len(runs.set_aside) == ROWS
    assert refused < 50


def zipped(name, text):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, text)
    return held.getvalue()


FRAME = pd.DataFrame(
    {"params": [1e8, 2e8, 4e8] * 5, "tokens": [1e9, 2e9, 3e9, 4e9, 5e9] * 3, "loss": np.linspace(4, 3, 15)}
)
CSV = FRAME.to_csv(index=False)
WRONG = {
    "empty": (b"", "empty"),
    "blank": (b"\n\n  \n", "empty"),
    "header alone": (b"params,tokens,loss\n", "no rows"),
    "a PDF": (b"%PDF-1.7\n\x00\x01binary", "PDF"),
    "a workbook": (b"PK\x03\x04" + bytes(200), "spreadsheet"),
    "an archive": (zipped("runs.csv", CSV), "zip archive"),
    "a workbook of another name": (zipped("xl/workbook.xml", "<x/>"), "(xlsx"),
    "half an archive": (zipped("runs.csv", CSV)[:90], "cut short"),
    "a pointer of LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
    "a pointer of DVC": (b"outs:\n- md5: 4d7a\n  path: runs.csv\n", "dvc pull"),
    "a merge": (CSV.replace("\n2", "\n<<<<<<< HEAD\n2", 1).encode() + b"=======\n1,2,3\n>>>>>>> b\n", "conflict"),
    "a login": (b"<script>location='/login'</script>\n<p>Sign in</p>\n", "web page"),
    "a table in HTML": (FRAME.to_html().encode(), "read_html"),
    "TOML": (b"[[runs]]\nparams = 1e8\ntokens = 1e9\nloss = 3.2\n" * 5, "TOML"),
    "a message": (b"404: Not Found", "one line, no table: '404: Not Found'"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
    "a web page": (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "web page"),
    "no header": ("\n".join(CSV.splitlines()[1:]).encode(), "numbers"),
    "another encoding": (CSV.replace("loss", "loß").encode("latin-1"), "UTF-8"),
    "half UTF-16": (CSV.encode("utf-16")[:-1], "UTF-16"),
    "UTF-16 unmarked": (CSV.encode("utf-16-le"), "NUL"),
    "cut gzip": (gzip.compress(CSV.encode())[:40], "gzip"),
    "JSON of another kind": (b'{"a": 1}', "columns found: a"),
    "broken JSON": (b'[{"params": 1e8, "tokens": ', "JSON"),
    "no loss": (FRAME.drop(columns="loss").to_csv(index=False).encode(), "no column loss"),
    "no scale": (FRAME[["loss"]].to_csv(index=False).encode(), "no column params"),
    "two losses": (
        FRAME.assign(val_loss=3.0, eval_loss=3.0).drop(columns="loss").to_csv(index=False).encode(),
        "several",
    ),
    "the loss twice": (pd.concat([FRAME, FRAME[["loss"]]], axis=1).to_csv(index=False).encode(), "stands 2 times"),
    "words": (CSV.replace("4.0", "four").encode().replace(b"00000000.0", b" many"), "not a number"),
    "negative losses": (FRAME.assign(loss=-3.0).to_csv(index=False).encode(), "positive"),
    "sideways": (FRAME.T.to_csv(header=[f"run {k}" for k in range(15)]).encode(), "sideways"),
    "YAML": (b"".join(b"- params: 1e8\n  tokens: %d\n  loss: 3\n" % k for k in range(9)), "YAML"),
    "dictionaries of Python": (repr(FRAME.to_dict(orient="records")).encode(), "Python"),
    "nulls": (CSV.encode().replace(b"loss", b"lo\x00ss"), "NUL"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_for_its_true_cause(name, tmp_path):
    data, cause = WRONG[name]
    path = tmp_path / "runs.csv"
    path.write_bytes(data)
    with pytest.raises(RaceError) as caught:
        race.fit_kappa(path, forms="power_law", bootstrap=100)
    assert caught.value.exit_code == 3, caught.value
    assert cause.lower() in str(caught.value).lower(), str(caught.value)


TOOLKITS = [
    ("n_params", "n_tokens", "val_loss"),
    ("Params (M)", "Tokens (B)", "Final loss"),
    ("model_size", "tokens_seen", "nll"),
    ("num_parameters", "num_input_tokens_seen", "eval_loss"),
    ("N", "D", "L"),
    ("parameters", "train_tokens", "test/loss"),
    ("Model params", "Training tokens (billions)", "validation loss"),
    ("params", "tokens", "cross_entropy"),
    ("totalParams", "totalTokens", "train_loss"),
    ("throughput/params", "throughput/total_tokens", "loss/val"),
    ("param_count", "token_count", "lm loss"),
    ("NParams (B)", "Tokens (1e9)", "CE loss"),
]


@pytest.mark.parametrize("names", TOOLKITS, ids=[" ".join(names) for names in TOOLKITS])
def test_twelve_spellings_are_read_or_a_column_option_that_works_is_offered(names, tmp_path):
    scale = {"(M)": 1e-6, "(B)": 1e-9, "(billions)": 1e-9, "(1e9)": 1e-9}
    factors = [next((value for unit, value in scale.items() if unit in name), 1.0) for name in names]
    path = tmp_path / "runs.csv"
    columns = {name: FRAME[plain] * factor for name, plain, factor in zip(names, FRAME, factors, strict=True)}
    pd.DataFrame(columns).to_csv(path, index=False)
    given = {}
    for _ in range(3):
        try:
            runs = read_runs(path, columns=given, loss_unit="nats")
            break
        except DataInvalid as error:
            words = error.remedy.removeprefix("add ").replace("'", "").split(" and ")
            given |= dict(word.split(" or ")[0].removeprefix("--column ").split("=", 1) for word in words)
    for plain in FRAME:
        assert runs.quantities[plain] == pytest.approx(FRAME[plain].to_numpy(), rel=1e-12)


def test_json_of_another_shape_is_read_or_named(tmp_path):
    shapes = {
        "records": FRAME.to_dict("records"),
        "columns": FRAME.to_dict("list"),
        "nested": [{"config": {"params": n, "tokens": d}, "summary": {"loss": y}} for n, d, y in FRAME.to_numpy()],
    }
    for name, document in shapes.items():
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        given = (
            {"params": "config.params", "tokens": "config.tokens", "loss": "summary.loss"} if name == "nested" else {}
        )
        runs = read_runs(path, columns=given, loss_unit="nats")
        assert runs.quantities["loss"].tolist() == FRAME["loss"].tolist()


def doubts_of(path):
    done = race.fit_kappa(path, forms="power_law", bootstrap=100)
    return " ".join((*done.estimates[0].reasons, *done.notes)), done.account


def with_cells(text, change):
    """Return a table with every row changed; `change` takes its number and its cells."""
    header, *lines = text.splitlines()
    return "\n".join([header, *(",".join(change(k, line.split(","))) for k, line in enumerate(lines))]) + "\n"


def test_a_table_of_which_a_tenth_cannot_be_read_is_doubted(text, tmp_path):
    path = tmp_path / "runs.csv"
    for bad, doubted in ((5, False), (9, True)):
        path.write_text(with_cells(text, lambda k, row, bad=bad: [row[0], "?!" if k < bad else row[1], *row[2:]]))
        said, account = doubts_of(path)
        assert account == {"read": ROWS, "used": ROWS - bad, "excluded": 0, "quarantined": bad}
        assert (f"{bad} of {ROWS} rows could not be read" in said) == doubted
    path.write_text(
        with_cells(text, lambda k, row: [*row[:2], ("", "nan", "inf")[k % 3] if k < 20 else row[2], row[3]])
    )
    assert "could not be read" not in doubts_of(path)[0]  # runs without a loss can be read


def test_merged_cells_are_named_where_they_cost_half_of_the_rows(text, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(with_cells(text, lambda k, row: [row[0] if k % 4 == 0 else "", *row[1:]]))
    said, account = doubts_of(path)
    assert account["used"] == ROWS / 4
    assert "45 of 60 rows lack a size or a token count: of merged cells only the first holds it" in said


def test_sizes_and_tokens_that_may_be_exchanged_are_remarked(text, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    assert "exchanged" not in doubts_of(path)[0]
    path.write_text(text.replace("params,tokens", "tokens,params", 1))
    assert "are the two exchanged" in doubts_of(path)[0]


def test_perplexities_in_a_column_of_losses_are_doubted(text, tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text(with_cells(text, lambda _, row: [*row[:2], f"{np.exp(float(row[2])) - 4:.6f}", row[3]]))
    assert "--loss-unit perplexity" in doubts_of(path)[0].replace("loss_unit='perplexity'", "--loss-unit perplexity")
