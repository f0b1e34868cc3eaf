"""The track record: every earlier publication's statements, scored as they were published.

What was published is an input, not a result: `race publish` leaves one file a publication in data/published, and a
quarter's own publication keeps the earlier files it was made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency.evaluation.effective_n import coverage_band
from race_to_efficiency.evaluation.forecast_rows import FORECASTER
from race_to_efficiency.evaluation.published_scores import PUBLISHED_COLUMNS, by_question, score_statements
from race_to_efficiency.evaluation.score_records import HeadlineRow, Miss
from race_to_efficiency.evaluation.scoring import COVERAGE_LEVELS
from race_to_efficiency.evaluation.statements import Sources, Statement, make_statements, read_statements
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.score_records import PublishedHeadline, PublishedScore, Totals, TrackRecord
    from race_to_efficiency.settings.statements import StatementParams


HEADLINE_KEYS = tuple(HeadlineRow.__annotations__)
FIRST = "race-0.1"
"""The forecaster of the publications that name none."""


def published_headlines(documents: Iterable[Mapping[str, Any]], most: int = 4) -> list[PublishedHeadline]:
    """Return the headlines of the last quarters that published one, earliest first; a correction in its place.

    Parameters
    ----------
    documents : iterable of mapping
        See `published_document`; earlier ones first.
    most : int
    """
    found = {str(item["quarter"]): item for item in documents if item.get("headline")}
    return [
        {"quarter": quarter, "publication": item["publication"], "rows": list(item["headline"])}
        for quarter, item in sorted(found.items())[-most:]
    ]


def remade(
    forecasts: pd.DataFrame,
    views: LedgerViews,
    quarter: Quarter,
    params: StatementParams,
    own: Iterable[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return what today's forecaster states or would have stated in earlier quarters, earliest first.

    Parameters
    ----------
    forecasts : DataFrame
        The backtest.
    views : LedgerViews
    quarter : Quarter
        The one that looks back.
    params : StatementParams
    own : iterable of dict
        What the same forecaster has published: it stands as published and is not made again.

    Returns
    -------
    list of dict
        As `published_document`.
    """
    documents = {str(item["quarter"]): dict(item) for item in own}
    earlier: list[Statement] = []
    at = Quarter.parse(params.reconstruct_from)
    while at < quarter:
        document = documents.get(str(at))
        if document is None:
            made = make_statements(Sources(at, views, forecasts, tuple(earlier), params))
            document = {
                "quarter": str(at),
                "publication": f"{at} reconstructed",
                "model": FORECASTER,
                "reconstructed": True,
                "statements": [item.to_json() for item in made],
                "growths": {},
            }
            documents[str(at)] = document
        earlier += read_statements(document["statements"])
        at = at.shift(1)
    return [documents[name] for name in sorted(documents)]


def score_documents(
    documents: Iterable[Mapping[str, Any]],
    forecasts: pd.DataFrame,
    views: LedgerViews,
    day: dt.date,
    params: StatementParams,
    *,
    own_growths: Mapping[str, Mapping[str, float]] | None = None,
) -> list[PublishedScore]:
    """Score every document's statements as they were made.

    Parameters
    ----------
    documents : iterable of mapping
        See `published_document`; earlier ones first.
    forecasts : DataFrame
        The backtest.
    views : LedgerViews
    day : date
        The view that settles.
    params : StatementParams
    own_growths : mapping of quarter to (mapping of name to value), optional
        Growths of the quarter that looks back, which settle earlier statements about re-estimates.

    Returns
    -------
    list of dict
        `PUBLISHED_COLUMNS`, a row a statement.
    """
    documents = list(documents)
    estimates = {str(item["quarter"]): item["growths"] for item in documents if item["growths"]}
    estimates |= dict(own_growths or {})
    rows, today = [], by_question(forecasts)
    for item in documents:
        about = {"quarter": str(item["quarter"]), "publication": str(item["publication"])}
        about |= {"model": item.get("model", FIRST), "reconstructed": item.get("reconstructed", False)}
        statements = read_statements(item["statements"])
        scored = score_statements(statements, today, views, day, params, estimates=estimates)
        rows += [cast("PublishedScore", {name: (about | row)[name] for name in PUBLISHED_COLUMNS}) for row in scored]
    return rows


def track_record(rows: Sequence[Mapping[str, Any]], day: dt.date) -> TrackRecord:
    """Return the record: every statement, the totals in three rows, the same by publication, and the worst misses.

    Parameters
    ----------
    rows : list of dict
        From `score_documents`.
    day : date
    """
    kinds = {
        f"{FIRST}, as published": [row for row in rows if row["model"] == FIRST],
        f"{FORECASTER}, reconstructed": [row for row in rows if row["model"] != FIRST and row["reconstructed"]],
        f"{FORECASTER}, live": [row for row in rows if row["model"] != FIRST and not row["reconstructed"]],
    }
    names = list(dict.fromkeys(row["publication"] for row in rows))
    publications = {name: [row for row in rows if row["publication"] == name] for name in names}
    return {
        "totals": [{"name": name, **totals(own, day)} for name, own in kinds.items()],
        "publications": [{"publication": name, **totals(own, day)} for name, own in publications.items()],
        "misses": misses(rows),
        "published": cast("list[PublishedScore]", rows),
    }


def totals(rows: Sequence[Mapping[str, Any]], day: dt.date) -> Totals:
    """Return how many statements there are, what became of them, and how the settled ones did.

    Returns
    -------
    dict
        stated; due (by ``day``); settled; overdue, void, by_hand and open; inside_80 of in_80_of quantities; better of
        with_baseline than doing nothing, and skill, the share of its score saved (the mean over statements of
        differences in score over sums of scores); events with their mean Brier score and that of doing nothing;
        calibration of the quantities, with the binomial band as if they were independent, which they are not.
    """
    states = [row["status"] for row in rows]
    settled = [row for row in rows if row["status"] == "resolved"]
    ranges = [row for row in settled if row["low80"] is not None and row["high80"] is not None]
    pairs = [row for row in settled if row["score"] is not None and row["score_baseline"] is not None]
    events = [row for row in pairs if row["kind"] == "probability"]
    away = np.array([abs(2.0 * row["pit"] - 1.0) for row in settled if row["pit"] is not None])
    return {
        "stated": len(rows),
        "due": sum(row["by"] <= day.isoformat() for row in rows),
        "settled": len(settled),
        "open": states.count("open"),
        "overdue": states.count("overdue"),
        "void": states.count("void"),
        "by_hand": states.count("by hand"),
        "inside_80": sum(row["low80"] <= row["observed"] <= row["high80"] for row in ranges),
        "in_80_of": len(ranges),
        "better": sum(row["score"] < row["score_baseline"] for row in pairs),
        "with_baseline": len(pairs),
        "skill": float(np.mean([_saved(row) for row in pairs])) if pairs else None,
        "events": len(events),
        "brier": float(np.mean([row["score"] for row in events])) if events else None,
        "brier_baseline": float(np.mean([row["score_baseline"] for row in events])) if events else None,
        "calibration": [
            {
                "level": level,
                "share": float((away <= level).mean()),
                "low": low,
                "high": high,
            }
            for level in COVERAGE_LEVELS
            if away.size
            for low, high in (coverage_band(away.size, level),)
        ],
    }


def _saved(row: Mapping[str, Any]) -> float:
    """Return how much better than doing nothing a statement did: from -1 to 1, whatever its unit."""
    whole = row["score"] + row["score_baseline"]
    return float((row["score_baseline"] - row["score"]) / whole) if whole else 0.0


def completed(scores: Mapping[str, Any], record: Mapping[str, Any], day: dt.date) -> dict[str, Any]:
    """Return scores.json and track_record.json as one document; what 0.1 did not write is worked out or left empty.

    Parameters
    ----------
    scores, record : mapping
    day : date
        Of the quarter that looks back.
    """
    if "totals" in record:
        return {**scores, **record}
    known = [row for row in record["published"] if row["status"] != "not published"]
    rows = [
        {
            **dict.fromkeys(PUBLISHED_COLUMNS),
            **{name: row[name] for name in PUBLISHED_COLUMNS if name in row},
            "model": FIRST,
        }
        | {"reconstructed": False, "kind": "quantiles" if row["pit"] is not None or row["low80"] else "probability"}
        for row in known
    ]
    lists: dict[str, list[Any]] = {name: [] for name in ("models", "predecessors", "bounds", "lateness", "grades")}
    told = [{"baseline": "last_value", **row} for row in scores["scores"]]
    return {**scores, **lists, "scores": told, **track_record(rows, day)}


def misses(rows: Sequence[Mapping[str, Any]], most: int = 5) -> list[Miss]:
    """Return the settled statements that did worst against doing nothing, in doublings or in Brier score.

    What today's forecaster says for the same day and question stands beside: what was learnt, in numbers.
    """
    settled = [row for row in rows if row["score"] is not None and row["score_baseline"] is not None]
    worst = sorted(settled, key=lambda row: (row["score_baseline"] - row["score"], row["publication"], row["id"]))
    return [cast("Miss", {name: row[name] for name in Miss.__annotations__}) for row in worst[:most]]


def growths_of(gamma: Mapping[str, Any]) -> dict[str, float]:
    """Return a quarter's growths and levels out of its gamma.json, by ``component.estimator``; without refused ones."""
    return {
        f"{item['component']}.{item['estimator']}": float(item["value"])
        for item in gamma["estimates"]
        if item.get("component") in ("growth", "level") and item.get("value") is not None
    }
