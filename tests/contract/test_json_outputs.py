"""What the commands print with ``--json`` is what the JSON Schema of each says, on small inputs and small worlds."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import json_documents
import numpy as np
import pytest
import report_quarter
import synthetic_quarter
from race_to_efficiency import cli, storage
from race_to_efficiency.commands import corridor, export, run
from race_to_efficiency.commands.views import BRIEF, VIEWS
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance import manifest, rederive, registry, verify
from race_to_efficiency.provenance.published_files import published_json
from race_to_efficiency.quarter.answers import Answers
from race_to_efficiency.quarter.evaluation import Evaluation
from race_to_efficiency.quarter.here import memory_of
from race_to_efficiency.quarter.node import Computed, Node
from race_to_efficiency.settings import params as config
from small_settings import section

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "ledger"

Race = Callable[..., Any]


# --- what the commands print -----------------------------------------------------------------------------------------


@pytest.fixture
def race(capsys: pytest.CaptureFixture[str]) -> Race:
    """Run ``race WORDS --json``: its exit code is as expected, and stdout is one document as its schema says."""

    def call(schema: str, *words: object, code: int = 0) -> Any:
        found = cli.main([*map(str, words), "--json"])
        shown = capsys.readouterr()
        assert found == code, shown.err
        return json_documents.check(schema, json_documents.read(shown.out))

    return call


K = ("--kappa", "0.05", "--gamma", "2")
PREDICTIONS = {
    "years": (*K, "--t", "0", "--t", "1", "--t", "5"),
    "floor": ("--kappa", "0.15", "--gamma", "-0.5", "--t", "3", "--floor", "0.9", "--anchor-compute", "5e26"),
    "path": (*K, "--t", "4", "--breaks", "0,2", "--multiples", "1,4", "--start-delay", "0.5", "--frozen"),
    "saturating": (*K, "--t", "9", "--headroom", "7", "--saturation", "tanh", "--fleet-growth", "0.1"),
    "runs": (*K, "--t", "2", "--convention", "run", "--power-growth", "1", "--duration-growth", "0.1"),
    "beyond numbers": (*K, "--t", "600", "--anchor-compute", "1e300", "--unit", "pfs-day"),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predict(race: Race, name: str) -> None:
    race("predict", "predict", *PREDICTIONS[name])


SOLUTIONS = {
    "time": ("time", "--target", "0.7", *K),
    "time, unreachable": ("time", "--target", "0.4", "--kappa", "0.1535", "--gamma", "2", "--floor", "0.5"),
    "time on a path": ("time", "--target", "0.7", *K, "--fleet-growth", "0.5", "--headroom", "3"),
    "gamma": ("gamma", "--target", "0.9", "--by", "10", "--kappa", "0.05"),
    "gamma, any": ("gamma", "--target", "1", "--by", "10", "--kappa", "0.05"),
    "gamma, unreachable": ("gamma", "--target", "0.9", "--by", "0", "--kappa", "0.05"),
    "fleet": ("fleet", "--target", "0.7", "--by", "5", *K, "--baseline-power", "1e7", "--money"),
    "fleet, unreachable": ("fleet", "--target", "0.7", "--by", "0", *K, "--baseline-power", "1e7", "--money"),
    "kappa": ("kappa", "--target", "0.8", "--by", "5", "--gamma", "2"),
    "kappa, unreachable": ("kappa", "--target", "0.8", "--by", "0", "--gamma", "2"),
    "crossover": ("crossover", "--hare-fleet", "10", "--hare-gamma", "0.5", "--turtle-fleet", "1",
                  "--turtle-gamma", "2", "--target", "0.7", "--kappa", "0.05", "--money"),
    "crossover, unreachable": ("crossover", "--hare-fleet", "10", "--hare-gamma", "2", "--turtle-fleet", "1",
                               "--turtle-gamma", "1", "--target", "0.4", "--kappa", "0.1", "--floor", "0.5", "--money"),
    "wait": ("wait", "--deadline", "5", "--gamma", "0.5", "--price-decline", "0.14", "--capital-cost", "2"),
    "wait for a job": ("wait", "--work", "3", "--gamma", "0.5"),
    "split": ("split", "--budget-fleet", "10", "--by", "5", "--base-gamma", "0.5", "--gamma-per-budget", "2",
              "--kappa", "0.05"),
}  # fmt: skip


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solve(race: Race, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # --money reads params.yaml
    found = race("solve", "solve", *SOLUTIONS[name])
    assert found["unreachable"] is name.endswith("unreachable")
    assert (found["value"] is None) is (found["reason"] is not None)


def test_severity(race: Race, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    race("severity", "severity", "--baseline-power", "2.26e7", "--unit", "pfs-day")
    monkeypatch.chdir(tmp_path)
    assert (
        race("severity", "severity", "--kappa", "1e-4")["baseline_power_w"] == section("cost").values.baseline_power_w
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("predict", "--kappa", "0.05"), 2),
        (("predict", *K, "--t", "nan"), 2),
        (("nothing",), 2),
        (("solve", "time", "--target", "0.9", *K, "--floor", "0.5", "--kappa-form", "total"), 2),
        (("import", "mlperf", "absent-2026-06-30"), 6),
        (("fit", "kappa", "absent.csv"), 6),
        (("audit", "verify", "absent"), 6),
    ],
)
def test_a_failure_is_one_document_too(race: Race, words: tuple[str, ...], code: int) -> None:
    assert race("error", *words, code=code)["error"]["exit_code"] == code


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def runs_file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    compute = np.geomspace(1e18, 1e22, 24)
    loss = 30 * compute**-0.05 * np.exp(rng.normal(0, 0.004, 24))
    rows = [{"compute_flop": c, "loss": y, "kind": "used"} for c, y in zip(compute, loss, strict=True)]
    rows += [{"compute_flop": 1e20, "loss": "n/a", "kind": "used"}, {"compute_flop": 1e20, "loss": 3, "kind": "other"}]
    return write_rows(tmp_path / "runs.csv", rows)


def test_fit_kappa(race: Race, runs_file: Path) -> None:
    words = ("fit", "kappa", runs_file, "--form", "power_law", "--bootstrap", "100", "--frontier", "all")
    found = race("fit_kappa", *words, "--exclude", "kind == other")
    assert found["account"] == {"read": 26, "used": 24, "excluded": 1, "quarantined": 1}
    assert found["estimates"][0]["status"] != "refused"
    assert found["influence"]
    few = write_rows(
        runs_file.with_name("few.csv"), [{"compute_flop": 1e20, "loss": 3}, {"compute_flop": 1e21, "loss": 2}]
    )
    refused = race("fit_kappa", "fit", "kappa", few, "--bootstrap", "100", code=4)
    assert {item["status"] for item in refused["estimates"]} == {"refused"}


def test_a_saved_fit_its_comparison_and_what_it_predicts(race: Race, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    sizes, seen = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 1e10, 6), np.geomspace(1e9, 1e12, 6)))
    loss = (1.8 + 480 * sizes**-0.35 + 2000 * seen**-0.37) * np.exp(rng.normal(0, 0.003, 36))
    rows = [{"params": n, "tokens": d, "loss": y} for n, d, y in zip(sizes, seen, loss, strict=True)]
    file, saved = write_rows(tmp_path / "runs.csv", rows), tmp_path / "fit.json"
    words = (
        "--bootstrap",
        "100",
        "--compare",
        "--fit-below",
        "1e22",
        "--save",
        saved,
        "--draws",
        tmp_path / "d.parquet",
    )
    found = race("fit_kappa", "fit", "kappa", file, *words)
    assert {row["form"] for row in found["forms"]} == {"chinchilla", "floor", "power_law"}
    assert {row["form"] for row in found["held_out"]} >= {"chinchilla"}
    draws = storage.read_parquet(tmp_path / "d.parquet")
    assert set(draws["form"]) == {"chinchilla", "floor", "power_law"}
    for asked in (("--budget", "1e23"), ("--compute", "1e23"), ("--params", "1e10", "--tokens", "1e11")):
        race("predict_fit", "predict", "--fit", saved, *asked)
    for wrong in (
        (),
        ("--budget", "1e23", "--compute", "1e23"),
        ("--params", "1e10"),
        ("--compute", "1e23", "--t", "1"),
    ):
        race("error", "predict", "--fit", saved, *wrong, code=2)
    race("error", "predict", "--fit", file, "--compute", "1e23", code=3)


def test_fit_gamma(race: Race, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows: list[dict[str, Any]] = [
        {"day": f"{year:.3f}", "speed": 2 ** (0.4 * (year - 2015) + rng.normal(0, 0.3)), "maker": name}
        for name in ("a", "b")
        for year in np.linspace(2015, 2024, 18)
    ]
    rows += [{"day": "2020-01-01", "speed": "inf", "maker": "a"}, {"day": "2020-01-01", "speed": 1, "maker": "few"}]
    file = write_rows(tmp_path / "chips.csv", rows)
    for more in ((), ("--estimator", "frontier"), ("--start", "2030-01-01")):
        words = ("fit", "gamma", file, "--date", "day", "--value", "speed", "--group", "maker", "--draws", "100", *more)
        race("fit_gamma", *words, code=3 if "--start" in more else 0)
    found = race("fit_gamma", *words[:-2])
    assert {item["group"]: item["value"] is None for item in found["estimates"]} == {
        "a": False,
        "b": False,
        "few": True,
    }
    assert found["account"]["quarantined"] == 1


@pytest.fixture(scope="module")
def small_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings, every citation, and the first lines of every other ledger; two cells do not hold."""
    folder = tmp_path_factory.mktemp("small")
    shutil.copy(ROOT / "params.yaml", folder)
    for path in (ROOT / "data" / "raw").glob("*.csv"):
        lines = path.read_bytes().splitlines(keepends=True)
        storage.write_bytes(
            folder / "data" / "raw" / path.name, b"".join(lines if path.stem == "sources" else lines[:6])
        )
    chips = folder / "data" / "raw" / "accelerators.csv"
    header, first, *rest = chips.read_text(encoding="utf-8").splitlines()
    bad = ["lots" if name == "tdp_w" else cell for name, cell in zip(header.split(","), first.split(","), strict=True)]
    storage.write_text(chips, "\n".join([header, ",".join(bad), *rest, ""]))
    return folder


def test_import_and_ingest(race: Race, small_checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(small_checkout, tmp_path / "checkout")
    monkeypatch.chdir(folder)
    for number, day in enumerate(("2026-06-30", "2026-09-30", "2026-12-31"), start=1):
        shutil.copy(DATA / f"hardware_generation_{number}.csv", folder / f"chips-{day}.csv")
    first = race("import", "import", "epoch-hardware", "chips-2026-06-30.csv", "--accept-withdrawals")
    assert first["exclusions"]
    assert first["withdrawals"]
    renamed = (folder / "chips-2026-09-30.csv").read_text(encoding="utf-8").replace("Acme Two SXM", "Acme Two PCIe")
    storage.write_text(folder / "chips-2026-09-30.csv", renamed.replace("815.0,300.0", "815.0,600.0"))
    second = race("import", "import", "epoch-hardware", "chips-2026-09-30.csv", "--dry-run")
    assert second["proposed_renames"]
    assert [item["kind"] for item in second["flags"] if "factor" in item] == ["power_of_two"]
    assert second["revisions"]
    assert second["dry_run"]
    found = race("stage", "stage", "ingest")
    assert found["quarantined"][0]["value"] == "lots"


def test_cache(race: Race, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(root / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    empty = race("cache", "cache")
    assert empty["nodes"] == []
    monkeypatch.setattr("race_to_efficiency.quarter.evaluation.code_digest", lambda module: module)
    world: Any = SimpleNamespace(tables={})
    Evaluation(world, memory_of(tmp_path)).ask(Node("test.one", lambda _: Computed({"value": 1.0})))
    (node,) = race("cache", "cache")["nodes"]
    assert node["node"] == "test.one"
    drawn = Answers(tmp_path, "drawings")
    drawn.of("a chart", lambda: "<svg/>")
    drawn.keep()
    names = {item["node"]: item["bytes"] for item in race("cache", "cache")["nodes"]}
    assert names.keys() == {node["node"], "answers.drawings"}
    assert race("cache", "cache", "--clear")["removed"] >= sum(names.values()) > node["bytes"] > 0
    assert race("cache", "cache")["nodes"] == []


def test_dictionary(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert not race("dictionary", "dictionary", "--check")["changed"]


def test_recovery(race: Race, small_checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(small_checkout, tmp_path / "checkout"))
    words = (
        "recovery",
        "--case",
        "joint_floor_2y",
        "--case",
        "predictive_trend_10",
        "--datasets",
        "2",
        "--workers",
        "1",
    )
    assert race("recovery", *words)["rows"]


# --- a published world -----------------------------------------------------------------------------------------------


def use_code(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take a folder of our own for the code in use: the true one may be edited while this runs."""
    for user in (manifest, rederive):
        monkeypatch.setattr(user, "code_in_use", lambda: folder)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("published"))
    storage.write_text(root / "pipeline" / "race_to_efficiency" / "calibration" / "slope.py", "1.0\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_code(monkeypatch, root)
        return synthetic_quarter.publish_all(root, ("2025Q1", "2025Q2"))


@pytest.fixture
def world(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two published quarters, its commands on the stages of `synthetic_quarter`."""
    root = Path(shutil.copytree(published, tmp_path / "a checkout"))
    use_code(monkeypatch, root)

    def opened(place: Path, quarter: str | None = None) -> Any:
        space = synthetic_quarter.workspace(place, quarter or "2025Q3")
        space.params.report = section("report", reconstructed=quarter is not None)
        return space

    monkeypatch.setattr(config, "open_workspace", opened)
    monkeypatch.setattr(corridor, "run_corridor", synthetic_quarter.run_stages)
    monkeypatch.setattr(corridor, "reproduce_quarter", lambda space, force: synthetic_quarter.run_stages(space))
    monkeypatch.chdir(root)
    return root


TARGETS = (
    "gamma",
    "kappa_total",
    "R5",
    "R3",
    "chip.paper",
    "severity.years",
    "forecast:horizon=5",
    "training_runs/run-1",
)


@pytest.mark.parametrize("target", TARGETS)
def test_trace(race: Race, world: Path, target: str) -> None:
    assert race("audit_trace", "audit", "trace", f"{target}@2025Q2")["chain"]["intact"]


def test_trace_of_what_is_not_published(race: Race, world: Path) -> None:
    synthetic_quarter.run_stages(synthetic_quarter.workspace(world, "2025Q3"))
    assert race("audit_trace", "audit", "trace", "gamma@2025Q3")["chain"]["published"] is False


def test_trace_of_what_is_never_reached(race: Race, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = synthetic_quarter.workspace(world, "2025Q3")
    synthetic_quarter.run_stages(space)
    file = space.processed / "milestones.parquet"
    table = storage.read_parquet(file).assign(value=[2.5, np.inf], unreachable_probability=0.625)
    storage.write_parquet(file, table)
    assert "unreachable" not in race("audit_trace", "audit", "trace", "milestones:horizon=1@2025Q3")
    found = race("audit_trace", "audit", "trace", "milestones:horizon=2@2025Q3")
    assert (found["value"], found["unreachable"]) == (None, True)
    assert found["reason"] == "never reached in 62.5% of the draws"
    assert cli.main(["audit", "trace", "milestones:horizon=2@2025Q3"]) == 0
    assert "never reached in 62.5% of the draws" in capsys.readouterr().out
    assert json_documents.problem("audit_trace", {key: found[key] for key in found if key != "reason"})


def test_verify_and_rederive(race: Race, world: Path) -> None:
    race("audit_verify", "audit", "verify")
    race("audit_verify", "audit", "verify", "reports/2025Q1")
    race("audit_rederive", "audit", "rederive", "2025Q1")
    ledger = world / "data" / "raw" / "accelerators.csv"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace("1.0e11", "1.1e11", 1), encoding="utf-8")
    assert race("audit_verify", "audit", "verify", code=5)["first_bad"]
    found = race("audit_rederive", "audit", "rederive", "2025Q2", code=5)
    assert found["differences"]
    assert found["causes"]
    assert race("audit_trace", "audit", "trace", "gamma@2025Q2")["chain"]["first_bad"]


def test_publish_and_report(race: Race, world: Path) -> None:
    found = race("publish", "publish", "--quarter", "2025Q3")
    assert (found["number"], found["reconstructed"]) == (3, True)
    assert race("publish", "publish", "--quarter", "2025Q3", "--revise", "a slope")["supersedes"]
    race("error", "publish", "--quarter", "2025Q3", code=2)
    shutil.rmtree(world / "data" / "processed")
    assert race("report", "report", "--quarter", "2025Q3")["path"] == "reports/2025Q3.r2/report.html"


def test_publish_closes_a_chain(race: Race, world: Path) -> None:
    words = ("publish", "--close-chain", "race-0.1")
    race("error", *words, code=2)
    found = race("publish", *words, "--why", "the method changed")
    assert found["chain"] == "race-0.1"
    race("error", "publish", "--quarters", "2025Q1..2025Q3", "--quarter", "2025Q3", code=2)
    links = race("publish", "publish", "--quarters", "2025Q1..2025Q3", "--reconstructed")["quarters"]
    assert [link["quarter"] for link in links] == ["2025Q1", "2025Q2", "2025Q3"]
    assert [link["previous"] for link in links] == [found["head"], *(link["manifest_sha256"] for link in links[:-1])]
    assert race("audit_verify", "audit", "verify")["broken"] == []
    before = (world / "reports" / "registry.json").read_bytes()
    race("error", "publish", "--quarters", "2025Q3..2025Q4", code=2)  # refused for its first before its last is made
    race("error", "publish", "--quarters", "2024Q4..2025Q1", code=2)
    assert (world / "reports" / "registry.json").read_bytes() == before


def test_export(race: Race, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("crate", "prov", "citations"):
        race("export", "export", kind, "--quarter", "2025Q2")
    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    race("export", "export", "datapackage")


def test_run_and_show_estimates(race: Race, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = report_quarter.workspace(tmp_path)
    report_quarter.write_quarter(space.processed)
    synthetic_quarter.make_checkout(tmp_path)
    storage.write_bytes(space.processed / "report" / "report.html", b"<!doctype html>\n")
    storage.write_json(space.processed / "headline.json", [])  # its rows are held where the forecast stage is tested
    quarantine = storage.read_parquet(space.processed / "quarantine.parquet").assign(line=7, recorded="2026-01-01")
    storage.write_parquet(space.processed / "quarantine.parquet", quarantine)
    monkeypatch.setattr(config, "open_workspace", lambda root, quarter=None: space)
    monkeypatch.setattr(corridor, "reproduce", lambda workspace, force, checks: force)
    monkeypatch.chdir(tmp_path)
    found = race("run", "run", "--allow-empty")
    assert {item["id"] for item in found["estimates"]} == set(run.HEADLINE_ESTIMATES)
    assert found["quarantined"][0]["value"] == report_quarter.HOSTILE[0]
    many = race("run", "run", "--allow-empty", "--quarters", "2025Q4..2026Q1", "--workers", "2")
    assert many == {"quarters": [found, found]}
    assert race("show_estimates", "show", "estimates")["estimates"]


# --- the quarters that are published here ----------------------------------------------------------------------------


CHAIN_STATE = cache(verify.chain_state)


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> str:
    """The newest quarter published in this checkout, whose chain is verified once for all that trace it."""
    monkeypatch.setattr(verify, "chain_state", CHAIN_STATE)
    if not (ROOT / "reports" / "registry.json").is_file():
        pytest.skip("nothing is published in this checkout; own small quarters cover the commands")
    monkeypatch.chdir(ROOT)
    entries = storage.read_json(ROOT / "reports" / "registry.json")["entries"]
    return str(max(entry["quarter"] for entry in entries))


@pytest.mark.parametrize("view", VIEWS)
def test_show_of_a_published_quarter(race: Race, shipped: str, view: str) -> None:
    folder = registry.newest_folder(ROOT / "reports", shipped)
    assert folder is not None
    places = (folder / BRIEF, ROOT / "data" / "processed" / "report" / BRIEF)
    if view == "headline" and not any(place.is_file() for place in places):  # published before there was a brief
        race("error", "show", view, "--quarter", shipped, code=6)
        return
    found = race(f"show_{view}", "show", view, "--quarter", shipped)
    assert found["quarter"] == shipped
    assert found[VIEWS[view].rows]


@pytest.mark.parametrize("target", ["gamma", "kappa_total", "R(5)"])
def test_trace_of_a_published_quarter(race: Race, shipped: str, target: str) -> None:
    """What was published before edges were kept is traced once it has been run here; until then it says how."""
    words = ("audit", "trace", f"{target}@{shipped}")
    kept = (ROOT / "reports" / shipped / "lineage.parquet").is_file()
    if kept or (ROOT / "data" / "processed" / "lineage_ingest.parquet").is_file():
        assert race("audit_trace", *words)["sources"]
    else:
        assert f"race run --quarter {shipped}" in race("error", *words, code=6)["error"]["remedy"]


def test_a_row_of_a_published_quarter_tells_what_it_reaches(
    race: Race, shipped: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"training_runs/chinchilla-100@{shipped}"
    reached = race("audit_trace", "audit", "trace", target)["reaches"]
    assert cli.main(["audit", "trace", target]) == 0
    said = capsys.readouterr().out
    assert reached["estimates"]
    assert f"estimates it takes part in: {', '.join(reached['estimates'])}" in said
    assert "None" not in said


def test_release_notes_are_the_published_comparison(race: Race, shipped: str) -> None:
    lines = race("export", "export", "release-notes", "--quarter", shipped)["release_notes"]
    folder = registry.newest_folder(ROOT / "reports", shipped)
    assert folder is not None
    data = published_json(folder / "changes.json")["data"]
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    counts = {row[0].replace(" ", "_"): [*map(int, row[1:6])] for row in told if row[0].replace(" ", "_") in data}
    causes = ("added", "revised", "withdrawn", "reclassified", "entered_late")
    assert counts == {name: [item["counts"][cause] for cause in causes] for name, item in data.items()}
    assert not [line for line in lines[1:] if line.startswith(("## ", "!["))]
    with pytest.raises(InputMissing, match="no section 'What changed'"):
        export.section("## Another\n", "What changed")


def test_verify_of_what_is_published(race: Race, shipped: str) -> None:
    race("audit_verify", "audit", "verify")
