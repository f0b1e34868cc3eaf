"""The JSON Schemas of what ``--json`` prints, made from the typed records beside the code that makes each document.

``python -m race_to_efficiency.json_records`` writes those under ``json_schemas/`` anew, as ``make json-schemas`` does;
with ``--check`` it only tells which are stale, as ``make lint`` does. No command loads this module.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import TypedDict

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.json_fields import Means, Word, further

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).with_name("json_schemas")

PARAMETERS = "\n\nParameters\n----------\n"

DOCUMENTS = {
    "audit_rederive": ("provenance.audit_records:Rederived", "race audit rederive --json"),
    "audit_trace": ("provenance.audit_records:Traced", "race audit trace TARGET --json"),
    "audit_verify": ("provenance.audit_records:Verified", "race audit verify --json"),
    "cache": ("commands.kept_records:Cache", "race cache --json"),
    "dictionary": ("commands.kept_records:Dictionary", "race dictionary --json"),
    "error": ("json_records:Failed", "A failure of any command"),
    "export": ("commands.export_records:Exported", "race export KIND --json"),
    "publish": ("commands.kept_records:Published", "race publish --json"),
    "recovery": ("recovery.table:StudyDocument", "race recovery --json"),
    "report": ("commands.kept_records:Rendered", "race report --json"),
    "audit_explain": (
        "comparison.difference_records:Explained",
        "race audit explain SYMBOL --from QUARTER --to QUARTER --json",
    ),
    "diff": ("comparison.difference_records:Difference", "race diff QUARTER QUARTER --json"),
    "import": ("ledger.import_records:Imported", "race import SOURCE PATH --json"),
    "estimate": ("calibration.common.estimates:EstimateRecord", "One estimate"),
    "show_estimates": ("commands.view_records:ShowEstimates", "race show estimates --json"),
    "show_gamma": ("commands.view_records:ShowGamma", "race show gamma --json"),
    "show_routes": ("commands.view_records:ShowRoutes", "race show routes --json"),
    "show_scores": ("commands.view_records:ShowScores", "race show scores --json"),
    "run": ("commands.run_records:Ran", "race run --json"),
    "severity": ("commands.severity_records:Severity", "race severity --json"),
    "stage": ("commands.run_records:Staged", "race stage NAME --json"),
    "fit_gamma": ("api.result_records:FittedGamma", "race fit gamma FILE --json"),
    "fit_kappa": ("api.result_records:FittedKappa", "race fit kappa FILE --json"),
    "predict": ("commands.predicted:Predicted", "race predict --json"),
    "predict_fit": ("api.result_records:Predicted", "race predict --fit --json"),
    "predict_quarter": ("commands.predicted:PredictedQuarter", "race predict --quarter --json"),
    "score": ("api.result_records:Scored", "race score --json"),
    "show_due": ("commands.view_records:ShowDue", "race show due --json"),
    "show_headline": ("commands.view_records:ShowHeadline", "race show headline --json"),
    "show_scenarios": ("commands.view_records:ShowScenarios", "race show scenarios --json"),
    "show_statements": ("commands.view_records:ShowStatements", "race show statements --json"),
    "solve_quarter": ("commands.predicted:ScenarioTime", "race solve time --scenario --json"),
    "solve": ("commands.solved:Solved", "race solve UNKNOWN --json"),
}
"""Name of each schema: its record, and the command as typed."""


FAILURES: tuple[type[RaceError], ...] = (RaceError, *RaceError.__subclasses__())


@further(
    oneOf=[{"properties": {"kind": {"const": one.kind}, "exit_code": {"const": one.exit_code}}} for one in FAILURES]
)
class Failure(TypedDict):
    """What `RaceError.to_json` tells."""

    kind: Annotated[str, Means(enum=[one.kind for one in FAILURES])]
    exit_code: Annotated[int, Means("The process's exit code.", enum=[one.exit_code for one in FAILURES])]
    what: Annotated[Word, Means("One sentence naming the failure.")]
    where: Annotated[str | None, Means("File, row and column (file:row:column), or the option.")]
    why: Annotated[str | None, Means("The rule that was broken.")]
    remedy: Annotated[str | None, Means("What to do next; a command where there is one.")]


class Failed(TypedDict):
    """What `race ... --json` prints on stdout when it fails; the process leaves with `exit_code`.

    (`audit verify`, `audit rederive` and `race fit` print their own document when the check itself succeeded and its
    outcome is bad.)
    """

    error: Failure


def schema_of(name: str) -> dict[str, Any]:
    """Return a document's JSON Schema (draft 2020-12).

    Parameters
    ----------
    name : str
        One of `DOCUMENTS`.
    """
    record, title = DOCUMENTS[name]
    held: Any = types.GenericAlias(list, resolve_name(f"race_to_efficiency.{record}"))  # alone it takes no settings
    made = tidy(TypeAdapter(held, config=ConfigDict(extra="forbid")).json_schema(schema_generator=_Schema))
    content, parts = made["items"], made.get("$defs", {})
    own = content.get("$ref", "").removeprefix("#/$defs/")
    head = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"{name}.json", "title": title}
    if own and repr(made).count(f"'#/$defs/{own}'") == 1:  # a record that holds none of its own kind stands at the top
        content = {**parts.pop(own), **{key: value for key, value in content.items() if key != "$ref"}}
    elif own:
        head["description"] = parts[own]["description"]
    return {**head, **content, **({"$defs": parts} if parts else {})}


class _Schema(GenerateJsonSchema):
    """Pydantic's schemas without titles and defaults, the fields of a dataclass described by its docstring."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the name says it
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        return value  # in the order of the record

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        return _described(super().typed_dict_schema(schema), schema["cls"])

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().dataclass_schema(schema)
        return _described({**made, "required": list(made["properties"])}, schema["cls"])


def _described(made: JsonSchemaValue, record: type) -> JsonSchemaValue:
    """Return a record's schema with what its docstring says of it and, under Parameters, of its fields."""
    words = _words(record)
    for name, field in made["properties"].items():
        if words.get(name):
            made["properties"][name] = {**field, "description": words[name]}
    said = " ".join(_docstring(record).partition(PARAMETERS)[0].replace("``", "`").split())
    rest = {key: value for key, value in made.items() if key not in ("title", "type", "description")}
    return {"type": made["type"], **({"description": said} if said else {}), **rest}


def _docstring(record: type) -> str:
    """Return a record's own docstring, never that of what it is made of."""
    return inspect.cleandoc(record.__doc__ or "")  # `inspect.getdoc` would ask its bases


def _words(record: type) -> dict[str, str]:
    """Return what the docstrings of a record and of those it extends say of the fields."""
    found: dict[str, str] = {}
    for base in getattr(record, "__orig_bases__", getattr(record, "__bases__", ())):
        found |= _words(base)
    told = _docstring(record).partition(PARAMETERS)[2].partition("\n\n")[0]
    for names, text in re.findall(r"^(\w[\w, ]*\w)(?: :[^\n]*)?((?:\n    .*)*)", told, re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), " ".join(text.replace("``", "`").split()))
    return found


def tidy(part: Any) -> Any:
    """Return a schema in which a list of plain types is written as one type: number or null."""
    if isinstance(part, list):
        return [tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: tidy(value) for key, value in part.items()}
    choices = made.get("anyOf", ())
    if choices and all(isinstance(item, dict) and "type" in item for item in choices):
        rest = [{key: value for key, value in item.items() if key != "type"} for item in choices]
        if sum(map(bool, rest)) <= 1 and not any({"enum", "const"} & item.keys() for item in rest):
            words = {key: value for item in rest for key, value in item.items()}
            made = {
                "type": [item["type"] for item in choices],
                **words,
                **{k: v for k, v in made.items() if k != "anyOf"},
            }
    return made


def main(words: Sequence[str]) -> int:
    """Write the schemas that are stale, or with ``--check`` tell them; return the exit code."""
    told = {f"{name}.json": storage.record_lines(schema_of(name)) for name in DOCUMENTS}
    found = {path.name: storage.read_text(path) for path in FOLDER.glob("*.json")}
    stale = sorted(name for name in told | found if told.get(name) != found.get(name))
    if "--check" in words:
        sys.stdout.writelines(f"json_schemas/{name} is stale: make json-schemas\n" for name in stale)
        return 1 if stale else 0
    for name in stale:
        if name in told:
            storage.write_text(FOLDER / name, told[name])
        else:
            (FOLDER / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
