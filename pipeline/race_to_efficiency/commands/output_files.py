"""Where an output option may write: anywhere but among what is published, kept, or run."""

from __future__ import annotations

from pathlib import Path

from race_to_efficiency.errors import UsageError

FENCED = ("data", "reports", "pipeline", "tests", "benchmarks", ".git", ".dvc", ".venv")
"""Folders of a checkout that an output option never writes into."""

FENCED_FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "pyproject.toml", "requirements.lock", "Makefile")
"""Files beside them that are inputs; so are the documents there, which end in .md."""

ENTRY, REGISTRY = "registry_entry.json", "registry.json"
"""What marks a published folder, and the folder of published folders, also where they were copied to."""


def output_file(given: Path | str | None, option: str) -> Path | None:
    """Return where an output option writes, None when it is not given.

    Parameters
    ----------
    given : path or None
    option : str
        Its name, for the error.

    Raises
    ------
    UsageError
        When the path is a link or no plain file, or lies in a fenced folder of the checkout around it, in a published
        folder, or in this program. Links to folders are followed to find out.
    """
    if given is None:
        return None
    path = Path(given)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(
            f"{option} {path} is no plain file",
            where=option,
            why="links, folders and devices are not written to",
        )
    place = path.parent.resolve() / path.name
    program = Path(__file__).resolve().parents[1]
    keeper = next((folder for folder in place.parents if _keeps(folder, place) or folder == program), None)
    if keeper is not None:
        raise UsageError(
            f"{option} {path} would write among what {keeper} keeps",
            where=option,
            why=f"no output option writes into {', '.join(FENCED)}, over inputs, or into what is published",
            remedy="give a path elsewhere",
        )
    return path


def _keeps(folder: Path, place: Path) -> bool:
    """Tell whether a folder above a path fences it off: a published folder, or a checkout by the parts it fences."""
    if (folder / ENTRY).is_file() or ((folder / REGISTRY).is_file() and any(folder.glob(f"*/{ENTRY}"))):
        return True
    if not ((folder / "params.yaml").is_file() and (folder / "data" / "raw").is_dir()):
        return False
    if place.parent == folder:
        return place.suffix == ".md" or place.name.startswith(".") or _is_one_of(place, folder, FENCED_FILES)
    return any(_is_one_of(parent, folder, FENCED) for parent in place.parents if parent.parent == folder)


def _is_one_of(place: Path, folder: Path, names: tuple[str, ...]) -> bool:
    """Tell whether a path is one of a folder's parts, however it is spelt: Data may be data."""
    there = [folder / name for name in names]
    return place in there or any(part.exists() and place.exists() and part.samefile(place) for part in there)
