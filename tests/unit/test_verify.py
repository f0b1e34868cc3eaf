"""Verification: every file, several classes of change; the registry's order; forged signatures; a copied folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic_quarter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency import cli, storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.ledger.dictionary import dictionary_text
from race_to_efficiency.provenance import keys, registry, signing
from race_to_efficiency.provenance.ledger_history import DESCRIPTIONS
from race_to_efficiency.provenance.verify import Verification, changed_ledger_lines, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
FORGER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)

CHANGES = {
    "first byte": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "last byte": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "middle byte, high bit": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 128]) + data[len(data) // 2 + 1 :]
    ),
    "line feed added": lambda data: data + b"\n",
    "blank added": lambda data: data + b" ",
    "NUL added": lambda data: data + b"\x00",
    "blank in the middle": lambda data: data[: len(data) // 2] + b" " + data[len(data) // 2 :],
    "line ends": lambda data: data.replace(b"\n", b"\r\n"),
    "old Macintosh line ends": lambda data: data.replace(b"\n", b"\r"),
    "byte-order mark": lambda data: b"\xef\xbb\xbf" + data,
    "last byte gone": lambda data: data[:-1],
    "emptied": lambda data: b"",
    "doubled": lambda data: data + data,
}


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_quarter.publish_all(synthetic_quarter.make_checkout(tmp_path_factory.mktemp("unsigned")))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("signed"))
    return synthetic_quarter.publish_all(root, signing_key=KEY)


@pytest.fixture(scope="module")
def pair_unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two quarters: every kind of file, and one entry of the registry that another follows."""
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("pair"))
    return synthetic_quarter.publish_all(root, synthetic_quarter.QUARTERS[:2])


@pytest.fixture(scope="module")
def pair_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("pair_signed"))
    return synthetic_quarter.publish_all(root, synthetic_quarter.QUARTERS[:2], signing_key=KEY)


def covered(root: Path) -> list[Path]:
    folders = (root / "reports", root / "data" / "raw", root / "data" / "published")
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public key of what is signed here, as a reader holds it outside."""
    return keys.keep_key(tmp_path_factory.mktemp("keys"), KEY.public_key())


def changed(path: Path, data: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(data)
    yield
    path.write_bytes(before)


def first_bad(result: Verification) -> str:
    document = result.to_json()
    assert not document["verified"]
    assert document["first_bad"]["restore"]
    return str(document["first_bad"]["artefact"])


@pytest.mark.parametrize("kind", ["unsigned", "signed"])
def test_what_was_published_verifies(kind: str, request: pytest.FixtureRequest) -> None:
    result = verify(request.getfixturevalue(kind)).to_json()
    assert result["verified"]
    assert [item["quarter"] for item in result["quarters"]] == list(synthetic_quarter.QUARTERS)
    assert {item["signature"] for item in result["quarters"]} == {"not vouched for" if kind == "signed" else "unsigned"}
    words = "SIGNED, BUT NOT BY A KEY YOU TRUST" if kind == "signed" else "NOT SIGNED"
    assert result["notes"][0].startswith(words)
    assert result["head"] == result["quarters"][-1]["manifest_sha256"]
    assert result["unsealed"] == []


@pytest.mark.parametrize("number", range(len(CHANGES)), ids=CHANGES)
@pytest.mark.parametrize(
    ("kind", "every"),
    [
        *(("pair_signed", 2), ("pair_unsigned", 4)),
        *(pytest.param(kind, 1, marks=pytest.mark.slow) for kind in ("pair_signed", "pair_unsigned")),
    ],
)
def test_a_change_in_any_file_is_found_and_named(
    kind: str, every: int, number: int, request: pytest.FixtureRequest
) -> None:
    """Each change in half of the signed files and a fourth of the others, and slowly in all; each file with as many."""
    root, change = request.getfixturevalue(kind), list(CHANGES.values())[number]
    for path in covered(root)[number % every :: every]:
        data = path.read_bytes()
        if change(data) == data:
            continue
        for _ in changed(path, change(data)):
            name = path.relative_to(root).as_posix()
            bad = first_bad(verify(root))
            assert bad == name or bad.startswith((f"{name}:", f"{name} ")), f"{name} was changed, {bad} was named"
    assert verify(root).verified


@settings(max_examples=100)
@given(choice=st.integers(min_value=0), position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_bit_of_any_file_flipped_is_found_and_named(
    pair_signed: Path, choice: int, position: int, bit: int
) -> None:
    signed = pair_signed
    paths = covered(signed)
    path = paths[choice % len(paths)]
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 1 << bit
    for _ in changed(path, bytes(data)):
        assert first_bad(verify(signed)).startswith(path.relative_to(signed).as_posix())


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_every_byte_of_the_registry_and_of_an_entry_counts(tmp_path: Path, every: int) -> None:
    """Each third byte is in every field of more than two; the slow one takes each."""
    root = synthetic_quarter.publish_all(synthetic_quarter.make_checkout(tmp_path), ("2025Q1",))
    for path in (root / "reports" / "registry.json", root / "reports" / "2025Q1" / "registry_entry.json"):
        data = path.read_bytes()
        for position, byte in list(enumerate(data))[::every]:
            other = 0x31 if chr(byte) in "023456789" else byte ^ 1
            for _ in changed(path, data[:position] + bytes([other]) + data[position + 1 :]):
                assert first_bad(verify(root)).startswith(path.relative_to(root).as_posix())


def test_numbers_that_python_takes_for_equal_are_found(unsigned: Path) -> None:
    for path in (unsigned / "reports" / "registry.json", unsigned / "reports" / "2025Q1" / "registry_entry.json"):
        data = path.read_bytes()
        for new in (b'"number": 1.0,', b'"number": true,', b'"number": 1e0,'):
            for _ in changed(path, data.replace(b'"number": 1,', new)):
                assert first_bad(verify(unsigned)).startswith(path.relative_to(unsigned).as_posix())


def test_a_removed_file_is_named(pair_signed: Path) -> None:
    signed = pair_signed
    for path in covered(signed):
        data = path.read_bytes()
        path.unlink()
        bad = first_bad(verify(signed))
        path.write_bytes(data)
        assert bad.startswith(path.relative_to(signed).as_posix())


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "figures/more.svg", "sub/folder/x", "report.html "])
def test_an_added_file_is_named(unsigned: Path, name: str) -> None:
    path = unsigned / "reports" / "2025Q2" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    bad = first_bad(verify(unsigned))
    path.unlink()
    assert bad == f"reports/2025Q2/{name}"


def test_a_link_is_no_file(unsigned: Path, tmp_path: Path) -> None:
    path = unsigned / "reports" / "2025Q2" / "report.md"
    data = path.read_bytes()
    (tmp_path / "same").write_bytes(data)
    path.unlink()
    path.symlink_to(tmp_path / "same")
    bad = first_bad(verify(unsigned))
    path.unlink()
    path.write_bytes(data)
    assert bad == "reports/2025Q2/report.md"


@pytest.mark.parametrize("keep_head", [True, False])
@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([1, 2], "entry 1 was deleted"),
        ([0, 2], "entry 2 was deleted"),
        ([0, 1], ""),
        ([], ""),
        ([1, 0, 2], "another order"),
        ([2, 1, 0], "another order"),
        ([0, 0, 1, 2], "twice"),
        ([0, 1, 2, 2], "twice"),
        ([0, 1, 2, 0], "twice"),
    ],
)
def test_deleted_reordered_and_repeated_entries_are_found(
    unsigned: Path, order: list[int], words: str, keep_head: bool
) -> None:
    path = unsigned / "reports" / "registry.json"
    document = json.loads(path.read_text())
    entries = [document["entries"][index] for index in order]
    head = document["head"] if keep_head else (entries[-1]["manifest_sha256"] if entries else None)
    for _ in changed(path, storage.dumps({**document, "entries": entries, "head": head}).encode()):
        result = verify(unsigned).to_json()
    assert not result["verified"]
    assert result["first_bad"]["artefact"].startswith("reports/registry.json")
    assert words in result["first_bad"]["what"]


def test_renumbered_entries_are_found(unsigned: Path) -> None:
    path = unsigned / "reports" / "registry.json"
    entries = [registry.Entry(**item) for item in json.loads(path.read_text())["entries"]]
    second = registry.Entry(**{**entries[2].to_json(), "number": 2, "previous": entries[0].manifest_sha256})
    for _ in changed(path, registry.render([entries[0], second])):
        bad = first_bad(verify(unsigned))
    assert bad.startswith(("reports/registry.json", "reports/2025Q3/registry_entry.json"))


def test_what_still_holds_is_said(unsigned: Path) -> None:
    chips = unsigned / "data" / "raw" / "accelerators.csv"
    for _ in changed(chips, chips.read_bytes().replace(b"4.0e11", b"4.1e11")):  # recorded 2025-05-20
        result = verify(unsigned).to_json()
    assert result["first_bad"]["artefact"] == "data/raw/accelerators.csv:5"
    assert "chip-c" in result["first_bad"]["what"]
    assert "data/raw/accelerators.csv: the lines recorded by the end of 2025Q1" in result["holds"]
    assert sum(item.startswith("reports/") for item in result["holds"]) == len(synthetic_quarter.QUARTERS)


def test_appended_lines_are_fine_and_their_limits_are_said(unsigned: Path) -> None:
    chips = unsigned / "data" / "raw" / "accelerators.csv"
    line = b"chip-e,Chip E,1e12,chips,2025-10-01,2025-10-02,snapshot,false\n"
    for _ in changed(chips, chips.read_bytes() + line):
        result = verify(unsigned).to_json()
        assert result["verified"]
        assert [item["artefact"] for item in result["unsealed"]] == ["data/raw/accelerators.csv:7"]
    for _ in changed(chips, chips.read_bytes() + line + line.replace(b"chip-e", b"chip-f")):
        found = verify(unsigned).unsealed
        assert [item.artefact for item in found] == ["data/raw/accelerators.csv:7-8"]
        assert "2025Q3" in found[0].why
    for _ in changed(chips, chips.read_bytes() + line.replace(b"2025-10-02", b"soon")):
        assert first_bad(verify(unsigned)) == "data/raw/accelerators.csv:7"
    new = unsigned / "data" / "raw" / "new_table.csv"
    new.write_bytes(b"id,recorded\n")
    result = verify(unsigned).to_json()
    new.unlink()
    assert result["verified"]
    assert [item["artefact"] for item in result["unsealed"]] == ["data/raw/new_table.csv"]


def test_late_rows_and_new_columns_break_nothing_and_are_told_in_a_line(unsigned: Path) -> None:
    """Rows that claim to have been known before quarters that were published without them; a column for all rows."""
    chips = unsigned / "data" / "raw" / "accelerators.csv"
    lines = chips.read_text().splitlines()
    late = "chip-e,Chip E,1e12,chips,2024-10-01,2025-02-02,snapshot,false"
    merged = [lines[0], late, *reversed(lines[1:]), late.replace("chip-e", "chip-f")]
    wider = "".join(f"{line},{'loss_unit' if at == 0 else 'nats/token'}\n" for at, line in enumerate(merged))
    for _ in changed(chips, wider.encode()):
        result = verify(unsigned).to_json()
    assert (result["verified"], result["warnings"]) == (True, [])
    (told,) = result["unsealed"]
    assert told["artefact"] == "data/raw/accelerators.csv:2, 8"
    assert "2 rows entered after 2025Q3 was published; 2 of them known by 2025-09-30 already" in told["why"]
    assert "columns added since: loss_unit" in told["why"]
    assert any("accelerators.csv: the 5 rows" in item for item in result["holds"])


def test_a_description_of_the_ledgers_may_be_written_anew(unsigned: Path) -> None:
    readme = unsigned / "data" / "raw" / "README.md"
    for _ in changed(readme, dictionary_text().encode()):
        assert verify(unsigned).verified
    for _ in changed(readme, dictionary_text().encode() + b"\n"):
        assert first_bad(verify(unsigned)) == "data/raw/README.md"


def test_a_run_is_told_which_sealed_lines_changed(unsigned: Path, tmp_path: Path) -> None:
    assert changed_ledger_lines(unsigned) == []
    assert changed_ledger_lines(synthetic_quarter.make_checkout(tmp_path)) == []
    chips = unsigned / "data" / "raw" / "accelerators.csv"
    for _ in changed(chips, chips.read_bytes().replace(b"2.0e11", b"2.5e11")):
        (line,) = changed_ledger_lines(unsigned)
    assert line.startswith("data/raw/accelerators.csv:3: this line was changed")


def copy(root: Path, target: Path) -> Path:
    return Path(shutil.copytree(root / "reports" / "2025Q2", target / "2025Q2"))


@pytest.mark.parametrize("kind", ["unsigned", "signed"])
def test_a_copied_folder_verifies_alone(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = copy(request.getfixturevalue(kind), tmp_path)
    result = verify(folder).to_json()
    assert result["verified"]
    assert result["scope"] == "folder"
    assert result["quarters"][0]["signature"] == ("not vouched for" if kind == "signed" else "unsigned")
    for number, path in enumerate(sorted(item for item in folder.rglob("*") if item.is_file())):
        for change in list(CHANGES.values())[number % 2 :: 2]:
            data = path.read_bytes()
            if change(data) != data:
                for _ in changed(path, change(data)):
                    assert first_bad(verify(folder)) == path.relative_to(folder).as_posix()


def test_a_copied_folder_is_vouched_for_by_a_key_from_elsewhere(signed: Path, tmp_path: Path) -> None:
    folder = copy(signed, tmp_path)
    for key, good in ((KEY, True), (FORGER, False)):
        (tmp_path / "key.pub").write_bytes(keys.public_pem(key.public_key()))
        result = verify(folder, public_key=tmp_path / "key.pub")
        assert result.verified == good
        assert result.to_json()["quarters"][0]["signature"] == ("trusted" if good else "not vouched for")


def forge(root: Path, target: Path, key: Ed25519PrivateKey | None) -> Path:
    """Change a number of the newest quarter and rewrite manifest, entry, signature and registry as a forger would."""
    forged = Path(shutil.copytree(root, target))
    folder = forged / "reports" / "2025Q3"
    html = folder / "report.html"
    html.write_bytes(html.read_bytes().replace(b"</data>", b"9</data>", 1))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["report.html"].update(sha256=storage.digest_file(html), bytes=html.stat().st_size)
    manifest["signed_by"] = keys.signer_record(key.public_key()) if key else None
    data = storage.dumps(manifest).encode()
    entry = registry.entry_of(manifest, storage.digest_bytes(data))
    (folder / "manifest.json").write_bytes(data)
    (folder / "registry_entry.json").write_bytes(registry.carried(entry))
    if key:
        (folder / signing.ENVELOPE_NAME).write_bytes(signing.sign(signing.statement(data, manifest), key))
    else:
        (folder / signing.ENVELOPE_NAME).unlink(missing_ok=True)
    entries = registry.read_entries(forged / "reports")
    (forged / "reports" / "registry.json").write_bytes(registry.render([*entries[:-1], entry]))
    return forged


def test_a_forged_and_signed_again_manifest_is_refused_by_key_id(signed: Path, tmp_path: Path) -> None:
    result = verify(forge(signed, tmp_path / "forged", FORGER)).to_json()
    assert not result["verified"]
    assert result["first_bad"]["artefact"] == "reports/2025Q3/manifest.dsse.json"
    assert keys.key_id(FORGER.public_key()) in result["first_bad"]["what"]
    assert "never handed over" in result["first_bad"]["what"]


def test_a_stripped_signature_is_found(signed: Path, tmp_path: Path) -> None:
    result = verify(forge(signed, tmp_path / "stripped", None)).to_json()
    assert not result["verified"]
    assert result["first_bad"]["artefact"] == "reports/2025Q3/manifest.json"
    assert "stripped" in result["first_bad"]["what"]


def test_an_unsigned_chain_rewritten_as_a_whole_is_what_the_warning_says(unsigned: Path, tmp_path: Path) -> None:
    result = verify(forge(unsigned, tmp_path / "rewritten", None)).to_json()
    assert result["verified"]
    assert "NOT SIGNED" in result["notes"][0]
    assert "rewritten all of them together" in result["notes"][0]


def test_an_earlier_manifest_rewritten_breaks_the_chain(unsigned: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(unsigned, tmp_path / "earlier"))
    folder = root / "reports" / "2025Q1"
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["reconstructed"] = True
    data = storage.dumps(manifest).encode()
    entry = registry.entry_of(manifest, storage.digest_bytes(data))
    (folder / "manifest.json").write_bytes(data)
    (folder / "registry_entry.json").write_bytes(registry.carried(entry))
    entries = registry.read_entries(root / "reports")
    (root / "reports" / "registry.json").write_bytes(registry.render([entry, *entries[1:]]))
    assert first_bad(verify(root)) == "reports/registry.json: entry 2 (2025Q2, revision 1)"


def test_where_nothing_is_published_verification_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="nothing is published"):
        verify(synthetic_quarter.make_checkout(tmp_path))


def test_what_verify_says_to_do_of_a_description_does_it(unsigned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(unsigned)
    raw = unsigned / "data" / "raw"
    (raw / "README.md").write_bytes(b"another\n")
    finding = next(item for item in verify(unsigned).findings if item.artefact.endswith("README.md"))
    verb, *words = finding.restore.split()
    assert (verb, cli.main([*words, "--check"]), cli.main(words), cli.main([*words, "--check"])) == ("race", 5, 0, 0)
    assert verify(unsigned).verified
    assert {name: (raw / name).read_bytes() for name in DESCRIPTIONS} == {
        name: w(raw) for name, w in DESCRIPTIONS.items()
    }
