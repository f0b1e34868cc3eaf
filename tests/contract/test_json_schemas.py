"""Every ``--json`` output has one JSON Schema file; the files hold what was promised and refuse what is wrong."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import json_documents
import numpy as np
import pandas as pd
import pytest
import report_quarter
import typer
from jsonschema import Draft202012Validator
from race_to_efficiency import cli, errors, json_records, storage
from race_to_efficiency.commands import export, run_records
from race_to_efficiency.commands.views import VIEWS
from race_to_efficiency.comparison import attribution
from race_to_efficiency.evaluation.grade_record import grade_records
from race_to_efficiency.evaluation.published_scores import PUBLISHED_COLUMNS as RECORD_COLUMNS
from race_to_efficiency.evaluation.score_document import RULES
from race_to_efficiency.evaluation.scorecard import SCORE_KEYS
from race_to_efficiency.evaluation.statements import Statement
from race_to_efficiency.evaluation.track_record import track_record
from race_to_efficiency.ledger import changes
from race_to_efficiency.ledger.freshness import Freshness
from race_to_efficiency.provenance.registry import Entry
from race_to_efficiency.settings.corridor import declared
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"estimate", "error"}
"""Schemas of no one command: a record that several print, and a failure of any."""

K = ("--kappa", "0.05", "--gamma", "2")


# --- the files -------------------------------------------------------------------------------------------------------


def test_every_file_is_what_its_record_says() -> None:
    assert json_records.main(["--check"]) == 0, "make json-schemas"
    assert set(json_documents.schemas()) == set(json_records.DOCUMENTS)


@pytest.mark.parametrize("name", sorted(json_documents.schemas()))
def test_every_file_is_a_schema_that_says_what_it_describes(name: str) -> None:
    schema = json_documents.schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    assert schema["$id"] == f"{name}.json"
    assert schema["title"]
    assert schema["description"]


def parts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for item in schema.values():
            yield from parts_of(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from parts_of(item)


@pytest.mark.parametrize("name", sorted(json_documents.schemas()))
def test_references_arrive_and_required_keys_are_described(name: str) -> None:
    resolver = json_documents.registry().resolver(f"{name}.json")
    for part in parts_of(json_documents.schemas()[name]):
        if isinstance(part.get("$ref"), str):
            assert resolver.lookup(part["$ref"]).contents
        if part.get("type") == "object" and "properties" in part and "required" in part:
            assert set(part["required"]) <= set(part["properties"])


def printing_commands() -> dict[str, str]:
    """Every command with --json: its words joined by underscores, and as typed."""
    found = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        for name, item in getattr(command, "commands", {}).items():
            walk(item, (*words, name))
        if any("--json" in option.opts for option in command.params):
            found["_".join(words).replace("-", "_")] = " ".join(words)

    walk(typer.main.get_command(cli.application()), ())
    return found


def expected_schemas() -> dict[str, str]:
    """Schema name -> command. `show` prints one document a view, `predict` and `solve` others of a quarter."""
    expected = {}
    for name, words in printing_commands().items():
        names = [f"show_{view}" for view in VIEWS] if name == "show" else [name]
        names += ["predict_fit", "predict_quarter"] if name == "predict" else []
        expected |= {"solve_quarter": words} if name == "solve_time" else {}
        expected |= {("solve" if item.startswith("solve_") else item): words for item in names}
    return expected


def test_every_command_with_json_has_a_schema_and_no_schema_is_left_over() -> None:
    expected = expected_schemas()
    missing = {words for name, words in expected.items() if name not in json_documents.schemas()}
    assert not missing, f"add a record of {missing} to json_records.DOCUMENTS (see CONTRIBUTING.md)"
    assert set(json_documents.schemas()) == set(expected) | SHARED


PROMISED = {
    ("show_scores", "scores", "items"): SCORE_KEYS,
    ("import",): (
        "source", "recorded", "read", "unchanged", "new", "revised", "withdrawn", "excluded", "quarantined",
        "revisions", "proposed_renames", "flags",
    ),
    ("diff",): ("data", "estimates", "forecasts"),
    ("diff", "estimates", "items"): ("symbol", "group", "component", "old", "new", "delta", "parts"),
    ("diff", "estimates", "items", "parts", "items"): ("cause", "value", "rows"),
    ("audit_trace",): (
        "target", "value", "unit", "intervals", "status", "computed_by", "rows", "sources", "chain",
    ),
    ("audit_trace", "rows"): ("used", "excluded", "most_influential"),
    ("solve",): ("value", "unit", "unreachable", "reason"),
    ("fit_kappa",): ("estimates",),
    ("show_estimates",): ("estimates",),
    ("error", "error"): ("kind", "exit_code", "what", "where", "why", "remedy"),
}  # fmt: skip
"""Keys that users of the commands were promised."""


@pytest.mark.parametrize("path", PROMISED, ids=" ".join)
def test_promised_keys_are_required(path: tuple[str, ...]) -> None:
    for form in json_documents.forms(*path):
        assert set(PROMISED[path]) <= set(form["required"])


def test_counts_of_an_import_are_integers() -> None:
    for key in ("read", "unchanged", "new", "revised", "withdrawn", "excluded", "quarantined"):
        assert json_documents.part("import", key)["type"] == "integer"


def test_words_and_keys_are_those_of_the_code() -> None:
    """What a record takes from a constant is so by construction; these are written beside one.

    KNOWN holds the stages whose summary is described; another is let through as it is.
    """
    counts = json_documents.part("diff", "data", "additionalProperties", "counts")
    assert tuple(counts["required"]) == changes.CAUSES
    assert len(json_documents.schemas()["export"]["anyOf"]) == len(export.EXPORTS)
    assert set(run_records.KNOWN) == set(declared(ROOT))


def test_errors_are_those_of_the_code() -> None:
    known = [errors.RaceError, *errors.RaceError.__subclasses__()]
    for kind in known:
        json_documents.check("error", kind("it failed").to_json())
    mixed = errors.UsageError("it failed").to_json()
    mixed["error"]["exit_code"] = 5  # type: ignore[index]
    assert json_documents.problem("error", mixed)


def difference() -> dict[str, Any]:
    """A document of `race diff` on a small change; its ledger part is made by the code that makes the true one."""
    cells = (
        changes.ChangedCell(column="tdp_w", old=None, new=700.0),
        changes.ChangedCell(column="name", old="A", new="A SXM"),
    )
    rows = (
        changes.RowChange("chip-a", "revised", cells, "", ""),
        changes.RowChange("chip-b", "added", (), None, "undated"),
    )
    parts = [{"cause": cause, "value": 0.0, "rows": []} for cause in attribution.CAUSES]
    parts[0] |= {"value": 0.02, "rows": [{"row": "accelerators/chip-b", "effect": 0.02}]}
    side = {"quarter": "2025Q4", "as_of": "2025-12-31", "published": True, "ledger_lines": {"accelerators": 281}}
    moved = {"id": "gamma.hardware_tensor16.mean_chip", "symbol": "gamma_hardware_tensor16", "group": None,
             "component": "hardware_tensor16", "form": None, "estimator": "mean_chip", "unit": "doublings/yr",
             "old": 0.24, "new": 0.26, "delta": 0.02, "parts": parts}  # fmt: skip
    loss = {"id": "R.total.5", "reading": "total", "years": 5.0, "old": 0.7, "new": 0.69, "delta": -0.01,
            "old_interval_95": [0.5, 0.8], "new_interval_95": [0.5, None], "parts": parts}  # fmt: skip
    return {
        "from": side,
        "to": {**side, "quarter": "2026Q1", "as_of": "2026-03-31", "published": False},
        "data": {"accelerators": changes.TableDiff("accelerators", rows).to_json()},
        "estimates": [moved, {**moved, "old": None, "delta": None, "parts": []}],
        "forecasts": [loss],
        "forecasts_missing": None,
    }


def test_diff_and_explain() -> None:
    document = json_documents.read(storage.dumps(difference()))
    json_documents.check("diff", document)
    explained = {"symbol": "gamma", **{key: document[key] for key in ("from", "to", "estimates")}}
    json_documents.check("audit_explain", explained)
    json_documents.check("audit_explain", {**explained, "symbol": "R.total.5", "estimates": document["forecasts"]})
    document["estimates"][0]["parts"][0]["cause"] = "remainder"
    assert json_documents.problem("diff", document)
    assert json_documents.problem("audit_explain", {**explained, "estimates": []})


def scores_document(head: dict[str, Any], score: dict[str, Any]) -> dict[str, Any]:
    """A document of `race show scores`: a row of each of its lists, the record made by the true code."""
    quantities = dict.fromkeys(("median", "low80", "high80", "score", "score_baseline", "score_matured"), 0.5)
    texts = {"quarter": "2025Q1", "publication": "2025Q1", "model": "race-0.1", "id": "2025Q1.x", "what": "x"}
    texts |= {"by": "2026-03-31", "unit": "W", "kind": "quantiles"}
    row = dict.fromkeys(RECORD_COLUMNS) | texts | quantities | {"reconstructed": False, "status": "resolved"}
    settled = row | dict.fromkeys(("observed", "matured", "pit", "median_today", "score_today"), 0.5)
    event = {**settled, "kind": "probability", "low80": None, "high80": None, "pit": None}
    record = track_record([settled, event], date(2026, 3, 31))
    weights = {"horizon_quarters": 4, "n_eff": 2.5, "weights": {"trend": 0.5, "walk": 0.5}}
    target = {"target": "t", "n": 3, "wis": 0.5, "wis_earlier": 0.5, "wis_last_value": 0.5, "ratio": 1.0}
    covered = {"50": 0.5, "80": 0.8, "95": None}
    counts = {"ratio": 1.0, "cells": 1, "below_last_value": 0, "below_last_value_earlier": 0, "coverage": covered}
    counts["coverage_earlier"] = covered
    return {
        **head,
        "scores": [score],
        "models": [{"target": "t", "members": ["trend", "walk"], "baseline": "moore", "horizons": [weights]}],
        "predecessors": [{"model": "race-0.1", "first_origin": "2023Q1", **counts,
                          "targets": [{**target, "worse_than": [], "because": None}]}],
        "bounds": [{"target": "t", "unit": "W", "bound": [1.0, 2.0], "source": "s", "moved_mean": 0.0,
                    "moved_most": 0.0, "power_implied_above_cap": 0.0}],
        "grades": grade_records(pd.DataFrame({
            "grade": ["very high", "high"], "target": "loss.t", "horizon_quarters": 1, "wis": [0.01, 0.02],
            "observed": 0.0, "q0.025": -1.0, "q0.1": -1.0, "q0.9": 1.0, "q0.975": 1.0})),
        "lateness": [{"target": "t", "rows": 1, "late_share": 0.5, "median_lag_days": 1.5}],
        "pit": [{"horizon_quarters": 1, "edges": [0.0, 1.0], "shares": [1.0], "n": 1, "targets": ["t"]}],
        "rules": RULES,
        **record,
    }  # fmt: skip


# --- a schema that accepts anything describes nothing ----------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One document of each of several kinds, as the commands print them."""

    def printed(*words: str) -> Any:
        return json_documents.read(CliRunner().invoke(cli.application(), [*words, "--json"]).stdout)

    kappa, _, _ = report_quarter.kappa_document(np.random.default_rng(1))
    naive = {"method": "last_value", "quantiles": {"0.5": None}}
    words = ("2026Q1.x", "x", "2027-03-31", "quantiles", "1", "source", "rule", "basis")
    statement = Statement(*words, quantiles={"0.5": 1.0}, baseline=naive, target_quarter="2027Q1")  # type: ignore[arg-type]
    score: dict[str, Any] = dict.fromkeys(SCORE_KEYS, 0.5)
    score |= {"target": "t", "horizon_quarters": 4, "n": 3, "vintage": "real", "baseline": "moore"}
    score["verdict"] = "too few to judge"
    fresh = Freshness("accelerators", "2026-03-01", "2026-03-31", 0, 3)
    head = {"quarter": "2026Q1", "as_of": "2026-03-31", "freshness": [fresh.to_json()]}
    return {
        "predict": printed("predict", *K, "--t", "1", "--anchor-compute", "5e26"),
        "solve": printed("solve", "time", "--target", "0.7", *K),
        "severity": printed("severity", "--baseline-power", "2.26e7"),
        "error": errors.UsageError("it failed").to_json(),
        "diff": json_documents.read(storage.dumps(difference())),
        "estimate": json_documents.read(storage.dumps(kappa["estimates"][0])),
        "show_statements": {**head, "statements": [statement.to_json()]},
        "show_scores": scores_document(head, score),
        "publish": {**Entry(1, "2025Q1", 1, "2025Q1", "2025-03-31", True, "0" * 64, None, None, None).to_json(),
                    "path": "reports/2025Q1", "git": "git add"},
    }  # fmt: skip


SAMPLES = ("predict", "solve", "severity", "error", "diff", "estimate", "show_statements", "show_scores", "publish")

FREE = re.compile(r"\.(diagnostics|digests)\.|\.cells\[\d+\]\.(old|new)$")
"""Places whose content is the ledger's or the fit's own: any value is right there."""


def places(document: Any, path: str = "$") -> Iterator[tuple[str, Any, Any]]:
    """Every place of a document: its path, what holds it, and its key there."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(items):
        here = f"{path}.{key}" if isinstance(document, dict) else f"{path}[{key}]"
        yield here, document, key
        if isinstance(value, (dict, list)):
            yield from places(value, here)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_valid_and_any_number_made_a_text_is_not(samples: dict[str, Any], name: str) -> None:
    document = copy.deepcopy(samples[name])
    json_documents.check(name, document)
    tried = 0
    seen = set()
    for path, holder, key in places(document):
        kind = re.sub(r"\[\d+\]", "[]", path)
        value = holder[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or FREE.search(path) or kind in seen:
            continue
        seen.add(kind)
        holder[key] = str(value)
        assert json_documents.problem(name, document), f"{path} may be a text"
        holder[key] = value
        tried += 1
    assert tried or name == "error"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_key_that_is_gone_or_unknown_is_found(samples: dict[str, Any], name: str) -> None:
    document = samples[name]
    own = [set(form["required"]) for form in json_documents.forms(name) if set(form["required"]) <= set(document)]
    assert own
    for key in set().union(*own):
        assert json_documents.problem(name, {k: v for k, v in document.items() if k != key}), f"{key} may be absent"
    assert json_documents.problem(name, {**document, "surprise": 1})


def test_an_answer_without_a_number_says_why(samples: dict[str, Any]) -> None:
    found = samples["solve"]
    none = {"value": None, "unreachable": True, "reason": "it is below the floor"}
    json_documents.check("solve", {**found, **none})
    for wrong in ({"reason": None}, {"reason": ""}, {"value": 5.0}):
        assert json_documents.problem("solve", {**found, **none, **wrong}), wrong
    assert json_documents.problem("solve", {**found, "unreachable": True})
    assert json_documents.problem("solve", {**found, "quantity": "wait"})


def test_an_estimate_without_reason_or_number_is_found(samples: dict[str, Any]) -> None:
    found = {**samples["estimate"], "status": "trusted", "reasons": []}
    json_documents.check("estimate", found)
    json_documents.check("estimate", {**found, "value": None, "status": "refused", "reasons": ["no rows"]})
    for wrong in ({"status": "weak"}, {"status": "fine"}, {"value": None}):
        assert json_documents.problem("estimate", {**found, **wrong}), wrong


@pytest.mark.parametrize("text", ['{"value": NaN}', '{"value": -Infinity}', '{"value": 1, "value": 2}'])
def test_reading_is_strict(text: str) -> None:
    json.loads(text)  # Python's own reader lets it pass
    with pytest.raises(AssertionError):
        json_documents.read(text)
