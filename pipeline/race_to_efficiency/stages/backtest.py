"""Stage backtest: the ledgers' row versions in; past forecasts, their scorecard, this quarter's statements out.

What was published or kept earlier (data/published) is scored as it was published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.evaluation.horizons import SHOWN_HORIZONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.score_records import Bound, Lateness, TrackRecord
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.settings.params import Workspace


@dataclass(frozen=True)
class Tested:
    """What the backtest has made.

    Parameters
    ----------
    views : LedgerViews
    table : DataFrame
        Forecasts, baselines and outcomes.
    weights : dict of target to Learned
        The members' weights for the forecasts of the quarter itself.
    """

    views: LedgerViews
    table: pd.DataFrame
    weights: dict[str, Learned]


def run(workspace: Workspace) -> dict[str, Any]:
    """Backtest every observable target for the workspace's quarter.

    Raises
    ------
    InputMissing, DataInvalid
        When a ledger or gamma.json is missing, or a header is broken.
    """
    from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, together
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.quarter.backtest import FITS, LOSSES, groups_of, loss_forecasts
    from race_to_efficiency.quarter.backtest_ledgers import LEDGERS, dated_forecasts
    from race_to_efficiency.quarter.backtest_lineage import backtest_lineage
    from race_to_efficiency.quarter.world import RUNS

    quarter, folder = workspace.quarter, workspace.processed
    gamma = storage.read_json(folder / "gamma.json")  # asked for first, before the long work
    views = LedgerViews.read(workspace.raw, SCORED_LEDGERS, quarter.as_of)
    evaluation = evaluation_of(workspace, views)
    with evaluation.beside(FITS, groups_of(evaluation.world.rows(RUNS))) as fitted:
        dated, weights = dated_forecasts(evaluation, quarter)
        fitted()
    losses, learned = loss_forecasts(evaluation.ask(LOSSES))
    views = evaluation.live(LEDGERS)  # with the views that the nodes had to work out
    table = together([dated, losses])
    tested = Tested(views, table, weights | learned)
    storage.write_parquet(folder / "backtest.parquet", table)
    scores = write_scores(workspace, tested)
    statements, record = write_statements(workspace, tested, gamma)
    targets = [*table["target"].astype(str).unique(), *tested.weights]  # one too young to be scored has weights too
    lineage = backtest_lineage(views, targets, statements, record["publications"], quarter.as_of)
    lineage.write(folder, "backtest")
    verdicts = scores["verdict"].value_counts()
    counts = {word: int(verdicts.get(word, 0)) for word in ("pass", "fail", "too few to judge")}
    outcomes = int((table["method"].eq("forecast") & table["observed"].notna()).sum())
    published = record["totals"][0]
    settled = {"n": published["stated"], "resolved": published["settled"]}
    told = {"targets": scores["target"].nunique()}
    return {"outcomes": outcomes, "verdicts": counts, "statements": len(statements), "record": settled, "told": told}


def evaluation_of(workspace: Workspace, views: LedgerViews) -> Evaluation:
    """Return the evaluation of nodes that see the quarter's used training runs, and the lines of the other ledgers."""
    from race_to_efficiency.executors.place import place_here
    from race_to_efficiency.ledger.schemas import TABLES
    from race_to_efficiency.quarter.backtest_ledgers import lines_of
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.here import memory_of
    from race_to_efficiency.quarter.world import RUNS, LedgerView, World

    day = workspace.quarter.as_of
    runs = LedgerView(views.used(RUNS, day), TABLES[RUNS].key)
    world = World({RUNS: runs} | lines_of(views), workspace.params, day, workspace.seed)
    return Evaluation(world, memory_of(workspace.root), place=place_here())


def write_scores(workspace: Workspace, tested: Tested) -> pd.DataFrame:
    """Write the scorecard (scores.parquet and .json) and return it."""
    from race_to_efficiency.evaluation.fields import SCORE_FIELDS, SOURCE
    from race_to_efficiency.evaluation.grade_record import grade_records
    from race_to_efficiency.evaluation.predecessor import beside, kept
    from race_to_efficiency.evaluation.revisions import lateness
    from race_to_efficiency.evaluation.score_document import score_document
    from race_to_efficiency.evaluation.scorecard import score_table
    from race_to_efficiency.evaluation.scored_forecasts import scored
    from race_to_efficiency.evaluation.targets import TARGETS
    from race_to_efficiency.evaluation.weights import weights_document

    params, folder, day = workspace.params.backtest, workspace.processed, workspace.quarter.as_of

    def late(target: Target) -> Lateness | None:
        return lateness(target, tested.views, day)

    done = scored(tested.table)
    scores = score_table(tested.table, params, done)
    notes = {
        "predecessors": [beside(done, earlier, params.compared_from) for earlier in kept()],
        "bounds": bounds_document(tested.table, workspace, tested.views),
        "grades": grade_records(done),
        "lateness": [row for row in map(late, TARGETS.values()) if row is not None],
    }
    models = [weights_document(name, learned, SHOWN_HORIZONS) for name, learned in tested.weights.items()]
    storage.write_parquet(folder / "scores.parquet", scores, SCORE_FIELDS, SOURCE)
    storage.write_json(
        folder / "scores.json", workspace.quarter.stamp | score_document(tested.table, scores, models, notes)
    )
    return scores


def write_statements(
    workspace: Workspace, tested: Tested, gamma: Mapping[str, Any]
) -> tuple[list[Statement], TrackRecord]:
    """Write the quarter's dated statements and how earlier ones did (track_record.json); return both.

    They stand here and not in the forecast stage because they are the very forecasts this stage has made and scored.
    """
    from race_to_efficiency.evaluation.fields import SOURCE, STATEMENT_FIELDS
    from race_to_efficiency.evaluation.forecast_rows import FORECASTER
    from race_to_efficiency.evaluation.published_inputs import read_published
    from race_to_efficiency.evaluation.statements import (
        Sources,
        make_statements,
        printed_rates,
        read_statements,
        statements_frame,
    )
    from race_to_efficiency.evaluation.track_record import (
        FIRST,
        growths_of,
        published_headlines,
        remade,
        score_documents,
        track_record,
    )

    quarter, folder, params = workspace.quarter, workspace.processed, workspace.params.statements
    published = read_published(workspace.published, str(quarter))
    first = [item for item in published if item.get("model", FIRST) == FIRST]
    own = remade(tested.table, tested.views, quarter, params, [item for item in published if item not in first])
    sources = Sources(
        quarter=quarter,
        views=tested.views,
        forecasts=tested.table,
        earlier=[one for item in own for one in read_statements(item["statements"])],
        params=params,
        rates=printed_rates(gamma),
        weights=tested.weights,
    )
    statements = make_statements(sources)
    table = statements_frame(statements)
    storage.write_parquet(folder / "statements.parquet", table, STATEMENT_FIELDS, SOURCE)
    document = {**workspace.quarter.stamp, "model": FORECASTER, "statements": [item.to_json() for item in statements]}
    storage.write_json(folder / "statements.json", document)
    growths = {str(quarter): growths_of(gamma)}
    scored = score_documents([*first, *own], tested.table, tested.views, quarter.as_of, params, own_growths=growths)
    record = track_record(scored, quarter.as_of)
    record["headlines"] = published_headlines(published)
    storage.write_json(folder / "track_record.json", {**workspace.quarter.stamp, **record})
    return statements, record


def bounds_document(table: pd.DataFrame, workspace: Workspace, views: LedgerViews) -> list[Bound]:
    """Return each target's physical bound at the quarter, its source, and how much of the forecasts it has moved."""
    from race_to_efficiency.evaluation.backtesting import origin_of
    from race_to_efficiency.evaluation.bounds import bound, implied_power
    from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
    from race_to_efficiency.evaluation.targets import TARGETS

    made = table[(table["method"] == "forecast") & (table["origin"] == str(workspace.quarter))]
    found = []
    for name, own in made.groupby("target", sort=True):
        if name not in TARGETS:
            continue
        target = TARGETS[str(name)]
        origin = origin_of(target, views, workspace.quarter, workspace.params.backtest, workspace.seed)
        limit, source = bound(origin, views)
        row: Bound = {
            "target": str(name),
            "unit": target.unit,
            "bound": [float(one) for one in np.exp2(target.sign * limit[[0, -1]])],
            "source": source,
            "moved_mean": float(own["moved"].mean()),
            "moved_most": float(own["moved"].max()),
        }
        if target.id == "frontier_compute":
            quantiles = own.sort_values("horizon_quarters")[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
            row["power_implied_above_cap"] = float(implied_power(origin, views, quantiles).max())
        found.append(row)
    return found
