"""Stage backtest: the ledgers' row versions in; past forecasts, their scorecard, this quarter's statements out.

Earlier publications' statements (data/published) are scored as they were published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.evaluation.choices import Choice
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.settings.params import Workspace


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
        When a ledger or the draws are missing, or a header is broken.
    """
    from race_to_efficiency.calibration.common.processes import WORKERS
    from race_to_efficiency.evaluation.backtesting import LEDGERS, backtest_all
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.scorecard import score_document, score_table
    from race_to_efficiency.quarter.backtest_lineage import backtest_lineage

    quarter, params, folder = workspace.quarter, workspace.params.backtest, workspace.processed
    drawn = read_draws(folder)
    views = LedgerViews.read(workspace.raw, LEDGERS, quarter.as_of)
    table, choices = backtest_all(views, quarter, params, workspace.seed, workers=WORKERS)
    scores = score_table(table, params)
    stamp = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat()}
    storage.write_parquet(folder / "backtest.parquet", table)
    storage.write_parquet(folder / "scores.parquet", scores)
    storage.write_json(folder / "scores.json", stamp | score_document(table, scores, choices))
    statements = write_statements(workspace, views, choices, drawn)
    publications = write_track_record(workspace, views)
    targets = table["target"].astype(str).unique().tolist()
    backtest_lineage(views, targets, statements, publications, quarter.as_of).write(folder, "backtest")
    record = {key: sum(item[key] for item in publications) for key in ("n", "resolved")}
    verdicts = scores["verdict"].value_counts()
    counts = {word: int(verdicts.get(word, 0)) for word in ("pass", "fail", "too few to judge")}
    outcomes = int((table["method"].eq("forecast") & table["observed"].notna()).sum())
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    line = f"{outcomes} outcomes, {scores['target'].nunique()} targets: {said}; {len(statements)} statements"
    if record["n"]:
        line += f"; {record['resolved']} of {record['n']} published ones resolved"
    return {"outcomes": outcomes, "verdicts": counts, "statements": len(statements), "record": record, "line": line}


def read_draws(folder: Path) -> dict[str, Any]:
    """Return what the statements take from the stages before: the draws of gamma and kappa and gamma's windows.

    Raises
    ------
    InputMissing
        When fit_kappa or fit_gamma has not run; asked for first, before the long work.
    """
    from race_to_efficiency.evaluation.statements import windows_of

    return {
        "gamma_draws": storage.read_parquet(folder / "gamma_draws.parquet"),
        "kappa_draws": storage.read_parquet(folder / "kappa_draws.parquet"),
        "windows": windows_of(storage.read_json(folder / "gamma.json")),
    }


def write_statements(
    workspace: Workspace, views: LedgerViews, choices: Sequence[Choice], drawn: Mapping[str, Any]
) -> list[Statement]:
    """Write the quarter's dated statements (statements.json and .parquet) and return them.

    They stand here and not in the forecast stage because they use the very models this stage has chosen and scored.
    """
    from race_to_efficiency.evaluation.statements import Sources, make_statements, statements_frame

    folder, quarter = workspace.processed, workspace.quarter
    sources = Sources(
        quarter=quarter,
        views=views,
        choices={choice.target: choice for choice in choices},
        backtest=workspace.params.backtest,
        params=workspace.params.statements,
        seed=workspace.seed,
        **drawn,
    )
    statements = make_statements(sources)
    stamp = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat()}
    storage.write_parquet(folder / "statements.parquet", statements_frame(statements))
    storage.write_json(folder / "statements.json", {**stamp, "statements": [item.to_json() for item in statements]})
    return statements


def write_track_record(workspace: Workspace, views: LedgerViews) -> list[dict[str, Any]]:
    """Write how earlier publications' statements did (track_record.json); return what it says of each publication.

    What today's code would have stated for those quarters is not recomputed here: ``race show scores`` sets it beside.
    """
    from race_to_efficiency.evaluation.track_record import (
        growths_of,
        read_published,
        score_published_quarters,
        track_record,
    )

    quarter, folder = workspace.quarter, workspace.processed
    earlier = read_published(workspace.published, str(quarter))
    own = {str(quarter): growths_of(storage.read_json(folder / "gamma.json"))}
    scored = score_published_quarters(earlier, views, quarter.as_of, workspace.params.statements, own_growths=own)
    document = track_record(scored)
    stamp = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat()}
    storage.write_json(folder / "track_record.json", stamp | document)
    publications: list[dict[str, Any]] = document["publications"]
    return publications
