"""``race dictionary``: write the data dictionary anew, or check that it is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import IntegrityError

if TYPE_CHECKING:
    from race_to_efficiency.commands.kept_records import Dictionary


def register(app: typer.Typer) -> None:
    """Add the verb ``dictionary``."""

    @app.command(epilog="Example: race dictionary --check")
    def dictionary(
        check: Annotated[bool, typer.Option("--check", help="write nothing; exit 5 when it is not current")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Write data/raw/README.md, the data dictionary, and data/raw/datapackage.json from the tables' metadata."""
        from pathlib import Path

        from race_to_efficiency import storage
        from race_to_efficiency.ledger.schemas import TABLES
        from race_to_efficiency.provenance.ledger_history import DESCRIPTIONS
        from race_to_efficiency.settings.params import find_root

        raw = find_root(Path.cwd()) / "data" / "raw"
        texts = {name: write(raw) for name, write in DESCRIPTIONS.items()}
        old = [
            name for name, text in texts.items() if not (raw / name).exists() or storage.read_bytes(raw / name) != text
        ]
        if check and old:
            raise IntegrityError(
                "the data dictionary is not current",
                where=", ".join(f"data/raw/{name}" for name in old),
                remedy="run `race dictionary`",
            )
        for name in old:
            storage.write_bytes(raw / name, texts[name])
        columns = sum(len(table.columns) for table in TABLES.values())
        if as_json:
            told: Dictionary = {
                "path": "data/raw/README.md", "tables": len(TABLES), "columns": columns, "changed": bool(old),
            }  # fmt: skip
            terminal.document(told)
        else:
            for name in texts:
                state = "written" if name in old else "was current"
                terminal.line(f"data/raw/{name} {state}: {len(TABLES)} tables, {columns} columns")
