"""Nodes of kappa: each comparable group fitted in every form, and the pool of families of each form."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.node import Computed, Node, Origin
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.quarter.node import Reading
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
        tables={"draws": _concatenated([draws_frame(fit) for fit in fits])},
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


def form_discrepancy(reading: Reading, form: str) -> Computed:
    """Gather how far a form was off beyond the cut-offs of all families; the document is None where none was cut."""
    from race_to_efficiency.calibration.kappa.discrepancy import LEAST_DECADES, Discrepancy

    results = [reading.ask(GROUP, name) for name in group_names(reading)]
    groups = [result for result in results if result.document is not None]
    cutoffs, outputs = [], []
    for result in groups:
        refused = any(item["form"] == form and item["status"] == "refused" for item in result.document["estimates"])
        rows = [row for row in result.document["tables"]["extrapolation"] if row["form"] == form]
        # one cut-off may leave the same runs as another; nearly the same compute tells no slope
        distinct = {row["n_fitted"]: row for row in rows if row["decades_beyond"] >= LEAST_DECADES}
        if refused or not distinct:
            continue
        cutoffs += [(row["family"], row["group"], row["discrepancy_per_decade"]) for row in distinct.values()]
        own = next(item["id"] for item in result.document["estimates"] if item["form"] == form)
        outputs.append(f"{result.node}#{own}")
    found = Discrepancy.of(form, cutoffs)
    if found is None:
        return Computed(None)
    return Computed(found.to_json(), origins={f"discrepancy.{form}": Origin(outputs=tuple(outputs))})


def kappa_document(reading: Reading) -> Computed:
    """Return kappa.json without its stamp, and kappa_draws: every group, and the pools."""
    from race_to_efficiency.calibration.common.estimates import rows_told_once
    from race_to_efficiency.calibration.kappa.compute_frontier import graded
    from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
    from race_to_efficiency.calibration.kappa.groups import GROUP_TABLES
    from race_to_efficiency.calibration.kappa.pooled import POOLS

    params = reading.settings("fit_kappa", only=("forms",))
    names = group_names(reading)
    rows = reading.rows(RUNS, columns=("group", "exclusion"))
    counts = rows.loc[rows["exclusion"] == "", "group"].value_counts()
    results = reading.ask_each(GROUP, [(name,) for name in names], size=lambda name: int(counts.get(name, 0)))
    groups = [result for result in results if result.document is not None]
    pools = [reading.ask(POOL, form) for form in POOLS if form in params.forms]
    beyond = [found for form in params.forms if (found := reading.ask(DISCREPANCY, form)).document is not None]
    pooled = [pool.document for pool in pools if pool.document is not None]
    own = [item for result in groups for item in result.document["estimates"]]
    tables = {name: [row for result in groups for row in result.document["tables"][name]] for name in GROUP_TABLES}
    tables["frontier"] = graded(
        tables["frontier"],
        {(item["group"], item["form"]): _evidence(item) for item in own if item["symbol"].startswith("kappa_")},
        {found.document["form"]: Discrepancy.from_json(found.document) for found in beyond},
    )
    outputs = {item["id"]: result.node for result in groups for item in result.document["estimates"]}
    outputs |= {pool.document["id"]: pool.node for pool in pools if pool.document is not None}
    outputs |= {f"discrepancy.{found.document['form']}": found.node for found in beyond}
    return Computed(
        {"estimates": [*rows_told_once(own), *pooled], "discrepancy": [found.document for found in beyond], **tables},
        tables={"draws": _concatenated([result.tables["draws"] for result in groups])},
        origins={name: Origin(outputs=(f"{node}#{name}",)) for name, node in outputs.items()},
    )


def _evidence(estimate: Mapping[str, Any]) -> int:
    from race_to_efficiency.calibration.common.grades import evidence_level

    scatter = (estimate["diagnostics"] or {}).get("residual_sd")
    return evidence_level(sound=estimate["status"] == "trusted", scatter=scatter)


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


def _concatenated(frames: list[pd.DataFrame]) -> Any:
    import pandas as pd

    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"group": [], "form": []})


GROUP = Node("kappa.group", group_node)
ALONE = Node("kappa.alone", fit_alone)
POOL = Node("kappa.pooled", pool_form)
DISCREPANCY = Node("kappa.discrepancy", form_discrepancy)
KAPPA_DOCUMENT = Node("kappa", kappa_document)
