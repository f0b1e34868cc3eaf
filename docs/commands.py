"""Pages of the commands, made from the commands themselves: what `race VERB --help` says, on a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer
from race_to_efficiency.cli import application

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"bool": "", "str": "text", "int": "whole number", "float": "number", "Path": "path"}


def every_command() -> Iterator[tuple[str, Any]]:
    """Yield each command as typed after ``race``, and what typer knows of it."""
    yield from _below(typer.main.get_command(application()), ())


def _below(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words), command
        return
    for name, item in sorted(inner.items()):
        yield from _below(item, (*words, name))


def undocumented(name: str, command: Any) -> list[str]:
    """Return what a command leaves unsaid: its own line, an example, what an option is for."""
    missing = [f"race {name}: what it does"] if not (command.help or "").strip() else []
    if not (command.epilog or "").startswith("Example: race "):
        missing.append(f"race {name}: an example")
    return missing + [f"race {name} {item.opts[0]}" for item in command.params if not (item.help or "").strip()]


def command_pages() -> dict[str, str]:
    """Return the pages, file name -> Markdown: one a verb, and their list."""
    verbs: dict[str, list[tuple[str, Any]]] = {}
    for name, command in every_command():
        verbs.setdefault(name.split(" ", maxsplit=1)[0], []).append((name, command))
    pages = {f"{verb}.md": _page(verb, commands) for verb, commands in verbs.items()}
    rows = [
        f"| [`race {name}`]({name.split()[0]}.md) | {escaped(_first_line(command))} |"
        for name, command in every_command()
    ]
    listed = "\n".join(f"{verb}" for verb in verbs)
    pages["index.md"] = "\n".join(
        [
            "# Commands",
            "",
            "`race` is `.venv/bin/race`. Every command answers `--help`; these pages are made from the same words.",
            "",
            "| command | what it does |",
            "|---|---|",
            *rows,
            "",
            f"```{{toctree}}\n:hidden:\n\n{listed}\n```",
            "",
        ]
    )
    return pages


def _page(verb: str, commands: list[tuple[str, Any]]) -> str:
    parts = [f"# race {verb}"]
    for name, command in commands:
        if name != verb:
            parts.append(f"## race {name}")
        parts.append("\n\n".join(escaped(part) for part in (command.help or "").split("\n\n")))
        arguments = [item for item in command.params if item.param_type_name == "argument"]
        options = [item for item in command.params if item.param_type_name == "option"]
        wanted = " ".join(item.opts[0].upper() if item.required else f"[{item.opts[0].upper()}]" for item in arguments)
        parts.append(f"Usage: `race {f'{name} {wanted}'.strip()}{' [OPTIONS]' if options else ''}`")
        example = re.sub(r"; ([a-z ]+): (?=race )", r"`; \1: `", (command.epilog or "").removeprefix("Example: "))
        parts.append(f"Example: `{example}`")
        parts += [_table("argument", arguments), _table("option", options)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(kind: str, items: list[Any]) -> str:
    if not items:
        return ""
    rows = [f"| {kind} | takes | meaning |", "|---|---|---|"]
    for item in items:
        names = ", ".join(f"`{name}`" for name in (*item.opts, *item.secondary_opts))
        told = escaped(" ".join((item.help or "").split()))
        if item.required and kind == "option":
            told += " (required)"
        elif item.default not in (None, False, (), []) and not callable(item.default):
            told += f" (`{item.default}` where absent)"
        rows.append(f"| {names} | {_takes(item)} | {told} |")
    return "\n".join(rows)


def _takes(item: Any) -> str:
    """Return the kind of value, and that it may be repeated."""
    annotation = item.type_descriptor.annotation
    (inner,) = getattr(annotation, "__args__", (annotation,))[:1]
    kind = KINDS.get(getattr(inner, "__name__", "str"), "text")
    return f"{kind}, repeatable" if item.multiple else kind


def _first_line(command: Any) -> str:
    return str(command.help or "").strip().split("\n", maxsplit=1)[0]


def escaped(text: str) -> str:
    r"""Return text whose signs of Markdown are plain; what stands in backticks stays.

    Examples
    --------
    >>> escaped("a*b | `x|y` <c>")
    'a\\*b \\| `x\\|y` \\<c>'
    """
    parts = text.replace("|", "\\|").split("`")
    for k in range(0, len(parts), 2):
        for sign in "*_<[{$":
            parts[k] = parts[k].replace(sign, "\\" + sign)
    return "`".join(parts)
