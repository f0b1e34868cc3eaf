"""Nodes of kappa: each comparable group fitted in every form, and the pool of families of each form."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from race_to_efficiency.quarter.node import Computed, Node, Origin
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.quarter.reading import Reading
    from race_to_efficiency.settings.kappa import KappaGroup, KappaParams


RUN_COLUMNS = ("run_id", "cluster", "exclusion", "released", "params", "tokens", "compute_flop", "loss_nats")
"""What a fit sees of a run."""

ROW_REPLICATES = 20
"""Bootstrap replicates of the refits that find which run mattered: a fitted kappa does not depend on their number."""


def group_node(reading: Reading, group: str) -> Computed:
    """Fit a group in every form; the document is None when it has no usable rows."""
    from race_to_efficiency.calibration.kappa.group_records import draws_frame, estimates_of, refused_for_lack
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.groups import fits_and_tables
    from race_to_efficiency.calibration.kappa.pooled import members_of

    spec, params = _settings(reading, group)
    runs = _runs(reading, group)
    rows = GroupRows.of(runs, spec)
    if rows is None:
        return Computed(None)
    seed = reading.seed
    fits, tables = fits_and_tables(rows, GroupRows.of(runs, spec, readmit=("outlier",)), params, seed=seed)
    records = [estimate for fit in fits for estimate in estimates_of(fit, params, seed=seed)]
    estimates = [estimate.to_json() for estimate in (*records, *refused_for_lack(rows, params))]
    origin = group_origin(rows)
    return Computed(
        {
            "group": group,
            "family": spec.family,
            "estimates": estimates,
            "members": [asdict(member) for member in members_of(fits, params)],
            "tables": tables,
        },
        tables={"draws": concatenated([draws_frame(fit) for fit in fits])},
        origins={estimate["id"]: origin for estimate in estimates},
    )


def fit_alone(reading: Reading, group: str, form: str) -> Computed:
    """Fit one form of a group with few replicates: for values, never for spreads."""
    from race_to_efficiency.calibration.kappa.group_records import estimates_of
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.groups import fit_group as fit_forms

    spec, params = _settings(reading, group, without=("forms", "bootstrap_replicates"))
    rows = GroupRows.of(_runs(reading, group), spec)
    if rows is None:
        return Computed({})
    quick = params.model_copy(update={"forms": (form,), "bootstrap_replicates": ROW_REPLICATES})
    seed = reading.seed
    fits = fit_forms(rows, quick, seed=seed)
    values = {item.id: item.value for fit in fits for item in estimates_of(fit, quick, seed=seed)}
    return Computed(values, origins=dict.fromkeys(values, group_origin(rows)))


def pool_form(reading: Reading, form: str) -> Computed:
    """Pool the families of one reading; the document is None where fewer than two independent ones speak."""
    from race_to_efficiency.calibration.kappa.pooled import Member, pooled_estimate
    from race_to_efficiency.calibration.kappa.pooling import ADMITTED

    params = reading.settings("fit_kappa", without=("groups", "bootstrap_replicates"))
    found = [reading.ask(GROUP, name).document for name in group_names(reading)]
    members = [Member.from_json(item) for document in found if document for item in document["members"]]
    estimate = pooled_estimate(form, members, params)
    if estimate is None:
        return Computed(None)
    outputs = tuple(
        f"{GROUP.called((item['group'],))}#{estimate.symbol}.{item['group']}.{item['form']}"
        for item in estimate.diagnostics["groups"]
        if item["verdict"] == ADMITTED
    )
    return Computed(estimate.to_json(), origins={estimate.id: Origin(outputs=outputs)})


def group_names(reading: Reading) -> list[str]:
    """Return the groups of the settings, in their order."""
    return reading.names("fit_kappa", "groups", "group")


def group_origin(rows: GroupRows) -> Origin:
    """Return what a fit of a group's rows rests on."""
    return Origin(
        rows=tuple(f"{rows.table}/{name}" for name in rows.ids),
        left_out=tuple((f"{rows.table}/{name}", why) for name, why in rows.excluded),
    )


def _settings(reading: Reading, group: str, *, without: tuple[str, ...] = ()) -> tuple[KappaGroup, KappaParams]:
    """Return a group's own settings, and those of all fits with no other group in them."""
    spec: KappaGroup = reading.item("fit_kappa", "groups", "group", group)
    params: KappaParams = reading.settings("fit_kappa", without=("groups", *without))
    return spec, params.model_copy(update={"groups": (spec,)})


def _runs(reading: Reading, group: str) -> pd.DataFrame:
    return reading.rows(RUNS, where={"group": group}, columns=RUN_COLUMNS)


def concatenated(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return several groups' draws as one table, which has its keys also where there are none."""
    import pandas as pd

    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"group": [], "form": []})


GROUP = Node("kappa.group", group_node)
ALONE = Node("kappa.alone", fit_alone)
POOL = Node("kappa.pooled", pool_form)
