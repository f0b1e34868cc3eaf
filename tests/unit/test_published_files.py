"""A published folder's files are read as they were published, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import synthetic_quarter
from race_to_efficiency import cli, storage
from race_to_efficiency.errors import InputMissing, IntegrityError
from race_to_efficiency.provenance import published_files, registry
from race_to_efficiency.provenance.manifest import MANIFEST
from race_to_efficiency.provenance.published_statements import stated
from race_to_efficiency.provenance.records import open_folder

READERS: dict[str, Callable[[Path], Any]] = {
    ".json": published_files.published_json,
    ".yaml": published_files.published_yaml,
    ".parquet": published_files.published_parquet,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("published"))
    return synthetic_quarter.publish_all(root, ("2025Q1", "2025Q2"))


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "checkout")) / "reports" / "2025Q1"


def test_every_published_file_is_read_as_published_and_none_when_a_byte_of_it_changed(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    names = [name for name in manifest["files"] if Path(name).suffix in READERS]
    assert len(names) > 8
    for name in names:
        path = folder / name
        data, read = path.read_bytes(), READERS[path.suffix]
        read(path)
        for changed in (data + b" ", data[:-1], data.replace(b"1", b"2", 1), b""):
            if changed != data:
                path.write_bytes(changed)
                with pytest.raises(IntegrityError) as caught:
                    read(path)
                assert (caught.value.exit_code, caught.value.where) == (5, str(path))
        path.write_bytes(data)
        read(path)


def test_a_file_nobody_published_is_not_read_and_one_elsewhere_is(folder: Path, tmp_path: Path) -> None:
    storage.write_json(folder / "inputs" / "more.json", {})
    with pytest.raises(IntegrityError, match="not what was published"):
        published_files.published_json(folder / "inputs" / "more.json")
    storage.write_json(tmp_path / "kappa.json", {"a": 1})
    assert published_files.published_json(tmp_path / "kappa.json") == {"a": 1}
    with pytest.raises(InputMissing):
        published_files.published_json(folder / "absent.json")


WHOLE: dict[str, Any] = {"quarter": "2025Q1", "as_of": "2025-03-31", "files": {}, "ledgers": {}, "code": {}}


@pytest.mark.parametrize(
    "text",
    ["[]", "{", "3", "[" * 500, "", *(json.dumps({**WHOLE, name: []}) for name in WHOLE),
     *(json.dumps({key: value for key, value in WHOLE.items() if key != name}) for name in WHOLE)],
)  # fmt: skip
def test_a_manifest_that_is_none_any_more_lets_nothing_be_read(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    for attempt in (lambda: published_files.published_json(folder / "kappa.json"), lambda: open_folder(folder)):
        with pytest.raises(IntegrityError, match="none any more"):
            attempt()


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[0].update(folder="../../etc"),
        lambda entries: entries[1].update(number=1),
        lambda entries: entries[0].update(quarter=3),
        lambda entries: entries.reverse(),
        lambda entries: entries[0].pop("as_of"),
        lambda entries: entries.append({}),
    ],
)
def test_nothing_is_looked_up_in_a_registry_that_does_not_verify(
    folder: Path, change: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder.parent / registry.REGISTRY
    document = json.loads(path.read_bytes())
    change(document["entries"])
    storage.write_json(path, document)
    with pytest.raises(IntegrityError, match="does not verify"):
        registry.read_entries(folder.parent)
    monkeypatch.chdir(folder.parents[1])
    assert cli.main(["audit", "rederive", "2025Q1"]) == 5
    assert "does not verify" in capsys.readouterr().err


def test_what_was_stated_is_not_remembered_beyond_its_files(folder: Path) -> None:
    reports = folder.parent
    entry = registry.read_entries(reports)[0]
    for name, document in (("statements", {"model": "m", "statements": [1]}), ("gamma", {"estimates": []})):
        storage.write_json(folder / f"{name}.json", document)
    storage.write_json(folder / "kappa.json", {"discrepancy": []})
    with pytest.raises(IntegrityError):
        stated(reports, entry)
    (folder / MANIFEST).unlink()
    (folder / "headline.json").unlink(missing_ok=True)
    first = stated(reports, entry)
    assert first == stated(reports, entry)
    told = json.loads(first or b"")
    assert (told["statements"], told["discrepancy"], told["quarter"]) == ([1], [], "2025Q1")
    changes = {
        "statements": {"model": "m", "statements": [2]},
        "gamma": {"estimates": [{"component": "growth", "estimator": "e", "value": 1.0}]},
        "kappa": {"discrepancy": [3]},
    }
    seen = {first}
    for name, document in changes.items():
        storage.write_json(folder / f"{name}.json", document)
        seen.add(stated(reports, entry))
    seen.add(stated(reports, replace(entry, quarter="2025Q2")))
    seen.add(stated(reports, replace(entry, reconstructed=not entry.reconstructed)))
    assert len(seen) == 6
