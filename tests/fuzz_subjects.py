"""What is fuzzed: kinds of file, each with the command that reads it and what must hold whatever stands in it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fuzz_mutations as mutations
import yaml
from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.schemas import TABLES

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
LEDGERS = ROOT / "data" / "raw"
DELIVERIES = ROOT / "tests" / "data" / "ledger"


@dataclass
class Answer:
    """What a command answered.

    Parameters
    ----------
    words : list of str
    code : int
    out, err : str
    seconds : float
    """

    words: list[str]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Subject:
    """One kind of file under fuzzing.

    Parameters
    ----------
    name : str
    prepare : callable
        Makes the folder in which the commands run, once.
    attempt : callable
        Changes a file by a random generator, runs commands, and yields in words whatever does not hold; the folder is
        as it was afterwards.
    """

    name: str
    prepare: Callable[[Path], None]
    attempt: Callable[[Path, random.Random, Callable[..., Answer]], Iterator[str]]


def small_checkout(folder: Path, *, lines: int = 25) -> None:
    """Write the settings, every citation and alias, and the first lines of every other ledger."""
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    for path in LEDGERS.glob("*.csv"):
        kept = path.read_bytes().split(b"\n")
        whole = path.stem == "sources"
        (raw / path.name).write_bytes(b"\n".join(kept if whole else kept[: lines + 1]).rstrip(b"\n") + b"\n")


def held(folder: Path) -> dict[Path, bytes]:
    """Return every file of a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".tmp" not in path.parts}


def put_back(folder: Path, files: dict[Path, bytes]) -> None:
    """Make a folder hold these files again and no others."""
    for path in held(folder):
        if path not in files:
            path.unlink()
    for path, data in files.items():
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def records_in(data: bytes) -> int | None:
    """Return the records after the header of CSV bytes by counting lines; None where quotes leave that open."""
    lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    return None if b'"' in data else len(lines) - 1


def changed(rng: random.Random, data: bytes) -> bytes:
    """Return a table's bytes, changed."""
    return rng.choice((mutations.bytes_changed, mutations.cells_changed, mutations.cells_changed))(rng, data)


# --- ledgers ---------------------------------------------------------------------------------------------------------


def ledger(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Read a changed ledger: every line is a row or in quarantine, and the account of the stage adds up."""
    name = rng.choice(sorted(TABLES))
    path = folder / "data" / "raw" / TABLES[name].file_name
    good = path.read_bytes()
    path.write_bytes(changed(rng, good))
    try:
        try:
            intake = read_ledger(name, path.parent)
        except RaceError:
            intake = None
        if intake is not None:
            count, lines = records_in(path.read_bytes()), {*intake.rows["line"], *intake.quarantined["line"]}
            if intake.n_read != len(intake.rows) + intake.n_quarantined or intake.n_read != len(lines):
                yield f"{name}: {intake.n_read} read, {len(intake.rows)} rows, {intake.n_quarantined} quarantined"
            if count is not None and intake.n_read != count:
                yield f"{name}: {count} lines in the file, {intake.n_read} read"
        if rng.random() < 0.2:
            answer = race(["stage", "ingest", "--json"], codes=(0, 3, 5))
            if answer.code == 0:
                account = json.loads((folder / "data" / "processed" / "account.json").read_text())["tables"]
                for table, item in account.items():
                    if item["read"] != item["used"] + sum(item["excluded"].values()) + item["quarantined"]:
                        yield f"the account of {table} does not add up: {item}"
    finally:
        path.write_bytes(good)


# --- settings --------------------------------------------------------------------------------------------------------


def settings(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Read changed settings: good ones are used, others refused with their place; a number asked is a number given."""
    path = folder / "params.yaml"
    good = path.read_bytes()
    if rng.random() < 0.5:
        path.write_bytes(mutations.bytes_changed(rng, good))
    else:
        document = mutations.value_changed(rng, yaml.safe_load(good))
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    try:
        words = ["solve", "fleet", "--target", "0.7", "--by", "5", "--kappa", "0.05", "--gamma", "2", "--money"]
        answer = race([*words, "--baseline-power", "1e7", "--json"], codes=(0, 2, 3))
        if answer.code == 0 and not answer.document["unreachable"] and not answer.document["value"] > 0:
            yield f"no value: {answer.out[:200]}"
        race(["severity", "--json"], codes=(0, 2, 3))
    finally:
        path.write_bytes(good)


# --- an analyst's tables ---------------------------------------------------------------------------------------------

RUNS = "run,params,tokens,compute_flop,loss,model\n" + "".join(
    f"r{n},{10 ** (7 + n / 5):.6g},{2 * 10 ** (9 + n / 5):.6g},{1.2e17 * 10 ** (2 * n / 5):.6g},"
    f"{3.2 * 0.96**n + 0.01 * (n % 3):.5f},m{n % 4}\n"
    for n in range(14)
)
DATED = "name,released,value,maker,flop,watt\n" + "".join(
    f"chip {n},{2008 + n // 2}-{1 + 6 * (n % 2):02d}-15,{2 ** (n / 3):.5g},{'ab'[n % 2]},{1e12 * 2**n:.5g},{100 + n}\n"
    for n in range(16)
)
LINES = "\n".join(json.dumps({"params": 10 ** (7 + n / 4), "tokens": 1e9 * 2**n, "loss": 3 - n / 20}) for n in range(9))


def runs_table(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Fit kappa to a changed table: read = used + excluded + quarantined + not sampled."""
    text = rng.choice((RUNS, RUNS, RUNS, RUNS.replace(",", "\t"), RUNS.replace(",", ";"), LINES))
    path = folder / ("runs.jsonl" if text == LINES else "runs.csv")
    path.write_bytes(changed(rng, text.encode()))
    words = ["fit", "kappa", path.name, "--form", "power_law", "--bootstrap", "100", "--frontier", "all"]
    more = rng.choice(
        ([], ["--exclude", "loss > 4"], ["--cluster", "model"], ["--column", "loss=loss"], ["--delta", "9"])
    )
    yield from account_adds_up(race(shown(rng, [*words, *more]), codes=(0, 2, 3, 4)), path)


def dated_table(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Fit gamma to a changed table: read = used + outside + missing + quarantined."""
    path = folder / "chips.csv"
    path.write_bytes(changed(rng, DATED.encode()))
    words = ["fit", "gamma", path.name, "--date", "released", "--value", "value", "--draws", "100"]
    more = rng.choice(([], ["--group", "maker"], ["--cluster", "name"], ["--estimator", "frontier"], ["--falling"],
                       ["--start", "2010-01-01"], ["--censored-below", "2"], ["--estimator", "quantile"]))  # fmt: skip
    yield from account_adds_up(race(shown(rng, [*words, *more]), codes=(0, 2, 3, 4)), path)


FORECASTS = "model_id,reference_date,target_end_date,output_type,output_type_id,value,oracle_value\n" + "".join(
    f"{model},2024-0{month}-01,2024-0{month + 1}-01,quantile,{level},{month + 3 * level + shift},{month + 1.2}\n"
    for model, shift in (("a", 0), ("b", 0.5))
    for month in (1, 2, 3)
    for level in (0.1, 0.25, 0.5, 0.75, 0.9)
)
OTHER_NAMES = ("model", "level", "value", "observed", "wis", "n", "predicted", "model_id", "location", "quantile", "")


def forecasts(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Score a changed table of forecasts: every row of a model is part of a scored or refused one, or set aside."""
    path = folder / "forecasts.csv"
    text = FORECASTS
    if rng.random() < 0.4:  # a column more, or one of another name
        name = rng.choice(OTHER_NAMES)
        head, _, body = text.partition("\n")
        if rng.random() < 0.5:
            text = f"{head},{name}\n" + "".join(f"{line},{n % 3}\n" for n, line in enumerate(body.split()))
        else:
            text = head.replace(rng.choice(head.split(",")), name) + "\n" + body
    path.write_bytes(changed(rng, text.encode()) if rng.random() < 0.8 else text.encode())
    more = rng.choice(([], ["--baseline", "a"], ["--log2"], ["--outcomes", path.name]))
    answer = race(shown(rng, ["score", path.name, *more]), codes=(0, 2, 3))
    if answer.code == 0 and "--json" in answer.words:
        document = answer.document
        counted = 5 * (document["forecasts_scored"] + sum(document["forecasts_refused"].values()))
        counted += sum(document["rows_set_aside"].values())
        count = records_in(path.read_bytes())
        if count is not None and path.read_bytes() == FORECASTS.encode() and counted != count:
            yield f"{count} rows, {counted} accounted for"


def shown(rng: random.Random, words: list[str]) -> list[str]:
    """Return a command that answers a program, or now and then a person."""
    return [*words, "--json"] if rng.random() < 0.7 else words


def account_adds_up(answer: Answer, path: Path) -> Iterator[str]:
    """Yield what does not hold of the account of a fit."""
    document = answer.document if "--json" in answer.words else {}
    if "account" not in document:
        return
    account = dict(document["account"])
    read = account.pop("read")
    if read != sum(account.values()):
        yield f"{read} read = {account}"
    count = records_in(path.read_bytes())
    if count is not None and read < count - 1 and path.suffix == ".csv":
        yield f"{count} lines after the header, {read} read"


# --- deliveries ------------------------------------------------------------------------------------------------------

SPEEDRUN = """\
| # | Record time | Description | Date | Log | Contributors |
| - | - | - | - | - | - |
1 | 45 minutes | [llm.c baseline](https://example.org/1) | 05/28/24 | [log](a/b.txt) | @a, contributors
2 | 31.4 minutes | [Tuned learning rate](https://example.org/2) & rotary embeddings | 06/06/24 | [log](c.txt) | @b
3 | 24.9 minutes | [Introduced an optimizer](https://example.org/3) | 10/04/24 | none | @b
"""
EXPORTS = {
    "epoch-hardware": ("hardware_generation_1.csv", "hardware_generation_2.csv", "hardware_generation_3.csv"),
    "epoch-models": ("models_generation_1.csv", "models_generation_2.csv"),
    "speedrun": ("",),
}


def delivery(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Import a changed export: refused with the ledgers untouched, or accepted with nothing newly quarantined."""
    source = rng.choice(sorted(EXPORTS))
    file = rng.choice(EXPORTS[source])
    data = (DELIVERIES / file).read_bytes() if file else SPEEDRUN.encode()
    path = folder / f"export-2026-06-30{'.csv' if file else '.md'}"
    path.write_bytes(changed(rng, data))
    words = ["import", source, path.name, *rng.choice(([], ["--accept-renames"]))]
    yield from imported(folder, race, shown(rng, words))


def imported(folder: Path, race: Callable[..., Answer], words: list[str]) -> Iterator[str]:
    """Run an import and yield what does not hold; the ledgers are as they were afterwards."""
    raw = folder / "data" / "raw"
    before, bad = held(raw), quarantined(raw, TABLES)
    try:
        answer = race(words, codes=(0, 2, 3))
        if answer.code:
            if held(raw) != before:
                yield "the import was refused, and the ledgers changed"
            return
        found = answer.document if "--json" in words else {}
        parts = ("unchanged", "new", "revised", "excluded", "quarantined")
        if found and found["read"] != sum(found[name] for name in parts):
            yield f"{found['read']} read = {[found[name] for name in parts]}"
        after = held(raw)
        files = {name: raw / table.file_name for name, table in TABLES.items()}
        grown = [name for name, path in files.items() if after[path] != before[path]]
        if quarantined(raw, grown) != {name: bad[name] for name in grown}:
            yield "a line that was appended is quarantined on the next read"
        spoilt = [str(path) for path, data in before.items() if not after[path].startswith(data)]
        if spoilt:
            yield f"more than appended: {spoilt}"
    finally:
        put_back(raw, before)


def quarantined(raw: Path, names: Iterable[str]) -> dict[str, int]:
    """Return the quarantined lines of ledgers; those of unchanged ones are remembered."""
    contents = {name: (name, storage.digest_file(raw / TABLES[name].file_name)) for name in names}
    for name, key in contents.items():
        if key not in _KNOWN:
            _KNOWN[key] = read_ledger(name, raw).n_quarantined
    return {name: _KNOWN[key] for name, key in contents.items()}


_KNOWN: dict[tuple[str, str], int] = {}


RECORD = {
    "source_id": "finch2026", "title": "Small birds", "authors": "Finch", "year": 2026, "identifier": "x",
    "family": "f",
    "licence": "CC-BY 4.0", "loss_unit": "nats/token", "released": "2026-01-15", "run_id_prefix": "f-",
    "columns": {"params": "Model Size"}, "constants": {"model_family": "L", "dataset": "C4"}, "citation": "Finch 2026",
}  # fmt: skip
FINCHES = "Model Size,tokens,loss_nats,run_id\n" + "".join(
    f"{n + 1}e8,{n + 1}e10,{3 - n / 9:.4f},{n}\n" for n in range(8)
)


def source_record(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Import runs with a changed source record, and now and then a changed table."""
    path = folder / "finch-2026-06-30.csv"
    path.write_bytes(changed(rng, FINCHES.encode()) if rng.random() < 0.3 else FINCHES.encode())
    note = yaml.safe_dump(RECORD, sort_keys=False).encode()
    change = rng.randrange(3)
    if change == 0:
        note = mutations.bytes_changed(rng, note)
    elif change == 1:
        note = yaml.safe_dump(mutations.value_changed(rng, RECORD), allow_unicode=rng.random() < 0.5).encode()
    else:
        hostile = {**RECORD, **{name: rng.choice(mutations.TEXTS) for name in rng.sample(sorted(RECORD), 2)}}
        note = yaml.safe_dump(hostile, allow_unicode=rng.random() < 0.5).encode()
    path.with_suffix(".source.yaml").write_bytes(note)
    yield from imported(folder, race, shown(rng, ["import", "training-runs", path.name]))


def log_text(minutes: float) -> str:
    """Return an MLPerf log of one run."""
    events = [("global_batch_size", 0, 256, {}), ("init_start", 0, None, {}), ("init_stop", 5, None, {}),
              ("run_start", 1000, None, {}), ("epoch_start", 1000, 1, {}), ("epoch_stop", 1700, 1, {}),
              ("run_stop", 1000 + minutes * 60_000, None, {"status": "success"})]  # fmt: skip
    lines = [
        f":::MLLOG {json.dumps({'key': key, 'time_ms': at, 'value': value, 'metadata': more})}"
        for key, at, value, more in events
    ]
    return "noise\n" + "\n".join(lines) + "\n"


SYSTEM = {
    "accelerator_model_name": "NVIDIA A100-SXM4-80GB", "accelerators_per_node": "8", "number_of_nodes": "2",
    "division": "closed", "status": "Available on-premise", "framework": "Framework 1.0",
}  # fmt: skip


def round_of_mlperf(folder: Path) -> None:
    """Write two results of an invented round."""
    small_checkout(folder)
    for system in ("box_a", "box_b"):
        place = folder / "training_results_v9.1" / "Acme" / "results" / system / "resnet"
        place.mkdir(parents=True)
        for number in range(5):
            (place / f"result_{number}.txt").write_text(log_text(90.0 + number), encoding="utf-8")
        (place / "scaling.json").write_text('{"scaling_factor": 1.05}', encoding="utf-8")
        described = place.parents[2] / "systems" / f"{system}.json"
        described.parent.mkdir(exist_ok=True)
        described.write_text(json.dumps(SYSTEM), encoding="utf-8")


def logs(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Import a round with one changed file: the other system's result is taken whatever happens to this one's."""
    results = folder / "training_results_v9.1"
    path = rng.choice(sorted(path for path in results.rglob("*") if path.is_file() and "box_a" in str(path)))
    good = path.read_bytes()
    if path.suffix == ".json" and rng.random() < 0.6:
        path.write_text(json.dumps(mutations.value_changed(rng, json.loads(good))), encoding="utf-8")
    elif rng.random() < 0.4:
        lines = good.decode().split("\n")
        lines[rng.randrange(len(lines))] = f":::MLLOG {json.dumps(mutations.some_value(rng))}"
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        path.write_bytes(changed(rng, good))
    try:
        words = ["import", "mlperf", results.name, "--recorded", "2026-06-30", "--released", "2026-06-10"]
        whole = race([*words, "--dry-run", "--json"], codes=(0,))
        if whole.code == 0 and whole.document["new"] < 1:
            yield f"the other result was lost: {whole.out[:300]}"
        yield from imported(folder, race, shown(rng, words))
    finally:
        path.write_bytes(good)


# --- what is published -----------------------------------------------------------------------------------------------


def publications(folder: Path) -> None:
    """Copy the inputs and the publications of the checkout."""
    small_checkout(folder)
    for name in ("data/published", "reports"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("dvc.yaml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    for path in (folder / "reports").rglob("*"):  # pages and figures are read by nothing but the verification
        if path.suffix in (".svg", ".pdf", ".html", ".md"):
            path.unlink()


def published(folder: Path, rng: random.Random, race: Callable[..., Answer]) -> Iterator[str]:
    """Read publications of which one JSON file is changed: refused, or the answer is that of the unchanged ones."""
    files = sorted(path for name in ("data/published", "reports") for path in (folder / name).rglob("*.json"))
    path = rng.choice(files)
    quarter = path.parent.name if path.parent.name[:2] == "20" else "2026Q1"
    commands = [
        ["show", rng.choice(("estimates", "gamma", "statements", "scores")), "--quarter", quarter],
        ["export", rng.choice(("prov", "crate", "citations", "datapackage")), "--quarter", quarter],
        ["audit", "trace", rng.choice(("gamma", "R(5)", "kappa_total")), "--quarter", quarter],
        ["audit", "verify"],
    ]
    words, good = rng.choice(commands), path.read_bytes()
    if words[:2] == ["audit", "verify"]:
        words = ["audit", "verify", str(path.parent) if path.parent.name == quarter else "reports"]
    words = shown(rng, words)
    fine = race(words, codes=(0, 2, 3, 4, 5, 6, 7))
    if rng.random() < 0.5:
        path.write_bytes(mutations.bytes_changed(rng, good))
    else:
        document = mutations.value_changed(rng, json.loads(good))
        path.write_text(rng.choice((storage.dumps, json.dumps))(document), encoding="utf-8")
    try:
        answer = race(words, codes=(0, 3, 5, 6))
        if answer.code == 0 and answer.out != fine.out and path.read_bytes() != good and "trace" not in words:
            yield f"{path.relative_to(folder)} was changed, and the answer of {' '.join(words)} with it"
    finally:
        path.write_bytes(good)


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("ledger", small_checkout, ledger),
        Subject("settings", small_checkout, settings),
        Subject("runs", small_checkout, runs_table),
        Subject("dated", small_checkout, dated_table),
        Subject("forecasts", small_checkout, forecasts),
        Subject("export", small_checkout, delivery),
        Subject("record", small_checkout, source_record),
        Subject("logs", round_of_mlperf, logs),
        Subject("published", publications, published),
    )
}
