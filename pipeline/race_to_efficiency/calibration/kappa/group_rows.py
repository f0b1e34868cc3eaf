"""The runs of one comparable group, as arrays with names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.settings.kappa import KappaGroup

GROUP_COLUMNS = (("params", "params"), ("tokens", "tokens"), ("compute_flop", "compute_flop"), ("loss", "loss_nats"))
NO_COMPUTE = "no_compute"
"""Why a run of a ledger takes no part: it has no compute, which every form is judged along."""


@dataclass(frozen=True)
class GroupRows:
    """The used rows of one comparable group.

    Parameters
    ----------
    spec : KappaGroup
    ids, clusters : tuple of str
    quantities : mapping of str to (n,) float
        compute_flop (FLOP), loss (in the group's own unit), and params and tokens where every row has them.
    window : (str, str) or None
        First and last release date, ISO.
    excluded : tuple of (str, str)
        Row id and reason.
    fatal : tuple of str
        Reasons to refuse whatever is fitted.
    doubts : tuple of str
        Reasons that make whatever is fitted at most weak.
    table : str
        Where the rows stand.
    """

    spec: KappaGroup
    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    quantities: dict[str, Floats]
    window: tuple[str, str] | None
    excluded: tuple[tuple[str, str], ...]
    fatal: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    table: str = "training_runs"

    @classmethod
    def of(cls, runs: pd.DataFrame, spec: KappaGroup, *, readmit: tuple[str, ...] = ()) -> GroupRows | None:
        """Take the used rows of a group from an as-of view, ordered by id; None when there are none.

        Where some runs lack params or tokens, the group has compute alone: a form that needs more is refused by name.

        Parameters
        ----------
        runs : DataFrame
            Rows of the group.
        spec : KappaGroup
        readmit : tuple of str
            Reasons of exclusion to set aside, e.g. ("outlier",) to see what the outliers do.
        """
        runs = runs.sort_values("run_id", kind="stable")
        without = (runs["exclusion"] == "") & runs["compute_flop"].isna()
        runs = runs.assign(exclusion=runs["exclusion"].mask(without, NO_COMPUTE))
        in_use = (runs["exclusion"] == "") | runs["exclusion"].isin(readmit)
        used, left_out = runs[in_use], runs[~in_use]
        if used.empty:
            return None
        released = used["released"].dropna()
        window = (released.min().date().isoformat(), released.max().date().isoformat()) if len(released) else None
        quantities = {name: used[column].to_numpy(dtype=np.float64) for name, column in GROUP_COLUMNS}
        return cls(
            spec=spec,
            ids=tuple(used["run_id"].astype(str)),
            clusters=tuple(used["cluster"].astype(str)),
            quantities={name: values for name, values in quantities.items() if np.isfinite(values).all()},
            window=window,
            excluded=tuple(zip(left_out["run_id"].astype(str), left_out["exclusion"].astype(str), strict=True)),
            doubts=(spec.weak_because,) if spec.weak_because else (),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def group(self) -> str:
        """Name of the comparable group."""
        return self.spec.group

    @property
    def family(self) -> str:
        """Name of the family the group belongs to."""
        return self.spec.family

    @property
    def laboratory(self) -> str:
        """Who trained the runs."""
        return self.spec.laboratory or self.spec.family

    @property
    def units(self) -> tuple[str, ...]:
        """What is resampled: clusters where runs share models, else runs."""
        return self.clusters if self.spec.clustered else self.ids

    @property
    def n_units(self) -> int:
        """Number of independent units."""
        return len(set(self.units))

    @property
    def compute_range_flop(self) -> tuple[float, float]:
        """Smallest and largest compute, FLOP."""
        compute = self.quantities["compute_flop"]
        return float(compute.min()), float(compute.max())

    def lacks(self, form: Form) -> tuple[str, ...]:
        """Return the row quantities a form needs and the group does not have."""
        return tuple(name for name in form.inputs if name not in self.quantities)

    def inputs(self, form: Form) -> list[Floats]:
        """Return the form's row quantities."""
        return [self.quantities[name] for name in form.inputs]

    def taken(self, mask: NDArray[np.bool_]) -> GroupRows:
        """Return the rows of ``mask`` only."""
        index = np.flatnonzero(mask)
        return replace(
            self,
            ids=tuple(self.ids[k] for k in index),
            clusters=tuple(self.clusters[k] for k in index),
            quantities={name: values[index] for name, values in self.quantities.items()},
        )
