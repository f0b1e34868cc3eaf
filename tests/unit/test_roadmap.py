"""The roadmap's arithmetic and the comparison with papers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from gamma_views import inputs
from gamma_views import result as result_of
from race_to_efficiency.calibration.gamma.published import MATCHES
from race_to_efficiency.calibration.gamma.roadmap import Kappas, roadmap
from race_to_efficiency.relative_loss import relative_loss


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


def test_every_published_value_is_answered_and_none_is_guessed(result):
    rows = {row["value_id"]: row for row in result.published}
    assert len(rows) > len(MATCHES)
    assert set(MATCHES) <= set(rows)
    assert {row["verdict"] for name, row in rows.items() if name not in MATCHES} == {"unmatched"}
    assert {row["verdict"] for row in rows.values()} <= {"agrees", "explained", "unexplained", "unmatched"}
    for row in rows.values():
        if row["verdict"] in ("explained", "unmatched"):
            assert row["note"]
        if row["verdict"] == "agrees":
            assert row["overlap"]
    assert rows["ho2024_lm_compute"]["verdict"] == "agrees"
    assert rows["hernandez2020_alexnet"]["ours"] is None
    assert rows["epoch2023_energy_eff_ml"]["ours"] == pytest.approx(
        result.fits["hardware_fp32.mean_chip"].estimate.value
    )
