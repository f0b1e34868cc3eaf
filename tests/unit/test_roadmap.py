"""The roadmap's arithmetic and the comparison with papers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from gamma_views import inputs
from gamma_views import result as result_of
from race_to_efficiency.calibration.gamma.published import MATCHES, Match, verdict_of
from race_to_efficiency.calibration.gamma.roadmap import Kappas, roadmap
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.report.annex.gamma_choices import product_verdict


@pytest.fixture(scope="module")
def result():
    return result_of("2026-03-31")


def test_the_required_rate_reaches_the_target_by_its_date(result):
    for reading, target, kappa in (("total", 0.8, 0.05), ("reducible", 0.5, 0.16)):
        whole = next(row for row in result.roadmap if row["reading"] == reading and row["layer"] == "all layers")
        assert whole["kappa"] == kappa
        assert relative_loss(5.0, kappa, whole["required"]) == pytest.approx(target, rel=1e-9)


def test_each_layer_would_have_to_close_the_whole_gap_alone(result):
    rows = [row for row in result.roadmap if row["reading"] == "total"]
    whole = next(row for row in rows if row["layer"] == "all layers")
    layers = [row for row in rows if row["layer"] not in ("all layers", "power")]
    assert [row["layer"] for row in layers] == ["hardware", "software", "infrastructure", "algorithm"]
    assert sum(row["measured"] for row in layers) == pytest.approx(whole["measured"])
    for row in layers:
        assert row["gap"] == pytest.approx(whole["gap"])
        assert row["required"] == pytest.approx(row["measured"] + whole["gap"])


def test_the_layers_sum_to_the_default_route(result):
    whole = next(row for row in result.roadmap if row["layer"] == "all layers")
    parts = ("training_flop_per_joule.ols", "algorithmic.mixture")
    assert whole["measured"] == pytest.approx(sum(result.fits[key].estimate.value for key in parts))


def test_the_software_residual_carries_its_covariance(result):
    row = next(row for row in result.roadmap if row["layer"] == "software")
    draws = result.draws["training_flop_per_joule.ols"] - result.draws["hardware_tensor16.mean_chip"]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))


def test_bounded_layers_have_headroom_and_years(result):
    rows = {row["layer"]: row for row in result.roadmap if row["reading"] == "total"}
    assert rows["hardware"]["headroom"] == 7.6
    assert rows["hardware"]["years_of_headroom"] == pytest.approx(7.6 / rows["hardware"]["measured"])
    assert rows["infrastructure"]["headroom"] == pytest.approx(np.log2(1.1))
    assert rows["software"]["headroom"] == pytest.approx(2 + np.log2(1 / 0.34), abs=1e-6)
    assert rows["algorithm"]["headroom"] is None


def test_without_kappa_the_required_rate_is_unknown_and_says_so():
    made = inputs("2026-03-31", roadmap=[{"reading": "total", "target": 0.9, "by": date(2030, 1, 1)}])
    row = roadmap(made, result_of("2026-03-31").fits, None)[0]
    assert row["required"] is None
    assert "no kappa_total" in row["reason"]


def test_a_target_of_the_past_is_said():
    made = inputs("2026-03-31", roadmap=[{"reading": "total", "target": 0.9, "by": date(2020, 1, 1), "kappa": 0.05}])
    row = roadmap(made, result_of("2026-03-31").fits, None)[0]
    assert "passed" in row["reason"]


def test_kappas_come_from_the_pooled_estimates():
    def item(symbol, form, value, group="pooled", status="trusted"):
        return {"symbol": symbol, "form": form, "group": group, "value": value, "status": status}

    document = {
        "estimates": [
            item("kappa_total", "power_law", 0.06),
            item("kappa_reducible", "floor", 0.15),
            item("kappa_reducible", "chinchilla", 0.17, status="refused"),
            item("kappa_total", "power_law", 0.9, group="gadre2024_c4"),
        ]
    }
    assert Kappas.of_document(document) == Kappas(0.06, 0.15)
    assert Kappas.of_document({"estimates": []}) == Kappas(None, None)


def test_the_product_is_compared_with_a_kappa_of_its_own(result):
    check = result.product
    assert check["b_time_per_year"] == pytest.approx(0.0232, abs=5e-5)
    assert check["product"] == pytest.approx(0.05 * check["gamma_algorithmic"] * np.log(2))
    assert check["kappa_source"].startswith("physical compute")
    assert check["product_low"] < check["product"] < check["product_high"]


@pytest.mark.parametrize(
    ("low", "high", "theirs", "sign", "expected"),
    [
        (0.3, 0.5, 0.4, 0, "agrees"),
        (0.41, 0.5, 0.4, 0, "differs"),
        (0.41, 0.5, 0.4, 1, "explained"),
        (0.41, 0.5, 0.4, -1, "unexplained"),
        (-9.0, 9.0, 0.4, 0, "too wide to tell"),
        (-9.0, 9.0, 0.4, 1, "too wide to tell"),
        (0.2, 0.61, 0.4, 0, "too wide to tell"),
        (0.21, 0.6, 0.4, 0, "agrees"),
    ],
)
def test_an_interval_that_holds_anything_agrees_with_nothing(low, high, theirs, sign, expected):
    """Held to the words: half of the published rate and as much again more is more than an agreeing interval holds."""
    match = Match("ours", "another definition", sign=sign)
    verdict, why = verdict_of(match, (low + high) / 2, theirs, (None, None), (low, high))
    assert verdict == expected
    assert bool(why) == (expected == "too wide to tell")
    if verdict == "agrees":
        assert not (low <= theirs / 2 and theirs * 1.5 <= high)


@pytest.mark.parametrize(
    ("product", "expected"),
    [((0.02, 0.03), "agree"), ((0.01, 0.08), "share values, but are too wide to tell"), ((0.05, 0.06), "do not agree")],
)
def test_two_ways_to_one_fall_agree_only_where_their_ranges_say_something(product, expected):
    low, high = product
    found = {
        "b_time_per_year": 0.025,
        "b_time_low": 0.02,
        "b_time_high": 0.03,
        "product_low": low,
        "product_high": high,
    }
    assert product_verdict(found | {"agrees": low <= 0.03 and high >= 0.02}) == expected


def test_a_published_interval_that_holds_anything_agrees_with_nothing_too():
    own = (0.3, 0.5)
    assert verdict_of(Match("ours"), 0.4, 0.4, (-1.0, 2.0), own)[0] == "too wide to tell"
    assert verdict_of(Match("ours"), 0.4, 0.4, (0.35, 0.45), own) == ("agrees", "")
    assert verdict_of(Match("ours"), 0.4, 0.9, (0.8, 1.0), own) == ("unexplained", "")
    assert verdict_of(None, 0.4, 0.4, (None, None), own)[0] == "unmatched"


def test_every_published_value_is_answered_and_none_is_guessed(result):
    rows = {row["value_id"]: row for row in result.published}
    assert len(rows) > len(MATCHES)
    assert set(MATCHES) <= set(rows)
    assert {row["verdict"] for name, row in rows.items() if name not in MATCHES} == {"unmatched"}
    for name, row in rows.items():
        if row["verdict"] in ("explained", "differs", "unmatched", "too wide to tell"):
            assert row["note"]
        if row["verdict"] in ("agrees", "too wide to tell"):
            assert row["overlap"]
        if row["verdict"] == "agrees":
            for low, high in ((row["ours_low"], row["ours_high"]), (row["published_low"], row["published_high"])):
                assert low is None or high - low <= row["published"], name
        if row["verdict"] == "explained":
            assert row["difference"] * MATCHES[name].sign > 0
    assert {"agrees", "too wide to tell"} <= {row["verdict"] for row in rows.values()}
    assert rows["hernandez2020_alexnet"]["ours"] is None
    assert rows["epoch2023_energy_eff_ml"]["ours"] == pytest.approx(
        result.fits["hardware_fp32.mean_chip"].estimate.value
    )
