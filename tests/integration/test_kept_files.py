"""Long records of a published folder are packed, and nobody who reads, checks or recomputes it notices."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
import synthetic_quarter
from race_to_efficiency import storage
from race_to_efficiency.commands.export import make
from race_to_efficiency.commands.quarter_forecast import QuarterForecast
from race_to_efficiency.errors import DataInvalid, InputMissing, IntegrityError
from race_to_efficiency.provenance import kept_files, manifest, published_files
from race_to_efficiency.provenance.contents import described_files
from race_to_efficiency.provenance.records import open_records
from race_to_efficiency.provenance.rederive import rederive
from race_to_efficiency.provenance.trace import trace
from race_to_efficiency.provenance.verify import chain_state, verify

LONG = json.dumps({"records": ["0.123456789"] * 4000}).encode()


def test_a_long_record_is_packed_under_a_name_of_its_own_and_nothing_else_is():
    short = LONG[: kept_files.LONG_BYTES]
    files = {"a.json": LONG, "b.json": short, "c.parquet": LONG, "d.html": LONG, "ro-crate-metadata.json": LONG}
    kept = kept_files.as_kept(files)
    assert set(kept) == set(files) - {"a.json"} | {"a.json.gz"}
    assert {name: kept[name] for name in kept if name != "a.json.gz"} == {
        name: data for name, data in files.items() if name != "a.json"
    }
    assert gzip.decompress(kept["a.json.gz"]) == LONG
    assert len(kept["a.json.gz"]) < len(LONG) / 10
    assert kept["a.json.gz"][4:8] == bytes(4)  # RFC 1952: no time of packing
    assert kept_files.as_kept(files) == kept


def test_a_record_is_found_however_it_is_kept(tmp_path: Path):
    path = tmp_path / "kappa.json"
    assert not kept_files.is_kept(path)
    with pytest.raises(InputMissing, match=r"kappa\.json is missing"):
        kept_files.kept_bytes(path)
    storage.write_bytes(tmp_path / "kappa.json.gz", gzip.compress(LONG))
    assert kept_files.is_kept(path)
    assert kept_files.kept_bytes(path) == LONG
    assert published_files.published_json(path) == json.loads(LONG)
    storage.write_bytes(path, b"{}")
    assert kept_files.kept_bytes(path) == b"{}"


@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: b"{}" + data, lambda data: data + b"more"])
def test_a_spoilt_record_is_refused_by_name(tmp_path: Path, spoil):
    storage.write_bytes(tmp_path / "kappa.json.gz", spoil(gzip.compress(LONG)))
    with pytest.raises(DataInvalid, match=r"kappa\.json\.gz"):
        kept_files.kept_bytes(tmp_path / "kappa.json")


def test_a_record_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    storage.write_bytes(tmp_path / "kappa.json.gz", gzip.compress(bytes(10_000)))
    monkeypatch.setattr(storage, "MAX_READ_BYTES", 9_999)
    with pytest.raises(DataInvalid, match="more than a file may"):
        kept_files.kept_bytes(tmp_path / "kappa.json")


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same quarters published twice: with every JSON record packed, and with none."""
    roots = {}
    for name, length in (("packed", 1), ("plain", 10**9)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kept_files, "LONG_BYTES", length)
            roots[name] = synthetic_quarter.make_checkout(tmp_path_factory.mktemp(name))
            synthetic_quarter.publish_all(roots[name])
            space = synthetic_quarter.workspace(roots[name], "2025Q3")
            patch.setattr(kept_files, "LONG_BYTES", 1)
            assert set(described_files(space)) == {"sources.json", "prov.json", "ro-crate-metadata.json"}
    packed = {path.name for path in (roots["packed"] / "reports" / "2025Q3").glob("*.gz")}
    assert packed >= {f"{name}.json.gz" for name in ("kappa", "gamma", "numbers", "prov", "sources", "account")}
    assert not list((roots["plain"] / "reports").rglob("*.gz"))
    return roots


def test_packed_quarters_verify_trace_export_and_come_out_again_as_plain_ones_do(checkouts: dict[str, Path]):
    found = {}
    for name, root in checkouts.items():
        folder, space = root / "reports" / "2025Q3", synthetic_quarter.workspace(root, "2025Q3")
        assert not verify(root).findings
        again = rederive(
            folder, root / "data" / "raw", synthetic_quarter.run_stages, synthetic_quarter.workspace, checkout=root
        ).to_json()
        shutil.rmtree(space.processed)
        records = open_records(space)
        traces = [trace(one, records, {}) for one in ("gamma", "R5", "kappa_total")]
        exports = [make(kind, space) for kind in ("prov", "citations")]
        found[name] = ({key: again[key] for key in ("agrees", "compared", "differences", "causes")}, traces, exports)
    assert found["packed"][0]["agrees"]
    assert found["packed"][:2] == found["plain"][:2]
    as_text = json.dumps(found["packed"][2]).replace(".json.gz", ".json")
    assert as_text.count("kappa.json") == json.dumps(found["plain"][2]).count("kappa.json") > 0


def test_a_crate_names_files_that_are_there(checkouts: dict[str, Path]):
    folder = checkouts["packed"] / "reports" / "2025Q3"
    crate = storage.read_json(folder / "ro-crate-metadata.json")["@graph"]
    files = [item for item in crate if item["@type"] == "File"]
    assert all((folder / item["@id"]).is_file() for item in files)
    written = [one["@id"] for item in crate if item["@type"] == "CreateAction" for one in listed(item["result"])]
    assert "kappa.json.gz" in written
    assert {item["encodingFormat"] for item in files if item["@id"].endswith(".gz")} == {"application/gzip"}


def listed(value):
    return value if isinstance(value, list) else [value]


def test_a_changed_byte_of_a_packed_record_is_read_by_nobody(checkouts: dict[str, Path], tmp_path: Path):
    root = Path(shutil.copytree(checkouts["packed"], tmp_path / "checkout"))
    path = root / "reports" / "2025Q2" / "gamma.json.gz"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"gamma\.json\.gz of 2025Q2 is not what was published"):
        published_files.published_json(path.with_name("gamma.json"))
    assert [item.artefact for item in verify(root).findings] == ["reports/2025Q2/gamma.json.gz"]
    assert not chain_state(root, path.parent)["intact"]


def test_a_forecast_that_is_not_the_published_one_is_told_to_nobody(checkouts: dict[str, Path], tmp_path: Path):
    root = Path(shutil.copytree(checkouts["packed"], tmp_path / "checkout"))
    space = synthetic_quarter.workspace(root, "2025Q2")
    shutil.rmtree(space.processed, ignore_errors=True)
    path = root / "reports" / "2025Q2" / "forecast.parquet"
    assert QuarterForecast(space).scenarios
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"forecast\.parquet of 2025Q2 is not what was published"):
        _ = QuarterForecast(space).scenarios


MOST_BYTES = 4_000_000


def test_a_shipped_quarter_is_small_and_no_file_of_it_is_large(root: Path):
    folders = [path.parent for path in (root / "reports").glob("20*/manifest.json")]
    assert folders
    for folder in folders:
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
        assert sum(sizes) <= MOST_BYTES, folder.name
        assert max(sizes) <= manifest.MAX_FILE_BYTES
