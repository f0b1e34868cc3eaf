"""What the fit of a group depends on, as one digest: its rows, its settings, the seed and the code that fits.

A later comparison may then take a fit from kappa.json instead of making it again, and only when it would come out the
same.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.calibration.kappa.group_rows import GroupRows

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.settings.kappa import KappaGroup, KappaParams

LIBRARIES = ("numpy", "scipy", "lmfit")


def group_fingerprint(rows: GroupRows, params: KappaParams, *, seed: int) -> str:
    """Return the digest of all that `race_to_efficiency.calibration.kappa.groups.fit_group` sees of a group.

    Parameters
    ----------
    rows : GroupRows
    params : KappaParams
        Of all groups; only the group's own entry counts.
    seed : int
    """
    own = params.model_copy(update={"groups": (rows.spec,)}).model_dump(mode="json")
    cells = {name: storage.digest_bytes(values.tobytes()) for name, values in rows.quantities.items()}
    return storage.digest_document([list(rows.ids), list(rows.clusters), cells, rows.window, own, seed])


def rows_of(runs: pd.DataFrame, spec: KappaGroup) -> GroupRows | None:
    """Return a group's used rows in a view of training_runs; None when it has none."""
    return GroupRows.of(runs[runs["group"] == spec.group], spec)


def kappa_inputs(runs: pd.DataFrame, params: KappaParams, *, seed: int) -> dict[str, Any]:
    """Return what a run of the fits depends on: the code's digest, and one fingerprint a group."""
    found = {spec.group: rows_of(runs, spec) for spec in params.groups}
    groups = {name: group_fingerprint(rows, params, seed=seed) for name, rows in found.items() if rows is not None}
    return {"code": code_digest(), "groups": groups}


def code_digest() -> str:
    """Return one digest of the code and libraries a fit of kappa runs through."""
    calibration = Path(__file__).parents[1]
    files = [*sorted(calibration.rglob("*.py")), calibration.parent / "scaling_laws.py"]
    return storage.digest_document([storage.digest_tree(calibration.parent, files), {n: version(n) for n in LIBRARIES}])
