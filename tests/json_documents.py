"""Documents of ``race ... --json`` held against the JSON Schemas that describe them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Name of every schema in the package, without .json, and its content."""
    folder = files("race_to_efficiency") / "json_schemas"
    return {path.name.removesuffix(".json"): read(path.read_text(encoding="utf-8")) for path in folder.iterdir()}


@cache
def registry() -> Registry[Any]:
    """All of them, so that one may refer to another by its file name."""
    return Registry().with_resources(
        (f"{name}.json", Resource.from_contents(document)) for name, document in schemas().items()
    )


@cache
def validator(name: str) -> Draft202012Validator:
    """What holds a document against one of them."""
    return Draft202012Validator(schemas()[name], registry=registry())


def part(name: str, *path: str) -> dict[str, Any]:
    """The part of a schema that describes a place of the document: keys, and `items` for a list's."""
    found = registry().resolver().lookup(f"{name}.json")
    content, resolver = found.contents, found.resolver
    for key in (*path, None):
        while "$ref" in content:
            found = resolver.lookup(content["$ref"])
            content, resolver = found.contents, found.resolver
        if key is not None:
            content = content["properties"][key] if key in content.get("properties", {}) else content[key]
    return dict(content)


def forms(name: str, *path: str) -> list[dict[str, Any]]:
    """The parts of a schema of which one describes a place of the document: most places have one."""
    content = part(name, *path)
    names = [one["$ref"].rpartition("/")[2] for one in content.get("anyOf", ())]
    return [part(name, "$defs", one) for one in names] or [content]


def read(text: str) -> Any:
    """Read JSON strictly: NaN and Infinity are no JSON, and a key stands once."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), f"a key stands twice among {[key for key, _ in pairs]}"
        return dict(pairs)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def problem(name: str, document: Any, pointer: str = "") -> str | None:
    """What is wrong with a document in words, None when it is as its schema says; ``pointer`` names a part of it."""
    held = validator(name).evolve(schema={"$ref": f"{name}.json#{pointer}"})
    error = best_match(held.iter_errors(document))
    return None if error is None else f"{name}.json: {error.json_path}: {error.message[:300]}"


def check(name: str, document: Any, pointer: str = "") -> Any:
    """Hold a document, or what the schema describes at ``pointer``, against its schema and return it."""
    found = problem(name, document, pointer)
    assert found is None, found
    return document
