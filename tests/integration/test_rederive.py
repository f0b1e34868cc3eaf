"""Recomputing a published quarter: identical when nothing changed, and the change named when something did."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
import synthetic_quarter
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, IntegrityError
from race_to_efficiency.provenance import manifest
from race_to_efficiency.provenance import rederive as module
from race_to_efficiency.provenance.compare import agree, check_page, compare_quarter, page_numerals
from race_to_efficiency.provenance.rederive import Rederivation, rederive

ESTIMATOR = "pipeline/race_to_efficiency/calibration/slope.py"


def use_code(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take a folder of our own for the code in use: the true one may be edited while this runs."""
    for user in (manifest, module):
        monkeypatch.setattr(user, "code_in_use", lambda: folder)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = synthetic_quarter.make_checkout(tmp_path_factory.mktemp("published"))
    storage.write_text(root / ESTIMATOR, "# the slope\n1.0\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_code(monkeypatch, root)
        return synthetic_quarter.publish_all(root)


@pytest.fixture
def checkout(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = Path(shutil.copytree(published, tmp_path / "a checkout"))
    use_code(monkeypatch, root)
    return root


def again(root: Path, quarter: str = "2025Q3", runner: object = synthetic_quarter.run_stages) -> Rederivation:
    return rederive(
        root / "reports" / quarter, root / "data" / "raw", runner, synthetic_quarter.workspace, checkout=root
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("quarter", synthetic_quarter.QUARTERS)
def test_an_untouched_quarter_comes_out_identical(checkout: Path, quarter: str) -> None:
    result = again(checkout, quarter)
    document = result.to_json()
    assert document["agrees"]
    assert document["tolerance"] == 0.0
    assert document["same_environment"]
    assert document["differences"] == document["causes"] == document["notes"] == []
    assert document["compared"]["numbers.json"] == 16  # eight values and eight texts
    assert document["compared"]["forecast.parquet"] == 2 + 5 * 11


def test_the_work_is_done_in_a_folder_without_generated_files(checkout: Path) -> None:
    seen = {}

    def runner(space: object) -> None:
        files = {path.relative_to(space.root).as_posix() for path in space.root.rglob("*") if path.is_file()}
        seen["files"] = {name for name in files if not name.startswith("pipeline/")}
        seen["root"] = space.root
        synthetic_quarter.run_stages(space)

    assert again(checkout, runner=runner).agrees
    ledgers = {f"data/raw/{path.name}" for path in (checkout / "data" / "raw").glob("*.csv")}
    assert ledgers | {"params.yaml"} <= seen["files"]
    assert not [name for name in seen["files"] if name.startswith(("reports", "data/processed"))]
    assert seen["files"] - ledgers <= {"params.yaml", "requirements.lock", "pyproject.toml", "dvc.yaml"}
    assert not seen["root"].exists()
    assert checkout not in seen["root"].parents


def test_pages_that_differ_though_no_number_does_are_noted(checkout: Path) -> None:
    def runner(space: object) -> None:
        synthetic_quarter.run_stages(space)
        storage.write_text(space.processed / "report" / "report.md", "# other words\n")

    document = again(checkout, runner=runner).to_json()
    assert document["agrees"]
    assert document["notes"] == ["not the same bytes again: report.md"]


def test_every_record_is_compared_leaf_by_leaf(checkout: Path) -> None:
    def runner(space: object) -> None:
        synthetic_quarter.run_stages(space)
        kappa = storage.read_json(space.processed / "kappa.json")
        kappa["influence"][0]["change"] = 0.02
        storage.write_json(space.processed / "kappa.json", kappa)
        account = storage.read_json(space.processed / "account.json")
        storage.write_json(space.processed / "account.json", {**account, "read": 9, "more": [1, 2]})

    found = {(item.where, item.name): item.recomputed for item in again(checkout, runner=runner).comparison.differences}
    assert found == {
        ("kappa.json", "influence[0].change"): 0.02,
        ("account.json", "read"): 9,
        ("account.json", "more"): "[1, 2]",
    }


def test_code_that_breaks_is_a_finding_too(checkout: Path) -> None:
    def runner(space: object) -> None:
        raise ZeroDivisionError("in an estimator")

    (cause,) = again(checkout, runner=runner).to_json()["causes"]
    assert cause["artefact"] == "the stages"
    assert "ZeroDivisionError: in an estimator in test_rederive.py:" in cause["what"]


def test_lines_appended_since_play_no_part(checkout: Path) -> None:
    path = checkout / "data" / "raw" / "accelerators.csv"
    # a late line that claims an early date would move an as-of view; a rederivation sees the ledger as it stood
    path.write_text(path.read_text() + "chip-e,Chip E,9e12,chips,2025-01-01,2025-06-01,snapshot,false\n")
    assert again(checkout).agrees


def test_late_rows_merged_anywhere_and_a_new_column_play_no_part(checkout: Path) -> None:
    path = checkout / "data" / "raw" / "accelerators.csv"
    lines = path.read_text().splitlines()
    late = "chip-e,Chip E,9e12,chips,2025-01-01,2025-01-10,snapshot,false"
    merged = [lines[0], late, *lines[1:]]
    path.write_text("".join(f"{line},{'basis' if at == 0 else 'x'}\n" for at, line in enumerate(merged)))
    for quarter in synthetic_quarter.QUARTERS:
        result = again(checkout, quarter)
        assert result.agrees
        assert result.causes == []


def test_one_digit_of_a_ledger_row_is_named(checkout: Path) -> None:
    edit(checkout / "data" / "raw" / "accelerators.csv", "2.0e11", "2.1e11")
    document = again(checkout).to_json()
    assert not document["agrees"]
    (cause,) = document["causes"]
    assert cause["artefact"] == "data/raw/accelerators.csv:3"
    assert "chip-b" in cause["what"]
    names = {item["name"] for item in document["differences"]}
    assert {"gamma", "R5", "gamma.route.D value"} <= names
    assert document["differences"][0]["where"] == "numbers.json"
    assert sum(document["different"].values()) == len(document["differences"])
    assert "kappa_total" not in names


def test_a_digit_no_number_hangs_on_is_named_all_the_same(checkout: Path) -> None:
    edit(checkout / "data" / "raw" / "training_runs.csv", "9.9,runs", "9.8,runs")  # an excluded row
    document = again(checkout).to_json()
    assert not document["agrees"]
    assert document["differences"] == []
    assert document["causes"][0]["artefact"] == "data/raw/training_runs.csv:5"


def test_a_line_recorded_after_the_quarter_only_warns(checkout: Path) -> None:
    edit(checkout / "data" / "raw" / "accelerators.csv", "8.0e11", "8.1e11")  # recorded 2025-09-01
    result = again(checkout, "2025Q1")
    assert result.agrees
    assert [item.level for item in result.causes] == ["warning"]
    assert not again(checkout, "2025Q3").agrees


def test_one_setting_is_named(checkout: Path) -> None:
    edit(checkout / "params.yaml", "delta: 0.001", "delta: 0.002")
    document = again(checkout).to_json()
    assert not document["agrees"]
    assert [item["artefact"] for item in document["causes"]] == ["params.yaml: fit_kappa.delta"]
    assert "0.002" in document["causes"][0]["what"]
    assert again(checkout, "2025Q1").agrees  # the checkout stands on 2025Q3: another quarter's settings may differ


def test_one_published_setting_is_named_and_its_numbers(checkout: Path) -> None:
    edit(checkout / "reports" / "2025Q3" / "params.yaml", "delta: 0.001", "delta: 0.002")
    document = again(checkout).to_json()
    assert not document["agrees"]
    assert document["causes"][0]["artefact"] == "reports/2025Q3/params.yaml"
    assert {item["where"] for item in document["differences"]} >= {"numbers.json", "kappa.json", "forecast.parquet"}
    assert all("gamma" not in item["name"] for item in document["differences"])


def test_one_line_of_an_estimator_is_named(checkout: Path) -> None:
    def runner(space: object) -> None:
        factor = float((space.root / ESTIMATOR).read_text().splitlines()[1])
        synthetic_quarter.run_stages(space, slope_factor=factor)

    edit(checkout / ESTIMATOR, "# the slope", "# the slope of the line")
    result = again(checkout, runner=runner)
    assert result.agrees  # every number comes out again: the change is told, not refused
    assert [(item.artefact, item.level) for item in result.causes] == [(ESTIMATOR, "warning")]
    edit(checkout / ESTIMATOR, "1.0", "1.000000000000001")
    result = again(checkout, runner=runner)
    assert not result.agrees
    assert [(item.artefact, item.level) for item in result.causes] == [(ESTIMATOR, "broken")]
    assert {item.name for item in result.comparison.differences} >= {"gamma", "gamma.route.D value"}
    (checkout / ESTIMATOR).unlink()
    assert not again(checkout, runner=synthetic_quarter.run_stages).causes[0].what.startswith("changed")


def test_changed_code_beside_a_changed_ledger_is_told_not_blamed(checkout: Path) -> None:
    storage.write_text(checkout / "pipeline" / "race_to_efficiency" / "commands" / "show.py", "# new\n")
    edit(checkout / ESTIMATOR, "1.0", "1.00")
    edit(checkout / "data" / "raw" / "accelerators.csv", "2.0e11", "2.1e11")
    levels = {item.artefact: item.level for item in again(checkout).causes}
    assert levels == {
        "data/raw/accelerators.csv:3": "broken",
        ESTIMATOR: "warning",
        "pipeline/race_to_efficiency/commands/show.py": "warning",
    }


def test_stages_that_no_longer_run_are_a_finding(checkout: Path) -> None:
    def runner(space: object) -> None:
        raise DataInvalid("the header is broken", remedy="mend it")

    document = again(checkout, runner=runner).to_json()
    assert not document["agrees"]
    assert document["causes"] == [
        {
            "artefact": "the stages",
            "what": "they no longer run on this quarter: the header is broken",
            "restore": "mend it",
            "level": "broken",
        }
    ]


@pytest.mark.parametrize("part", ["text", "value"])
def test_one_number_of_the_page_is_named(checkout: Path, part: str) -> None:
    page = checkout / "reports" / "2025Q3" / "report.html"
    entry = storage.read_json(page.with_name("numbers.json"))["gamma"]
    old, new = (f">{entry['text']}<", f">{entry['text']}1<") if part == "text" else (f'"{entry["value"]!r}"', '"0.51"')
    edit(page, old, new)
    document = again(checkout).to_json()
    assert not document["agrees"]
    assert {item["artefact"] for item in document["causes"]} == {"reports/2025Q3/report.html"}
    assert any(item["what"].startswith("gamma (") for item in document["causes"])


def test_elsewhere_a_stated_tolerance_holds(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "machine", lambda: {"system": "elsewhere"})
    slightly = partial(synthetic_quarter.run_stages, slope_factor=1 + 1e-9)
    document = again(checkout, runner=slightly).to_json()
    assert document["tolerance"] == module.ELSEWHERE_TOLERANCE
    assert not document["same_environment"]
    assert "elsewhere" in document["notes"][0]
    assert document["differences"] == []
    assert not again(checkout, runner=partial(synthetic_quarter.run_stages, slope_factor=1 + 1e-4)).agrees
    monkeypatch.undo()
    assert not again(checkout, runner=slightly).agrees


def test_a_copied_folder_with_ledgers_beside_it_rederives(checkout: Path, tmp_path: Path) -> None:
    place = tmp_path / "empty"
    shutil.copytree(checkout / "reports" / "2025Q2", place / "2025Q2")
    shutil.copytree(checkout / "data" / "raw", place / "data" / "raw")
    result = rederive(
        place / "2025Q2", place / "data" / "raw", synthetic_quarter.run_stages, synthetic_quarter.workspace
    )
    assert result.agrees
    (place / "data" / "raw" / "accelerators.csv").unlink()
    with pytest.raises(InputMissing, match="accelerators"):
        rederive(place / "2025Q2", place / "data" / "raw", synthetic_quarter.run_stages, synthetic_quarter.workspace)


@pytest.mark.parametrize("name", ["inputs/../../../escaped", "/escaped", "inputs/./x", "..", "inputs\\..\\x"])
def test_a_manifest_that_points_outside_is_no_manifest(checkout: Path, name: str) -> None:
    path = checkout / "reports" / "2025Q3" / "manifest.json"
    document = storage.read_json(path)
    document["files"][name] = document["files"]["report.md"]
    storage.write_json(path, document)
    with pytest.raises(IntegrityError, match="nothing to hold"):
        again(checkout)


def test_agreement_is_about_numbers_and_only_numbers() -> None:
    nan = float("nan")
    for first, second, tolerance, same in (
        (1.0, 1.0, 0.0, True),
        (1.0, 1.0 + 2e-16, 0.0, False),
        (1.0, 1.0 + 1e-9, 1e-8, True),
        (1.0, 1.0 + 1e-7, 1e-8, False),
        (nan, nan, 0.0, True),
        (nan, 1.0, 1.0, False),
        (float("inf"), float("inf"), 0.0, True),
        (float("inf"), 1e300, 0.5, False),
        (None, None, 0.0, True),
        (None, 0.0, 1.0, False),
        ("weak", "weak", 0.0, True),
        ("weak", "trusted", 1.0, False),
        (True, True, 0.0, True),
    ):
        assert agree(first, second, tolerance) is same, (first, second, tolerance)


def test_a_numeral_an_old_report_read_out_of_prose_is_not_missed_and_a_number_is(tmp_path: Path) -> None:
    words = {"value": 4.0, "unit": "as written", "text": "4"}
    published = {"a": {"value": 1.5, "unit": "1", "text": "1.5"}, "k.reason.said1": words, "gone.said1": words}
    storage.write_json(tmp_path / "published" / "numbers.json", {**published, "b": {**words, "unit": "rows"}})
    storage.write_json(tmp_path / "report" / "numbers.json", {"a": published["a"]})
    found = compare_quarter(tmp_path / "published", tmp_path, 0.0)
    assert [item.name for item in found.differences] == ["b"]
    assert found.compared == {"numbers.json": 3}  # a's value and text, and that b is gone


def test_numerals_are_read_off_the_page(tmp_path: Path) -> None:
    page = '<p><data value="1.5" data-id="a">1<sup>½</sup> &lt;</data> plain 3 <data value="" data-id="b">never</data>'
    assert page_numerals(page) == [("a", "1.5", "1½ <"), ("b", "", "never")]
    storage.write_text(tmp_path / "report.html", page + '<data value="2">2</data><data data-id="zz" value="1">1</data>')
    storage.write_json(
        tmp_path / "numbers.json",
        {"a": {"value": 1.5, "text": "1½ <"}, "b": {"value": None, "text": "never"}},
    )
    assert [item.name for item in check_page(tmp_path).differences] == ["a numeral without an id", "zz"]
