"""hub-config and model-metadata of a hub: what may be forecast, at which levels, and by whom.

References
----------
hubverse schemas, version 6.0.0 (hubverse-org/schemas): admin, tasks and target-data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.hub.rows import TASK, TEAM

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

SCHEMAS = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v6.0.0"
DAYS_OPEN = {"relative_to": "reference_date", "start": 0, "end": 90}
"""A quarter is forecast once it has ended, before the next one has."""

LOSSES = {
    "relative_loss total": "R = L/L0 from the total exponent, the paper's reading; not scored, nothing settles it",
    "reducible_loss reducible": "r = (L - E)/(L0 - E); not scored, nothing settles it",
    "relative_loss reducible": "L/L0 = floor + (1 - floor) r; not scored, nothing settles it",
}
"""The targets without outcomes, and what they are."""


def admin(version: str) -> dict[str, Any]:
    """Return admin.json."""
    return {
        "schema_version": f"{SCHEMAS}/admin-schema.json",
        "name": "Race to efficiency",
        "maintainer": "The race-to-efficiency maintainers",
        "contact": {"name": "The race-to-efficiency maintainers", "email": "maintainers@race-to-efficiency.invalid"},
        "citation": f"race-to-efficiency {version}; each statement names its sources in auxiliary-data/statements.csv",
        "file_format": ["parquet"],
        "timezone": "UTC",
        "model_output_dir": "model-output",
    }


def tasks(forecasts: pd.DataFrame, described: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return tasks.json of all the rows of model-output: a round a reference date, a task a target.

    Parameters
    ----------
    forecasts : DataFrame
        `rows.COLUMNS`.
    described : mapping of target to (unit, words)
    """
    models = [_task(str(target), rows, *described[str(target)]) for target, rows in forecasts.groupby("target")]
    return {
        "schema_version": f"{SCHEMAS}/tasks-schema.json",
        "rounds": [
            {
                "round_id_from_variable": True,
                "round_id": "reference_date",
                "model_tasks": models,
                "submissions_due": DAYS_OPEN,
            }
        ],
        "output_type_id_datatype": "double",
    }


def _task(target: str, rows: pd.DataFrame, unit: str, words: str) -> dict[str, Any]:
    values = {name: sorted(set(rows[name].tolist())) for name in TASK}
    told = {name: [str(one) if name.endswith("date") else one for one in found] for name, found in values.items()}
    return {
        "task_ids": {name: {"required": None, "optional": found} for name, found in told.items()},
        "output_type": {
            "quantile": {
                "output_type_id": {"required": sorted(set(rows["output_type_id"].tolist()))},
                "is_required": True,
                "value": {"type": "double"},
            }
        },
        "target_metadata": [
            {
                "target_id": target,
                "target_name": target,
                "target_units": unit,
                "target_keys": {"target": target},
                "description": words,
                "target_type": "continuous",
                "is_step_ahead": True,
                "time_unit": "month",
            }
        ],
    }


def target_data() -> dict[str, Any]:
    """Return target-data.json: outcomes are told by the whole task, and none is revised in place."""
    return {
        "schema_version": f"{SCHEMAS}/target-data-schema.json",
        "observable_unit": list(TASK),
        "date_col": "target_end_date",
        "versioned": False,
        "oracle-output": {"has_output_type_ids": False},
    }


def model_metadata(model: str) -> dict[str, Any]:
    """Return model-metadata/MODEL.yml; JSON is YAML."""
    version = model.partition("-v")[2].removesuffix("_base")
    made = ", reconstructed after its time" if version.endswith("_remade") else ""
    what = "what its statements are held against" if model.endswith("_base") else "statements as published"
    return {
        "team_name": "The race-to-efficiency maintainers",
        "team_abbr": TEAM,
        "model_name": f"race-{version.removesuffix('_remade').replace('_', '.')}{made}: {what}",
        "model_abbr": model.partition("-")[2],
        "designated_model": False,
        "license": "MIT",
    }


MODEL_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A model's metadata",
    "type": "object",
    "properties": {
        "team_name": {"type": "string"},
        "team_abbr": {"type": "string", "pattern": "^[a-zA-Z0-9_]+$", "maxLength": 16},
        "model_name": {"type": "string"},
        "model_abbr": {"type": "string", "pattern": "^[a-zA-Z0-9_]+$", "maxLength": 16},
        "designated_model": {"type": "boolean"},
        "license": {"type": "string"},
    },
    "required": ["team_name", "team_abbr", "model_name", "model_abbr", "designated_model", "license"],
    "additionalProperties": False,
}
"""hub-config/model-metadata-schema.json."""
