"""``race dictionary``: write the data dictionary anew, or check that it is current."""

from __future__ import annotations

from typing import Annotated

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import IntegrityError


def register(app: typer.Typer) -> None:
    """Add the verb ``dictionary``."""

    @app.command(epilog="Example: race dictionary --check")
    def dictionary(
        check: Annotated[bool, typer.Option("--check", help="write nothing; exit 5 when it is not current")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Write data/raw/README.md, the data dictionary, from the tables' metadata."""
        from pathlib import Path

        from race_to_efficiency import storage
        from race_to_efficiency.ledger.dictionary import dictionary_text
        from race_to_efficiency.ledger.schemas import TABLES
        from race_to_efficiency.settings.params import find_root

        path = find_root(Path.cwd()) / "data" / "raw" / "README.md"
        current = path.exists() and storage.read_text(path) == dictionary_text()
        if check and not current:
            raise IntegrityError(
                "the data dictionary is not current", where="data/raw/README.md", remedy="run `race dictionary`"
            )
        if not current:
            storage.write_text(path, dictionary_text())
        columns = sum(len(table.columns) for table in TABLES.values())
        if as_json:
            document = {"path": "data/raw/README.md", "tables": len(TABLES), "columns": columns, "changed": not current}
            terminal.document(document)
        else:
            state = "was current" if current else "written"
            terminal.line(f"data/raw/README.md {state}: {len(TABLES)} tables, {columns} columns")
