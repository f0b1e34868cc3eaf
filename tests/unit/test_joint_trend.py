"""The algorithmic rate of anyone's table: a loss on compute and date together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
import statsmodels.api as sm
from race_to_efficiency import cli
from race_to_efficiency.errors import UsageError

RATE, SLOPE = 1.3, 0.06
ASKED = {"date": "year", "value": "loss", "compute": "flop", "draws": 200}


def models(n=60, seed=1, sigma=0.02):
    """Models whose loss falls with compute, and by algorithms that save RATE doublings of it a year."""
    random = np.random.default_rng(seed)
    year = np.sort(random.uniform(2018, 2024, n))
    log2_flop = 60 + 1.5 * (year - 2018) + random.normal(0, 3, n)
    loss = 90.0 * 2.0 ** (-SLOPE * (log2_flop + RATE * (year - 2018))) * np.exp(sigma * random.standard_normal(n))
    table = pd.DataFrame({"year": year, "loss": loss, "flop": 2.0**log2_flop})
    return table.sample(frac=1.0, random_state=seed, ignore_index=True)  # no table is in order of date


def test_it_is_the_ratio_of_the_regression_another_library_fits():
    table = models()
    found = race.fit_gamma(table, **ASKED).estimate()
    design = sm.add_constant(np.column_stack([table["year"] - 2021, np.log2(table["flop"])]))
    theirs = sm.OLS(np.log(table["loss"]), design).fit()
    assert found.value == pytest.approx(theirs.params["x1"] / theirs.params["x2"], rel=1e-7)
    gradient = np.array([0.0, 1.0, -found.value]) / theirs.params["x2"]
    delta = float(np.sqrt(gradient @ theirs.get_robustcov_results("HC3").cov_params() @ gradient))
    assert found.stderr == pytest.approx(delta, rel=0.05)
    assert found.unit == "doublings/yr"


def test_the_planted_rate_is_covered():
    inside = 0
    for seed in range(40):
        ends = race.fit_gamma(models(40, seed), **ASKED).estimate().interval(0.95)
        inside += ends.low <= RATE <= ends.high
    assert inside >= 35  # 38 wanted; fewer than 35 of 40 has probability .003 at 95 %


def test_a_long_table_is_used_whole_and_agrees_with_its_rows_in_one_cluster_each():
    table = models(6_000)
    found = race.fit_gamma(table, **ASKED).estimate()
    alone = race.fit_gamma(table.assign(one=np.arange(6_000) % 1_500), cluster="one", **ASKED).estimate()
    assert found.n_rows == 6_000
    assert found.value == pytest.approx(alone.value, rel=1e-9)
    assert found.stderr == pytest.approx(alone.stderr, rel=0.15)


@pytest.mark.parametrize(
    "column", [{"flop": 1e20}, {"loss": lambda table: 1.0 / table["loss"]}], ids=["one compute", "rises with compute"]
)
def test_what_compute_does_not_lower_has_no_rate(column):
    (found,) = race.fit_gamma(models().assign(**column), **ASKED).estimates
    assert (found.status, found.value) == ("refused", None)


def test_a_row_without_compute_is_set_aside_alone():
    table = models().astype({"flop": object})
    table.loc[3, "flop"], table.loc[4, "flop"], table.loc[5, "flop"] = "much", "", 0.0
    found = race.fit_gamma(table, **ASKED)
    assert [(item["column"], item["value"]) for item in found.quarantined] == [("flop", "much"), ("flop", "0.0")]
    assert (found.account["used"], found.account["missing"]) == (57, 1)
    assert found.estimate().value == pytest.approx(race.fit_gamma(table.drop([3, 4, 5]), **ASKED).estimate().value)


@pytest.mark.parametrize("more", [{"falling": True}, {"estimator": "frontier"}, {"truncated_below": 1.0}])
def test_what_cannot_be_combined_is_said(more):
    with pytest.raises(UsageError, match="column of compute"):
        race.fit_gamma(models(), **ASKED, **more)


def test_the_command_says_the_same(tmp_path, capsys):
    path = tmp_path / "models.csv"
    models().to_csv(path, index=False)
    words = ("fit", "gamma", str(path), "--date", "year", "--value", "loss", "--compute", "flop", "--draws", "200")
    assert cli.main(list(words)) == 0
    said = capsys.readouterr().out
    value = race.fit_gamma(path, **ASKED).estimate().value
    assert f"{value:.3g}"[:4] in said
