"""A publication as later quarters keep it: what is written of it, and the files read before a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

from race_to_efficiency.evaluation.track_record import HEADLINE_KEYS, growths_of


def earlier_files(folder: Path, before: str) -> list[Path]:
    """Return the files of publications of quarters before ``before``, earlier ones first; the name is the folder's.

    Those of a chain that was closed lie in a folder of its name, and come before this chain's of the same quarter.

    Raises
    ------
    DataInvalid
        When a file is not named for a publication.
    """
    found = []
    for path in [*folder.glob("*/*.json"), *folder.glob("*.json")]:
        try:
            quarter = Quarter.parse(path.stem.partition(".")[0])
        except UsageError as error:
            raise DataInvalid(
                f"{path.name} is not named for a publication", where=str(path), why=error.why, remedy="move it away"
            ) from None
        if quarter < Quarter.parse(before):
            found.append((quarter, path.parent == folder, path.name, path))
    return [path for *_, path in sorted(found)]


def read_published(folder: Path, before: str) -> list[dict[str, Any]]:
    """Return the statements published for quarters before ``before``, as `published_document` wrote them, in order.

    Raises
    ------
    DataInvalid
        When a file is not JSON or lacks a key.
    """
    documents = []
    for path in earlier_files(folder, before):
        document = storage.read_json(path)
        missing = sorted({"quarter", "publication", "statements", "growths"} - set(document))
        if missing:
            raise DataInvalid(
                f"{path.name} lacks {', '.join(missing)}",
                where=str(path),
                why="it should hold what a quarter's publication stated",
                remedy="remove the file and call race run: it is written again from the published folder",
            )
        documents.append(document)
    return documents


def published_document(
    quarter: str,
    publication: str,
    statements: Mapping[str, Any],
    gamma: Mapping[str, Any],
    kappa: Mapping[str, Any],
    headline: Iterable[Mapping[str, Any]] = (),
    *,
    reconstructed: bool,
) -> dict[str, Any]:
    """Return what later quarters need of a publication to score it: its statements and its growths, as published.

    A form's discrepancy goes with them: it widens what is predicted of anyone's own runs. So do the medians of its
    headline, beside which later quarters draw theirs.

    Parameters
    ----------
    quarter : str
    publication : str
        Its folder under reports/; a correction (``2026Q1.r2``) stands beside what it corrects and erases no score.
    statements, gamma, kappa, headline : mapping; sequence of mapping
        statements.json, gamma.json, kappa.json and headline.json of the folder; 0.1 named no forecaster and no
        discrepancy.
    reconstructed : bool
        Whether it was made after its time: it is no record then.
    """
    model = {"model": statements["model"], "reconstructed": reconstructed} if "model" in statements else {}
    return {
        "quarter": quarter,
        "publication": publication,
        **model,
        "statements": list(statements["statements"]),
        "growths": growths_of(gamma),
        **({"discrepancy": list(kappa["discrepancy"])} if "discrepancy" in kappa else {}),
        **(
            {"headline": [{name: row[name] for name in HEADLINE_KEYS} for row in headline]}
            if model and headline
            else {}
        ),
    }
