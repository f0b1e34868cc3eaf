"""The manifest: digests that another tool computes, and a chain of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import synthetic_quarter
from race_to_efficiency.provenance import manifest, registry
from race_to_efficiency.units import Quarter

CHIPS = synthetic_quarter.ACCELERATORS.encode()


def build(root: Path, **options: object) -> dict[str, object]:
    seals, _ = manifest.seal_ledgers(root / "data" / "raw", "2025-06-30")
    arguments = {"number": 1, "previous": None, **options}
    return manifest.build(root, Quarter.parse("2025Q2"), {"a.txt": b"abc", "n.json": b'{"x": 1}'}, seals, **arguments)


def test_digests_are_plain_sha256_and_content_digests_ignore_layout(tmp_path: Path) -> None:
    document = build(synthetic_quarter.make_checkout(tmp_path))
    files = document["files"]
    # FIPS 180-2, appendix B.1: the digest of "abc"
    assert files["a.txt"]["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files["n.json"]["content_sha256"] == manifest.content_digest("n.json", b'{ "x":1}\n')
    assert files["n.json"]["sha256"] != hashlib.sha256(b'{ "x":1}\n').hexdigest()
    assert document["ledgers"]["accelerators.csv"]["rows"] == CHIPS.count(b"\n") - 1


def test_the_manifest_names_no_place_and_no_time(tmp_path: Path) -> None:
    root = synthetic_quarter.make_checkout(tmp_path / "a b")
    text = json.dumps(build(root))
    assert str(root) not in text
    assert str(manifest.code_in_use()) not in text
    assert build(root) == build(root)
    assert build(root)["code"]["commit"] is None  # a folder without git has no commit to name


def test_every_file_of_the_package_is_in_the_code_digest(root: Path) -> None:
    record = manifest.code_record(root)
    assert "pipeline/race_to_efficiency/provenance/manifest.py" in record["files"]
    assert not [name for name in record["files"] if "__pycache__" in name]


def test_an_entry_holds_its_types_exactly(tmp_path: Path) -> None:
    document = build(synthetic_quarter.make_checkout(tmp_path))
    entry = registry.entry_of(document, "0" * 64)
    assert entry.folder == "2025Q2"
    assert registry.folder_name("2025Q2", 3) == "2025Q2.r3"
    for name, value in (("number", 1.0), ("number", True), ("reconstructed", 0), ("previous", 0), ("quarter", None)):
        with pytest.raises(TypeError, match=name):
            registry.Entry(**{**entry.to_json(), name: value})


def test_the_chain_is_made_of_previous_digests(tmp_path: Path) -> None:
    root = synthetic_quarter.make_checkout(tmp_path)
    first = registry.entry_of(build(root), "a" * 64)
    second = registry.entry_of(build(root, number=2, previous=first.reference()), "b" * 64)
    data = registry.render([first, second])
    assert registry.check_registry(data, "r.json") == ([first, second], [])
    assert json.loads(data)["head"] == "b" * 64
    for entries, words in (
        ([second], "deleted"),
        ([second, first], "another order"),
        ([first, first], "twice"),
        ([first, second, second], "twice"),
    ):
        findings = registry.check_registry(registry.render(entries), "r.json")[1]
        assert words in findings[0].what
        assert findings[0].artefact.startswith("r.json: entry ")
    (finding,) = registry.check_registry(data.replace(b'"head": "b', b'"head": "c'), "r.json")[1]
    assert finding.artefact == "r.json: head"
