"""Stage backtest: the ledgers' row versions in; past forecasts with their outcomes and the scorecard out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage

if TYPE_CHECKING:
    from pipeline.config import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Backtest every observable target for the workspace's quarter.

    Parameters
    ----------
    workspace : Workspace

    Returns
    -------
    dict
        What was scored, in a few numbers, and the line shown as progress.

    Raises
    ------
    InputMissing, DataInvalid
        When a ledger is missing or its header is broken.
    """
    from pipeline.evaluation.backtesting import LEDGERS, backtest_all
    from pipeline.evaluation.origin_views import LedgerViews
    from pipeline.evaluation.scorecard import score_document, score_table

    quarter, params, folder = workspace.quarter, workspace.params.backtest, workspace.processed
    views = LedgerViews.read(workspace.raw, LEDGERS)
    table, choices = backtest_all(views, quarter, params, workspace.seed)
    scores = score_table(table, params)
    stamp = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat()}
    storage.write_parquet(folder / "backtest.parquet", table)
    storage.write_parquet(folder / "scores.parquet", scores)
    storage.write_json(folder / "scores.json", stamp | score_document(table, scores, choices))
    verdicts = scores["verdict"].value_counts()
    counts = {word: int(verdicts.get(word, 0)) for word in ("pass", "fail", "too few to judge")}
    outcomes = int((table["method"].eq("forecast") & table["observed"].notna()).sum())
    line = f"{outcomes} forecasts with outcomes, {scores['target'].nunique()} targets: " + ", ".join(
        f"{count} {word}" for word, count in counts.items()
    )
    return {"outcomes": outcomes, "verdicts": counts, "line": line}
