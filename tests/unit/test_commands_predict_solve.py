"""The verbs predict, solve and severity: JSON and tables, exit codes, reasons in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

import pytest
import typer
from race_to_efficiency import relative_loss as rl
from race_to_efficiency.commands import options, predict, quarter_solution, severity, solve
from race_to_efficiency.commands.solved import Size
from race_to_efficiency.errors import UsageError
from race_to_efficiency.planning import CostParameters
from small_settings import params
from typer.testing import CliRunner

RUNNER = CliRunner()
COST = {
    "accelerator_price_usd": 33_600.0,
    "server_price_ratio": 1.65,
    "interconnect_price_ratio": 1.19,
    "accelerator_flop_s": 9.894e14,
    "accelerator_power_w": 700.0,
    "server_power_ratio": 1.82,
    "power_draw_fraction": 0.76,
    "power_usage_effectiveness": 1.1,
    "utilisation": 0.4,
    "energy_price_usd_per_kwh": 0.0806,
    "accelerator_life_years": 5.0,
    "discount_rate_per_year": 0.07,
    "price_decline_doublings_per_year": 0.143,
    "baseline_power_w": 2.26e7,
}


@cache
def app() -> typer.Typer:
    """Return the three verbs, made once: it takes as long as many a command."""
    built = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
    for module in (predict, solve, severity):
        module.register(built)
    return built


def run(line: str):
    return RUNNER.invoke(app(), line.split(), env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


def document(line: str) -> dict:
    result = run(f"{line} --json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


def refused(line: str) -> UsageError:
    result = run(line)
    assert isinstance(result.exception, UsageError), result.output + repr(result.exception)
    assert result.exception.exit_code == 2
    return result.exception


# --- predict ---------------------------------------------------------------------------------------------------------


def test_predict_json_holds_one_result_a_year():
    found = document("predict --kappa 0.05 --gamma 2 --t 1 --t 5")
    assert [row["t"] for row in found["results"]] == [1.0, 5.0]
    assert found["results"][0]["relative_loss"] == pytest.approx(0.94403453947583, rel=1e-14)
    assert found["results"][1]["relative_loss"] == pytest.approx(0.7187363087457699, rel=1e-14)
    first = found["results"][0]
    assert first["log_relative_loss"] == pytest.approx(float(rl.log_relative_loss(1, 0.05, 2)), rel=1e-15)
    assert first["loss_reduction"] == pytest.approx(1 - first["relative_loss"], rel=1e-12)
    assert first["decay_rate_per_year"] == pytest.approx(float(rl.decay_rate(1, 0.05, 2)), rel=1e-15)
    assert first["kappa_eff"] == 0.05
    assert found["kappa_form"] == "total"


@pytest.mark.parametrize(("gamma", "expected"), [("0", 36**-0.05), ("1e-17", 36**-0.05), ("-0.1", None)])
def test_predict_near_and_below_gamma_zero(gamma, expected):
    value = document(f"predict --kappa 0.05 --gamma {gamma} --t 35")["results"][0]["relative_loss"]
    assert value == pytest.approx(expected or float(rl.relative_loss(35, 0.05, -0.1)), rel=1e-14)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ("--fleet 10 --baseline-years 0.26", {"fleet": 10, "baseline_years": 0.26}),
        ("--floor 0.9", {"floor": 0.9}),
        ("--fleet-growth 1.2", {"fleet_growth": 1.2}),
        ("--breaks 0,2 --multiples 1,4", {"fleet_breaks": [0, 2], "fleet_multiples": [1, 4]}),
        ("--start-delay 2 --frozen", {"start_delay": 2, "frozen": True}),
        ("--headroom 7.6 --saturation logistic", {"headroom": 7.6, "saturation": "logistic"}),
        ("--headroom 3", {"headroom": 3}),
        ("--fleet 4 --fleet-in-baseline", {"fleet": 4, "fleet_in_baseline": True}),
        (
            "--convention run --power-growth 1.13 --duration-growth 0.32",
            {"convention": "run", "power_growth": 1.13, "duration_growth": 0.32},
        ),
    ],
)
def test_predict_passes_every_option_on(options, path):
    found = document(f"predict --kappa 0.1 --gamma 1.5 --t 3 --t 7 {options}")
    expected = rl.relative_loss([3.0, 7.0], 0.1, 1.5, **path)
    assert [row["relative_loss"] for row in found["results"]] == pytest.approx(list(expected), rel=1e-15)
    for name, value in path.items():
        assert found["inputs"][name] == value


def test_predict_adds_compute_in_either_unit():
    flop = document("predict --kappa 0.05 --gamma 0 --t 0 --t 1 --anchor-compute 3.14e23")["results"]
    days = document("predict --kappa 0.05 --gamma 0 --t 0 --anchor-compute 3.14e23 --unit pfs-day")["results"]
    assert [row["compute"] for row in flop] == pytest.approx([3.14e23, 6.28e23], rel=1e-14)
    assert days[0]["compute"] == pytest.approx(3634, rel=1e-3)
    assert days[0]["compute_unit"] == "pfs-day"


def test_predict_says_which_reading_a_kappa_belongs_to():
    assert document("predict --kappa 0.15 --gamma 1 --t 3 --floor 0.5")["kappa_form"] == "reducible"
    alone = document("predict --kappa 0.15 --gamma 1 --t 3 --kappa-form reducible")
    assert "ABOVE the floor" in alone["notes"][0]
    error = refused("predict --kappa 0.05 --gamma 1 --t 3 --floor 0.5 --kappa-form total")
    assert "slope of TOTAL loss" in str(error)


def test_predict_table_for_people():
    result = run("predict --kappa 0.05 --gamma 2 --t 1 --anchor-compute 3.14e23")
    assert result.exit_code == 0
    for text in ("0.944035", "R = L/L0", "fall of ln R a year", "compute, flop"):
        assert text in result.stdout


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict --kappa 0.05 --gamma 2 --t -1", "t must be at least 0 years, got -1.0"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --t -3", "t must be at least 0 years, got -3.0"),
        ("predict --kappa 0.05 --gamma 2 --t inf", "t must be finite, got inf"),
        ("predict --kappa 0 --gamma 2 --t 1", "kappa must be greater than 0, got 0.0"),
        ("predict --kappa 0.05 --gamma nan --t 1", "gamma must be a number, got nan"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --floor 1", "floor must lie in [0, 1), got 1.0"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --headroom 0", "headroom must be greater than 0, got 0.0"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --saturation soft --headroom 2", "saturation must be one of"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --convention mixed", "convention must be one of"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --power-growth 1", "power_growth must be 0 in the cumulative"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --breaks 0,x --multiples 1,2", "--breaks must be numbers"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --breaks 0,1", "fleet_multiples must be given"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --unit joule", "--unit must be flop or pfs-day"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --kappa-form both", "--kappa-form must be total or reducible"),
        ("predict --kappa 0.05 --gamma 2 --t 1 --anchor-compute 0", "anchor_compute must be greater than 0"),
    ],
)
def test_predict_refuses_in_words(line, words):
    assert words in str(refused(line))


# --- solve -----------------------------------------------------------------------------------------------------------


def test_solve_time():
    found = document("solve time --target 0.7 --kappa 0.05 --gamma 2")
    assert found["value"] == pytest.approx(5.3811881373276, rel=1e-14)
    assert (found["unit"], found["unreachable"]) == ("years", False)


def test_solve_time_unreachable_is_null_with_its_reason():
    found = document("solve time --target 0.4 --kappa 0.1535 --gamma 2 --floor 0.5")
    assert (found["value"], found["unreachable"]) == (None, True)
    assert "at or below the floor 0.5" in found["reason"]
    decays = document("solve time --target 0.9 --kappa 0.05 --gamma -0.5")
    assert decays["unreachable"]
    assert "gamma = -0.5" in decays["reason"]
    idle = document("solve time --target 0.9 --kappa 0.05 --gamma 1 --fleet 0")
    assert "fleet of 0" in idle["reason"]
    over = document("solve time --target 1e-300 --kappa 0.01 --gamma 0")
    assert "largest number" in over["reason"]
    path = document("solve time --target 0.9 --kappa 0.05 --gamma -0.5 --start-delay 1")
    assert "along this path" in path["reason"]


def test_solve_time_refuses_a_total_kappa_with_a_floor():
    error = refused("solve time --target 0.7 --kappa 0.05 --gamma 2 --floor 0.5 --kappa-form total")
    assert "kappa_total is the slope of TOTAL loss" in str(error)
    assert "counts the floor twice" in str(error)


def test_solve_time_along_a_path():
    found = document("solve time --target 0.7 --kappa 0.05 --gamma 2 --headroom 7.6 --saturation tanh --start-delay 1")
    back = rl.relative_loss(found["value"], 0.05, 2, headroom=7.6, saturation="tanh", start_delay=1.0)
    assert back == pytest.approx(0.7, rel=1e-12)


def test_solve_gamma_may_be_negative_with_a_note():
    found = document("solve gamma --target 0.9 --by 10 --kappa 0.05")
    assert found["value"] == pytest.approx(-0.09946805260039755, rel=1e-12)
    assert "no growth is needed" in found["notes"][0]
    assert document("solve gamma --target 0.5 --by 10 --kappa 0.05")["notes"] == []
    never = document("solve gamma --target 0.4 --by 10 --kappa 0.15 --floor 0.5")
    assert (never["value"], never["unreachable"]) == (None, True)
    at_once = document("solve gamma --target 0.4 --by 0 --kappa 0.15")
    assert "reference date itself" in at_once["reason"]
    any_gamma = document("solve gamma --target 1 --by 3 --kappa 0.15")
    assert (any_gamma["value"], any_gamma["unreachable"]) == (None, False)


def test_solve_fleet_with_power_and_energy():
    found = document("solve fleet --target 0.7 --by 5 --kappa 0.05 --gamma 0.5 --baseline-power 1e7")
    assert found["value"] == pytest.approx(93.19558692973577, rel=1e-13)
    assert found["unit"] == "baseline fleets"
    assert found["power_w"] == pytest.approx(93.19558692973577e7, rel=1e-13)
    assert found["energy_twh"] == pytest.approx(93.19558692973577e7 * 5 * 8766 / 1e12, rel=1e-12)
    shared = document("solve fleet --target 0.9 --by 1 --kappa 0.05 --gamma 0 --fleet-in-baseline")
    assert shared["value"] == pytest.approx(4.112631669984977, rel=1e-13)
    assert document("solve fleet --target 0.4 --by 5 --kappa 0.15 --gamma 1 --floor 0.5")["unreachable"]


def test_solve_fleet_money_reads_the_cost_section(monkeypatch):
    from race_to_efficiency.planning import fleet_bill
    from race_to_efficiency.settings import params as config

    monkeypatch.setattr(config, "read_params", lambda path: params(cost={"values": COST}))
    line = "solve fleet --target 0.7 --by 5 --kappa 0.05 --gamma 2 --money"
    found = document(line)
    bill = fleet_bill(found["value"], 5, CostParameters(**COST))
    assert found["total_usd"] == pytest.approx(float(bill.total_usd), rel=1e-14)
    assert found["energy_twh"] == pytest.approx(float(bill.energy_twh), rel=1e-14)
    race = document(
        "solve crossover --hare-fleet 10 --hare-gamma 0.5 --turtle-fleet 1 --turtle-gamma 2"
        " --target 0.7 --kappa 0.05 --money"
    )
    assert (race["first"], race["least_energy"], race["cheapest"]) == ("turtle", "turtle", "turtle")
    assert race["hare_usd"] > race["turtle_usd"]


def test_a_fleet_that_does_not_exist_has_no_bill(monkeypatch):
    monkeypatch.setattr("race_to_efficiency.commands.solutions.read_cost", lambda: CostParameters(**COST))
    for case in ("--target 0.7 --by 0", "--target 0.4 --by 3 --floor 0.5"):
        found = document(f"solve fleet {case} --kappa 0.05 --gamma 1 --baseline-power 1e7 --money")
        assert found["unreachable"]
        figures = ("power_w", "energy_twh", "accelerators", "capital_usd", "energy_usd", "total_usd")
        assert [found[name] for name in figures] == [None] * 6


def test_what_was_asked_stands_in_the_document():
    line = "solve crossover --hare-fleet 10 --hare-gamma 0.5 --turtle-fleet 1 --turtle-gamma 2"
    assert "target" not in document(line)["inputs"]
    asked = document(f"{line} --target 0.7 --kappa 0.05 --floor 0.1")["inputs"]
    assert (asked["target"], asked["kappa"], asked["floor"]) == (0.7, 0.05, 0.1)
    fleet = document("solve fleet --target 0.7 --by 5 --kappa 0.05 --gamma 1 --baseline-power 1e7")
    assert fleet["inputs"]["baseline_power"] == 1e7
    predicted = document("predict --kappa 0.05 --gamma 2 --t 1 --anchor-compute 5e26")
    assert predicted["inputs"]["anchor_compute"] == 5e26


def test_compute_beyond_numbers_is_told_apart_from_never():
    line = "predict --kappa 0.05 --gamma 2 --t 1 --t 600 --anchor-compute 1e300"
    found = document(line)
    assert [row["compute"] is None for row in found["results"]] == [False, True]
    assert "largest number" in found["notes"][0]
    assert document("predict --kappa 0.05 --gamma 2 --t 1 --anchor-compute 1e300")["notes"] == []
    for text in (run(line).stdout, run("severity --kappa 1e-4").stdout):
        assert "> 1.8e+308" in text
    assert "never" not in run(line).stdout


def test_solve_kappa():
    found = document("solve kappa --target 0.8 --by 5 --gamma 2")
    assert found["value"] == pytest.approx(0.03378293680674327, rel=1e-14)
    assert document("solve kappa --ratio 0.8 --t 5 --gamma 2")["value"] == found["value"]
    assert document("solve kappa --target 0.8 --by 0 --gamma 2")["unreachable"]


def test_solve_crossover_gives_both():
    line = "solve crossover --hare-fleet 10 --hare-gamma 0.5 --turtle-fleet 1 --turtle-gamma 2"
    found = document(line)
    assert found["throughput_years"] == pytest.approx(2.2146187299249083, rel=1e-14)
    assert found["cumulative_years"] == pytest.approx(3.169925001442312, rel=1e-12)
    assert found["value"] == found["cumulative_years"]
    assert document(f"{line} --basis throughput")["value"] == found["throughput_years"]
    never = document("solve crossover --hare-fleet 10 --hare-gamma 2 --turtle-fleet 1 --turtle-gamma 2")
    assert (never["value"], never["unreachable"], never["cumulative_years"]) == (None, True, None)
    ahead = document("solve crossover --hare-fleet 1 --hare-gamma 1 --turtle-fleet 5 --turtle-gamma 2")
    assert ahead["value"] == 0.0
    assert "leads from the start" in ahead["notes"][0]
    table = run(line).stdout
    assert "2.21462" in table
    assert "3.16993" in table
    assert "years" in table


def test_solve_wait():
    deadline = document("solve wait --deadline 5 --gamma 0.5")
    assert deadline["value"] == pytest.approx(2.1146099182220732, rel=1e-14)
    assert deadline["run_length_years"] == pytest.approx(5 - 2.1146099182220732, rel=1e-14)
    costly = document("solve wait --deadline 5 --gamma 0.5 --capital-cost 1 --energy-cost 0.2")
    assert costly["run_length_years"] < deadline["run_length_years"]
    job = document("solve wait --work 10 --gamma 0.5")
    assert job["value"] == pytest.approx(3.5863234438849294, rel=1e-14)
    assert job["completion_years"] == pytest.approx(6.471713525662857, rel=1e-14)
    now = document("solve wait --deadline 1 --gamma 1")
    assert now["value"] == 0.0
    assert "buy now" in now["notes"][0]
    assert "either --deadline or --work" in str(refused("solve wait --gamma 1"))
    assert "either --deadline or --work" in str(refused("solve wait --gamma 1 --work 2 --deadline 3"))


def test_solve_split_says_that_free_efficiency_is_no_reason_to_wait():
    found = document("solve split --budget-fleet 10 --by 5 --base-gamma 0.5 --gamma-per-budget 2 --kappa 0.05")
    assert 0.8 < found["value"] < 0.9
    assert found["relative_loss"] == pytest.approx(
        float(rl.relative_loss(5, 0.05, found["gamma"], fleet=found["fleet"])), rel=1e-14
    )
    free = document("solve split --budget-fleet 10 --by 5 --base-gamma 0.5 --gamma-per-budget 0")
    assert free["value"] == 0.0
    assert "waiting never pays" in free["notes"][-1]
    little = document("solve split --budget-fleet 10 --by 1 --base-gamma 0.5 --gamma-per-budget 0.1")
    assert "too little gamma" in little["notes"][0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("solve time --target 0 --kappa 0.05 --gamma 2", "target must lie in (0, 1], got 0.0"),
        ("solve gamma --target 0.5 --by -1 --kappa 0.05", "t must be at least 0 years, got -1.0"),
        ("solve fleet --target 0.5 --by 1 --kappa -1 --gamma 1", "kappa must be greater than 0, got -1.0"),
        ("solve fleet --target 0.5 --by 1 --kappa 1 --gamma 1 --baseline-power 0", "baseline_power must be greater"),
        ("solve kappa --target 2 --by 1 --gamma 1", "r must lie in (0, 1], got 2.0"),
        (
            "solve crossover --hare-fleet -1 --hare-gamma 1 --turtle-fleet 1 --turtle-gamma 2",
            "hare_fleet must be at least 0, got -1.0",
        ),
        (
            "solve crossover --hare-fleet 1 --hare-gamma 1 --turtle-fleet 1 --turtle-gamma 2 --basis work",
            "--basis must be one of",
        ),
        (
            "solve crossover --hare-fleet 1 --hare-gamma 1 --turtle-fleet 1 --turtle-gamma 2 --target 0.5",
            "--target and --kappa go together",
        ),
        ("solve split --budget-fleet 0 --by 1 --base-gamma 1 --gamma-per-budget 1", "budget_fleet must be greater"),
    ],
)
def test_solve_refuses_in_words(line, words):
    assert words in str(refused(line))


# --- severity --------------------------------------------------------------------------------------------------------


def test_severity_json_is_labelled_and_complete():
    found = document("severity --baseline-power 2.26e7 --unit pfs-day")
    assert found["label"] == "recomputed"
    assert found["anchor_compute"] == pytest.approx(3634, rel=1e-3)
    assert len(found["rows"]) == 25
    row = next(r for r in found["rows"] if (r["target"], r["gamma"]) == (0.7, 2.0))
    assert row["years"] == pytest.approx(5.3811881373276, rel=1e-13)
    assert [need["by_years"] for need in row["fleets"]] == [1.0, 5.0, 10.0]
    five = row["fleets"][1]
    assert five["fleet"] == pytest.approx(1.6969629131091948, rel=1e-13)
    assert five["energy_twh"] == pytest.approx(five["fleet"] * 2.26e7 * 5 * 8766 / 1e12, rel=1e-12)
    assert row["compute"] == pytest.approx(found["anchor_compute"] * 0.7**-20, rel=1e-12)
    verdicts = {claim["id"]: claim["verdict"] for claim in found["claims"]}
    assert verdicts["gamma_3_six_months"] == "does not hold"
    assert verdicts["gamma_2_six_months"] == "holds"


def test_severity_takes_the_shipped_baseline_power_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = document("severity")
    assert found["baseline_power_w"] == COST["baseline_power_w"]
    assert found["rows"] == document(f"severity --baseline-power {COST['baseline_power_w']}")["rows"]
    assert found["baseline_power_source"] == "params.yaml: cost"


def test_severity_table_for_people():
    text = run("severity --baseline-power 2.26e7").stdout
    for words in ("recomputed", "1252.25", "1.04857e+06", "TWh", "does not hold", "baseline power"):
        assert words in text


# --- every verb ------------------------------------------------------------------------------------------------------

SOLVED = ("time", "gamma", "fleet", "kappa", "crossover", "wait", "split")
VERBS = ("predict", "severity", *(f"solve {name}" for name in SOLVED))


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_an_example_and_json(verb):
    result = run(f"{verb} --help")
    assert result.exit_code == 0
    assert f"Example: race {verb} " in " ".join(result.stdout.split())
    assert "--json" in result.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_examples_run(verb):
    text = " ".join(run(f"{verb} --help").stdout.split())
    example = text.partition("Example: race ")[2]
    result = run(example)
    assert result.exit_code == 0, result.output + repr(result.exception)


def test_heavy_libraries_stay_unloaded_until_an_answer_is_asked_for():
    code = (
        "import sys, typer; from race_to_efficiency.commands import predict, solve, severity; app = typer.Typer();"
        "[m.register(app) for m in (predict, solve, severity)];"
        "print([n for n in ('numpy', 'scipy', 'pandas', 'pydantic') if n in sys.modules])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "[]"


def test_a_scenario_takes_the_place_of_values_and_of_the_size_of_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"kappa": 0.05, "gamma": 2.0, "fleet": 10.0, "baseline_years": 0.3}
    monkeypatch.setattr(quarter_solution, "scenario_point", lambda *_: found)
    own: Size = {"fleet": 4.0, "baseline_years": 1.0}
    told = options.values_asked("2026Q1", "hare", None, 0.0, own, gamma=None, kappa=None)
    assert told == ([2.0, 0.05], {"fleet": 10.0, "baseline_years": 0.3})
    assert options.values_asked(None, None, None, 0.0, own, kappa=0.1, gamma=0.0) == ([0.1, 0.0], own)
    with pytest.raises(UsageError, match="takes the place of --kappa"):
        options.values_asked("2026Q1", "hare", None, 0.0, own, gamma=None, kappa=0.1)
    with pytest.raises(UsageError, match="--gamma is needed"):
        options.values_asked(None, None, None, 0.0, own, kappa=0.1, gamma=None)
