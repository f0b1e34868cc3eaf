"""Tables an analyst brought and 0.1 misread: each does what is right, by the whole command."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from quick_fits import asked_forms_alone, equal_rows_once
from race_to_efficiency.commands import fit_gamma, fit_kappa
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.importing import run_import
from runs_for_tests import law
from scipy.optimize import minimize
from typer.testing import CliRunner

SIZES = (2e7, 7e7, 2.5e8, 9e8, 3e9, 1e10)
SEEN = (4e8, 2e9, 9e9, 4e10, 2e11, 9e11)
ROWS = len(SIZES) * len(SEEN)


@pytest.fixture(scope="module", autouse=True)
def _one_fit():
    """What each table is read as is compared with `plain` by way of the command: equal rows are fitted once."""
    with asked_forms_alone(), equal_rows_once():
        yield


@pytest.fixture(scope="module")
def app():
    application = typer.Typer()
    application.callback()(lambda: None)
    fit_kappa.register(application)
    fit_gamma.register(application)
    return application


def grid(seed=1, sigma=0.004):
    """Round sizes times round token counts with losses of a law."""
    params, tokens = (axis.ravel() for axis in np.meshgrid(SIZES, SEEN, indexing="ij"))
    return params, tokens, law(params, tokens) * np.exp(sigma * np.random.default_rng(seed).standard_normal(ROWS))


def write(path, header, *columns):
    rows = zip(*(column.tolist() if hasattr(column, "tolist") else column for column in columns), strict=True)
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


def call(app, *words):
    return CliRunner().invoke(app, list(map(str, words)))


def kappa(app, path, *words):
    """Return the chinchilla kappa's record and the whole document."""
    done = call(app, "kappa", path, "--form", "chinchilla", "--bootstrap", 100, "--json", *words)
    assert done.exit_code == 0, (done.output, done.exception)
    document = json.loads(done.stdout)
    return document["estimates"][0], document


def gamma(app, path, value, *words):
    done = call(app, "gamma", path, "--date", "released", "--value", value, "--draws", 200, "--json", *words)
    assert done.exit_code == 0, (done.output, done.exception)
    document = json.loads(done.stdout)
    return document["estimates"][0], document


@pytest.fixture(scope="module")
def plain(app, tmp_path_factory):
    """Kappa of the table written plainly; within a hundredth of scipy's own Huber fit from the truth."""
    found = kappa(app, write(tmp_path_factory.mktemp("plain") / "runs.csv", "params,tokens,loss", *grid()))[0]["value"]
    params, tokens, loss = grid()

    def objective(x):
        fit = np.log(np.exp(x[0] - x[3] * np.log(params)) + np.exp(x[1] - x[4] * np.log(tokens)) + np.exp(x[2]))
        r = np.abs(np.log(loss) - fit)
        return np.where(r < 1e-3, 0.5 * r**2, 1e-3 * (r - 5e-4)).sum()

    start = [np.log(480), np.log(2000), np.log(1.8), 0.35, 0.37]
    theirs = minimize(
        objective, start, method="Nelder-Mead", options={"maxiter": 40000, "maxfev": 40000, "fatol": 1e-14}
    )
    assert found == pytest.approx(theirs.x[3] * theirs.x[4] / (theirs.x[3] + theirs.x[4]), rel=1e-2)
    return found


def test_round_numbers_are_no_rounded_compute(app, tmp_path, plain):
    estimate, document = kappa(app, write(tmp_path / "runs.csv", "params,tokens,loss", *grid()))
    params, tokens, loss = grid()
    other, _ = kappa(app, write(tmp_path / "runs.csv", "params,tokens,loss", params * 1.01347, tokens * 0.98731, loss))
    assert (estimate["status"], estimate["reasons"]) == (other["status"], other["reasons"]) == ("trusted", [])
    assert other["value"] == pytest.approx(plain, rel=1e-6)
    assert not any("digits" in note for note in document["notes"])


def test_names_that_hold_their_unit_are_offered_with_the_factor_and_then_work(app, tmp_path, plain):
    params, tokens, loss = grid()
    path = write(tmp_path / "runs.csv", "params_M,tokens_B,loss", params / 1e6, tokens / 1e9, loss)
    error = call(app, "kappa", path).exception
    assert isinstance(error, DataInvalid)
    assert "no column params and no column tokens" in error.what
    assert error.remedy == "add --column 'params=params_M*1e6' and --column 'tokens=tokens_B*1e9'"
    words = [word.strip("'") for word in error.remedy.split() if word not in ("add", "and")]
    estimate, _ = kappa(app, path, *words)
    assert estimate["value"] == pytest.approx(plain, rel=1e-6)


def test_suffixed_cells_are_read_and_said(app, tmp_path, plain):
    params, tokens, loss = grid()
    sizes = [f"{value / 1e6:g}M" if value < 1e9 else f"{value / 1e9:g}B" for value in params]
    path = write(tmp_path / "runs.csv", "params,tokens,loss", sizes, [f"{value / 1e9:g} B" for value in tokens], loss)
    estimate, document = kappa(app, path)
    assert estimate["value"] == pytest.approx(plain, rel=1e-9)
    assert document["account"]["used"] == ROWS
    assert any("M as 1e6" in note for note in document["notes"])


def test_json_lines_are_read(app, tmp_path, plain):
    path = tmp_path / "runs.jsonl"
    rows = ({"params": n, "tokens": d, "loss": y} for n, d, y in zip(*map(np.ndarray.tolist, grid()), strict=True))
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert kappa(app, path)[0]["value"] == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("top", ["tokens", "compute_flop"])
def test_a_wide_grid_of_losses_is_one_run_a_cell(app, tmp_path, plain, top):
    params, tokens, loss = grid()
    if top == "tokens":
        header = ["Params", *(f"{seen:g}" for seen in SEEN)]
        body = loss.reshape(len(SIZES), len(SEEN)).tolist()
    else:  # a column a budget: each size was trained with some of them, the other cells are empty
        budgets = sorted(set((6 * params * tokens).tolist()))
        header = ["model size", *(f"{budget:.17g} FLOP" for budget in budgets)]
        body = [["" for _ in budgets] for _ in SIZES]
        for size, spent, y in zip(params, 6 * params * tokens, loss, strict=True):
            body[SIZES.index(size)][budgets.index(spent)] = y
    lines = [",".join(header), *(",".join(map(str, [size, *row])) for size, row in zip(SIZES, body, strict=True))]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found, document = kappa(app, path)
    assert found["value"] == pytest.approx(plain, rel=1e-6)
    assert document["account"]["read"] == document["account"]["used"] == ROWS
    assert any(f"{top} (top)" in note for note in document["notes"])


def test_bits_per_byte_are_offered_and_change_no_kappa(app, tmp_path, plain):
    params, tokens, loss = grid()
    path = write(tmp_path / "runs.csv", "params,tokens,bpb", params, tokens, loss / np.log(2) / 4.4)
    error = call(app, "kappa", path).exception
    assert error.remedy == "add --column loss=bpb"
    estimate, _ = kappa(app, path, "--column", "loss=bpb")
    assert estimate["value"] == pytest.approx(plain, rel=1e-6)
    assert any("too low for nats" in reason for reason in estimate["reasons"])


@pytest.mark.parametrize(("factor", "said"), [(2.0, "2 params tokens, a forward pass alone"), (6e-9, "is it in FLOP?")])
def test_compute_that_is_no_6nd_is_remarked(app, tmp_path, plain, factor, said):
    params, tokens, loss = grid()
    path = write(
        tmp_path / "runs.csv", "params,tokens,loss,compute_flop", params, tokens, loss, factor * params * tokens
    )
    estimate, document = kappa(app, path)
    assert any(said in note for note in document["notes"])
    assert estimate["value"] == pytest.approx(plain, rel=1e-9)
    assert not any("digits" in reason for reason in estimate["reasons"])


YEARS = np.arange(2012.0, 2026.0, 0.5)


def efficiency(rate=0.3, seed=4):
    return 1e10 * 2.0 ** (rate * (YEARS - 2012) + np.random.default_rng(seed).normal(0, 0.3, len(YEARS)))


def quarters():
    return [f"Q{1 if year % 1 == 0 else 3} {int(year)}" for year in YEARS]


def test_quarters_are_read_at_their_middle_and_a_ratio_and_units_give_the_same_rate(app, tmp_path):
    values = efficiency()
    plain, _ = gamma(app, write(tmp_path / "p.csv", "released,eff", YEARS, values), "eff")
    assert plain["value"] == pytest.approx(np.polyfit(YEARS, np.log2(values), 1)[0], rel=1e-9)
    found, document = gamma(app, write(tmp_path / "q.csv", "released,eff", quarters(), values), "eff")
    assert found["value"] == pytest.approx(plain["value"], rel=0.01)
    assert any("15 February" in note for note in document["notes"])
    power = np.random.default_rng(5).lognormal(5, 1, len(YEARS))
    path = write(tmp_path / "r.csv", "released,flop_s,tdp_w", YEARS, values * power, power)
    assert gamma(app, path, "flop_s/tdp_w")[0]["value"] == pytest.approx(plain["value"], rel=1e-9)
    cells = [f"{value / 1e9:.9g} GFLOP/s" for value in values]
    found, document = gamma(app, write(tmp_path / "u.csv", "released,speed", YEARS, cells), "speed")
    assert found["value"] == pytest.approx(plain["value"], rel=1e-6)
    assert any("GFLOP/s" in note for note in document["notes"])


def test_a_filter_takes_the_rows_it_names_and_counts_the_others(app, tmp_path):
    values = np.concatenate([efficiency(), efficiency(rate=-1.0)])
    makers = ["Acme"] * len(YEARS) + ["Borealis"] * len(YEARS)
    path = write(tmp_path / "f.csv", "released,eff,maker", np.tile(YEARS, 2), values, makers)
    alone, _ = gamma(app, write(tmp_path / "a.csv", "released,eff", YEARS, efficiency()), "eff")
    found, document = gamma(app, path, "eff", "--where", "maker == Acme")
    assert found["value"] == pytest.approx(alone["value"], rel=1e-12)
    assert document["account"] == {"read": 56, "used": 28, "outside_window": 28, "missing": 0, "quarantined": 0}


def test_a_flat_series_keeps_both_pieces_and_a_falling_one_halves(app, tmp_path):
    flat = write(tmp_path / "flat.csv", "released,eff", YEARS, efficiency(rate=0.0, seed=1))
    shown = call(app, "gamma", flat, "--date", "released", "--value", "eff", "--draws", 200).output
    assert "[-inf, -" in shown
    assert "inf]" in shown
    falling = write(tmp_path / "fall.csv", "released,eff", YEARS, efficiency(rate=-0.5))
    shown = call(app, "gamma", falling, "--date", "released", "--value", "eff", "--draws", 200).output
    months = -12 / np.polyfit(YEARS, np.log2(efficiency(rate=-0.5)), 1)[0]
    assert f"halving in {months:.4g} months [" in shown
    assert "doubling in" not in shown


def test_many_unreadable_dates_are_one_line_and_make_a_fit_weak(app, tmp_path):
    dates = [f"week {k} of 2020" if k % 4 == 0 else f"{year:.3f}" for k, year in enumerate(YEARS)]
    path = write(tmp_path / "d.csv", "released,eff", dates, efficiency())
    done = call(app, "gamma", path, "--date", "released", "--value", "eff", "--draws", 200)
    lines = [line for line in done.output.splitlines() if "set aside" in line and "rows used" not in line]
    assert len(lines) == 1
    assert "7 cells such as 'week 0 of 2020' set aside" in lines[0]
    assert "7 of 28 rows could not be read" in done.output
    assert "rows, high confidence" in done.output
    error = call(
        app,
        "gamma",
        write(tmp_path / "e.csv", "released,eff", [dates[0]] * 28, efficiency()),
        "--date",
        "released",
        "--value",
        "eff",
    ).exception
    assert isinstance(error, DataInvalid)
    assert "28 cells such as 'week 0 of 2020'" in error.why


def test_a_row_of_means_is_left_out_of_a_trend_and_doubts_nothing(app, tmp_path):
    dates = [f"early {year:.0f}" if year % 1 == 0 else f"late {year:.0f}" for year in YEARS[:8]]
    path = write(tmp_path / "d.csv", "released,eff", dates, efficiency()[:8])
    plain, _ = gamma(app, path, "eff")
    with path.open("a") as file:
        file.write("Mean,1e9\n")
    found, document = gamma(app, path, "eff")
    assert (found["value"], found["status"], found["reasons"]) == (plain["value"], plain["status"], plain["reasons"])
    assert (document["account"]["read"], document["account"]["used"]) == (9, 8)


def test_an_open_quote_costs_its_row_and_no_other(app, tmp_path):
    params, tokens, loss = grid()
    path = write(tmp_path / "q.csv", "run_id,params,tokens,loss", [f"r{k}" for k in range(ROWS)], params, tokens, loss)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:12], '"' + lines[12], *lines[13:]]) + "\n", encoding="utf-8")
    _, document = kappa(app, path)
    assert document["account"]["read"] == ROWS
    assert [item["line"] for item in document["quarantined"]] == [13]


def test_an_import_flags_compute_in_another_unit_and_a_group_no_fit_uses(root, tmp_path):
    params, tokens, loss = grid()
    names = [f"run{k}" for k in range(ROWS)]
    path = write(
        tmp_path / "ladder.csv",
        "name,params,tokens,loss_nats,gflops",
        names,
        params,
        tokens,
        loss,
        6e-9 * params * tokens,
    )
    path.with_name("ladder.source.yaml").write_text(
        "source_id: ladder2026\ntitle: A ladder\nauthors: Someone\nyear: 2026\nidentifier: arXiv 2601.00001\n"
        "licence: CC-BY 4.0\nreleased: 2026-01-15\nconstants: {model_family: L, dataset: S}\n"
        "columns: {run_id: name, params: params, tokens: tokens, loss_nats: loss_nats, compute_flop: gflops}\n",
        encoding="utf-8",
    )
    raw = root / "data" / "raw"
    words = {"recorded": "2026-07-01", "dry_run": True, "fitted_groups": {"other"}}
    flags = {flag["kind"]: flag for flag in run_import("training-runs", path, raw, **words).to_json()["flags"]}
    assert flags["unit_slip"]["factor"] == pytest.approx(1e-9, rel=1e-6)
    assert flags["group_not_fitted"]["id"] == "ladder2026"
    note = path.with_name("ladder.source.yaml")
    note.write_text(
        note.read_text(encoding="utf-8").replace("compute_flop: gflops", "compute_flop: gflops*1e9"), encoding="utf-8"
    )
    assert not run_import("training-runs", path, raw, **{**words, "fitted_groups": {"ladder2026"}}).to_json()["flags"]


def test_a_record_without_a_date_is_left_out_as_undated(root, tmp_path):
    path = tmp_path / "README-2026-07-01.md"
    path.write_text(
        "| # | Record time | Description | Date | Log | Contributors |\n| - | - | - | - | - | - |\n"
        "| 905 | 1.405 minutes | kernel | 06/20/26 | log | @a |\n| 906 | 1.401 minutes | software | - | - | - |\n",
        encoding="utf-8",
    )
    report = run_import("speedrun", path, root / "data" / "raw", dry_run=True).to_json()
    assert (report["read"], report["new"], report["quarantined"]) == (2, 1, 0)
    assert [(item["line"], item["rule"]) for item in report["exclusions"]] == [(4, "undated")]
    assert "nothing to do" in report["exclusions"][0]["remedy"]
