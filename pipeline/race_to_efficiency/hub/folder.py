"""All files of a hub: configuration, model output, outcomes, and beside them what its columns cannot say.

model-output/MODEL/DATE-MODEL.parquet holds statements as published, target-data/oracle-output.parquet what settled
them; auxiliary-data/statements.csv a statement a line in full, events too; auxiliary-data/scored.parquet the settled
forecasts with outcomes on the scale the report scores them on, which `race score` turns into the report's scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.evaluation.track_record import FIRST
from race_to_efficiency.hub import tasks
from race_to_efficiency.hub.rows import (
    COLUMNS,
    FIELDS,
    SIDECAR,
    SOURCE,
    TASK,
    baseline_rows,
    frame,
    model_rows,
    newest,
    scored_rows,
    sidecar_row,
    task_of,
)
from race_to_efficiency.parquet import parquet_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.hub.rows import Publication
    from race_to_efficiency.storage import Fields

    Settled = tuple[Publication, Statement, Mapping[str, Any]]

ORACLE = (*TASK, "oracle_value")
SCORED = ("model_id", *COLUMNS, "observed")
SCALED = FIELDS | {"value": ("log2 of the target's; dates and growths as they stand", "quantile as it is scored")}

README = """# Race to efficiency: forecasts as a hub

hubverse's readers open this folder (`hubdata.connect_hub`). Made by `race export hub` from the published quarters.
Targets relative_loss and reducible_loss are not scored: nothing settles them.
`race score auxiliary-data/scored.parquet` gives the scores of the report (doublings; dates and growths as they stand).
Events (probabilities) stand in auxiliary-data/statements.csv.
"""


def hub_files(
    publications: Iterable[Publication], published: Iterable[Mapping[str, Any]], version: str
) -> dict[str, bytes]:
    """Return the files of a hub by name.

    Parameters
    ----------
    publications : iterable of Publication
        Earlier ones first.
    published : iterable of mapping
        Rows of the track record of the quarter that looks back; they settle.
    version : str
        Of this program.
    """
    held = newest(publications)
    output = model_output(held)
    told = list(with_record(held, published))
    files = {name: storage.dumps(document).encode() for name, document in configuration(held, output, version).items()}
    for (model, day), rows in output.items():
        files[f"model-output/{model}/{day}-{model}.parquet"] = tabled(rows)
    sidecar = frame((sidecar_row(*one) for one in told), SIDECAR)
    files["auxiliary-data/statements.csv"] = sidecar.to_csv(index=False, lineterminator="\n").encode()
    closed = [one for one in told if one[1].quantiles and one[2].get("observed") is not None]
    scored = (row for item, one, known in closed for row in scored_rows(one, item.model, float(known["observed"])))
    files["auxiliary-data/scored.parquet"] = tabled(frame(scored, SCORED), SCALED)
    files["target-data/oracle-output.parquet"] = tabled(oracle(closed))
    return {**files, "README.md": README.encode()}


def tabled(rows: pd.DataFrame, fields: Fields = FIELDS) -> bytes:
    """Return one of a hub's tables as parquet that says what its columns are."""
    return parquet_bytes(rows, fields, SOURCE)


def configuration(
    held: Iterable[Publication], output: Mapping[tuple[str, str], pd.DataFrame], version: str
) -> dict[str, Any]:
    """Return the documents of hub-config and model-metadata by name."""
    import pandas as pd

    described = {name: ("1", words) for name, words in tasks.LOSSES.items()}
    for item in held:
        for one in item.statements():
            described.setdefault(str(task_of(one)["target"]), (one.unit, one.resolution_rule))
    whole = pd.concat([rows for rows in output.values() if len(rows)], ignore_index=True)
    return {
        "hub-config/admin.json": tasks.admin(version),
        "hub-config/tasks.json": tasks.tasks(whole, described),
        "hub-config/target-data.json": tasks.target_data(),
        "hub-config/model-metadata-schema.json": tasks.MODEL_SCHEMA,
        **{f"model-metadata/{model}.yml": tasks.model_metadata(model) for model, _ in output},
    }


def with_record(held: Iterable[Publication], published: Iterable[Mapping[str, Any]]) -> Iterator[Settled]:
    """Yield every statement with its row of the track record, which is empty where it is not told of yet."""
    record = {(row.get("model", FIRST), row["publication"], row["id"]): row for row in published}
    for item in held:
        for one in item.statements():
            yield item, one, record.get((item.document.get("model", FIRST), item.document["publication"], one.id), {})


def model_output(held: Iterable[Publication]) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the tidy tables by model and reference date; what statements are held against is a model of its own.

    Raises
    ------
    ValueError
        When a model forecasts one level of a task twice.
    """
    found = {}
    for item in held:
        day = item.quarter.as_of.isoformat()
        for model, rows in ((item.model, model_rows(item)), (f"{item.model}_base", baseline_rows(item))):
            table = frame(rows)
            if table.duplicated([*TASK, "output_type_id"]).any():
                raise ValueError(f"{model} forecasts a task twice on {day}")
            found[model, day] = table
    return {key: found[key] for key in sorted(found)}


def oracle(closed: Iterable[Settled]) -> pd.DataFrame:
    """Return the outcomes: a row a task that is settled, whoever forecast it."""
    rows = ({**task_of(one), "oracle_value": float(known["observed"])} for _, one, known in closed)
    return frame(rows, ORACLE).drop_duplicates().sort_values(list(TASK)).reset_index(drop=True)
