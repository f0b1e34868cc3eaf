"""Tables of strangers: other languages, sizes in names, scales that are mixed, rows that stand there twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cells.foreign_names import foreign_figure
from race_to_efficiency.cells.run_columns import find_figures, suggestions
from race_to_efficiency.cells.scales import scale_of
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.named_options import Option
from race_to_efficiency.own_tables.run_rows import read_runs
from runs_for_tests import simulated

PARAMS, TOKENS, LOSS = (values[:24] for values in simulated(3))


def frame(**columns):
    return pd.DataFrame({"params": PARAMS, "tokens": TOKENS, "loss": LOSS, **columns})


def refused(tmp_path, text, name="runs.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataInvalid) as found:
        read_runs(path, columns={}, loss_unit="nats")
    return found.value


def with_options(tmp_path, error, **more):
    """Return the runs read with the columns that an error offers."""
    given = {part.key: part.value for part in error.remedy.parts if isinstance(part, Option) and part.name == "columns"}
    return read_runs(tmp_path / "runs.csv", columns={**given, **more}, loss_unit="nats")


LANGUAGES = {
    "German": ("Parameteranzahl", "Anzahl Token", "Verlust"),
    "French": ("taille du modèle", "jetons", "perte de validation"),
    "Spanish": ("parámetros", "tokens", "pérdida"),
    "Portuguese": ("Parâmetros", "tokens de treino", "Perda"),
    "Russian": ("число параметров", "токены", "функция потерь"),
    "Chinese": ("参数量", "训练词元数", "损失"),
    "Japanese": ("パラメータ数", "トークン数", "検証損失"),
    "Korean": ("매개변수 수", "토큰 수", "검증 손실"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_another_language_are_refused_with_options_that_read_them(language, tmp_path):
    error = refused(tmp_path, frame().set_axis(LANGUAGES[language], axis=1).to_csv(index=False, sep=";"))
    runs = with_options(tmp_path, error)
    for name, wanted in (("params", PARAMS), ("tokens", TOKENS), ("loss", LOSS)):
        np.testing.assert_allclose(runs.quantities[name], wanted)


def test_millions_and_milliards_of_another_language_keep_their_factor(tmp_path):
    columns = {"Parameter (Mio.)": PARAMS / 1e6, "Token (Mrd.)": TOKENS / 1e9, "Verlust": LOSS}
    runs = with_options(tmp_path, refused(tmp_path, pd.DataFrame(columns).to_csv(index=False)))
    np.testing.assert_allclose(runs.quantities["params"], PARAMS)
    np.testing.assert_allclose(runs.quantities["tokens"], TOKENS)


@pytest.mark.parametrize(
    "name",
    [
        "Datum",
        "tokens/Parameter",
        "jetons par paramètre",
        "seed",
        "学习率",
        "perte/jeton",
        "token_multiplier",
        "tokens_per_param",
        "log2_tokens",
    ],
)
def test_a_name_that_is_no_figure_is_none(name):
    assert foreign_figure(name) == ""


@given(
    st.integers(1, 15),
    st.sampled_from(["10^{}", "$10^{{{}}}$", "1e{}", "x 10^{}", "×10^{}", r"\times 10^{}", "10**{}", "10{}"]),
)
def test_a_power_of_ten_is_read_as_every_style_writes_it(power, style):
    raised = str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    unit = style.format(raised if style == "10{}" else power)
    assert scale_of(unit) == float(f"1e{power}")
    name, _, factor = find_figures([f"Parameters ({unit})"]).columns["params"].rpartition("*")
    assert (name, float(factor)) == (f"Parameters ({unit})", 10.0**power)


@pytest.mark.parametrize("unit", ["10", "100", "106", "10 runs", "1", "$"])
def test_a_number_in_brackets_is_no_power(unit):
    assert scale_of(unit) is None


def test_sizes_in_names_alone_are_pointed_at(tmp_path):
    names = [f"gpt-{n / 1e6:.0f}M-{d / 1e9:.3g}Btok" for n, d in zip(PARAMS, TOKENS, strict=True)]
    error = refused(tmp_path, pd.DataFrame({"model": names, "val_loss": LOSS}).to_csv(index=False))
    assert f"'model' ({names[0]})" in error.remedy
    assert "columns of their own" in error.remedy


@pytest.mark.parametrize("names", [["baseline", "4bit"], ["3rd try", "a"], ["run-1", "run-2"], ["7B", "13B"]])
def test_names_without_sizes_are_not(names, tmp_path):
    text = pd.DataFrame({"model": names * 4, "val_loss": LOSS[:8]}).to_csv(index=False)
    assert "columns of their own" not in refused(tmp_path, text).remedy


def test_a_remedy_for_one_column_names_the_others_too(tmp_path):
    error = refused(tmp_path, "jetons,foo,bar\n1e9,2,3\n2e9,3,4\n")
    assert "tokens=jetons" in error.remedy
    assert "which column is loss and which params" in error.remedy


@pytest.mark.parametrize("mark", ["~", ":", "^", "#", "||||", "，", "\x01", "<>"])
def test_an_unknown_separator_is_named_and_the_remedy_works(mark, tmp_path):
    text = "\n".join([mark.join(("params", "tokens", "loss")), *[f"{10**k}{mark}{20**k}{mark}3" for k in range(8, 14)]])
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    try:
        runs = read_runs(path, columns={}, loss_unit="nats")
    except DataInvalid as error:
        assert repr(mark)[1:-1] in error.why  # noqa: PT017 - what can be read need not be refused
        if "sep=" not in error.remedy:
            return
        path.write_text(f"sep={mark}\n{text}", encoding="utf-8")
        runs = read_runs(path, columns={}, loss_unit="nats")
    assert len(runs) == 6


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (frame().to_xml(index=False, parser="etree"), "XML"),
        ('<runs><run params="1" tokens="2" loss="3"/></runs>', "XML"),
        (f"<!DOCTYPE html><html><body>{frame().to_html()}</body></html>", "read_html"),
        ("% my runs\n@RELATION runs\n\n@ATTRIBUTE params NUMERIC\n@DATA\n1\n", "ARFF"),
        ("- params: 1e8\n  loss: 3\n", "YAML"),
    ],
)
def test_marked_up_text_is_named_as_what_it_is(text, cause, tmp_path):
    error = refused(tmp_path, text)
    assert cause in f"{error.why} {error.remedy}"
    assert cause == "read_html" or "web page" not in error.why


@pytest.mark.parametrize(
    "names", [["loss_1B", "loss_4B", "loss_20B"], ["val_loss 1e9", "val_loss 4e9", "val_loss 2e10"]]
)
def test_a_grid_may_name_the_loss_before_the_tokens(names, tmp_path):
    sizes = np.array([1e8, 3e8, 1e9, 3e9])
    grid = pd.DataFrame({"N": sizes, **{name: np.linspace(3, 2.5, 4) + k / 10 for k, name in enumerate(names)}})
    (tmp_path / "runs.csv").write_text(grid.to_csv(index=False), encoding="utf-8")
    runs = read_runs(tmp_path / "runs.csv", columns={}, loss_unit="nats")
    np.testing.assert_allclose(runs.quantities["tokens"], np.tile([1e9, 4e9, 2e10], 4))
    np.testing.assert_allclose(runs.quantities["params"], np.repeat(sizes, 3))


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("bpb", "bits/byte"),
        ("bits per byte", "bits/byte"),
        ("loss (bits/char)", "bits/character"),
        ("bpc", "bits/character"),
        ("loss (nats/byte)", "nats/byte"),
        ("loss (nats)", "nats/token"),
        ("my_score", "nats/token"),
    ],
)
def test_a_loss_is_told_in_the_unit_its_column_states(column, unit):
    runs = frame().rename(columns={"loss": column})
    fit = race.fit_kappa(runs, columns={"loss": column}, forms="power_law", bootstrap=100)
    assert fit.estimate("A").unit == unit
    assert fit.estimate("kappa_total").unit == "1"


@pytest.mark.parametrize("column", ["loss (bits/char)", "loss [bits/byte]", "bpb"])
def test_a_loss_a_byte_is_offered(column):
    assert suggestions("loss", [column])[0].parts[0] == Option("columns", column, "loss")


@pytest.mark.parametrize(("name", "factor"), [("params", 1e6), ("tokens", 1e9), ("params", 1e9)])
def test_figures_of_mixed_scales_are_doubted(name, factor):
    runs = frame()
    runs.loc[::3, name] /= factor
    fit = race.fit_kappa(runs, forms="chinchilla", bootstrap=100)
    assert any(f"8 of 24 rows have {name}" in reason for reason in fit.estimate("kappa_reducible").reasons)


@pytest.mark.parametrize("factor", [1.0, 1e6])
def test_figures_of_one_scale_are_not(factor):
    fit = race.fit_kappa(frame(params=PARAMS / factor), forms="chinchilla", bootstrap=100)
    assert not any("another unit" in reason for reason in fit.estimate("kappa_reducible").reasons)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"epochs": [1, 1, 4] * 8}, ["8 of 24 runs saw tokens several times (column 'epochs', up to 4)"]),
        ({"n_epochs": [0.3, 1.0, 1.2] * 8}, []),
        ({"epoch": [""] * 24}, []),
    ],
)
def test_tokens_that_were_seen_several_times_are_told(columns, said, tmp_path):
    frame(**columns).to_csv(tmp_path / "runs.csv", index=False)
    notes = read_runs(tmp_path / "runs.csv", columns={}, loss_unit="nats").notes
    assert [note.partition(":")[0] for note in notes if "several times" in note] == said
    with_it = read_runs(tmp_path / "runs.csv", columns={}, loss_unit="nats", more=["unique_tokens"]) if said else None
    assert with_it is None or not any("several times" in note for note in with_it.notes)


# gamma


def chips(n=30, seed=0):
    random = np.random.default_rng(seed)
    days = np.sort(random.integers(0, 3000, n))
    dates = (np.datetime64("2014-03-01") + days).astype(str)
    return pd.DataFrame({"date": dates, "eff": 2 ** (0.5 * days / 365.25 + random.normal(0, 0.3, n))})


def gamma(table, **more):
    return race.fit_gamma(table, date="date", value="eff", draws=200, **more)


def test_a_table_that_stands_there_twice_is_doubted_and_one_pair_is_not():
    once = chips()
    twice = gamma(pd.concat([once, once])).estimate()
    assert any("30 of 60 rows repeat another row in every cell" in reason for reason in twice.reasons)
    assert twice.grade != gamma(once).estimate().grade
    assert not any("repeat" in reason for reason in gamma(pd.concat([once, once[:2]])).estimate().reasons)
    named = pd.concat([once, once]).assign(chip=[f"chip {k}" for k in range(60)])
    assert not any("repeat" in reason for reason in gamma(named).estimate().reasons)


@pytest.mark.parametrize("none", ["1900-01-00", "0000-00-00", "1899-12-30", "1899-12-31T00:00:00", "0001-01-01"])
def test_the_day_that_programs_write_for_none_is_no_date(none):
    table = chips()
    found = gamma(pd.concat([table, pd.DataFrame({"date": [none], "eff": [3.0]})], ignore_index=True))
    assert found.estimate().value == pytest.approx(gamma(table).estimate().value)
    assert found.account["missing"] == 1


def without_effect(n=40, seed=3):
    """Models whose loss falls with time alone: compute has nothing to do with it."""
    random = np.random.default_rng(seed)
    year = np.sort(random.uniform(2014, 2024, n))
    loss = 3.0 * 2.0 ** (-0.02 * (year - 2014)) * np.exp(random.normal(0, 0.01, n))
    return pd.DataFrame({"year": year, "loss": loss, "flop": 1e18 * 10 ** random.uniform(0, 4, n)})


def test_a_gain_whose_denominator_may_be_nothing_is_refused():
    refusals = 0
    for seed in range(20):
        (found,) = race.fit_gamma(
            without_effect(seed=seed), date="year", value="loss", compute="flop", draws=200
        ).estimates
        refusals += found.status == "refused"
        if found.status == "refused":
            assert "compute" in found.reasons[0]
    assert refusals >= 17  # 19.5 wanted: a denominator of nothing passes in a fortieth of the tables


def test_a_perplexity_is_said_to_be_no_loss():
    random = np.random.default_rng(1)
    year, flop = np.linspace(2014, 2024, 40), 60 + random.uniform(0, 15, 40)
    table = pd.DataFrame({"year": year, "flop": 2.0**flop, "ppl": 2.0 ** (9 - 0.05 * flop - 0.03 * (year - 2014))})
    table["ppl"] *= np.exp(random.normal(0, 0.02, 40))
    found = race.fit_gamma(table, date="year", value="ppl", compute="flop", draws=200)
    assert any("ln perplexity" in note for note in found.estimate().diagnostics["notes"])
    other = race.fit_gamma(table.rename(columns={"ppl": "loss"}), date="year", value="loss", compute="flop", draws=200)
    assert not any("perplexity" in note for note in other.estimate().diagnostics["notes"])


def test_a_box_of_dates_is_read(tmp_path):
    table = chips(8)
    rows = [f"│ {date} ┆ {eff:.12e} │" for date, eff in table.itertuples(index=False)]
    names = ["│ date ┆ eff │", "│ ---  ┆ --- │", "│ date ┆ f64 │"]
    box = ["shape: (8, 2)", "┌──────┬─────┐", *names, "╞══════╪═════╡", *rows]
    (tmp_path / "chips.txt").write_text("\n".join(box), encoding="utf-8")
    found = race.fit_gamma(tmp_path / "chips.txt", date="date", value="eff", draws=200)
    assert found.estimate().value == pytest.approx(gamma(table).estimate().value)
