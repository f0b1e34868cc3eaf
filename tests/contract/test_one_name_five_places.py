"""A stage has one name in five places, and reads only what stands before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.sections import Params

ROOT = Path(__file__).resolve().parents[2]

STAGES = declared(ROOT)


def test_the_corridor_is_straight_and_every_stage_is_on_it() -> None:
    corridor = ["ingest", "fit_kappa", "fit_gamma", "forecast", "backtest", "compare", "report"]
    assert [name for name in STAGES if name in corridor] == corridor
    files = {path.stem for path in (ROOT / "pipeline/race_to_efficiency/stages").glob("*.py")}
    assert files - {"__init__", "declared"} == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_one_name_in_five_places(name: str) -> None:
    assert STAGES[name].command == f"race stage {name}"
    assert (ROOT / "pipeline" / "race_to_efficiency" / "stages" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "integration" / f"test_{name}.py").is_file()
    read = {setting.partition(".")[0] for setting in STAGES[name].settings}
    assert (name in Params.model_fields) == (name in read), "a section of its name is the stage's own, and it reads it"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_only_what_earlier_stages_wrote(name: str) -> None:
    earlier = ["data/raw", "data/published"]
    for stage in list(STAGES.values())[: list(STAGES).index(name)]:
        earlier += stage.outs
    for item in STAGES[name].data:
        if item.startswith("data/"):
            assert any(item == out or item.startswith(out + "/") for out in earlier), item


def test_an_import_reruns_only_the_fits_that_read_its_ledger() -> None:
    """A fit depends on single ledgers' views, not on all of data/raw: new chips leave kappa as it is."""
    from race_to_efficiency.quarter.world import GAMMA_TABLES, KAPPA_TABLES

    for stage, tables in (("fit_kappa", KAPPA_TABLES), ("fit_gamma", GAMMA_TABLES)):
        read = {item for item in STAGES[stage].data if item.startswith(("data/raw", "data/processed/l"))}
        assert read == {f"data/processed/ledger/{name}.parquet" for name in tables}
