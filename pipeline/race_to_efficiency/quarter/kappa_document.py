"""Nodes of kappa.json: every group and pool, and what is told of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.kappa import GROUP, POOL, concatenated, group_names
from race_to_efficiency.quarter.node import Computed, Node, Origin
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.quarter.reading import Reading


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
        tables={"draws": concatenated([result.tables["draws"] for result in groups])},
        origins={name: Origin(outputs=(f"{node}#{name}",)) for name, node in outputs.items()},
    )


def _evidence(estimate: Mapping[str, Any]) -> int:
    from race_to_efficiency.calibration.common.grades import evidence_level

    scatter = (estimate["diagnostics"] or {}).get("residual_sd")
    return evidence_level(sound=estimate["status"] == "trusted", scatter=scatter)


DISCREPANCY = Node("kappa.discrepancy", form_discrepancy)
KAPPA_DOCUMENT = Node("kappa", kappa_document)
