"""Stage fit_kappa on the real ledger: the published optimum, the traps, and the same bytes twice."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import json_documents
import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.vintages import view_of
from race_to_efficiency.stages import fit_kappa
from race_to_efficiency.units import Quarter
from small_settings import section

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

REPLICATES = 100
"""Of the small quarter."""


def workspace(root: Path, folder: Path, groups: tuple[str, ...]) -> Any:
    params = section("fit_kappa")
    chosen = tuple(item for item in params.groups if item.group in groups)
    settings = params.model_copy(update={"groups": chosen, "bootstrap_replicates": REPLICATES})
    view = view_of(read_ledger("training_runs", root / "data" / "raw"), date(2026, 3, 31))
    storage.write_parquet(folder / "ledger" / "training_runs.parquet", view.rows)
    return SimpleNamespace(
        root=folder, processed=folder, params=SimpleNamespace(fit_kappa=settings), seed=7, quarter=Quarter(2026, 1)
    )


@pytest.fixture(scope="module")
def fitted(small_quarter: Workspace, summaries: dict[str, dict[str, Any]]) -> tuple[Path, dict[str, dict[str, Any]]]:
    folder, summary = small_quarter.processed, summaries["fit_kappa"]
    json_documents.check("stage", {"stage": "fit_kappa", "quarter": "2026Q1", **with_line("fit_kappa", summary)})
    document = json_documents.read((folder / "kappa.json").read_text(encoding="utf-8"))
    shown = {key: document[key] for key in ("quarter", "as_of", "estimates")}
    json_documents.check("show_estimates", {**shown, "freshness": []})
    return folder, {item["id"]: item for item in document["estimates"]}


def test_the_optimum_of_the_240_chinchilla_runs(fitted: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    """Objective and exponents of the best optimum known for these rows (Besiroglu et al. 2024 report a near one)."""
    _, known = fitted
    kappa = known["kappa_reducible.chinchilla_besiroglu2024.chinchilla"]
    assert kappa["n_rows"] == 240
    assert kappa["diagnostics"]["objective"] == pytest.approx(0.00101827401780, rel=1e-9)
    assert kappa["value"] == pytest.approx(0.17848, abs=5e-6)
    expected = {"alpha": 0.34731, "beta": 0.36717, "E": 1.81722}
    for symbol, value in expected.items():
        assert known[f"{symbol}.chinchilla_besiroglu2024.chinchilla"]["value"] == pytest.approx(value, abs=5e-6)


def test_the_five_highest_losses_are_excluded_with_their_reason(
    fitted: tuple[Path, dict[str, dict[str, Any]]],
) -> None:
    _, known = fitted
    excluded = known["kappa_reducible.chinchilla_besiroglu2024.chinchilla"]["rows_excluded"]
    assert {item["row"] for item in excluded} == {f"training_runs/chinchilla-{k:03d}" for k in range(5)}
    assert {item["reason"] for item in excluded} == {"outlier"}


def test_gadre_c4_on_all_rows(fitted: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    _, known = fitted
    kappa = known["kappa_reducible.gadre2024_c4.chinchilla"]
    assert (kappa["n_rows"], kappa["value"]) == (34, pytest.approx(0.1287, abs=5e-4))


def test_total_kappa_says_where_its_tangent_was_taken(fitted: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    _, known = fitted
    assert known["kappa_total.gadre2024_c4.power_law"]["pivot_compute_flop"] > 0
    assert known["kappa_reducible.gadre2024_c4.floor"]["pivot_compute_flop"] is None


def test_floor_and_kappa_move_together_in_the_draws(fitted: tuple[Path, dict[str, dict[str, Any]]]) -> None:
    folder, _ = fitted
    draws = storage.read_parquet(folder / "kappa_draws.parquet")
    chosen = draws[(draws["group"] == "chinchilla_besiroglu2024") & (draws["form"] == "chinchilla")]
    assert 0.95 * REPLICATES <= len(chosen) <= REPLICATES
    assert chosen["kappa"].corr(chosen["E"]) > 0.9


def test_the_same_bytes_twice(root: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        folder = tmp_path / name
        fit_kappa.run(workspace(root, folder, ("marin2026_nemotron",)))
        digests.append([storage.digest_file(folder / file) for file in ("kappa.json", "kappa_draws.parquet")])
    assert digests[0] == digests[1]
