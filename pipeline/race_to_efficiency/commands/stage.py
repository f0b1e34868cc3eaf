"""``race stage NAME``: one stage of the corridor, as dvc.yaml calls it."""

from __future__ import annotations

from typing import Annotated

import typer

from race_to_efficiency.commands import terminal


def register(app: typer.Typer) -> None:
    """Add the verb ``stage``."""

    @app.command(epilog="Example: race stage fit_kappa")
    def stage(
        name: Annotated[str, typer.Argument(help="a stage of dvc.yaml: ingest, fit_kappa, ...")],
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's, e.g. 2025Q2")] = None,
        draws: Annotated[bool, typer.Option("--draws", help="forecast: write every draw too, as parquet")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Run one stage: read what earlier stages wrote, compute, write its own files."""
        from pathlib import Path

        from race_to_efficiency import checkout
        from race_to_efficiency.commands.corridor import run_stage
        from race_to_efficiency.errors import UsageError
        from race_to_efficiency.settings.params import find_root, open_workspace

        if draws and name != "forecast":
            raise UsageError(f"--draws belongs to the stage forecast, not to {name}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        with checkout.locked(workspace.root, f"race stage {name}"):
            summary = run_stage(name, workspace, **({"draws": True} if draws else {}))
        if as_json:
            terminal.document({"stage": name, "quarter": str(workspace.quarter), **summary})
