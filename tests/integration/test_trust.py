"""Who vouches for a chain, with throw-away keys: signing, handing over, rollback, rewriting, and what is unsealed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import synthetic_quarter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from race_to_efficiency import cli, storage
from race_to_efficiency.commands import corridor
from race_to_efficiency.errors import IntegrityError, UsageError
from race_to_efficiency.provenance import keys, registry, signing, vouching
from race_to_efficiency.provenance.publishing import publish
from race_to_efficiency.provenance.verify import verify
from race_to_efficiency.settings import params as settings

FIRST, SECOND, FORGER = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (11, 12, 13))
QUARTERS = synthetic_quarter.QUARTERS


def ran(root: Path, quarter: str, **options: Any) -> Any:
    space = synthetic_quarter.workspace(root, quarter)
    synthetic_quarter.run_stages(space, **options)
    return space


def public(folder: Path, key: Ed25519PrivateKey) -> Path:
    return keys.keep_key(folder, key.public_key())


def chain(root: Path) -> list[str]:
    return [entry.manifest_sha256 for entry in registry.read_entries(root / "reports")]


def signatures(root: Path, **options: Any) -> list[str]:
    result = verify(root, **options)
    assert result.verified, result.to_json()["broken"]
    return [check.signature for check in result.folders]


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unsigned quarter, one signed by the first key, one in which it hands over, and one by the second alone."""
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("handed over"))
    publish(ran(root, "2025Q1"))
    publish(ran(root, "2025Q2"), signing_key=FIRST)
    publish(ran(root, "2025Q3"), signing_key=SECOND, replaced_key=FIRST)
    publish(ran(root, "2025Q3"), signing_key=SECOND, revision_reason="again")
    return root


def test_a_key_vouches_for_what_it_signed_what_came_before_and_what_it_handed_over_to(
    handed_over: Path, tmp_path: Path
) -> None:
    assert signatures(handed_over) == ["unsigned", *["not vouched for"] * 3]
    first, second, both = tmp_path / "first", tmp_path / "second", tmp_path / "both"
    for folder, held in ((first, [FIRST]), (second, [SECOND]), (both, [FIRST, SECOND])):
        for key in held:
            public(folder, key)
    for options in ("public_key", "key_folder"):
        assert signatures(handed_over, **{options: first}) == ["covered", "trusted", "trusted", "trusted"]
        assert signatures(handed_over, **{options: second}) == ["covered", "covered", "trusted", "trusted"]
        assert signatures(handed_over, **{options: both}) == ["covered", "trusted", "trusted", "trusted"]
    result = verify(handed_over, public_key=second)
    assert result.vouched_for
    assert result.unsigned == []
    assert result.notes[0].startswith("signed, and vouched for by a key you trust")
    stranger = public(tmp_path / "other", FORGER)
    result = verify(handed_over, public_key=stranger)
    assert result.to_json()["first_bad"]["artefact"] == "reports/2025Q3.r2/manifest.dsse.json"
    result = verify(handed_over, key_folder=stranger.parent)
    assert result.verified
    assert result.notes[0].startswith("SIGNED, BUT NOT BY A KEY YOU TRUST")


def test_one_folder_alone_is_vouched_for_by_its_signers(handed_over: Path, tmp_path: Path) -> None:
    folder = handed_over / "reports" / "2025Q3"
    copied = Path(shutil.copytree(folder, tmp_path / "2025Q3"))
    for key in (FIRST, SECOND):
        place = public(tmp_path / keys.key_id(key.public_key()), key)
        assert signatures(copied, public_key=place) == signatures(folder, public_key=place) == ["trusted"]
    assert not verify(copied, public_key=public(tmp_path / "x", FORGER)).verified
    unsigned = verify(handed_over / "reports" / "2025Q1", public_key=place)
    assert signatures(handed_over / "reports" / "2025Q1", public_key=place) == ["covered"]
    assert unsigned.verified


@pytest.mark.parametrize(
    ("signers", "words"),
    [
        ([], "an unsigned quarter cannot follow"),
        ([FIRST], "has not handed over"),
        ([FORGER], "has not handed over"),
        ([FORGER, FIRST], "has not handed over"),
    ],
)
def test_a_quarter_that_a_verification_would_refuse_is_not_published(
    handed_over: Path, tmp_path: Path, signers: Sequence[Ed25519PrivateKey], words: str
) -> None:
    root = Path(shutil.copytree(handed_over, tmp_path / "copy"))
    names = dict(zip(("signing_key", "replaced_key"), signers, strict=False))
    with pytest.raises(UsageError, match=words):
        publish(ran(root, "2025Q3"), revision_reason="more", **names)
    assert chain(root) == chain(handed_over)


def test_nothing_can_be_handed_over_where_nothing_is_signed(tmp_path: Path) -> None:
    root = synthetic_quarter.make_checkout(tmp_path)
    with pytest.raises(UsageError, match="nothing is signed yet"):
        publish(ran(root, "2025Q1"), signing_key=SECOND, replaced_key=FIRST)


def rewritten(
    root: Path, target: Path, sign: Callable[[int], Sequence[Ed25519PrivateKey]], *, start: int = 0, drop: int = 0
) -> Path:
    """Change a number of every quarter from one on and write the whole chain anew, as whoever holds the files can."""
    forged = Path(shutil.copytree(root, target))
    entries = registry.read_entries(forged / "reports")
    kept: list[registry.Entry] = entries[:start]
    for index, entry in enumerate(entries[start : len(entries) - drop], start):
        folder = forged / "reports" / entry.folder
        page = folder / "report.html"
        page.write_bytes(page.read_bytes().replace(b"</data>", b"9</data>", 1))
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"]["report.html"].update(sha256=storage.digest_file(page), bytes=page.stat().st_size)
        manifest["previous"] = kept[-1].reference() if kept else None
        if manifest["supersedes"]:
            manifest["supersedes"] = next(item for item in kept if item.quarter == entry.quarter).reference()
        signers = sign(index)
        manifest["signed_by"] = keys.signer_record(*(key.public_key() for key in signers)) if signers else None
        data = storage.dumps(manifest).encode()
        made = registry.entry_of(manifest, storage.digest_bytes(data))
        (folder / "manifest.json").write_bytes(data)
        (folder / registry.ENTRY).write_bytes(registry.carried(made))
        (folder / signing.ENVELOPE_NAME).unlink(missing_ok=True)
        if signers:
            (folder / signing.ENVELOPE_NAME).write_bytes(signing.sign(signing.statement(data, manifest), *signers))
        kept.append(made)
    for entry in entries[len(entries) - drop :]:
        shutil.rmtree(forged / "reports" / entry.folder)
    (forged / "reports" / "registry.json").write_bytes(registry.render(kept))
    return forged


REWRITES = {
    "stripped of signatures": lambda index: [],
    "signed anew by a stranger": lambda index: [FORGER],
    "signed anew where it was signed": lambda index: [FORGER] if index else [],
}


@pytest.mark.parametrize("sign", REWRITES.values(), ids=REWRITES)
def test_a_consistent_rewrite_is_seen_with_a_key_or_a_head_and_by_nothing_else(
    handed_over: Path, tmp_path: Path, sign: Callable[[int], Sequence[Ed25519PrivateKey]]
) -> None:
    forged = rewritten(handed_over, tmp_path / "forged", sign)
    result = verify(forged)
    assert result.verified
    assert result.notes[0].startswith(("NOT SIGNED", "SIGNED, BUT NOT BY A KEY YOU TRUST"))
    for key in (FIRST, SECOND):
        assert not verify(forged, public_key=public(tmp_path / keys.key_id(key.public_key()), key)).verified
    for head in chain(handed_over):
        found = verify(forged, head=head).to_json()
        assert not found["verified"]
        assert head in found["first_bad"]["what"]


def test_a_rewrite_of_the_signed_end_is_seen_without_either(handed_over: Path, tmp_path: Path) -> None:
    forged = rewritten(handed_over, tmp_path / "forged", lambda index: [FORGER], start=2)
    found = verify(forged).to_json()
    assert found["first_bad"]["artefact"] == "reports/2025Q3/manifest.dsse.json"
    assert "never handed over" in found["first_bad"]["what"]
    stripped = rewritten(handed_over, tmp_path / "stripped", lambda index: [], start=2)
    assert "stripped" in verify(stripped).to_json()["first_bad"]["what"]


def test_a_forged_handing_over_is_refused(handed_over: Path, tmp_path: Path) -> None:
    """The stranger names the true key as the one that hands over, without its signature."""
    forged = rewritten(handed_over, tmp_path / "forged", lambda index: [FORGER, FIRST], start=3)
    folder = forged / "reports" / "2025Q3.r2"
    envelope = json.loads((folder / signing.ENVELOPE_NAME).read_text())
    for signature in ([envelope["signatures"][0]], [envelope["signatures"][0]] * 2):
        (folder / signing.ENVELOPE_NAME).write_bytes(storage.dumps({**envelope, "signatures": signature}).encode())
        found = verify(forged).to_json()
        assert found["first_bad"]["artefact"] == "reports/2025Q3.r2/manifest.dsse.json"


@pytest.mark.parametrize("drop", [1, 2, 3])
def test_a_dropped_end_is_seen_with_a_head_or_by_who_remembers_what_was_signed(
    handed_over: Path, tmp_path: Path, drop: int
) -> None:
    whole = chain(handed_over)
    own = tmp_path / "own"
    for key, signed in ((FIRST, whole[:2]), (SECOND, whole)):
        public(own, key)
        vouching.remember(own, keys.key_id(key.public_key()), signed)
    assert signatures(handed_over, key_folder=own)[-1] == "trusted"
    rolled = Path(shutil.copytree(handed_over, tmp_path / "rolled"))
    entries = registry.read_entries(rolled / "reports")
    for entry in entries[-drop:]:
        shutil.rmtree(rolled / "reports" / entry.folder)
    (rolled / "reports" / "registry.json").write_bytes(registry.render(entries[:-drop]))
    assert verify(rolled).verified  # no signature and no digest in it can tell
    assert not verify(rolled, head=whole[-1]).verified
    later = verify(rolled, head=whole[0])
    assert later.verified
    assert f"{3 - drop or 'nothing'} published since" in later.notes[1]
    found = verify(rolled, key_folder=own).to_json()
    if drop == 1:  # the second key, which remembers more, has signed some of what is left
        assert found["first_bad"]["artefact"] == "reports/registry.json: head"
    elif drop == 2:  # nothing of the second key is left: another copy of the checkout would look the same
        assert found["verified"]
        assert "its end was dropped or changed" in found["warnings"][0]["what"]
    else:
        assert "its end was dropped or changed" in found["warnings"][0]["what"]
    second = next(path for path in own.glob("*.pub") if keys.key_id(SECOND.public_key()).startswith(path.stem))
    assert not verify(rolled, public_key=second, key_folder=own).verified


@pytest.mark.parametrize("head", ["", "abc", "g" * 64, "0" * 63, "0" * 65])
def test_a_head_that_is_no_digest_is_refused(handed_over: Path, head: str) -> None:
    with pytest.raises(UsageError, match="64 hex digits"):
        verify(handed_over, head=head)


def test_nothing_is_signed_on_top_of_what_contradicts_the_publisher_s_own_keys(
    handed_over: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    public(own, SECOND)
    vouching.remember(own, keys.key_id(SECOND.public_key()), [*chain(handed_over), "f" * 64])
    root = Path(shutil.copytree(handed_over, tmp_path / "copy"))
    space = ran(root, "2025Q3")
    with pytest.raises(IntegrityError, match="does not verify"):
        publish(space, signing_key=SECOND, revision_reason="more", key_folder=own)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose commands run the stages of `synthetic_quarter`, and a reader with a folder of keys."""
    root = synthetic_quarter.make_checkout(tmp_path / "checkout")

    def opened(place: Path, quarter: str | None = None) -> Any:
        return synthetic_quarter.workspace(place, quarter or "2025Q3")

    monkeypatch.setattr(settings, "open_workspace", opened)
    monkeypatch.setattr(corridor, "reproduce_quarter", lambda space, force: synthetic_quarter.run_stages(space))
    monkeypatch.setenv("RACE_KEYS", str(tmp_path / "own keys"))
    monkeypatch.chdir(root)
    return root


def private(path: Path, key: Ed25519PrivateKey) -> str:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return str(path)


def test_the_commands_sign_hand_over_and_verify(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def race(*words: str, code: int = 0) -> str:
        assert cli.main(list(words)) == code
        return capsys.readouterr().out

    first, second = private(tmp_path / "1.pem", FIRST), private(tmp_path / "2.pem", SECOND)
    race("publish", "--quarter", "2025Q1", "--reconstructed", "--sign-key", first)
    told = race("publish", "--quarter", "2025Q2", "--reconstructed", "--sign-key", second, "--replaces-key", first)
    head = chain(world)[-1]
    assert head in told
    own = tmp_path / "own keys"
    assert set(keys.read_keys(own)) == {keys.key_id(key.public_key()) for key in (FIRST, SECOND)}
    text = race("audit", "verify", "--head", head)
    assert text.splitlines()[0].startswith("signed, and vouched for by a key you trust")
    assert text.splitlines()[1] == f"head of the chain: {head}"
    assert not (world / "reports" / "keys").exists()
    race("publish", "--quarter", "2025Q3", "--reconstructed", code=2)
    race("publish", "--quarter", "2025Q3", "--reconstructed", "--replaces-key", first, code=2)
    race("publish", "--quarter", "2025Q3", "--reconstructed", "--sign-key", second)
    shutil.rmtree(world / "reports" / "2025Q3")
    path = world / "reports" / "registry.json"
    path.write_bytes(registry.render(registry.read_entries(world / "reports")[:2]))
    found = json.loads(race("audit", "verify", "--json", code=5))
    assert found["first_bad"]["artefact"] == "reports/registry.json: head"
    race("audit", "verify", "--head", "0" * 64, code=5)
    race("audit", "verify", "--head", "latest", code=2)
    shutil.rmtree(own)
    assert json.loads(race("audit", "verify", "--json"))["notes"][0].startswith("SIGNED, BUT NOT BY A KEY YOU TRUST")


def test_a_publisher_without_a_home_still_publishes(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keys, "user_folder", lambda: None)
    words = ["publish", "--quarter", "2025Q1", "--reconstructed", "--sign-key", private(tmp_path / "1.pem", FIRST)]
    assert cli.main(words) == 0
    assert "was not kept outside the checkout" in capsys.readouterr().err


def test_what_was_stated_is_compared_with_the_publication_it_comes_from(tmp_path: Path) -> None:
    root = synthetic_quarter.publish_all(synthetic_quarter.make_checkout(tmp_path), ("2025Q1",))
    published = root / "data" / "published"
    published.mkdir()
    for name in ("2025Q1.json", "2024Q4.json", ".2024Q4.json"):
        (published / name).write_text("{}")
        found = verify(root).to_json()
        (published / name).unlink()
        assert [item["artefact"] for item in found["broken"]] == [f"data/published/{name}"]
    (published / "2025Q1.json").symlink_to(root / "params.yaml")
    assert verify(root).to_json()["first_bad"]["artefact"] == "data/published/2025Q1.json"


def shipped(root: Path) -> list[str]:
    """Return the files under data/ and reports/ that git keeps, or all of them where git is not at hand."""
    try:
        command = ["git", "-C", str(root), "ls-files", "data", "reports"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        files = (path for name in ("data/raw", "data/published", "reports") for path in (root / name).rglob("*"))
        return [path.relative_to(root).as_posix() for path in files if path.is_file()]


def test_what_is_shipped_verifies_and_little_of_it_is_unsealed(root: Path) -> None:
    result = verify(root)
    assert result.verified, result.to_json()["broken"]
    kept = shipped(root)
    files = {item.artefact for item in result.unsealed if item.artefact in kept}
    studies = {f"reports/recovery{name}.md" for name in ("", "_forms", "_larger_runs")}
    assert files <= studies | {name for name in files if name.startswith("data/raw/")}
    assert "reports/recovery.md" in files
    whole_ledgers = {name for name in files if name.startswith("data/raw/")}
    assert all(name.endswith(".csv") for name in whole_ledgers)  # one that no quarter has been published with yet


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_byte_changed_in_what_was_stated_is_named(root: Path, tmp_path: Path, every: int) -> None:
    copied = tmp_path / "copy"
    for name in ("data/raw", "data/published", "reports"):
        shutil.copytree(root / name, copied / name, ignore=shutil.ignore_patterns("*-draft"))
    shutil.copy(root / "params.yaml", copied)
    for turn, path in enumerate(sorted((copied / "data" / "published").rglob("*.json"))[::every]):
        data = path.read_bytes()
        position = (0, len(data) // 2, len(data) - 1)[turn % 3]
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert verify(copied).to_json()["first_bad"]["artefact"] == path.relative_to(copied).as_posix()
        path.write_bytes(data)


def test_the_readme_names_the_head_of_what_is_shipped(root: Path) -> None:
    assert registry.read_entries(root / "reports")[-1].manifest_sha256 in (root / "README.md").read_text(
        encoding="utf-8"
    )
