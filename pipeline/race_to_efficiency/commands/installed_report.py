"""The report of a run in its folder under reports/, beside a published one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace


def install_report(workspace: Workspace) -> tuple[Path, str]:
    """Copy the report stage's files to reports/<quarter>/, never over a published quarter; return its page and a note.

    A published quarter is frozen: a run that reproduces it byte for byte leaves it alone, one that differs goes to
    reports/<quarter>-draft/.
    """
    from race_to_efficiency import storage
    from race_to_efficiency.commands.corridor import require_processed
    from race_to_efficiency.provenance.contents import RECORDS
    from race_to_efficiency.provenance.installed import install
    from race_to_efficiency.provenance.kept_files import is_kept, kept_bytes
    from race_to_efficiency.settings.params import PARAMS_FILE

    source = workspace.processed / "report"
    found = (path for path in sorted(source.rglob("*")) if path.is_file())
    files = {path.relative_to(source).as_posix(): storage.read_bytes(path) for path in found}
    quarter = str(workspace.quarter)
    revisions = [folder for folder in workspace.reports.glob(f"{quarter}.r*") if (folder / "manifest.json").exists()]
    newest = max(
        revisions, key=lambda folder: int(folder.name.rpartition(".r")[2]), default=workspace.reports / quarter
    )
    target, note = newest, ""
    if (newest / "manifest.json").exists():
        results = dict(files)
        for record in (item for item in RECORDS if item not in results and is_kept(newest / item)):
            results[record] = storage.read_bytes(require_processed(workspace, record))
        changed = [
            path for path, data in results.items() if not is_kept(newest / path) or kept_bytes(newest / path) != data
        ]
        settings = settings_moved(workspace, newest / PARAMS_FILE)
        if not changed and not settings:
            note = f"{newest.name} is published; this run has its settings and reproduces its {len(results)} files of "
            return newest / "report.html", note + "results byte for byte"
        target = workspace.reports / f"{quarter}-draft"
        differs = [f"{len(settings)} settings ({_few(settings)})"] if settings else []
        differs += [f"{len(changed)} of {len(results)} files ({_few(changed)})"] if changed else []
        note = (
            f"{newest.name} is published and frozen; this run differs in {' and in '.join(differs)}, so it stands in "
            f"{target.name}"
        )
    install(workspace, target.name, files)
    return target / "report.html", note


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def settings_moved(workspace: Workspace, published: Path) -> list[str]:
    """Return the settings that a run's stages read and that are not the published ones, as dotted names."""
    from race_to_efficiency.settings.corridor import declared
    from race_to_efficiency.settings.sealed import read_sealed

    read = {name for stage in declared(workspace.root).values() for name in stage.settings if name != "quarter"}
    try:
        then, now = (params.leaves(read) for params in (read_sealed(published), workspace.params))
    except DataInvalid:  # settings that this code cannot read are not those of this run
        return [published.name]
    # another quarter than params.yaml's is always worked out afterwards: that is no choice of the settings
    return sorted(name for name in then if then[name] != now[name] and name != "report.reconstructed")
