"""What can be wrong with an analyst's table of runs: units, repetitions, shared models, rounding, no frontier."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.physical import SUMMARY
from race_to_efficiency.cells.run_figures import EMPTY, LACKING, SCALES, compute_ratio, implied_compute
from race_to_efficiency.ledger.duplicates import find_duplicates, significant_digits
from race_to_efficiency.own_tables.efficient_runs import frontier_rule
from race_to_efficiency.own_tables.refusals import unrelated
from race_to_efficiency.own_tables.shared_models import shared_models
from race_to_efficiency.own_tables.table_rows import named_or_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import FrontierRule

_RANDOM_GUESS_NATS = 12.5
_BEST_PLAUSIBLE_NATS = 1.3
_WORST_BEST_NATS = 7.0
_VARIED = 6
_SAME = 1e-3
_LARGEST_LOG = 70.0
_GLANCE = 20_000
_LARGE_SHARE, _LACKING_SHARE = 0.1, 0.5
_NOT_LOST = frozenset([EMPTY, LACKING, SUMMARY, "not finite"])
"""Rules broken by rows that can be read."""

_LEAST_GAP = 100.0
"""How far figures that are no counts lie below those that are, where a unit is between them."""

_FEWEST_A_PARAMETER, _LEAST_COUNT = 0.5, 1e6
"""Tokens a parameter of half the runs below which none is trained, of figures large enough to be counts."""


@dataclass(frozen=True)
class TableFindings:
    """What the checks found.

    Parameters
    ----------
    fatal : tuple of str
        Reasons to refuse every estimate.
    doubts : tuple of str
        Reasons that make every estimate at most weak.
    notes : tuple of str
        What was done, without prejudice to the status.
    clusters : (n,) array or None
        What shares a model, as texts or numbers; None when runs are taken as independent.
    frontier : {'pareto', 'isoflop_minima', 'all'}
    """

    fatal: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    clusters: NDArray[Any] | None
    frontier: FrontierRule


def once_each(table: RunTable) -> RunTable:
    """Leave out every run that repeats an earlier one under another name."""
    quantities = table.quantities
    if not {"params", "tokens"} <= set(quantities):
        return table
    found = find_duplicates(quantities["params"], quantities["tokens"], quantities["loss"])
    if not found:
        return table
    repeats = np.zeros(len(table), dtype=np.bool_)
    repeats[[item.row for item in found]] = True
    kept = table.without(repeats, [f"repeats {table.names[item.first]}" for item in found])
    return kept.noting(f"{len(found)} rows repeat the params, tokens and loss of another row: each run counts once")


def loss_unit_doubts(loss: Floats) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return why losses cannot be nats per token: reasons to refuse, and reasons for doubt.

    A uniform guess over a vocabulary V costs ln V, at most about 12.5 nats; large models reach some 1.5 to 2.
    """
    low, middle = float(loss.min()), float(np.median(loss))
    if middle > _RANDOM_GUESS_NATS or low > _WORST_BEST_NATS:
        words = f"losses from {low:.3g} to {loss.max():.3g} are no nats per token: a uniform guess costs ln V, about 11"
        return (f"{words}; if they are perplexities say --loss-unit perplexity",), ()
    if float(np.mean(loss > _RANDOM_GUESS_NATS)) > _LARGE_SHARE:
        words = f"losses of up to {loss.max():.3g} are above that of a uniform guess, about 11 nats a token"
        return (), (f"{words}: if they are perplexities say --loss-unit perplexity",)
    if middle < _BEST_PLAUSIBLE_NATS:
        words = f"losses of {middle:.3g} are too low for nats per token (bits per byte, or another unit?)"
        return (), (f"{words}: kappa does not depend on a constant factor, E and the amplitudes do",)
    return (), ()


def scale_findings(table: RunTable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return doubts and notes on the units and the rounding of params, tokens and compute."""
    quantities = table.quantities
    doubts, notes = [], []
    for name, least in (("params", 1e4), ("tokens", 1e5), ("compute_flop", 1e12)):
        if name not in quantities:
            continue
        middle, mixed = float(np.median(quantities[name])), _mixed_scales(name, quantities[name], least)
        doubts += mixed
        if middle < least and not mixed:
            notes.append(f"{name} of {middle:.3g} is no count: kappa does not depend on its unit, A and B do")
    if {"params", "tokens"} <= set(quantities):
        ratio_of = float(np.median(quantities["tokens"] / quantities["params"]))
        smallest = min(float(np.median(quantities[name])) for name in ("params", "tokens"))
        if ratio_of < _FEWEST_A_PARAMETER and smallest > _LEAST_COUNT:
            words = (
                f"{ratio_of:.2g} tokens a parameter: are the two exchanged? kappa is the same, alpha and beta are not"
            )
            notes.append(words)
    if set(SCALES) <= set(quantities):
        ratio = compute_ratio(*(quantities[name] for name in SCALES))
        doubts += [ratio.doubt] if ratio and ratio.doubt else []
        notes += [ratio.remark] if ratio and ratio.remark else []
    return tuple(doubts), tuple(notes)


def _mixed_scales(name: str, values: Floats, least: float) -> list[str]:
    """Return a doubt where some figures are no counts and the others are: millions among plain numbers."""
    small, large = values[values < least], values[values >= least]
    if not (len(small) and len(large)) or small.max() * _LEAST_GAP > large.min():
        return []
    words = (
        f"{len(small)} of {len(values)} rows have {name} of up to {small.max():.3g}, the others from {large.min():.3g}"
    )
    return [f"{words} on: are some in another unit?"]


def unread_doubts(table: RunTable) -> tuple[str, ...]:
    """Return doubts where a tenth of the rows cannot be read, or half of them state too little; no loss is neither."""
    rules = Counter(row["rule"] for row in table.set_aside)
    lost = sum(count for rule, count in rules.items() if rule not in _NOT_LOST)
    doubts = []
    if lost > _LARGE_SHARE * table.n_read:
        doubts.append(f"{lost} of {table.n_read} rows could not be read: what do they hold?")
    if rules[LACKING] > _LACKING_SHARE * table.n_read:
        words = "rows lack a size or a token count: of merged cells only the first holds it"
        doubts.append(f"{rules[LACKING]} of {table.n_read} {words}")
    return tuple(doubts)


def variety_findings(table: RunTable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return why compute, loss, sizes or token counts vary too little: reasons to refuse, and reasons for doubt.

    With one size (or one token count) compute grows by the other alone: the slope of loss in it is no kappa. With a
    few, an error all runs of one size share goes into alpha, whatever the number of runs.
    """
    fatal, doubts = [], []
    for name, words in (("compute_flop", "compute"), ("loss", "loss")):
        if len(table) > 1 and np.log(table.quantities[name].max() / table.quantities[name].min()) < _SAME:
            fatal.append(f"all {len(table)} runs have the same {words}: a slope needs it to vary")
    scales = [table.quantities[name] for name in ("params", "tokens") if name in table.quantities]
    if len(scales) == 2 and all(x.max() < _LARGEST_LOG and x.max() < 3.0 * x.min() for x in scales):
        fatal.append(f"params up to {scales[0].max():.3g} and tokens up to {scales[1].max():.3g} look like logarithms")
    for name, what, exponent in (("params", "model size", "alpha"), ("tokens", "token count", "beta")):
        distinct = _distinct(table.quantities[name]) if name in table.quantities else _VARIED
        if len(table) < _VARIED or distinct >= _VARIED:
            continue
        if distinct <= 2:
            fatal.append(f"{distinct} {what}{'s' * (distinct > 1)} in {len(table)} runs: kappa needs both to vary")
        else:
            doubts.append(f"{distinct} {what}s in {len(table)} runs: {exponent} hangs on {distinct} values")
    return tuple(fatal), tuple(doubts)


def _distinct(values: Floats) -> int:
    """Return how many values there are, to a hundredth; `_VARIED` where a glance finds as many."""
    glance = len(np.unique(np.round(np.log(values[:: 1 + len(values) // _GLANCE]), 2)))
    return glance if glance >= _VARIED else len(np.unique(np.round(np.log(values), 2)))


def sharpened(table: RunTable) -> tuple[RunTable, tuple[str, ...]]:
    """Replace compute written with two digits by 6 params tokens where those are known better; else doubt it.

    Returns
    -------
    RunTable, tuple of str
        The table, and reasons for doubt.
    """
    quantities = table.quantities
    if "compute_flop" not in quantities or "compute_flop" in table.derived:
        return table, ()
    some = slice(None, None, 1 + len(table) // _GLANCE)
    coarse = {name: float(np.median(significant_digits(values[some]))) <= 2 for name, values in quantities.items()}
    if not coarse["compute_flop"] or len(np.unique(quantities["compute_flop"])) < 3:
        return table, ()
    ratio = None
    if set(SCALES) <= set(quantities) and not table.derived:
        ratio = compute_ratio(*(quantities[name] for name in SCALES))
    if ratio is not None and ratio.constant:
        return table, ()
    if ratio is None or coarse["params"] or coarse["tokens"]:
        return table, ("compute is written with two digits: an error of up to 5 % in every run",)
    if ratio.spread > 0.1:
        return table, ("compute is written with two digits and is no multiple of 6 params tokens",)
    exact = implied_compute(quantities["params"], quantities["tokens"])
    changed = {**quantities, "compute_flop": exact * ratio.middle}
    note = f"compute_flop is written with two digits: replaced by {ratio.middle:.3g} x 6 params tokens"
    return replace(table, quantities=changed).noting(note), ()


def examine(
    table: RunTable,
    *,
    cluster: str | None,
    frontier: FrontierRule | None,
    doubts: Sequence[str],
    tolerance_dex: float,
    delta: float,
    law: Callable[[], BatchFit] | None = None,
) -> TableFindings:
    """Run every check on a table whose repetitions are out.

    Parameters
    ----------
    table : RunTable
    cluster : str or None
        A column, ``none`` for independent runs, or None to look for shared models.
    frontier : str or None
        Rule, or None to choose one.
    doubts : sequence of str
        Already known.
    tolerance_dex, delta : float
    law : callable, optional
        See `shared_models`.
    """
    fatal, unit_doubts = loss_unit_doubts(table.quantities["loss"])
    variety_fatal, variety_doubts = variety_findings(table)
    scale_doubts, notes = scale_findings(table)
    clusters: NDArray[Any] | None = None
    shared: tuple[str, ...] = ()
    if cluster is None:
        clusters, shared = shared_models(table, delta=delta, law=law)
    elif cluster != "none":
        clusters = named_or_line(table.cells[cluster], table.lines)
    rule = frontier or frontier_rule(table.quantities, tolerance_dex)
    return TableFindings(
        fatal=(*fatal, *variety_fatal, *unrelated(table.quantities)),
        doubts=(*doubts, *unit_doubts, *scale_doubts, *variety_doubts),
        notes=(*notes, *shared, f"efficient runs for the floor form and the power law: {rule}"),
        clusters=clusters,
        frontier=rule,
    )
