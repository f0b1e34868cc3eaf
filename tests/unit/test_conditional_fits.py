"""Forms beside the ledger's three, and fits of which something is known beforehand: against values from elsewhere."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import mpmath
import numpy as np
import pytest
import race_to_efficiency as race
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa import conditional_fit
from race_to_efficiency.calibration.kappa.conditional_fit import fit_point, settle
from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM, Bound, Conditions
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, POWER_LAW
from race_to_efficiency.calibration.kappa.mixture_of_experts import EXPERTS
from race_to_efficiency.calibration.kappa.repeated_data import REPEATED
from race_to_efficiency.cells.memory import table_in_memory
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.own_tables.run_rows import read_runs
from scipy.optimize import minimize

LEDGER = Path(__file__).parents[2] / "data" / "raw" / "training_runs.csv"
LAW = np.array([480.0, 700.0, 1.8, 0.35, 0.35])
DELTA = 1e-3


def ledger(group):
    with LEDGER.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["group"] == group]


def columns(rows, *names):
    return [np.array([float(row[name]) for row in rows]) for name in names]


@pytest.fixture(scope="module")
def chinchilla():
    """The 240 runs of Besiroglu et al. (2024)."""
    params, tokens, loss = columns(ledger("chinchilla_besiroglu2024"), "params", "tokens", "loss_nats")
    kept = np.sort(np.argsort(loss)[:240])
    return [params[kept], tokens[kept]], loss[kept]


def runs(n=120, seed=1, noise=0.0076, form=CHINCHILLA, theta=LAW, **more):
    rng = np.random.default_rng(seed)
    compute = 10.0 ** rng.uniform(18.0, 22.0, n)
    params = np.sqrt(compute / 6.0 / (20.0 * 10.0 ** rng.uniform(-1.0, 1.0, n)))
    table = {"params": params, "tokens": compute / 6.0 / params}
    table |= {name: make(rng, table) for name, make in more.items()}
    clean = form.log_loss(np.asarray(theta), [table[name] for name in form.inputs])
    return {**table, "loss": np.exp(clean + noise * rng.standard_normal(n))}


def huber(values):
    inside = np.clip(values, -DELTA, DELTA)
    return inside * (values - 0.5 * inside)


def test_without_conditions_it_is_the_published_fit(chinchilla):
    inputs, loss = chinchilla
    bound = Bound(CHINCHILLA, inputs, loss, Conditions(), DELTA)
    point = fit_point(bound, np.ones(240))
    assert point.cost == pytest.approx(0.00101827401780, rel=1e-7)
    assert bound.theta(point.free) == pytest.approx([477.83, 2143.4, 1.81722, 0.34731, 0.36717], rel=3e-3)
    assert point.n_agreeing > 8


@pytest.mark.parametrize(
    ("conditions", "whole"),
    [
        (Conditions(fixed={"E": 1.69}), lambda x: [*x[:2], 1.69, *x[2:]]),
        (Conditions(tied={"alpha": "beta"}), lambda x: [*x, x[3]]),
        (Conditions(fixed={"beta": 0.36}, tied={"alpha": "beta"}), lambda x: [*x, 0.36, 0.36]),
        (Conditions(above=0.1), lambda x: x),
    ],
)
def test_no_other_minimiser_finds_a_lower_sum_under_the_conditions(chinchilla, conditions, whole):
    (params, tokens), loss = chinchilla

    def cost(x):
        a, b, e, alpha, beta = whole(list(x))
        left = np.log(loss) - np.log(np.exp(a) * params**-alpha + np.exp(b) * tokens**-beta + e)
        return float((np.where(left > 0, conditions.above, 1.0) * huber(left)).sum()) * 1e3

    bound = Bound(CHINCHILLA, [params, tokens], loss, conditions, DELTA)
    point = fit_point(bound, np.ones(240))
    found = bound.theta(point.free)
    start = np.array([np.log(found[0]), np.log(found[1]), *found[2:]])
    free = [k for k, name in enumerate(CHINCHILLA.columns) if name in conditions.free(CHINCHILLA)]
    assert cost(start[free]) == pytest.approx(1e3 * point.cost, rel=1e-9)
    for shift in (0.0, 0.02):
        rival = minimize(cost, start[free] * (1.0 + shift), method="Nelder-Mead", options={"maxiter": 3000})
        assert 1e3 * point.cost <= rival.fun * (1.0 + 1e-5)


@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_a_weight_counts_a_run_as_often_as_it_says(seed):
    table = runs(40, seed)
    times = np.random.default_rng(seed).integers(1, 4, 40)
    start = np.array([[np.log(480.0), np.log(700.0), 1.8, 0.35]])
    tied = Conditions(tied={"beta": "alpha"})
    once = Bound(CHINCHILLA, [table["params"], table["tokens"]], table["loss"], tied, DELTA)
    inputs = [np.repeat(table[name], times) for name in ("params", "tokens")]
    often = Bound(CHINCHILLA, inputs, np.repeat(table["loss"], times), tied, DELTA)
    one, other = settle(once, start, times[None].astype(float)), settle(often, start, np.ones((1, times.sum())))
    assert one.cost == pytest.approx(other.cost, rel=1e-9)
    assert one.free == pytest.approx(other.free, rel=1e-6)


def test_runs_above_and_below_pull_alike_once_they_are_counted():
    table = runs(300)
    bound = Bound(POWER_LAW, [6 * table["params"] * table["tokens"]], table["loss"], Conditions(above=0.1), DELTA)
    left = bound.residuals(fit_point(bound, np.ones(300)).free)
    pull = np.where(left > 0, 0.1, 1.0) * np.clip(left, -DELTA, DELTA)
    assert abs(pull.sum()) < 1e-3 * np.abs(pull).sum()
    assert (left > 0).mean() == pytest.approx(10 / 11, abs=0.02)  # ten above for one below


@pytest.mark.parametrize("above", [1.0, 0.1])
def test_lmfit_and_the_reweighted_fits_come_to_the_same_point(above):
    table = runs(60, 8)
    weight = np.tile([1.0, 3.0], 30)
    held = Conditions(fixed={"E": 1.8}, above=above)
    bound = Bound(CHINCHILLA, [table["params"], table["tokens"]], table["loss"], held, DELTA)
    start = bound.coordinates(LAW) * 1.01
    cost, free = conditional_fit._by_lmfit(bound, start, weight)
    other = settle(bound, start[None], weight[None])
    assert cost == pytest.approx(other.cost[0], rel=1e-5)
    assert bound.cost(bound.residuals(free), weight) == cost


def test_runs_without_a_weight_are_left_out_and_say_so():
    table = {**runs(5), "mass": [1.0, 0.0, -1.0, math.nan, 2.0]}
    read = read_runs(table_in_memory(table, "t"), columns={}, loss_unit="nats", weight="mass")
    assert read.quantities["weight"].tolist() == [1.0, 2.0]
    assert [why for _, why in read.excluded] == ["no weight above 0"] * 3


def test_refits_take_the_weights_too():
    table = runs(100, 8)
    wrong = np.arange(100) % 2 == 0
    table["loss"] = np.where(wrong, 1.05 * table["loss"], table["loss"])
    table["mass"] = np.where(wrong, 1e-6, 1.0)
    fit = race.fit_kappa(table, forms="chinchilla", cluster="none", bootstrap=100, weight="mass", fix={"E": 1.8})
    half = {name: values[~wrong] for name, values in table.items()}
    alone = race.fit_kappa(half, forms="chinchilla", cluster="none", bootstrap=100, fix={"E": 1.8})
    kappas = [item.draws()["kappa"] for item in (fit, alone)]
    assert kappas[0].median() == pytest.approx(kappas[1].median(), abs=kappas[1].std())
    assert kappas[0].std() == pytest.approx(kappas[1].std(), rel=0.35)


@pytest.mark.parametrize("form", EVERY_FORM.values(), ids=list(EVERY_FORM))
def test_slopes_are_the_derivatives_of_the_prediction(form):
    rng = np.random.default_rng(5)
    more = {"unique_tokens": lambda _, t: t["tokens"] / 4.0, "total_params": lambda _, t: 9.0 * t["params"]}
    table = runs(12, **more)
    inputs = [{**table, "compute_flop": 6 * table["params"] * table["tokens"]}[name] for name in form.inputs]
    theta = np.array([{"E": 1.8, "R_D": 15.0, "R_N": 5.0, "A": 480.0, "B": 700.0}.get(n, 0.3) for n in form.columns])
    if form is EXPERTS:
        theta[5:] = (-0.15, 0.01, 0.08, 0.002)
    bound = Bound(form, inputs, table["loss"], Conditions(), DELTA)
    free = bound.coordinates(theta) * (1.0 + 0.01 * rng.random(len(theta)))
    slopes = bound.slopes(free, bound.residuals(free))
    for k in range(len(free)):
        step = 1e-5 * np.eye(len(free))[k]
        central = (bound.residuals(free - step) - bound.residuals(free + step)) / 2e-5
        assert slopes[k] == pytest.approx(central, rel=1e-3, abs=1e-6)


@given(params=st.floats(1e7, 1e11), unique=st.floats(1e8, 1e11), epochs=st.floats(1.0, 100.0), r_d=st.floats(1.0, 60.0))
def test_repeated_tokens_are_worth_what_the_paper_says(params, unique, epochs, r_d):
    theta = np.array([480.0, 2085.0, 1.8, 0.3, 0.4, r_d, 5.3])
    inputs = [np.array([x]) for x in (params, unique * epochs, unique)]
    found = math.exp(REPEATED.log_loss(theta, inputs)[0])
    with mpmath.workdps(30):
        a, b, e, alpha, beta, star_d, star_n = map(mpmath.mpf, theta.tolist())
        tokens = unique * (1 + star_d * (1 - mpmath.exp(-(epochs - 1) / star_d)))
        # the parameters whose optimal data is U: alpha A N^-alpha = beta B U^-beta (Hoffmann et al., equation 4)
        best = min((alpha * a / (beta * b)) ** (1 / alpha) * mpmath.mpf(unique) ** (beta / alpha), params)
        size = best * (1 + star_n * (1 - mpmath.exp(-(params / best - 1) / star_n)))
        assert found == pytest.approx(float(e + a * size**-alpha + b * tokens**-beta), rel=1e-9)


def test_fresh_data_of_models_not_oversized_is_the_chinchilla_form():
    params, tokens = np.array([1e8, 1e9]), np.array([1e10, 1e11])
    theta = np.array([*LAW, 15.4, 5.3])
    assert REPEATED.log_loss(theta, [params, tokens, tokens]) == pytest.approx(
        CHINCHILLA.log_loss(LAW, [params, tokens]), abs=1e-12
    )
    assert REPEATED.kappa(theta) == EXPERTS.kappa(np.array([*LAW, 1.0, 2.0, 3.0, 4.0])) == pytest.approx(0.175)


@given(spread=st.floats(1.0, 256.0), params=st.floats(1e7, 1e10), tokens=st.floats(1e9, 1e12))
def test_experts_follow_the_published_law(spread, params, tokens):
    a, b, e, alpha, beta, delta, gamma, omega, zeta = theta = (480, 700, 1.8, 0.3, 0.4, -0.2, 0.004, 0.1, -0.003)
    found = math.exp(EXPERTS.log_loss(np.array(theta), [np.array([x]) for x in (params, tokens, spread * params)])[0])
    log = math.log(spread)
    # Ludziejewski et al. (2025): a S^delta N^(alpha + gamma ln S) + b S^omega D^(beta + zeta ln S) + c, exponents < 0
    size = a * spread**delta * params ** (-alpha + gamma * log)
    assert found == pytest.approx(e + size + b * spread**omega * tokens ** (-beta + zeta * log), rel=1e-9)


def epochs_of(rng, table):
    return table["tokens"] / np.where(rng.random(len(table["tokens"])) < 0.5, 1, 10 ** rng.uniform(0, 1.8, 120))


def total_of(rng, table):
    return table["params"] * np.exp2(rng.integers(0, 7, 120).astype(float))


@pytest.mark.parametrize(
    ("form", "theta", "more", "asked"),
    [
        (CHINCHILLA, LAW, {}, {"fix": {"E": 1.8}}),
        (CHINCHILLA, LAW, {}, {"tie": {"alpha": "beta"}}),
        (CHINCHILLA, LAW, {"trust": lambda rng, _: rng.uniform(0.5, 2, 120)}, {"weight": "trust"}),
        (REPEATED, [*LAW, 15.4, 5.3], {"unique_tokens": epochs_of}, {"tie": {"alpha": "beta"}}),
        (EXPERTS, [*LAW, -0.15, 0, 0.08, 0], {"total_params": total_of}, {"fix": {"gamma": 0.0, "zeta": 0.0}}),
    ],
    ids=["fixed", "tied", "weighted", "repeated", "experts"],
)
def test_a_known_truth_is_found_saved_and_used(tmp_path, form, theta, more, asked):
    table = runs(120, 7, form=form, theta=theta, **more)
    fit = race.fit_kappa(table, forms=form.name, cluster="none", bootstrap=100, **asked)
    kappa = fit.estimate("kappa_reducible")
    assert kappa.status == "trusted", kappa.reasons
    low, high = kappa.interval().low, kappa.interval().high  # one data set in twenty lies outside, few far outside
    assert low - 0.5 * (high - low) <= 0.175 <= high + 0.5 * (high - low)
    assert high - low < 0.05
    held = [*asked.get("fix", ())]
    assert (kappa.diagnostics["z_curv"] is None) == ("E" in held)  # a floor that is given need not be seen
    for symbol, truth in zip(form.columns, theta, strict=True):
        ends = fit.estimate(symbol).interval()
        assert ends is None if symbol in held else ends.low * 0.8 - 0.1 <= truth <= ends.high * 1.25 + 0.1, symbol
    again = race.load_fit(fit.save(tmp_path / "fit.json"))
    asked_for = {name: table[name][:3] for name in form.inputs}
    said = race.predict_loss(again, **asked_for).to_frame()
    np.testing.assert_allclose(said["loss"], table["loss"][:3], rtol=0.03)
    assert (said["loss_new_run_low"] < said["loss"]).all()
    assert set(form.columns) <= set(fit.draws())


def test_under_tuned_runs_bend_a_plain_fit_and_not_the_lower_edge():
    table = runs(200, 4)
    rng = np.random.default_rng(9)
    decades = np.log10(6.0 * table["params"] * table["tokens"] / 1e18) / 4.0
    loss = table["loss"] * np.exp(0.08 * decades * rng.exponential(1.0, 200) * (rng.random(200) < 0.4))
    bounds = [Bound(CHINCHILLA, [table["params"], table["tokens"]], loss, Conditions(above=x), DELTA) for x in (1, 0.1)]
    plain, edge = (float(CHINCHILLA.kappa(b.theta(fit_point(b, np.ones(200)).free))) for b in bounds)
    assert abs(edge - 0.175) < 0.5 * abs(plain - 0.175)


MULTI_EPOCH = {"where": ["group == muennighoff2023"], "exclude": ["diverged_or_overfit", "variant_dedup"]}


def test_the_multi_epoch_runs_of_the_ledger_follow_the_form_for_repeated_data():
    assert sum("multi_epoch" in row["run_flags"] for row in ledger("muennighoff2023")) == 266
    read = read_runs(LEDGER, columns={"loss": "loss_nats"}, loss_unit="nats", more=["unique_tokens"], **MULTI_EPOCH)
    assert len(read) > 0.85 * 307
    found = {}
    for form, more in ((CHINCHILLA, ()), (REPEATED, (15.4, 5.3))):
        inputs = [read.quantities[name] for name in form.inputs]
        bound = Bound(form, inputs, read.quantities["loss"], Conditions(), DELTA)
        start = bound.coordinates(np.array([*LAW, *more]))
        found[form.name] = settle(bound, start[None], np.ones((1, len(read))))
    assert found["repeated"].cost < 0.65 * found["chinchilla"].cost


@pytest.mark.slow
def test_repetitions_in_the_ledger_are_worth_what_their_source_found():
    asked = {**MULTI_EPOCH, "columns": {"loss": "loss_nats"}, "cluster": "none", "bootstrap": 100}
    fit = race.fit_kappa(LEDGER, forms="repeated", **asked)
    ends = fit.estimate("R_D").interval()
    # some 15 repetitions in the source, which left the longest out; here up to 3,000 epochs are in
    assert 5 < ends.low < ends.high < 200


def test_a_condition_that_the_runs_contradict_is_doubted():
    asked = {"forms": "chinchilla", "cluster": "none", "bootstrap": 100, "fix": {"E": 1.5}}
    kappa = race.fit_kappa(runs(100, 6), **asked).estimate()
    assert kappa.status == "weak"
    assert any("contradict E = 1.5 (p = " in reason for reason in kappa.reasons)


@pytest.mark.parametrize("header", [("unique_tokens",), ("Unique tokens (B)",), ("epochs",), ("run_flags",)])
def test_unique_tokens_are_found_as_tables_write_them(tmp_path, header):
    table = runs(60, 3, form=REPEATED, theta=[*LAW, 15.4, 5.3], unique_tokens=lambda _, t: t["tokens"] / 4.0)
    cell = {
        "unique_tokens": lambda u, _: u,
        "Unique tokens (B)": lambda u, _: u / 1e9,
        "epochs": lambda u, d: d / u,
        "run_flags": lambda u, _: f"single;unique_tokens={u}",
    }[header[0]]
    file = tmp_path / "runs.csv"
    rows = zip(*(table[name] for name in ("params", "tokens", "loss", "unique_tokens")), strict=True)
    lines = [(*row[:3], cell(row[3], row[1])) for row in rows]
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("params", "tokens", "loss", *header), *lines, (1e8, 1e10, 3.0, "")])
    read = read_runs(file, columns={}, loss_unit="nats", more=["unique_tokens"])
    np.testing.assert_allclose(read.quantities["unique_tokens"], table["unique_tokens"], rtol=1e-12)
    assert read.excluded == (("line 62", "no unique_tokens above 0"),)


def test_active_parameters_are_taken_where_all_are_named_too():
    table = runs(9, 3, form=EXPERTS, theta=[*LAW, -0.15, 0, 0.08, 0], total_params=lambda _, t: 8.0 * t["params"])
    named = {"active_params": table.pop("params"), **table}
    read = read_runs(table_in_memory(named, "t"), columns={}, loss_unit="nats", more=["total_params"])
    np.testing.assert_array_equal(read.quantities["params"], named["active_params"])
    np.testing.assert_array_equal(read.quantities["total_params"], named["total_params"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"fix": {"F": 1.0}}, "no form has a parameter F"),
        ({"fix": {"E": -1.0}}, "no law has such a value"),
        ({"fix": {"alpha": math.nan}}, "no law has such a value"),
        ({"tie": {"alpha": "E"}}, "cannot be tied"),
        ({"tie": {"alpha": "beta"}, "fix": {"alpha": 0.3}}, "asked for twice"),
        ({"tie": {"alpha": "beta", "beta": "alpha"}}, "asked for twice"),
        ({"under_tuned": 0.0}, "under_tuned must lie above 0"),
        ({"forms": "power_law", "fix": {"E": 1.8}}, "no form asked for has"),
        ({"weight": "mass"}, "no column 'mass'"),
        ({"forms": "chinchilla", "columns": {"unique_tokens": "tokens"}}, "is of no use"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(asked, said):
    with pytest.raises(UsageError, match=said):
        race.fit_kappa(runs(20), **asked)


def test_a_form_without_its_column_says_which(tmp_path):
    with pytest.raises(DataInvalid, match="has no unique_tokens") as told:
        race.fit_kappa(runs(20), forms="repeated")
    assert "epochs" in told.value.remedy
    with pytest.raises(DataInvalid, match="has no total_params"):
        race.fit_kappa(runs(20), forms="moe")
    fit = race.fit_kappa(
        runs(60, 2, form=REPEATED, theta=[*LAW, 15, 5], unique_tokens=lambda _, t: t["tokens"] / 3),
        forms="repeated",
        fix={"R_N": 5.0, "R_D": 15.0, "alpha": 0.35, "beta": 0.35, "E": 1.8},
        bootstrap=100,
    )
    with pytest.raises(UsageError, match="takes params and tokens"):
        race.predict_loss(fit, compute=1e22)
    with pytest.raises(UsageError, match="takes no total_params"):
        race.predict_loss(fit, 1e9, 1e10, total_params=1e10)
    said = [race.predict_loss(fit, 1e9, 4e10, unique_tokens=unique).columns for unique in (None, 4e10, 1e10)]
    losses = [columns["loss"][0] for columns in said]
    assert losses[0] == losses[1] < losses[2]
    assert said[0]["unique_tokens"] == said[0]["tokens"]


def test_the_command_asks_for_the_same(tmp_path, capsys):
    from race_to_efficiency import cli

    table = {**runs(40), "mass": np.tile([1.0, 2.0], 20)}
    file = tmp_path / "runs.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([table, *zip(*table.values(), strict=True)])
    words = ["--form", "chinchilla", "--fix", "E=1.8", "--tie", "alpha=beta", "--weight", "mass", "--under-tuned", ".5"]
    assert cli.run_verb(["fit", "kappa", str(file), *words, "--bootstrap", "100", "--json"]) in (0, 4)
    said = json.loads(capsys.readouterr().out)
    fit = race.fit_kappa(
        file, forms="chinchilla", fix={"E": 1.8}, tie={"alpha": "beta"}, weight="mass", under_tuned=0.5, bootstrap=100
    )
    assert said == json.loads(json.dumps(fit.to_json()))
    assert any("E = 1.8, alpha = beta by condition" in note for note in said["notes"])
    for wrong in ("E", "E=", "E=x"):
        with pytest.raises(UsageError, match="--fix"):
            cli.run_verb(["fit", "kappa", str(file), "--fix", wrong])
