"""``race cache``: what this checkout remembers of the numbers it has computed, and how to forget it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal

if TYPE_CHECKING:
    from race_to_efficiency.commands.kept_records import Cache


def register(app: typer.Typer) -> None:
    """Add the verb ``cache``."""

    @app.command(epilog="Example: race cache --clear")
    def cache(
        clear: Annotated[
            bool, typer.Option("--clear", help="forget everything; the next run computes it anew")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Tell what is remembered, by node: entries and bytes.

        A node is a function of the rows, settings, date and seed it reads; its result is kept under the digest of these
        and of the code it reaches, checked whenever it is read back, and dropped oldest first beyond a limit. Answers
        are what a run found of published files, and drew. Clearing changes no number.
        """
        from pathlib import Path

        from race_to_efficiency.quarter.here import store_of
        from race_to_efficiency.settings.params import find_root

        store = store_of(find_root(Path.cwd()))
        removed = store.clear() if clear else 0
        nodes: dict[str, dict[str, int]] = {}
        for name, size_bytes, _ in store.entries():
            found = nodes.setdefault(name.partition(":")[0], {"entries": 0, "bytes": 0})
            found["entries"] += 1
            found["bytes"] += size_bytes
        for path in store.folder.glob("*.json"):  # of `quarter.answers`
            nodes[f"answers.{path.stem}"] = {"entries": 1, "bytes": path.stat().st_size}
        total = sum(item["bytes"] for item in nodes.values())
        if as_json:
            listed: list[Any] = [{"node": name, **nodes[name]} for name in sorted(nodes)]
            told: Cache = {"nodes": listed, "bytes": total, "limit_bytes": store.limit_bytes, "removed": removed}
            terminal.document(told)
            return
        if clear:
            terminal.line(f"{removed:,} bytes forgotten")
        elif nodes:
            rows = [(name, f"{item['entries']:,}", f"{item['bytes']:,}") for name, item in sorted(nodes.items())]
            terminal.table("Remembered", ("node", "entries", "bytes"), rows)
            terminal.line(f"{total:,} bytes of at most {store.limit_bytes:,}; --clear forgets them")
        else:
            terminal.line("nothing is remembered yet")
