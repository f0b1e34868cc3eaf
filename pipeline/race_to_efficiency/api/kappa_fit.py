"""What ``race.fit_kappa`` returns: estimates, laws to use, the account of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.api.results import Result, estimate_row
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.axes import Axes

    from race_to_efficiency.api.result_records import FittedKappa
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.law import Law

COLOURS = {"chinchilla": "#0b6e4f", "floor": "#b3541e", "power_law": "#3a4f9a", "repeated": "#7a3e8a", "moe": "#8a6d1d"}

FIT_KIND = "race_to_efficiency.kappa_fit"
"""What a saved fit says it is."""


@dataclass(frozen=True, eq=False, repr=False)
class KappaFit(Result):
    """Laws of loss against scale fitted to a table of runs.

    Parameters
    ----------
    name : str
        The table's.
    estimates : tuple of Estimate
        kappa first in each form, then its parameters; each with intervals, grade and reasons.
    laws : tuple of Law
        The fits as something to use: parameters, their joint draws, residuals.
    account : mapping of str to int
        Rows: read = used + excluded + quarantined.
    excluded : tuple of (str, str)
        Rows left out, each with the reason.
    quarantined : tuple of dict
        Cells that could not be read: file, line, column, value, rule, remedy.
    notes : tuple of str
        What was guessed or derived.
    compared : tuple of dict
        The forms on the same runs: AICc, leave-one-out error and more.
    influence : tuple of dict
        What each run does to kappa.
    held_out : tuple of dict
        How well the laws predict larger runs; empty unless asked for with ``fit_below``.
    runs : mapping of str to (n,) float
        compute_flop (FLOP) and loss (nats/token) of the runs, at most 2,000 of them: what `plot` shows.
    """

    name: str
    estimates: tuple[Estimate, ...]
    laws: tuple[Law, ...]
    account: Mapping[str, int]
    excluded: tuple[tuple[str, str], ...]
    quarantined: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    compared: tuple[dict[str, Any], ...]
    influence: tuple[dict[str, Any], ...]
    held_out: tuple[dict[str, Any], ...]
    runs: Mapping[str, np.ndarray[Any, Any]]

    @property
    def all_refused(self) -> bool:
        """Whether not one estimate may be used."""
        return all(item.status == "refused" for item in self.estimates)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups that were fitted, each alone."""
        return tuple(dict.fromkeys(item.group or "" for item in self.estimates))

    def estimate(self, symbol: str = "kappa", *, form: str | None = None, group: str | None = None) -> Estimate:
        """Return one estimate.

        Parameters
        ----------
        symbol : str
            kappa for either reading of it, or kappa_reducible, kappa_total, alpha, beta, A, B, E.
        form : str, optional
            chinchilla, floor, power_law, repeated or moe; the first that has it when None.
        group : str, optional
            The only one when None.

        Raises
        ------
        UsageError
            When there is none, or it is one of several groups.
        """
        found = [
            item
            for item in self.estimates
            if (item.symbol == symbol or (symbol == "kappa" and item.symbol.startswith("kappa_")))
            and form in (None, item.form)
            and group in (None, item.group)
        ]
        if len({item.group for item in found}) != 1:
            known = ", ".join(f"{item.symbol} ({item.form}, {item.group})" for item in self.estimates[:12])
            raise UsageError(f"{len(found)} estimates are called {symbol}", why=f"there are {known}")
        return found[0]

    def law(self, form: str | None = None, group: str | None = None) -> Law:
        """Return one law; the first that is not refused where no form is named.

        Raises
        ------
        UsageError
            When there is none, or it is one of several groups.
        """
        found = [law for law in self.laws if form in (None, law.form.name) and group in (None, law.group)]
        usable = [law for law in found if law.status != "refused"]
        found = usable or found
        if len({law.group for law in found}) != 1:
            known = ", ".join(f"{law.form.name} of {law.group}" for law in self.laws) or "none"
            raise UsageError(f"{len(found)} laws of form {form}, group {group}", why=f"fitted: {known}")
        return found[0]

    def to_frame(self) -> pd.DataFrame:
        """Return one row an estimate: group, form, symbol, value, low, high, unit, n_rows, grade, status, reasons."""
        import pandas as pd

        rows = []
        for item in self.estimates:
            first = {"group": item.group, "form": item.form, "symbol": item.symbol}
            rows.append(estimate_row(item, first, "value", {"unit": item.unit}))
        return pd.DataFrame(rows)

    def compare(self) -> pd.DataFrame:
        """Return the forms on the same runs: AICc and its distance to the best, errors of ln(loss).

        Raises
        ------
        UsageError
            When the fit was made without ``compare=True``.
        """
        import pandas as pd

        if not self.compared:
            raise UsageError("the forms were not compared", remedy="fit_kappa(..., compare=True) with several forms")
        return pd.DataFrame(list(self.compared))

    def draws(self, form: str | None = None, group: str | None = None) -> pd.DataFrame:
        """Return the joint draws of the laws' parameters: group, form, draw, kappa, then A, B, E, alpha, beta."""
        import pandas as pd

        from race_to_efficiency.calibration.kappa.conditions import EVERY_FORM

        found = [law for law in self.laws if form in (None, law.form.name) and group in (None, law.group)]
        parts = [
            pd.DataFrame(law.draws, columns=list(law.form.columns)).assign(
                group=law.group, form=law.form.name, draw=np.arange(len(law.draws)), kappa=law.form.kappa(law.draws)
            )
            for law in found
        ]
        first = ["group", "form", "draw", "kappa"]
        if not parts:
            return pd.DataFrame(columns=first)
        frame = pd.concat(parts, ignore_index=True)
        columns = dict.fromkeys(name for form in EVERY_FORM.values() for name in form.columns if name != "kappa")
        return frame[[*first, *(name for name in columns if name in frame)]]

    def to_json(self) -> FittedKappa:
        """Return what ``race fit kappa --json`` prints."""
        told = {
            "estimates": [item.to_json() for item in self.estimates],
            "account": dict(self.account),
            "excluded": [{"row": row, "reason": reason} for row, reason in self.excluded],
            "quarantined": list(self.quarantined),
            "notes": list(self.notes),
            "forms": list(self.compared),
            "influence": list(self.influence),
            "held_out": list(self.held_out),
        }
        return cast("FittedKappa", told)

    def save(self, path: str | Path) -> Path:
        """Write the fit to a JSON file that `load_fit` and ``race predict --fit`` read."""
        runs = {name: values.tolist() for name, values in self.runs.items()}
        laws = [law.to_json() for law in self.laws]
        document = {"kind": FIT_KIND, "version": 1, "name": self.name, **self.to_json(), "laws": laws, "runs": runs}
        return storage.write_json(Path(path), document)

    def summary(self) -> str:
        """Return the account of the rows, and one line an estimate with its reasons."""
        from race_to_efficiency.api.words import estimate_line

        counts = self.account
        lost = f"{counts['excluded']} left out, {counts['quarantined']} set aside"
        lines = [f"{self.name}: {counts['used']} of {counts['read']} rows used; {lost}"]
        for group in self.groups:
            own = [item for item in self.estimates if (item.group or "") == group]
            if len(self.groups) > 1:
                lines.append(f"{group}: {max(item.n_rows for item in own)} rows")
            shown: set[tuple[str | None, tuple[str, ...]]] = set()
            for item in own:
                lines.append(estimate_line(item))
                if item.reasons and (item.form, item.reasons) not in shown:
                    shown.add((item.form, item.reasons))
                    lines += [f"    {reason}" for reason in item.reasons]
        for row in self.held_out:
            lines.append(
                f"{row['form']} predicts {row['n_predicted']} larger runs up to {row['decades_beyond']:.2g} decades "
                f"beyond: mean error {row['mean_error']:+.2g} of ln(loss), worst {row['worst_error']:+.2g}; "
                f"{row['coverage']:.0%} of them in the {row['level']:.0%} interval of a new run"
            )
        return "\n".join(lines)

    def _draw(self, ax: Axes) -> None:
        """Draw runs and laws in loss against compute."""
        from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities
        from race_to_efficiency.visible import visible

        ax.scatter(self.runs["compute_flop"], self.runs["loss"], s=10, color="#9a9a9a", label="runs")
        for law in self.laws:
            head = law.form.terms + law.form.floor
            if not (law.theta[head : head + law.form.terms] > 0).all():
                continue
            grid = np.geomspace(*law.ranges["compute_flop"], 100)
            losses = [float(frontier_quantities(law.form, law.theta, compute)["loss_nats"]) for compute in grid]
            name = law.form.name if len(self.groups) == 1 else f"{visible(law.group)} {law.form.name}"
            ax.plot(grid, losses, color=COLOURS[law.form.name], label=f"{name}: kappa {law.kappa:.3g}")
        ax.set(xscale="log", yscale="log", xlabel="training compute, FLOP", ylabel="loss, nats/token")
        ax.set_title(visible(self.name))
        ax.legend(frameon=False)
