"""The track record: every earlier publication's statements, scored as they were published.

What was published is an input, not a result: `race publish` leaves one file a publication in data/published, and a
quarter's own publication keeps the earlier files it was made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.evaluation.published_scores import COLUMNS, score_published
from race_to_efficiency.evaluation.statements import read_statements
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.settings.statements import StatementParams


def earlier_files(folder: Path, before: str) -> list[Path]:
    """Return the files of publications of quarters before ``before``, earlier ones first; the name is the folder's.

    Raises
    ------
    DataInvalid
        When a file is not named for a publication.
    """
    found = []
    for path in folder.glob("*.json"):
        try:
            quarter = Quarter.parse(path.stem.partition(".")[0])
        except UsageError as error:
            raise DataInvalid(
                f"{path.name} is not named for a publication", where=str(path), why=error.why, remedy="move it away"
            ) from None
        if quarter < Quarter.parse(before):
            found.append((quarter, path.name, path))
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
    quarter: str, publication: str, statements: Mapping[str, Any], gamma: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what later quarters need of a publication to score it: its statements and its growths, as published.

    Parameters
    ----------
    quarter : str
    publication : str
        Its folder under reports/; a correction (``2026Q1.r2``) stands beside what it corrects and erases no score.
    statements, gamma : mapping
        statements.json and gamma.json of the folder.
    """
    return {
        "quarter": quarter,
        "publication": publication,
        "statements": list(statements["statements"]),
        "growths": growths_of(gamma),
    }


def score_published_quarters(
    published: Iterable[Mapping[str, Any]],
    views: LedgerViews,
    day: dt.date,
    params: StatementParams,
    *,
    recomputed: Path | None = None,
    own_growths: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Score every earlier publication's statements as they were published.

    Parameters
    ----------
    published : iterable of mapping
        See `published_document`; earlier ones first.
    views : LedgerViews
    day : date
        The view that settles.
    params : StatementParams
    recomputed : Path, optional
        data/processed: what today's code made of a quarter stands in a folder of its name (``race run --quarter``).
    own_growths : mapping of quarter to (mapping of name to value), optional
        Growths of the quarter that looks back, which settle earlier statements about re-estimates.

    Returns
    -------
    DataFrame
        `score_published` of each publication, with quarter and publication; ``drift`` is 'not recomputed' where today's
        code has not run.

    Raises
    ------
    DataInvalid
        When a recomputed file is not JSON.
    """
    import pandas as pd

    documents = list(published)
    estimates = {str(item["quarter"]): item["growths"] for item in documents} | dict(own_growths or {})
    frames = []
    for document in documents:
        quarter = str(document["quarter"])
        own = None if recomputed is None else recomputed / quarter / "statements.json"
        today = storage.read_json(own)["statements"] if own is not None and own.is_file() else []
        statements = read_statements(document["statements"])
        frame = score_published(statements, read_statements(today), views, day, params, estimates=estimates)
        drift = frame["drift"] if today else "not recomputed: race run --quarter " + quarter
        frames.append(frame.assign(quarter=quarter, publication=str(document["publication"]), drift=drift))
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def track_record(scored: pd.DataFrame) -> dict[str, Any]:
    """Return the record as JSON-ready rows, and by publication how many were resolved and how they did.

    Parameters
    ----------
    scored : DataFrame
        From `score_published_quarters`.

    Returns
    -------
    dict
        ``published``: one row a statement; ``publications``: n, resolved, open, void, by_hand and, over the resolved
        ones with a baseline, how many did better than it.
    """
    rows = [{str(key): plain(value) for key, value in row.items()} for row in scored.to_dict("records")]
    publications = []
    for name in dict.fromkeys(str(row["publication"]) for row in rows):
        own = [row for row in rows if row["publication"] == name and row["status"] != "not published"]
        states = [row["status"] for row in own]
        pairs = [
            (row["score"], row["score_baseline"])
            for row in own
            if row["score"] is not None and row["score_baseline"] is not None
        ]
        publications.append(
            {
                "publication": name,
                "n": len(own),
                **{word.replace(" ", "_"): states.count(word) for word in ("resolved", "open", "void", "by hand")},
                "with_baseline": len(pairs),
                "better_than_baseline": sum(own_score < naive for own_score, naive in pairs),
            }
        )
    return {"published": rows, "publications": publications}


def plain(value: Any) -> Any:
    """Return a cell as JSON knows it; what is missing as None."""
    if isinstance(value, str) or value is None:
        return value
    return None if value != value else float(value)  # noqa: PLR0124  (NaN is not itself)


def growths_of(gamma: Mapping[str, Any]) -> dict[str, float]:
    """Return a quarter's growths and levels out of its gamma.json, by ``component.estimator``; without refused ones."""
    return {
        f"{item['component']}.{item['estimator']}": float(item["value"])
        for item in gamma["estimates"]
        if item.get("component") in ("growth", "level") and item.get("value") is not None
    }
