"""CONTRIBUTING's recipe of a publisher's format, carried out: one file and its test."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scratch

IMPORTER = '''"""A maker's own list of chips, a CSV export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.ledger.importers.exports import Export, Field, read_export
from race_to_efficiency.ledger.importers.parsed import Importer

if TYPE_CHECKING:
    from race_to_efficiency.ledger.importers.parsed import Parsed, Request

FIELDS = (
    Field("name", ("Chip",), required=True),
    Field("manufacturer", ("Maker",), required=True),
    Field("released", ("On sale",), required=True),
    Field("tdp_w", ("Power",), "w"),
    Field("fp16_tensor_flop_s", ("Peak",), "op/s"),
)


def _exclude(cells: dict[str, str]) -> str:
    return "" if cells else "empty row"


EXPORT = Export("accelerators", "maker_chips", FIELDS, ("Remarks",), _exclude, {})


def read(request: Request) -> Parsed:
    """Read the list."""
    return read_export(request, EXPORT)


IMPORTER = Importer("maker-chips", "A maker's list of chips: CSV export, whole table", read)
'''

TEST = '''"""The importer is found by its word."""

from race_to_efficiency.ledger.importers.maker_chips import IMPORTER
from race_to_efficiency.ledger.importers.registry import importer_of


def test_it_is_found() -> None:
    assert importer_of("maker-chips") is IMPORTER
'''

DELIVERY = "Chip,Maker,On sale,Power (W),Peak (TFLOP/s),Remarks\nQuick 9,Example Works,2026-02-03,650,1200,new\n"


CITATION = (
    'maker_chips,Our chips,Example Works,2026,https://example.org/chips,"Example Works (2026). Our chips.",'
    "no licence stated,,,,2026-02-03,2026-02-03,stated,false"
)
"""Every source_id resolves in sources.csv."""


def test_a_source_is_one_file_and_its_test(scratch: Scratch, tmp_path: Path) -> None:
    scratch.write("pipeline/race_to_efficiency/ledger/importers/maker_chips.py", IMPORTER)
    scratch.write("tests/unit/test_importers_maker_chips.py", TEST)
    scratch.suite("tests/unit/test_importers_maker_chips.py")

    raw = scratch.root / "data" / "raw"
    ledgers = raw.resolve()
    raw.unlink()
    shutil.copytree(ledgers, raw)
    with (raw / "sources.csv").open("a", encoding="utf-8") as stream:
        stream.write(CITATION + "\n")
    (tmp_path / "chips.csv").write_text(DELIVERY, encoding="utf-8")
    words = ("import", "maker-chips", str(tmp_path / "chips.csv"), "--recorded", "2026-03-01", "--dry-run", "--json")
    found = json.loads(scratch.race(*words))
    assert (found["source"], found["table"], found["read"], found["new"]) == ("maker-chips", "accelerators", 1, 1)
    scratch.python("-m", "race_to_efficiency.stages.declared")  # no stage reaches an importer
