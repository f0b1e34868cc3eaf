"""``race.fit_kappa`` and ``race.load_fit``: how fast loss falls with compute, in anyone's table of training runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.api.questions import one_of, settings_here, source_of, spoken, texts
from race_to_efficiency.api.results import Result
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.law import Law
    from race_to_efficiency.own_tables.run_fit import TableFit
    from race_to_efficiency.own_tables.run_table import RunTable

FORMS = ("chinchilla", "floor", "power_law")
FRONTIER_RULES = ("pareto", "isoflop_minima", "all")
COLOURS = {"chinchilla": "#0b6e4f", "floor": "#b3541e", "power_law": "#3a4f9a"}
MOST_DRAWN = 2_000
"""Runs that a picture shows of a long table."""

KIND = "race_to_efficiency.kappa_fit"


@dataclass(frozen=True, eq=False, repr=False)
class KappaFit(Result):
    """Laws of loss against scale fitted to a table of runs.

    Parameters
    ----------
    name : str
        The table's.
    estimates : tuple of Estimate
        kappa first in each form, then its parameters; each with intervals, status and reasons.
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
            chinchilla, floor or power_law; the first that has it when None.
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
        """Return one row an estimate: group, form, symbol, value, low, high, unit, n_rows, status, reasons."""
        import pandas as pd

        rows = []
        for item in self.estimates:
            ends = item.interval()
            rows.append(
                {
                    "group": item.group,
                    "form": item.form,
                    "symbol": item.symbol,
                    "value": np.nan if item.value is None else item.value,
                    "low": np.nan if ends is None or ends.low is None else ends.low,
                    "high": np.nan if ends is None or ends.high is None else ends.high,
                    "unit": item.unit,
                    "n_rows": item.n_rows,
                    "status": item.status,
                    "reasons": "; ".join(item.reasons),
                }
            )
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
        return frame[[*first, *(name for name in ("A", "B", "E", "alpha", "beta") if name in frame)]]

    def to_json(self) -> dict[str, Any]:
        """Return what ``race fit kappa --json`` prints."""
        return {
            "estimates": [item.to_json() for item in self.estimates],
            "account": dict(self.account),
            "excluded": [{"row": row, "reason": reason} for row, reason in self.excluded],
            "quarantined": list(self.quarantined),
            "notes": list(self.notes),
            "forms": list(self.compared),
            "influence": list(self.influence),
            "held_out": list(self.held_out),
        }

    def save(self, path: str | Path) -> Path:
        """Write the fit to a JSON file that `load_fit` and ``race predict --fit`` read."""
        runs = {name: values.tolist() for name, values in self.runs.items()}
        laws = [law.to_json() for law in self.laws]
        document = {"kind": KIND, "version": 1, "name": self.name, **self.to_json(), "laws": laws, "runs": runs}
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
            if not (law.theta[law.form.terms + law.form.floor :] > 0).all():
                continue
            grid = np.geomspace(*law.ranges["compute_flop"], 100)
            losses = [float(frontier_quantities(law.form, law.theta, compute)["loss_nats"]) for compute in grid]
            name = law.form.name if len(self.groups) == 1 else f"{visible(law.group)} {law.form.name}"
            ax.plot(grid, losses, color=COLOURS[law.form.name], label=f"{name}: kappa {law.kappa:.3g}")
        ax.set(xscale="log", yscale="log", xlabel="training compute, FLOP", ylabel="loss, nats/token")
        ax.set_title(visible(self.name), parse_math=False)
        ax.legend(frameon=False)


@spoken
def fit_kappa(
    data: Any,
    *,
    name: str = "table",
    forms: str | Sequence[str] = FORMS,
    columns: Mapping[str, str] | None = None,
    loss_unit: str = "nats",
    where: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    group: str | None = None,
    cluster: str | None = None,
    frontier: str | None = None,
    fit_below: float | None = None,
    compare: bool = False,
    delta: float | None = None,
    bootstrap: int | None = None,
    seed: int | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> KappaFit:
    """Fit laws of loss against scale to training runs, with intervals, a status and the reasons for it.

    Parameters
    ----------
    data : str, Path, DataFrame or mapping of str to (n,) array
        Columns: params (count), tokens (count), compute_flop (FLOP), loss (nats/token); one of the first three may be
        missing (C = 6 N D). A path may be CSV of any dialect, Parquet, JSON or JSON lines, gzipped or not.
    name : str
        What a table in memory is called in ids; a file has its own name. The bootstrap is seeded with it.
    forms : str or sequence of str
        chinchilla (E + A N^-alpha + B D^-beta), floor (E + A C^-kappa), power_law (A C^-kappa).
    columns : mapping of str to str, optional
        Figure -> your name for it; a factor may follow: ``{"params": "params_M*1e6"}``.
    loss_unit : {'nats', 'bits', 'perplexity'}
        Unit of the loss, a token.
    where, exclude : str or sequence of str
        Rows to keep, to leave out: ``"loss > 4"``, ``"dataset == C4"``, or the name of a flag.
    group : str, optional
        Column: each of its values is fitted alone.
    cluster : str, optional
        Column of models whose runs are not independent; ``"none"``: all are; looked for when None.
    frontier : {'pareto', 'isoflop_minima', 'all'}, optional
        Which runs are efficient; chosen from the data when None.
    fit_below : float, optional, FLOP
        Fit the runs of at most so much compute, and see how the laws predict the larger ones.
    compare : bool
        Score the forms on the same efficient runs (`KappaFit.compare`): AICc and leave-one-out.
    delta : float, optional, nats
        Huber threshold on ln(loss).
    bootstrap, seed : int, optional
        Refits and their seed; as in params.yaml when None.
    step : callable, optional
        Told what is being done.

    Returns
    -------
    KappaFit

    Raises
    ------
    UsageError
        When an argument is off, or names a column that is not there.
    DataInvalid
        When the data are no table of runs: what is missing, where, and what would work.
    InputMissing
        When there is no such file.

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556; Kaplan et al. (2020), arXiv 2001.08361; Besiroglu et al. (2024), arXiv
    2404.10102, for the Huber fit and its bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> import race_to_efficiency as race
    >>> compute = np.geomspace(1e18, 1e22, 24)
    >>> wobble = 1 + 0.002 * np.sin(2.4 * np.arange(24))
    >>> runs = {"compute_flop": compute, "loss": 3.0 * (compute / 1e20) ** -0.05 * wobble}
    >>> fit = race.fit_kappa(runs, forms="power_law", bootstrap=100)
    >>> kappa = fit.estimate("kappa_total")
    >>> round(kappa.value, 3), kappa.n_rows
    (0.05, 24)
    """
    from race_to_efficiency.own_tables.run_fit import fit_divided
    from race_to_efficiency.own_tables.run_rows import LOSS_UNITS, read_runs

    chosen = FORMS if forms == "all" else texts(forms)
    for form in chosen:
        one_of("form", form, FORMS)
    one_of("loss_unit", loss_unit, tuple(LOSS_UNITS))
    if frontier is not None:
        one_of("frontier", frontier, FRONTIER_RULES)
    _positive(delta=delta, fit_below=fit_below)
    if bootstrap is not None and bootstrap < 100:
        raise UsageError(f"bootstrap must be at least 100, got {bootstrap}")
    settings = settings_here()
    own = settings.own_tables
    given: dict[str, Any] = {
        "forms": tuple(chosen),
        "bootstrap_replicates": own.bootstrap_replicates if bootstrap is None else bootstrap,
    }
    params = settings.fit_kappa.model_copy(update=given if delta is None else {**given, "delta": delta})
    table = read_runs(
        source_of(data, name),
        columns=dict(columns or {}),
        loss_unit=loss_unit,
        exclude=texts(exclude),
        where=texts(where),
    )
    found = fit_divided(
        table,
        params,
        group=group,
        cluster=cluster,
        frontier=frontier,  # type: ignore[arg-type]
        seed=own.seed if seed is None else seed,
        bounded=bootstrap is None,
        below=fit_below,
        step=step,
    )
    return _of(table, found, delta=params.delta if compare else None)


def load_fit(path: str | Path) -> KappaFit:
    """Read a fit that `KappaFit.save` or ``race fit kappa --save`` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    KappaFit

    Raises
    ------
    DataInvalid
        When the file holds no such fit.
    InputMissing
        When there is no such file.

    References
    ----------
    RFC 8259, The JavaScript Object Notation: the file is plain JSON, and holds no code.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> import race_to_efficiency as race
    >>> compute = np.geomspace(1e18, 1e22, 24)
    >>> loss = 3.0 * (compute / 1e20) ** -0.05 * (1 + 0.002 * np.sin(2.4 * np.arange(24)))
    >>> fit = race.fit_kappa({"compute_flop": compute, "loss": loss}, forms="power_law", bootstrap=100)
    >>> again = race.load_fit(fit.save(os.path.join(tempfile.mkdtemp(), "fit.json")))
    >>> again.law().kappa == fit.law().kappa
    True
    """
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.kappa.law import Law

    path = Path(path)
    document = storage.read_json(path)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise DataInvalid(
            f"{path.name} is no saved fit", where=str(path), remedy="write one: race fit kappa TABLE --save fit.json"
        )
    try:
        return KappaFit(
            name=str(document["name"]),
            estimates=tuple(Estimate.from_json(item) for item in document["estimates"]),
            laws=tuple(Law.from_json(item) for item in document["laws"]),
            account={str(key): int(count) for key, count in document["account"].items()},
            excluded=tuple((str(item["row"]), str(item["reason"])) for item in document["excluded"]),
            quarantined=tuple(document["quarantined"]),
            notes=tuple(map(str, document["notes"])),
            compared=tuple(document["forms"]),
            influence=tuple(document["influence"]),
            held_out=tuple(document["held_out"]),
            runs={str(key): np.asarray(values, dtype=np.float64) for key, values in document["runs"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = f"{type(error).__name__}: {error}"
        raise DataInvalid(f"{path.name} is no whole fit", where=str(path), why=why, remedy="save it again") from None


def _of(table: RunTable, found: list[TableFit], *, delta: float | None) -> KappaFit:
    """Gather the fits of a table's groups."""
    from race_to_efficiency.calibration.kappa.groups import compared
    from race_to_efficiency.calibration.kappa.influence import influence_table

    excluded = tuple(row for fit in found for row in fit.table.excluded)
    said: dict[str, list[str]] = {}
    for part in found:
        for note in (*part.table.notes, *part.findings.notes):
            said.setdefault(note, []).append(part.table.group)
    shown = slice(None, None, 1 + len(table) // MOST_DRAWN)
    return KappaFit(
        name=table.name,
        estimates=tuple(item for fit in found for item in fit.estimates),
        laws=tuple(law for fit in found for law in fit.laws),
        account={
            "read": table.n_read,
            "used": sum(len(fit.table) for fit in found),
            "excluded": len(excluded),
            "quarantined": len(table.set_aside),
        },
        excluded=excluded,
        quarantined=tuple(table.set_aside),
        notes=tuple(
            note if len(groups) == len(found) else f"{', '.join(groups)}: {note}" for note, groups in said.items()
        ),
        compared=tuple(
            {"group": part.fits[0].rows.group, **row}
            for part in found
            if part.fits and delta is not None
            for row in compared(part.fits, delta=delta)
        ),
        influence=tuple(
            {"form": fit.form.name, **row}
            for part in found
            for fit in part.fits
            if not fit.evidence.fatal
            for row in influence_table(fit.influence, fit.rows.ids, fit.form, fit.stderr_of(fit.form.symbol))
        ),
        held_out=tuple(row for part in found for row in part.held_out),
        runs={key: table.quantities[key][shown] for key in ("compute_flop", "loss")},
    )


def _positive(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} must be positive, got {value:g}")
