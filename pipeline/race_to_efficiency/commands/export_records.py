"""What ``race export`` prints with ``--json``; each format's own specification holds beyond what is said here."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.json_fields import Means, QuarterName, Word, further

Objects = dict[str, dict[str, Any]]


class Notes(TypedDict):
    """race export release-notes: what changed since the quarter before, in Markdown."""

    quarter: QuarterName
    release_notes: Annotated[list[str], Means("Lines of Markdown.", minItems=1)]


class Citations(TypedDict):
    """race export citations."""

    quarter: QuarterName
    citations: Annotated[list[Word], Means("One line a source: id, citation, identifier, licence.")]


class ModelTask(TypedDict):
    """A target of a hub."""

    task_ids: Annotated[dict[str, Any], Means("Values a task's columns take; horizon in months.")]
    output_type: Annotated[dict[str, Any], Means("Levels of the quantiles.")]
    target_metadata: Annotated[list[dict[str, Any]], Means(minItems=1, maxItems=1)]


class Round(TypedDict):
    """A round of a hub."""

    round_id_from_variable: Literal[True]
    round_id: Literal["reference_date"]
    model_tasks: Annotated[list[ModelTask], Means("A task a target.", minItems=1)]
    submissions_due: Annotated[dict[str, Any], Means("Days after the reference date.")]


class Hub(TypedDict):
    """race export hub: the hub's tasks.json (hubverse schemas 6.0.0)."""

    schema_version: str
    rounds: Annotated[list[Round], Means(minItems=1, maxItems=1)]
    output_type_id_datatype: Literal["double"]


class PackageSource(TypedDict):
    """A source of a data package."""

    title: str
    path: NotRequired[str]


@further(additionalProperties=True)
class PackageField(TypedDict):
    """A column of a ledger."""

    name: str
    type: Literal["string", "number", "integer", "boolean", "date"]
    description: str
    unit: NotRequired[Annotated[str, Means("Of a number.")]]


@further(additionalProperties=True)
class PackageSchema(TypedDict):
    """The columns of a ledger."""

    fields: Annotated[list[PackageField], Means(minItems=1)]
    primaryKey: list[str]


@further(additionalProperties=True)
class PackageResource(TypedDict):
    """A ledger in a data package."""

    profile: Literal["tabular-data-resource"]
    name: str
    path: str
    schema: PackageSchema


@further(additionalProperties=True)
class Datapackage(TypedDict):
    """race export datapackage: Frictionless Tabular Data Package."""

    profile: Literal["tabular-data-package"]
    name: str
    title: str
    description: str
    version: str
    licenses: Annotated[list[dict[str, Any]], Means(minItems=1)]
    sources: list[PackageSource]
    resources: Annotated[list[PackageResource], Means(minItems=1)]


Entity = TypedDict("Entity", {"@id": str, "@type": str | list[Any]})
further(additionalProperties=True)(Entity)
CrateFields = TypedDict(
    "CrateFields",
    {
        "@context": Literal["https://w3id.org/ro/crate/1.1/context"],
        "@graph": Annotated[list[Entity], Means("Entities.", minItems=1)],
    },
)


class Crate(CrateFields):
    """race export crate: RO-Crate 1.1, Process Run Crate profile."""


@further(additionalProperties=True)
class Prov(TypedDict):
    """race export prov: PROV-JSON."""

    prefix: dict[str, str]
    entity: Objects
    activity: Objects
    agent: Objects
    used: Objects
    wasGeneratedBy: Objects


Exported = Annotated[
    Citations | Datapackage | Crate | Prov | Hub | Notes,
    Means(
        "A quarter's provenance or the ledgers' description in a public format; each format's own specification holds "
        "beyond what is said here."
    ),
]
