"""A quarter's provenance in public formats: W3C PROV-JSON, and an RO-Crate of the Process Run profile.

References
----------
The PROV-JSON Serialization, W3C Member Submission 24 April 2013; RO-Crate Metadata Specification 1.1;
Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.provenance.sources import citation_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.provenance.flow import QuarterFlow

CRATE = "https://w3id.org/ro/crate/1.1"
PROCESS_RUN = "https://w3id.org/ro/wfrun/process/0.5"
LICENCE = "https://spdx.org/licenses/MIT"
SOFTWARE = "urn:race-to-efficiency:software"
EQUATION = "https://arxiv.org/abs/2501.02156"

MEDIA_TYPES = {
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".md": "text/markdown",
    ".gz": "application/gzip",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    ".csv": "text/csv",
    ".zip": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
}


def prov_document(flow: QuarterFlow) -> dict[str, Any]:
    """Return a quarter's provenance as PROV-JSON.

    Entities are files (published, intermediate, ledgers, settings), sources and outputs; activities are the stages.
    Ledgers are derived from their sources as primary sources, and outputs from the ledgers whose rows took part and
    from each other, so every published file and number leads back to citations.
    """
    document: dict[str, Any] = {
        "prefix": {"race": "urn:race-to-efficiency:", "prov": "http://www.w3.org/ns/prov#"},
        "entity": {},
        "activity": {},
        "agent": {
            "race:software": {
                "prov:type": {"$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME"},
                "prov:label": "race-to-efficiency",
                "race:version": flow.version,
            }
        },
        "used": {},
        "wasGeneratedBy": {},
        "wasAssociatedWith": {},
        "wasDerivedFrom": {},
    }
    for stage in flow.stages:
        activity = f"race:{flow.quarter}/stage/{stage.name}"
        document["activity"][activity] = {"prov:label": f"race stage {stage.name}"}
        link = {"prov:activity": activity, "prov:agent": "race:software"}
        document["wasAssociatedWith"][f"_:by-{stage.name}"] = link
        for kind, paths in (("used", stage.reads), ("wasGeneratedBy", stage.writes)):
            for path in _data_paths(paths):
                entity = _entity(flow, document, path)
                key = f"_:{kind}-{len(document[kind]) + 1}"
                document[kind][key] = {"prov:activity": activity, "prov:entity": entity}
    _derive_from_sources(flow, document)
    _derive_outputs(flow, document)
    return document


def _data_paths(paths: Iterable[str]) -> list[str]:
    """Return paths that are data, one for each ledger file; code is the agent's matter."""
    return [path for path in paths if not path.startswith("pipeline")]


def _entity(flow: QuarterFlow, document: dict[str, Any], path: str) -> str:
    """Add the entity of a file once and return its name."""
    name = flow.published_name(path)
    if name is not None:
        identity, digest = f"race:{flow.quarter}/{name}", flow.digests[name]
    elif path.startswith("data/raw/"):
        identity, digest = f"race:{flow.quarter}/ledger/{path.removeprefix('data/raw/')}", ""
        digest = flow.ledgers.get(path.removeprefix("data/raw/"), "")
    else:
        identity, digest = f"race:{flow.quarter}/intermediate/{path.removeprefix('data/processed/')}", ""
    document["entity"].setdefault(identity, {"prov:label": path, **({"race:sha256": digest} if digest else {})})
    return identity


def _derive_from_sources(flow: QuarterFlow, document: dict[str, Any]) -> None:
    """Add the sources, and derive each ledger from those its used rows rest on."""
    primary = {"$": "prov:PrimarySource", "type": "prov:QUALIFIED_NAME"}
    for source in flow.sources:
        identity = f"race:source/{source['source_id']}"
        document["entity"][identity] = {
            "prov:label": source["title"] or source["source_id"],
            "race:citation": source["citation"] or "",
            "race:licence": source["licence"] or "none stated",
            "race:identifier": source["identifier"] or "",
        }
        for table in source["rows"]:
            ledger = _entity(flow, document, f"data/raw/{table}.csv")
            key = f"_:from-{len(document['wasDerivedFrom']) + 1}"
            document["wasDerivedFrom"][key] = {
                "prov:generatedEntity": ledger,
                "prov:usedEntity": identity,
                "prov:type": primary,
            }


def _derive_outputs(flow: QuarterFlow, document: dict[str, Any]) -> None:
    """Add every output, the ledgers whose rows took part in it, and the outputs it rests on."""
    for output in flow.edges.outputs:
        identity = f"race:{flow.quarter}/output/{output}"
        rows = flow.edges.targets(output, "row")
        document["entity"].setdefault(identity, {"prov:label": output})
        if rows:
            document["entity"][identity]["race:rows"] = len(rows)
        tables = dict.fromkeys(row.partition("/")[0] for row in rows)
        used = [_entity(flow, document, f"data/raw/{table}.csv") for table in tables]
        for target in flow.edges.targets(output, "from"):
            used.append(f"race:{flow.quarter}/output/{target}")
            document["entity"].setdefault(used[-1], {"prov:label": target})
        for entity in used:
            key = f"_:from-{len(document['wasDerivedFrom']) + 1}"
            document["wasDerivedFrom"][key] = {"prov:generatedEntity": identity, "prov:usedEntity": entity}


def process_run_crate(flow: QuarterFlow) -> dict[str, Any]:
    """Return ro-crate-metadata.json of a published folder: files, stages as actions, sources as citations."""
    names = [name for name in flow.digests if name != "ro-crate-metadata.json"]
    actions = [_action(flow, index) for index in range(len(flow.stages))]
    inputs = {item["@id"] for action in actions for item in action["object"] if item["@id"].startswith("#")}
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": CRATE},
            "about": {"@id": "./"},
        },
        _root(flow, names, actions),
        {"@id": PROCESS_RUN, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {"@id": LICENCE, "@type": "CreativeWork", "name": "MIT License"},
        {"@id": "#maintainers", "@type": "Organization", "name": "The race-to-efficiency maintainers"},
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "race-to-efficiency",
            "softwareVersion": flow.version,
            "url": EQUATION,
            "license": {"@id": LICENCE},
        },
        *actions,
        *(_file(flow, name) for name in names),
        *({"@id": item, "@type": "CreativeWork", "name": item.removeprefix("#")} for item in sorted(inputs)),
        *(_source(source) for source in flow.sources),
    ]
    return {"@context": f"{CRATE}/context", "@graph": [_unpacked(item) for item in graph]}


def _unpacked(entity: dict[str, Any]) -> dict[str, Any]:
    """Return an entity with lists of one item as that item, as RO-Crate recommends, and empty lists left out."""
    plain = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entity.items()}
    return {key: value for key, value in plain.items() if value != []}


def _root(flow: QuarterFlow, names: list[str], actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"The race to efficiency, {flow.quarter}",
        "description": (
            f"Quarterly calibration and forecast of the relative-loss equation, data as of {flow.as_of}: report, "
            f"numbers, estimates, forecast, sources and manifest"
        ),
        "datePublished": flow.as_of,
        "license": {"@id": LICENCE},
        "author": {"@id": "#maintainers"},
        "publisher": {"@id": "#maintainers"},
        "conformsTo": {"@id": PROCESS_RUN},
        "hasPart": [{"@id": name} for name in names],
        "mentions": [{"@id": action["@id"]} for action in actions],
        "citation": [{"@id": _source_id(source)} for source in flow.sources],
    }


def _action(flow: QuarterFlow, index: int) -> dict[str, Any]:
    """Return a stage as a CreateAction: read, compute, write."""
    stage = flow.stages[index]
    reads = [flow.published_name(path) or f"#{path}" for path in _data_paths(stage.reads)]
    writes = [flow.published_name(path) for path in stage.writes]
    return {
        "@id": f"#stage-{stage.name}",
        "@type": "CreateAction",
        "name": f"race stage {stage.name}",
        "description": f"Stage {index + 1} of {len(flow.stages)}: {stage.command}",
        "instrument": {"@id": SOFTWARE},
        "agent": {"@id": "#maintainers"},
        "object": [{"@id": name} for name in dict.fromkeys(reads)],
        "result": [{"@id": name} for name in dict.fromkeys(writes) if name],
    }


def _file(flow: QuarterFlow, name: str) -> dict[str, Any]:
    suffix = f".{name.rpartition('.')[2]}"
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "encodingFormat": MEDIA_TYPES.get(suffix, "application/octet-stream"),
        "contentSize": str(flow.sizes[name]),
        "sha256": flow.digests[name],
    }


def _source_id(source: Mapping[str, Any]) -> str:
    """Return the address of a source where it has one, else a local name."""
    identifier = source["identifier"] or ""
    return f"{identifier}#{source['source_id']}" if identifier.startswith("http") else f"#source-{source['source_id']}"


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@id": _source_id(source),
        "@type": "CreativeWork",
        "name": source["title"] or source["source_id"],
        "identifier": source["source_id"],
        "creditText": citation_line(source),
        "datePublished": source["released"] or source["recorded"],
    }
