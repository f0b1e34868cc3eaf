"""``race.fit_kappa`` and ``race.load_fit``: how fast loss falls with compute, in anyone's table of training runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.api.facts import published_discrepancies
from race_to_efficiency.api.kappa_fit import FIT_KIND, KappaFit
from race_to_efficiency.api.questions import one_of, settings_here, source_of, spoken, texts
from race_to_efficiency.api.results import MOST_POINTS
from race_to_efficiency.api.run_sizes import as_number
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.own_tables.table_fit import TableFit

KAPPA_FORMS = ("chinchilla", "floor", "power_law")
FURTHER_FORMS = {"repeated": "unique_tokens", "moe": "total_params"}
"""Forms that are fitted by name only, and the column each needs besides."""

FRONTIER_RULES = ("pareto", "isoflop_minima", "all")


@spoken
def fit_kappa(
    data: Any,
    *,
    name: str = "table",
    forms: str | Sequence[str] = KAPPA_FORMS,
    columns: Mapping[str, str] | None = None,
    loss_unit: str = "nats",
    where: str | Sequence[str] = (),
    exclude: str | Sequence[str] = (),
    group: str | None = None,
    cluster: str | None = None,
    frontier: str | None = None,
    fix: Mapping[str, float] | None = None,
    tie: Mapping[str, str] | None = None,
    weight: str | None = None,
    under_tuned: float = 1.0,
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
        chinchilla (E + A N^-alpha + B D^-beta), floor (E + A C^-kappa), power_law (A C^-kappa): all three when None. By
        name only: repeated (chinchilla with a column of unique tokens or epochs) and moe (params are the active ones,
        with a column of total parameters).
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
    fix : mapping of str to float, optional
        Parameter -> value: ``{"E": 1.69}`` (nats/token). Not fitted.
    tie : mapping of str to str, optional
        Parameter -> the one it equals: ``{"alpha": "beta"}``.
    weight : str, optional
        Column of how much each run counts; runs without a weight above 0 are left out.
    under_tuned : float, in (0, 1]
        What a run above the law counts against one below it. Runs whose hyperparameters were not tuned lie above: at .1
        the law follows the lower edge of the runs.
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
    2404.10102, for the Huber fit and its bootstrap; Muennighoff et al. (2023), arXiv 2305.16264, for repeated data;
    Ludziejewski et al. (2025), arXiv 2502.05172, for mixtures of experts; Takano (2024), the package chinchilla, and
    Newey & Powell (1987), Econometrica 55, for errors that count differently to either side.

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
    from race_to_efficiency.api.fit_conditions import conditions_of
    from race_to_efficiency.own_tables.run_fit import fit_divided
    from race_to_efficiency.own_tables.run_rows import LOSS_UNITS, read_runs

    chosen = KAPPA_FORMS if forms == "all" else texts(forms)
    for form in chosen:
        one_of("form", form, (*KAPPA_FORMS, *FURTHER_FORMS))
    conditions = conditions_of(fix or {}, tie or {}, under_tuned, weighted=weight is not None)
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
        more=[FURTHER_FORMS[form] for form in chosen if form in FURTHER_FORMS],
        weight=weight,
    )
    found = fit_divided(
        table,
        params,
        group=group,
        cluster=cluster,
        frontier=frontier,  # type: ignore[arg-type]
        seed=own.seed if seed is None else seed,
        conditions=conditions,
        bounded=bootstrap is None,
        below=fit_below,
        discrepancies=published_discrepancies(),
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
    if not isinstance(document, dict) or document.get("kind") != FIT_KIND:
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
    shown = slice(None, None, 1 + len(table) // MOST_POINTS)
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
        if value is not None and not 0 < as_number(value) < float("inf"):
            raise UsageError(f"{name} must be a positive number, got {value!r}")
