"""race fit kappa on tables an analyst might bring: an answer, or the reason why there is none."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import statsmodels.api as sm
import typer
from quick_fits import asked_forms_alone, equal_rows_once
from race_to_efficiency.calibration.kappa.forms import FORMS
from race_to_efficiency.commands import fit_kappa
from race_to_efficiency.errors import DataInvalid, NotTrustworthy, UsageError
from race_to_efficiency.own_tables import run_fit
from race_to_efficiency.own_tables.refusals import unrelated
from runs_for_tests import chinchilla, law, simulated
from scipy.stats import rankdata
from small_settings import section
from typer.testing import CliRunner

TRUTH = 0.35 * 0.37 / (0.35 + 0.37)  # kappa of the law the simulated runs follow


@pytest.fixture(scope="module", autouse=True)
def _one_fit():
    with asked_forms_alone(), equal_rows_once():
        yield


@pytest.fixture(scope="module")
def app():
    application = typer.Typer()
    application.callback()(lambda: None)
    fit_kappa.register(application)
    return application


def write(path, header, rows, *, mark=",", encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=mark).writerows([header, *rows])
    return path


def call(app, *words):
    return CliRunner().invoke(app, ["kappa", *map(str, words), "--bootstrap", "100"])


def fitted(app, *words, code=0):
    done = call(app, *words, "--json")
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout)


def kappas(document):
    return {item["form"]: item for item in document["estimates"] if item["symbol"].startswith("kappa")}


def reasons(document):
    return " ".join(reason for item in document["estimates"] for reason in item["reasons"])


RUNS = ("params", "tokens", "loss")


@pytest.fixture(scope="module")
def plain(app, tmp_path_factory):
    """A sound table, and what the command says about it."""
    file = write(tmp_path_factory.mktemp("plain") / "runs.csv", RUNS, zip(*simulated(1, n=80), strict=True))
    return file, fitted(app, file)


def test_sound_runs_give_a_trusted_kappa_that_covers_the_truth(plain):
    document = plain[1]
    law_form = kappas(document)["chinchilla"]
    interval = law_form["intervals"][0]
    assert law_form["status"] == "trusted"
    assert interval["low"] <= TRUTH <= interval["high"]
    account = document["account"]
    assert account == {"read": 80, "used": 80, "excluded": 0, "quarantined": 0}


@pytest.mark.parametrize("shape", ["semicolons", "byte_order_mark", "thousands", "tabs"])
def test_how_a_spreadsheet_writes_the_table_does_not_matter(app, plain, tmp_path, shape):
    rows = [(f"{p:.0f}", f"{t:.0f}", f"{float(y)!r}") for p, t, y in zip(*simulated(1, n=80), strict=True)]
    file = tmp_path / "runs.csv"
    if shape == "thousands":
        write(file, RUNS, [(f"{int(p):,}", f"{int(t):,}", y) for p, t, y in rows])
    elif shape == "byte_order_mark":
        write(file, RUNS, rows, encoding="utf-8-sig")
    else:
        write(file, RUNS, rows, mark=";" if shape == "semicolons" else "\t")
    found = kappas(fitted(app, file, "--form", "chinchilla"))["chinchilla"]
    assert found["value"] == pytest.approx(kappas(plain[1])["chinchilla"]["value"], rel=1e-4)


def test_unreadable_cells_are_set_aside_by_line_and_the_rest_is_fitted(app, tmp_path):
    rows = [list(row) for row in zip(*simulated(1, n=80), strict=True)]
    bad = [(2, "nan"), (2, -2.0), (0, "7 birds"), (1, "lots"), (2, ""), (0, "inf")]
    for line, (column, value) in enumerate(bad):
        rows[line][column] = value
    document = fitted(app, write(tmp_path / "runs.csv", RUNS, rows), "--form", "chinchilla")
    assert [item["line"] for item in document["quarantined"]] == [2, 3, 4, 5, 6, 7]
    assert kappas(document)["chinchilla"]["n_rows"] == 74


@pytest.mark.parametrize("content", ["", "params,tokens,loss\n", "params,tokens,loss\na,b,c\n", "\ufeffx;y\n1;2\n"])
def test_what_is_no_table_of_runs_is_refused_as_bad_input(app, tmp_path, content):
    file = tmp_path / "runs.csv"
    file.write_text(content, encoding="utf-8")
    assert isinstance(call(app, file).exception, DataInvalid)


def checkpoints(models, seed, noise=0.003, shared=0.01):
    """Return models, sizes, tokens and losses of checkpoints whose model errs as a whole."""
    rng = np.random.default_rng(seed)
    rows = []
    for model in range(models):
        size, error = np.exp(rng.uniform(np.log(5e7), np.log(7e9))), shared * rng.standard_normal()
        for seen in np.geomspace(2e9, 2e11, 10):
            loss = law(np.array(size), np.array(seen)) * np.exp(error + noise * rng.standard_normal())
            rows.append((f"m{model}", float(size), float(seen), float(loss)))
    return rows


def test_checkpoints_of_one_model_are_resampled_together_named_or_not(app, tmp_path):
    rows = checkpoints(12, 2)
    named = fitted(app, write(tmp_path / "a.csv", ("model", *RUNS), rows), "--form", "chinchilla", "--cluster", "model")
    unnamed = fitted(app, write(tmp_path / "b.csv", RUNS, [row[1:] for row in rows]), "--form", "chinchilla")
    alone = fitted(app, tmp_path / "b.csv", "--form", "chinchilla", "--cluster", "none")
    assert kappas(named)["chinchilla"]["n_clusters"] == 12
    assert kappas(unnamed)["chinchilla"]["n_clusters"] == 12
    assert any("err together" in note for note in unnamed["notes"])
    assert kappas(unnamed)["chinchilla"]["stderr"] > 2 * kappas(alone)["chinchilla"]["stderr"]
    interval = kappas(unnamed)["chinchilla"]["intervals"][0]
    assert interval["low"] <= TRUTH <= interval["high"]


def test_three_models_are_never_trusted_whatever_the_checkpoints(app, tmp_path):
    rows = [row[1:] for row in checkpoints(3, 3)]
    document = fitted(app, write(tmp_path / "runs.csv", RUNS, rows))
    assert {item["status"] for item in document["estimates"]} <= {"weak", "refused"}
    assert "3 model sizes" in reasons(document)


@pytest.mark.parametrize("fixed", ["params", "tokens", "compute", "loss"])
def test_what_does_not_vary_has_no_kappa(app, tmp_path, fixed):
    other = np.geomspace(1e8, 1e11, 30)
    params, tokens = other, np.full(30, 2e10)
    if fixed == "params":
        params, tokens = np.full(30, 1e9), other
    elif fixed == "compute":
        tokens = 1e20 / 6 / params
    elif fixed == "loss":
        tokens = 20 * params
    loss = law(params, tokens) * np.exp(0.002 * np.random.default_rng(1).standard_normal(30))
    loss = np.full(30, 2.5) if fixed == "loss" else loss
    file = write(tmp_path / "runs.csv", RUNS, zip(params, tokens, loss, strict=True))
    document = fitted(app, file, code=4)
    assert {item["status"] for item in document["estimates"]} == {"refused"}
    assert "vary" in reasons(document)
    assert isinstance(call(app, file, "--form", "power_law").exception, NotTrustworthy)


def test_logarithms_and_numbers_beyond_any_run_are_refused(app, tmp_path):
    params, tokens, loss = simulated(1, n=40)
    file = write(tmp_path / "logs.csv", RUNS, zip(np.log10(params), np.log10(tokens), loss, strict=True))
    assert "logarithms" in reasons(fitted(app, file, code=4))
    done = call(app, write(tmp_path / "huge.csv", RUNS, zip(params * 1e200, tokens * 1e200, loss, strict=True)))
    assert isinstance(done.exception, DataInvalid | NotTrustworthy) or "trusted" not in done.stdout


@pytest.mark.parametrize("n", [1, 3, 7, 10])
def test_few_rows_are_weak_or_refused(app, tmp_path, n):
    params = np.geomspace(1e8, 1e10, n)
    loss = law(params, 20 * params) * np.exp(0.002 * np.random.default_rng(n).standard_normal(n))
    file = write(tmp_path / "runs.csv", RUNS, zip(params, 20 * params, loss, strict=True))
    document = fitted(app, file, code=4 if n <= 3 else 0)
    gates = section("fit_kappa").gates
    short = {form.name for form in FORMS.values() if n < gates.min_rows_per_parameter * len(form.columns)}
    assert {"chinchilla", "floor"} <= short
    assert {item["status"] for item in document["estimates"] if item["form"] in short} <= {"weak", "refused"}
    assert kappas(document)["chinchilla"]["status"] == "refused"


def test_a_run_under_another_name_counts_once(app, tmp_path):
    runs = list(zip(*(column[:80] for column in chinchilla()), strict=True))
    copies = [(f"b{k}", f"{p:.4g}", f"{t:.4g}", f"{y:.6g}") for k, (p, t, y) in enumerate(runs)]
    rows = [*((f"a{k}", *row) for k, row in enumerate(runs)), *copies]
    document = fitted(app, write(tmp_path / "runs.csv", ("name", *RUNS), rows), "--form", "power_law")
    assert document["account"]["used"] == 80
    assert all(row["reason"].startswith("repeats a") for row in document["excluded"])


def test_compute_of_two_digits_is_sharpened_or_doubted(app, tmp_path):
    params, tokens, loss = simulated(1, n=80)
    rough = [f"{6 * p * t:.1e}" for p, t in zip(params, tokens, strict=True)]
    file = write(tmp_path / "a.csv", (*RUNS, "compute_flop"), zip(params, tokens, loss, rough, strict=True))
    document = fitted(app, file, "--form", "power_law")
    assert any("two digits: replaced" in note for note in document["notes"])
    file = write(tmp_path / "b.csv", ("compute_flop", "loss"), zip(rough, loss, strict=True))
    document = fitted(app, file, "--form", "power_law")
    assert "two digits" in reasons(document)
    assert kappas(document)["power_law"]["status"] == "weak"


def test_losses_in_other_units_are_converted_or_seen(app, plain, tmp_path):
    params, tokens, loss = simulated(1, n=80)
    value = kappas(plain[1])["chinchilla"]["value"]
    perplexity = write(tmp_path / "p.csv", RUNS, zip(params, tokens, np.exp(loss), strict=True))
    assert "perplexities" in reasons(fitted(app, perplexity, "--form", "chinchilla", code=4))
    converted = fitted(app, perplexity, "--form", "chinchilla", "--loss-unit", "perplexity")
    assert kappas(converted)["chinchilla"]["value"] == pytest.approx(value, rel=1e-6)
    per_byte = write(tmp_path / "b.csv", RUNS, zip(params, tokens, loss / np.log(2) / 4.3, strict=True))
    document = fitted(app, per_byte, "--form", "chinchilla")
    assert kappas(document)["chinchilla"]["value"] == pytest.approx(value, rel=1e-6)  # a factor leaves kappa alone
    assert kappas(document)["chinchilla"]["status"] == "weak"


def test_a_curvature_too_weak_to_see_is_said_and_its_interval_may_be_open(app, tmp_path):
    compute = np.geomspace(1e20, 1e21, 40)
    loss = (1.8 + 200 * compute**-0.13) * np.exp(0.01 * np.random.default_rng(9).standard_normal(40))
    file = write(tmp_path / "runs.csv", ("compute_flop", "loss"), zip(compute, loss, strict=True))
    done = call(app, file, "--form", "floor", "--json")
    assert done.exit_code in (0, 4), done.exception
    floor = kappas(json.loads(done.stdout))["floor"]
    assert floor["status"] in ("weak", "refused")
    assert floor["diagnostics"]["z_curv"] < 2
    assert floor["intervals"][0]["method"] == "profile"
    assert "never a headline" in " ".join(floor["reasons"])


def test_runs_without_any_law_are_never_trusted(app, tmp_path):
    params, tokens, _ = simulated(1, n=40)
    loss = np.random.default_rng(3).uniform(2, 4, 40)
    done = call(app, write(tmp_path / "runs.csv", RUNS, zip(params, tokens, loss, strict=True)), "--json")
    assert done.exit_code in (0, 4), done.exception
    assert "trusted" not in {item["status"] for item in json.loads(done.stdout)["estimates"]}


@pytest.mark.parametrize("columns", [("params", "tokens"), ("compute_flop",)])
def test_loss_that_scale_does_not_tell_is_refused_by_the_f_test_of_a_library(columns):
    rng = np.random.default_rng(11)
    logs = rng.normal(0, 2, (60, len(columns)))
    terms = np.column_stack([logs, *(logs[:, i] * logs[:, k] for i in range(len(columns)) for k in range(i + 1))])
    told = []
    for share in (0.0, 0.3, 0.6, 0.9):  # of the loss that scale tells
        loss = np.exp(0.1 * rng.normal(size=60) * (1.0 - share) - 0.05 * share * logs.sum(axis=1))
        p = sm.OLS(rankdata(loss), sm.add_constant(terms)).fit().f_pvalue
        found = unrelated({name: np.exp(20 + x) for name, x in zip(columns, logs.T, strict=True)} | {"loss": loss})
        told += found
        assert found == () if p <= 0.01 else f"p = {p:.2g})" in found[0]
    assert 1 <= len(told) < 4


def test_one_wild_loss_hides_no_law_from_the_test_of_noise():
    params, tokens, loss = simulated(1, n=60)
    loss[7] = 1e4
    assert unrelated({"params": params, "tokens": tokens, "loss": loss}) == ()


def test_a_table_of_noise_is_refused_in_every_form_before_any_refit(app, tmp_path, monkeypatch):
    monkeypatch.setattr(run_fit, "fit_group", None)
    params, tokens, _ = simulated(1, n=120)
    loss = np.exp(np.random.default_rng(4).normal(1.0, 0.02, 120))
    done = call(app, write(tmp_path / "runs.csv", RUNS, zip(params, tokens, loss, strict=True)), "--json")
    assert done.exit_code == 4
    estimates = json.loads(done.stdout)["estimates"]
    assert {(item["status"], item["value"]) for item in estimates} == {("refused", None)}
    assert all("no sign that loss depends on params and tokens" in item["reasons"][0] for item in estimates)


def test_each_group_is_fitted_alone_and_every_row_is_accounted_for(app, plain, tmp_path):
    runs = list(zip(*simulated(1, n=80), strict=True))
    other = list(zip(*simulated(2, n=40), strict=True))
    rows = [(*run, "a") for run in runs] + [(*run, "b") for run in other] + [(*other[0], "")]
    file = write(tmp_path / "runs.csv", (*RUNS, "made"), rows)
    document = fitted(app, file, "--group", "made", "--form", "chinchilla")
    found = {item["group"]: item for item in document["estimates"] if item["symbol"].startswith("kappa")}
    assert set(found) == {"runs_a", "runs_b"}
    assert found["runs_a"]["value"] == pytest.approx(kappas(plain[1])["chinchilla"]["value"], rel=1e-9)
    assert document["account"] == {"read": 121, "used": 120, "excluded": 1, "quarantined": 0}
    assert document["excluded"] == [{"row": "line 122", "reason": "no made"}]
    for column, why in (("nobody", "no column"), ("made", "no groups")):
        table = write(tmp_path / "none.csv", (*RUNS, "made"), [(*run, "") for run in runs])
        done = call(app, table, "--group", column)
        assert isinstance(done.exception, UsageError)
        assert why in str(done.exception)
