"""Publishing freezes: nothing is written twice, a correction names what it corrects, a cut-off one completes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic_quarter
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from race_to_efficiency import storage
from race_to_efficiency.commands import audit
from race_to_efficiency.errors import NOT_WRITTEN, DataInvalid, InputMissing, IntegrityError, UsageError
from race_to_efficiency.evaluation.published_inputs import earlier_files
from race_to_efficiency.provenance import closed_chain, contents, registry
from race_to_efficiency.provenance.published_statements import keep_statements
from race_to_efficiency.provenance.publishing import publish
from race_to_efficiency.provenance.verify import verify

KEY = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return synthetic_quarter.make_checkout(tmp_path / "a checkout")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ran(root: Path, quarter: str, **options: Any) -> Any:
    space = synthetic_quarter.workspace(root, quarter)
    synthetic_quarter.run_stages(space, **options)
    return space


def test_a_published_folder_holds_the_report_and_what_explains_it(checkout: Path) -> None:
    space = ran(checkout, "2025Q2")
    entry = publish(space, reconstructed=True)
    folder = checkout / "reports" / "2025Q2"
    files = tree(folder)
    for name, data in tree(space.processed / "report").items():
        assert files[name] == data
    for name in ("kappa.json", "gamma.json", "account.json", "milestones.parquet"):
        assert files[name] == (space.processed / name).read_bytes()
    assert files["params.yaml"] == (checkout / "params.yaml").read_bytes()
    assert set(json.loads(files["manifest.json"])["files"]) == set(files) - {"manifest.json", "registry_entry.json"}
    assert entry.reconstructed
    assert json.loads((checkout / "reports" / "registry.json").read_text())["entries"] == [entry.to_json()]
    citations = {item["source_id"]: item["rows"] for item in json.loads(files["sources.json"])["sources"]}
    assert citations == {
        "chips": {"accelerators": ["chip-a", "chip-b", "chip-c"]},
        "runs": {"training_runs": ["run-1", "run-2", "run-3"]},
    }


def test_the_chain_names_each_manifest_by_its_digest(checkout: Path) -> None:
    synthetic_quarter.publish_all(checkout)
    previous = None
    for name in synthetic_quarter.QUARTERS:
        path = checkout / "reports" / name / "manifest.json"
        assert (json.loads(path.read_text())["previous"] or {}).get("manifest_sha256") == previous
        previous = storage.digest_file(path)


def test_a_published_quarter_is_never_written_again(checkout: Path) -> None:
    synthetic_quarter.publish_all(checkout, ("2025Q1", "2025Q2"))
    before = tree(checkout / "reports")
    for quarter, factor in (("2025Q1", 1.0), ("2025Q2", 2.0)):
        space = ran(checkout, quarter, slope_factor=factor)
        with pytest.raises(UsageError, match="stays as it is") as caught:
            publish(space)
        assert "--revise" in str(caught.value)
    assert tree(checkout / "reports") == before


def test_a_correction_is_a_new_revision_that_names_the_old(checkout: Path) -> None:
    synthetic_quarter.publish_all(checkout, ("2025Q1", "2025Q2"))
    before = tree(checkout / "reports" / "2025Q1")
    space = ran(checkout, "2025Q1", slope_factor=1.1)
    entry = publish(space, revision_reason="a slope was off")
    assert (entry.number, entry.revision, entry.folder) == (3, 2, "2025Q1.r2")
    manifest = json.loads((checkout / "reports" / "2025Q1.r2" / "manifest.json").read_text())
    first = registry.read_entries(checkout / "reports")[0]
    assert manifest["supersedes"] == first.reference()
    assert manifest["reason"] == "a slope was off"
    assert tree(checkout / "reports" / "2025Q1") == before
    assert registry.latest(registry.read_entries(checkout / "reports"), "2025Q1") == entry
    assert verify(checkout).verified
    third = publish(space, revision_reason="and again")
    assert third.supersedes == entry.manifest_sha256
    with pytest.raises(UsageError, match="not published yet"):
        publish(ran(checkout, "2025Q3"), revision_reason="nothing there")


@pytest.mark.parametrize("name", contents.REQUIRED)
def test_a_quarter_that_was_not_run_is_not_published(checkout: Path, name: str) -> None:
    space = ran(checkout, "2025Q1")
    (space.processed / name).unlink()
    with pytest.raises(InputMissing, match="race run --quarter 2025Q1"):
        publish(space)
    assert not (checkout / "reports").exists()


def test_another_quarter_s_files_are_not_published(checkout: Path) -> None:
    space = ran(checkout, "2025Q1")
    other = ran(checkout, "2025Q2")
    shutil.copy(other.processed / "kappa.json", space.processed / "kappa.json")
    with pytest.raises(InputMissing, match="not of 2025Q1"):
        publish(space)


def test_files_that_the_settings_name_are_published_too(checkout: Path) -> None:
    space = ran(checkout, "2025Q1")
    space.params.forecast = SimpleNamespace(scenario_files=("mine/turtle.yaml",))
    with pytest.raises(InputMissing, match=r"turtle\.yaml"):
        publish(space)
    storage.write_text(checkout / "mine" / "turtle.yaml", "- name: turtle\n")
    publish(space)
    assert (checkout / "reports" / "2025Q1" / "inputs" / "mine" / "turtle.yaml").read_text() == "- name: turtle\n"
    outside = ran(checkout, "2025Q2")
    outside.params.forecast = SimpleNamespace(scenario_files=("../turtle.yaml",))
    with pytest.raises(DataInvalid, match="outside the checkout"):
        publish(outside)


def test_too_large_a_file_is_not_published(checkout: Path) -> None:
    space = ran(checkout, "2025Q1")
    (space.processed / "report" / "figures" / "huge.svg").write_bytes(b"x" * 2_000_001)
    with pytest.raises(DataInvalid, match=r"figures/huge\.svg"):
        publish(space)


def test_foreign_files_are_neither_published_nor_removed(checkout: Path) -> None:
    space = ran(checkout, "2025Q1")
    note = checkout / "reports" / "2025Q1" / "my notes.txt"
    storage.write_text(note, "mine")
    with pytest.raises(UsageError, match="no part of the publication"):
        publish(space)
    assert note.read_text() == "mine"
    assert not (checkout / "reports" / "registry.json").exists()
    note.unlink()
    storage.write_text(checkout / "reports" / "2025Q1" / "report.html", "an earlier draft, installed by a run")
    publish(space)
    assert verify(checkout).verified


def test_nothing_is_published_on_a_broken_chain(checkout: Path) -> None:
    synthetic_quarter.publish_all(checkout, ("2025Q1",))
    space = ran(checkout, "2025Q2")
    for path in (
        checkout / "reports" / "2025Q1" / "report.html",
        checkout / "reports" / "registry.json",
        checkout / "data" / "raw" / "accelerators.csv",
    ):
        data = path.read_bytes()
        path.write_bytes(data.replace(b"2025", b"2024", 1))
        with pytest.raises(IntegrityError, match=r"does not verify|not in the registry") as caught:
            publish(space)
        assert path.name in str(caught.value)
        path.write_bytes(data)
    publish(space)


@pytest.mark.parametrize("writes", [1, 9, 14, 15, 16, 17, 18, 19])
def test_a_publication_cut_off_anywhere_is_completed_by_the_next(
    checkout: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_quarter.publish_all(checkout, ("2025Q1",))
    registry_before = (checkout / "reports" / "registry.json").read_bytes()
    space = ran(checkout, "2025Q2")
    count = 0
    write = storage.write_bytes

    def interrupted(path: Path, data: bytes) -> Path:
        nonlocal count
        count += 1
        if count > writes:
            raise KeyboardInterrupt
        return write(path, data)

    monkeypatch.setattr(storage, "write_bytes", interrupted)
    try:
        publish(space, signing_key=None)
    except KeyboardInterrupt:
        assert (checkout / "reports" / "registry.json").read_bytes() == registry_before
    else:
        assert count <= writes  # there was nothing left to cut off
    monkeypatch.undo()
    if count > writes:
        entry = publish(space)
        assert (entry.number, entry.quarter) == (2, "2025Q2")
    assert verify(checkout).verified
    assert [item.quarter for item in registry.read_entries(checkout / "reports")] == ["2025Q1", "2025Q2"]


def test_a_registry_that_lost_its_end_is_not_published_over(checkout: Path) -> None:
    synthetic_quarter.publish_all(checkout, ("2025Q1", "2025Q2"))
    path = checkout / "reports" / "registry.json"
    whole, before = path.read_bytes(), tree(checkout / "reports" / "2025Q2")
    path.write_bytes(registry.render(registry.read_entries(checkout / "reports")[:1]))
    with pytest.raises(IntegrityError):
        publish(ran(checkout, "2025Q3"))
    publish(ran(checkout, "2025Q2", slope_factor=3.0))  # the folder is whole: it is registered again, not rewritten
    assert tree(checkout / "reports" / "2025Q2") == before
    assert path.read_bytes() == whole


def test_an_unsigned_quarter_cannot_follow_a_signed_one(checkout: Path) -> None:
    publish(ran(checkout, "2025Q1"))
    publish(ran(checkout, "2025Q2"), signing_key=KEY)
    space = ran(checkout, "2025Q3")
    with pytest.raises(UsageError, match="signed"):
        publish(space)
    publish(space, signing_key=KEY)
    result = verify(checkout).to_json()
    assert result["verified"]
    assert [item["signature"] for item in result["quarters"]] == ["unsigned", "not vouched for", "not vouched for"]
    assert result["unsigned"] == ["reports/2025Q1"]


def test_the_commit_and_its_state_are_in_the_manifest(checkout: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *words]
        return subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "data/raw", "params.yaml", "requirements.lock")
    git("commit", "-q", "-m", "ledgers")
    publish(ran(checkout, "2025Q1"))
    code = json.loads((checkout / "reports" / "2025Q1" / "manifest.json").read_text())["code"]
    assert (code["commit"], code["clean"]) == (git("rev-parse", "HEAD"), True)
    (checkout / "params.yaml").write_text(synthetic_quarter.PARAMS + "# edited\n")
    publish(ran(checkout, "2025Q2"))
    code = json.loads((checkout / "reports" / "2025Q2" / "manifest.json").read_text())["code"]
    assert code["clean"] is False


def command(words: list[str]) -> int:
    app = typer.Typer()
    audit.register(app)
    code = app(words, standalone_mode=False)
    return code if isinstance(code, int) else 0


def test_the_command_verifies_and_exits_5_with_one_document(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic_quarter.publish_all(checkout)
    monkeypatch.chdir(checkout / "data")
    assert command(["audit", "verify", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["verified"]
    assert "NOT SIGNED" in shown.err
    page = checkout / "reports" / "2025Q2" / "report.html"
    page.write_bytes(page.read_bytes().replace(b"0.500", b"0.501"))
    assert command(["audit", "verify", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["first_bad"]["artefact"] == "reports/2025Q2/report.html"
    assert command(["audit", "verify"]) == 5
    text = capsys.readouterr().out
    assert "first bad artefact" in text
    assert "git restore" in text
    assert command(["audit", "verify", str(checkout / "reports" / "2025Q1")]) == 0
    monkeypatch.chdir(checkout / "reports" / "2025Q2")
    assert command(["audit", "verify"]) == 5


def test_the_command_traces_a_copied_folder(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic_quarter.publish_all(checkout)
    folder = shutil.copytree(checkout / "reports" / "2025Q2", tmp_path / "alone")
    monkeypatch.chdir(tmp_path)
    assert command(["audit", "trace", "gamma", "--folder", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["target"] == "gamma@2025Q2"
    monkeypatch.chdir(folder)
    assert command(["audit", "trace", "gamma@2025Q2", "--rows"]) == 0
    text = capsys.readouterr().out
    assert "accelerators/chip-b" in text
    assert "CC-BY" in text
    with pytest.raises(UsageError, match="2025Q3"):
        command(["audit", "trace", "gamma@2025Q3"])


def test_copied_folders_are_found_where_one_stands(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic_quarter.publish_all(checkout)
    for place in (tmp_path / "plain", tmp_path / "with" / "reports"):
        for quarter in ("2025Q1", "2025Q2"):
            shutil.copytree(checkout / "reports" / quarter, place / quarter)
    monkeypatch.chdir(tmp_path / "plain")
    assert command(["audit", "verify", "--json"]) == 0
    assert [item["quarter"] for item in json.loads(capsys.readouterr().out)["quarters"]] == ["2025Q1", "2025Q2"]
    for place in ("plain", "with"):
        monkeypatch.chdir(tmp_path / place)
        assert command(["audit", "trace", "gamma@2025Q2", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["quarter"] == "2025Q2"
        folder, found = audit.locate_publication("2025Q2")
        assert (folder.name, found) == ("2025Q2", None)
        with pytest.raises(InputMissing, match="no ledgers"):
            audit.find_ledgers(folder, None)
        shutil.copytree(checkout / "data" / "raw", tmp_path / place / "data" / "raw")
        assert audit.find_ledgers(folder, None) == tmp_path / place / "data" / "raw"
    page = tmp_path / "plain" / "2025Q1" / "report.html"
    page.write_bytes(page.read_bytes() + b"\n")
    monkeypatch.chdir(tmp_path / "plain")
    assert command(["audit", "verify", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["first_bad"]["artefact"] == "2025Q1/report.html"
    monkeypatch.chdir(tmp_path / "with")
    assert command(["audit", "verify"]) == 0
    capsys.readouterr()
    shutil.copy(checkout / "params.yaml", tmp_path / "with")  # in a checkout the absence of a registry is a finding
    assert command(["audit", "verify", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["first_bad"]["artefact"] == "reports/registry.json"


QUARTERS = ("2025Q1", "2025Q2")


def closed(root: Path, why: str = "the method changed") -> closed_chain.ClosedChain:
    return closed_chain.close_chain(synthetic_quarter.workspace(root, "2025Q1"), "race-0.1", why)


def chain_of_two(root: Path) -> Path:
    """Publish two quarters with what they stated, as `race publish` keeps it."""
    for name in QUARTERS:
        space = ran(root, name)
        storage.write_json(space.processed / "statements.json", {"statements": []})
        publish(space)
    keep_statements(space)
    return root


@pytest.fixture(scope="module")
def made_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_of_two(synthetic_quarter.make_checkout(tmp_path_factory.mktemp("two") / "a checkout"))


@pytest.fixture
def of_two(made_of_two: Path, tmp_path: Path) -> Path:
    """A checkout with two published quarters."""
    return Path(shutil.copytree(made_of_two, tmp_path / "a checkout"))


def test_a_new_chain_names_the_head_of_the_closed_one_and_why(of_two: Path) -> None:
    checkout = of_two
    before = {name: tree(checkout / "reports" / name) for name in QUARTERS}
    stated = tree(checkout / "data" / "published")
    old = registry.head(registry.read_entries(checkout / "reports"))
    chain = closed(checkout)
    assert chain == closed_chain.ClosedChain("race-0.1", old, "the method changed")
    with pytest.raises(InputMissing, match="nothing is published"):
        verify(checkout)
    for name in QUARTERS:
        assert tree(checkout / "reports" / "race-0.1" / name) == before[name]
        assert not (checkout / "reports" / name).exists()
    assert tree(checkout / "data" / "published" / "race-0.1") == stated
    chain_of_two(checkout)
    entries = registry.read_entries(checkout / "reports")
    assert [(entry.number, entry.quarter, entry.previous) for entry in entries] == [
        (1, "2025Q1", old),
        (2, "2025Q2", entries[0].manifest_sha256),
    ]
    manifest = json.loads((checkout / "reports" / "2025Q1" / "manifest.json").read_text())
    assert manifest["previous"] == {"chain": "race-0.1", "manifest_sha256": old}
    assert manifest["reason"] == "the method changed"
    assert json.loads((checkout / "reports" / "2025Q2" / "manifest.json").read_text())["reason"] is None
    result = verify(checkout, head=old)
    assert result.verified
    assert "2 published since" in result.notes[-1]
    assert result.unsealed == []
    assert any(item.startswith("reports/race-0.1: 2 quarters of a closed chain") for item in result.ledgers)
    files = [path.name for path in earlier_files(checkout / "data" / "published", "2025Q2")]
    assert files == ["2025Q1.json", "2025Q1.json"]
    kept = [path.parent.name for path in earlier_files(checkout / "data" / "published", "2025Q2")]
    assert kept == ["race-0.1", "published"]
    space = synthetic_quarter.workspace(checkout, "2025Q2")
    assert "data/published/race-0.1/2025Q1.json" in contents.input_files(space)


def test_a_closed_chain_is_held_to_what_it_was(of_two: Path) -> None:
    checkout = of_two
    closed(checkout)
    chain_of_two(checkout)
    folder = checkout / "reports" / "race-0.1"
    for path in (folder / "2025Q1" / "report.html", folder / "registry.json", folder / "closed.json"):
        data = path.read_bytes()
        place = data.index(b'"head": "') + 10 if path.suffix == ".json" else len(data) // 2
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        bad = verify(checkout).to_json()["first_bad"]["artefact"]
        assert bad.startswith(("reports/race-0.1/", "reports/registry.json: entry 1")), path.name
        path.write_bytes(data)
    entries = registry.read_entries(folder)
    whole = (folder / "registry.json").read_bytes()
    (folder / "registry.json").write_bytes(registry.render(entries[:1]))
    assert verify(checkout).to_json()["first_bad"]["artefact"] == "reports/race-0.1/registry.json: head"
    (folder / "registry.json").write_bytes(whole)
    statement = checkout / "data" / "published" / "race-0.1" / "2025Q1.json"
    statement.write_bytes(statement.read_bytes() + b" ")
    assert verify(checkout).to_json()["first_bad"]["artefact"] == "data/published/race-0.1/2025Q1.json"
    shutil.rmtree(folder)
    first = verify(checkout).to_json()["first_bad"]
    assert first["artefact"] == "reports/registry.json: entry 1"
    assert "is not under reports/" in first["what"]


@pytest.mark.parametrize("field", ["head", "quarters", "why"])
def test_no_field_of_the_note_of_closing_is_believed(of_two: Path, field: str) -> None:
    closed(of_two)
    chain_of_two(of_two)
    note = of_two / "reports" / "race-0.1" / "closed.json"
    assert verify(of_two).verified
    told = storage.read_json(note)
    wrong = told[field] + 1 if field == "quarters" else told[field][:-1] + chr(ord(told[field][-1]) ^ 1)
    storage.write_json(note, {**told, field: wrong})
    found = verify(of_two)
    assert not found.verified
    assert field == "head" or found.to_json()["first_bad"]["artefact"] == "reports/race-0.1/closed.json"


@pytest.mark.parametrize("after", range(6))
def test_closing_that_was_cut_off_is_completed_by_closing_again(
    of_two: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    checkout = of_two
    whole = tree(checkout / "reports")
    true, done = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        if len(done) == after and path.suffix != ".tmp":
            raise KeyboardInterrupt
        done.append(path)
        return true(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        if after < 5:
            with pytest.raises(KeyboardInterrupt):
                closed(checkout)
        else:
            closed(checkout)
    if after < 5:
        with pytest.raises(UsageError, match="another chain"):
            closed(checkout, "another reason")
        closed(checkout)
    moved = tree(checkout / "reports" / "race-0.1")
    assert {name: data for name, data in moved.items() if name != "closed.json"} == whole
    chain_of_two(checkout)
    assert verify(checkout).verified


def test_what_cannot_be_closed_says_why(checkout: Path) -> None:
    with pytest.raises(InputMissing, match="no chain to close"):
        closed(checkout)
    chain_of_two(checkout)
    for name, why in (("../x", "y"), ("published", " "), ("Race", "y")):
        with pytest.raises(UsageError, match="under a name and for a reason"):
            closed_chain.close_chain(synthetic_quarter.workspace(checkout, "2025Q1"), name, why)
    page = checkout / "reports" / "2025Q1" / "report.html"
    page.write_bytes(page.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="not closed"):
        closed(checkout)
    assert page.exists()


def test_a_report_that_could_not_be_written_whole_is_not_published(checkout: Path) -> None:
    space = ran(checkout, "2025Q2")
    page = space.processed / "report" / "report.html"
    page.write_bytes(page.read_bytes() + f"<strong>{NOT_WRITTEN}</strong>".encode())
    with pytest.raises(DataInvalid, match="could not be written"):
        publish(space)
    assert not (checkout / "reports" / "2025Q2").exists()
