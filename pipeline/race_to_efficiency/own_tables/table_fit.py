"""What fits of an analyst's table found, and the rows they were given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.calibration.kappa.group_records import PARAMETER_UNITS
from race_to_efficiency.calibration.kappa.group_rows import GroupRows
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.own_tables.refusals import group_name
from race_to_efficiency.scaling_laws import FLOP_PER_PARAMETER_TOKEN
from race_to_efficiency.settings.kappa import KappaGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.own_tables.conditional_table import ConditionalFit
    from race_to_efficiency.own_tables.run_checks import TableFindings
    from race_to_efficiency.own_tables.run_table import RunTable


@dataclass(frozen=True)
class TableFit:
    """What `race fit kappa` found.

    Parameters
    ----------
    table : RunTable
        Rows used.
    findings : TableFindings
    fits : tuple of GroupFit
    estimates : tuple of Estimate
    held_out : tuple of dict
        How well the laws predict larger runs that were held out; see `held_out`.
    discrepancies : mapping of str to Discrepancy
        How far each form may be off beyond the runs, as the ledger's families show it.
    conditional : tuple of ConditionalFit
        Fits under conditions, and of forms beside the ledger's three.
    """

    table: RunTable
    findings: TableFindings
    fits: tuple[GroupFit, ...]
    estimates: tuple[Estimate, ...]
    held_out: tuple[dict[str, Any], ...] = ()
    discrepancies: Mapping[str, Discrepancy] = field(default_factory=dict)
    conditional: tuple[ConditionalFit, ...] = ()

    @property
    def laws(self) -> tuple[Law, ...]:
        """The fitted laws, for use; a form that was refused without a number has none."""
        ranges = {name: (float(q.min()), float(q.max())) for name, q in self.table.quantities.items() if name != "loss"}
        sizes = [self.table.quantities[name] for name in CHINCHILLA.inputs if name in self.table.quantities]
        own = dict(ranges)  # the chinchilla form counts 6 params tokens, whatever the column says
        if len(sizes) == 2:
            spent = FLOP_PER_PARAMETER_TOKEN * sizes[0] * sizes[1]
            own["compute_flop"] = (float(spent.min()), float(spent.max()))
        records = {item.form: item for item in self.estimates if item.value is not None}
        # of runs that stand in the ledger too, the other families speak
        beyond = {form: found.without(self.table.group) for form, found in self.discrepancies.items()}
        plain = [
            Law.of(
                fit, own if fit.form is CHINCHILLA else ranges, record.status, record.reasons, beyond.get(fit.form.name)
            )
            for fit in self.fits
            if (record := records.get(fit.form.name)) and fit.form.admits(fit.record.theta)
        ]
        others = [
            replace(
                fit.law(own if fit.bound.form.terms > 1 else ranges, record.status, record.reasons),
                discrepancy=beyond.get(fit.bound.form.name, beyond.get(CHINCHILLA.name)),
            )
            for fit in self.conditional
            if (record := records.get(fit.bound.form.name)) and fit.bound.form.admits(fit.theta)
        ]
        return (*plain, *others)

    @property
    def all_refused(self) -> bool:
        """Whether not one estimate may be used."""
        return all(estimate.status == "refused" for estimate in self.estimates)


def in_unit(estimate: Estimate, unit: str) -> Estimate:
    """Return an estimate with the unit of the losses, where it is one of a loss."""
    return replace(estimate, unit=unit) if estimate.unit == PARAMETER_UNITS["E"] else estimate


def rows_of(
    table: RunTable, findings: TableFindings, codes: NDArray[np.int64] | None, index: NDArray[np.intp]
) -> GroupRows:
    """Return some rows of the table as a group of their own."""
    group = group_name(table)
    ids = tuple(table.names[k] for k in index.tolist())
    clusters = ids if codes is None or findings.clusters is None else tuple(map(str, findings.clusters[index].tolist()))
    return GroupRows(
        spec=KappaGroup(group=group, family=group, frontier=findings.frontier, clustered=codes is not None),
        ids=ids,
        clusters=clusters,
        quantities={name: values[index] for name, values in table.quantities.items()},
        window=None,
        excluded=table.excluded,
        doubts=findings.doubts,
        table=table.title,
    )
