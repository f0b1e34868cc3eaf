"""How an estimate, an interval and a forecast row become numbers on the page, each with its id and its source."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from pipeline.report.content import Badge, Code, Fact, Inline, Label, Num, Rich, Text, clean, join, say
from pipeline.report.numbers import MINUS, Numbers, count, decimals, percent, scientific, significant, slug

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pipeline.calibration.estimates import Estimate, Interval

WRITERS: dict[str, Callable[[float], str]] = {
    "doublings/yr": decimals(2),
    "doublings": decimals(1),
    "nats/token": decimals(3),
    "FLOP": scientific(1),
    "yr": decimals(2),
    "years": decimals(1),
    "share": percent(0),
    "rows": count,
    "log2 FLOP": decimals(1),
}
"""How a value in a unit is written; anything else with three significant digits."""

NUMERAL = re.compile(r"(?<![\w.,/\u2212-])([-\u2212]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?=$|[\s,;:)\]%]|\.(?!\w))")
"""A numeral that stands alone in prose: not part of a name, a date or a version."""

INTERVAL_NAMES = {
    "ols": "independent rows",
    "cluster": "clustered rows",
    "percentile_bootstrap": "bootstrap",
    "cluster_bootstrap": "bootstrap of clusters",
    "block_bootstrap": "bootstrap of blocks",
    "profile": "profile likelihood",
    "covariance": "sandwich covariance",
    "draws": "draws",
    "hartung_knapp": "random effects",
    "prediction": "prediction for a new family",
    "range": "range",
    "published": "as published",
}


NAMES = {
    "hardware_tensor16": "chips, tensor FP16",
    "hardware_fp32": "chips, FP32",
    "mean_chip": "mean chip",
    "quantile_0.9": "0.9 quantile",
    "record_frontier": "line through records",
    "running_maximum": "running maximum",
    "recent": "recent years",
    "ols": "least squares",
    "utilisation": "utilisation (MFU)",
    "training_flop_per_joule": "training FLOP per joule",
    "mlperf_same_chip": "MLPerf, same chip",
    "mlperf_system": "MLPerf, best system",
    "cell_effects": "cell effects",
    "best_any": "any entry",
    "best_available": "available systems",
    "algorithmic": "algorithms",
    "algorithmic_lm": "algorithms, language models",
    "algorithmic_published": "algorithms, published",
    "ln_loss": "on log loss",
    "ln_perplexity": "on log perplexity",
    "speedrun_tokens": "speedrun, tokens",
    "speedrun_time": "speedrun, wall clock",
    "growth": "growth",
    "winners_tdp": "rated power of MLPerf winners",
    "frontier_compute": "compute of frontier runs",
    "identity_compute": "compute, runs with power and time known",
    "identity_flop_per_joule": "FLOP per joule, the same runs",
    "power": "power, the same runs",
    "duration": "run length, the same runs",
    "tdp": "rated power of a chip",
    "price": "release price of a chip",
    "accelerator_hour": "accelerator-hour",
}
"""Names from the files in words; a name that is not here is shown with its underscores as blanks."""


TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.\w[\w.]*)?")


def name_in_words(name: str) -> str:
    """Return a name of the files in words: ``component.estimator``, a single name, or a phrase that holds such names.

    Inside a phrase only dotted or underscored names we know are replaced; whatever else stands there stays as it is.
    """
    whole = TOKEN.fullmatch(name) is not None

    def words_of(match: re.Match[str]) -> str:
        parts = re.split(r"\.(?!\d)", match[0])
        known = parts[0] in NAMES and (len(parts) > 1 or "_" in parts[0])
        if not (whole or known):
            return match[0]
        return ", ".join(NAMES.get(part, part.replace("_", " ")) for part in parts)

    return clean(TOKEN.sub(words_of, name))


GROUPS = {
    "pooled": "pooled over families",
    "chinchilla": "Chinchilla",
    "gadre": "Gadre",
    "muennighoff": "Muennighoff",
    "gemstones": "Gemstones",
    "porian": "Porian",
    "marin": "Marin",
    "chinchilla_besiroglu2024": "Chinchilla (Besiroglu)",
    "gadre2024_c4": "Gadre, C4",
    "gadre2024_rpj": "Gadre, RedPajama",
    "gadre2024_rw": "Gadre, RefinedWeb",
    "muennighoff2023": "Muennighoff",
    "gemstones2025_cool_end": "Gemstones, cooled down",
    "porian2024_rw_tuned": "Porian, RefinedWeb",
    "porian2024_owt2_tuned": "Porian, OpenWebText",
    "marin2026_comma": "Marin, Comma",
    "marin2026_dclm": "Marin, DCLM",
    "marin2026_nemotron": "Marin, Nemotron",
}
"""Comparable groups and families in words; one that is not here is shown under its own id."""


def group_in_words(group: str | None) -> str:
    """Return a comparable group's or family's name."""
    return GROUPS.get(group or "", clean(str(group)))


def writer(unit: str) -> Callable[[float], str]:
    """Return how values in a unit are written."""
    return WRITERS.get(unit, significant(3))


def as_written(text: str) -> Callable[[float], str]:
    """Return a formatter that shows a number as a stage wrote it."""
    return lambda _: text


class Shown:
    """Puts estimates and table cells into the registry of numbers.

    Parameters
    ----------
    numbers : Numbers
    known : collection of str
        Ids of the estimates there are; a number refers to no other.
    """

    def __init__(self, numbers: Numbers, known: Collection[str] = ()) -> None:
        self.numbers = numbers
        self.known = known

    def value(self, estimate: Estimate) -> Num:
        """Return an estimate's value."""
        return self.numbers.add(
            f"{slug(estimate.id)}.value",
            estimate.value,
            estimate.unit,
            writer(estimate.unit),
            absent="refused",
            estimates=(estimate.id,),
            status=estimate.status,
        )

    def ends(self, estimate: Estimate, interval: Interval) -> tuple[Num, Num]:
        """Return the two ends of an interval; an end that does not close is the word open."""
        found = [
            self.numbers.add(
                f"{slug(estimate.id)}.{interval.method}{100 * interval.level:.4g}.{name}",
                end,
                estimate.unit,
                writer(estimate.unit),
                absent="open",
                estimates=(estimate.id,),
                status=estimate.status,
            )
            for name, end in (("low", interval.low), ("high", interval.high))
        ]
        return found[0], found[1]

    def interval(self, estimate: Estimate, level: float = 0.95) -> Rich:
        """Return ``[low, high]`` of the headline interval at a level, or say that there is none."""
        found = estimate.interval(level)
        if found is None:
            return say("not given")
        return self.numbers.bracket(*self.ends(estimate, found))

    def with_interval(self, estimate: Estimate, level: float = 0.95) -> Rich:
        """Return ``value [low, high]``."""
        found = estimate.interval(level)
        return (
            (self.value(estimate),)
            if found is None
            else (self.value(estimate), Text(" "), *self.interval(estimate, level))
        )

    def rows(self, estimate: Estimate) -> Num:
        """Return the number of rows an estimate used."""
        return self.numbers.add(
            f"{slug(estimate.id)}.n_rows", estimate.n_rows, "rows", estimates=(estimate.id,), status=estimate.status
        )

    def sentence(self, text: str, key: str, *, source: str, estimates: Sequence[str] = ()) -> Rich:
        """Return text a stage wrote, its numerals as numbers with ids; names that hold digits stay text.

        Parameters
        ----------
        text : str
        key : str
            Start of the numbers' ids.
        source : str
            Where the text stands.
        estimates : sequence of str
        """
        out: list[Inline] = []
        words: list[str] = []
        for place, piece in enumerate(NUMERAL.split(text)):
            if NUMERAL.fullmatch(piece):
                out += [Fact("".join(words))] if words else []
                words = []
                number = self.numbers.add(
                    f"{key}.said{place}",
                    float(piece.replace(",", "").replace(MINUS, "-")),
                    "as written",
                    as_written(piece),
                    source=source,
                    estimates=estimates,
                )
                out.append(number)
            else:
                words.append(piece)
        return (*out, *([Fact("".join(words))] if words else []))

    def state(
        self, status: str, reasons: Sequence[str], key: str, *, source: str, estimates: Sequence[str] = ()
    ) -> Rich:
        """Return a state with its reasons after it, as the stages wrote them."""
        mark: Rich = (Badge(status, tuple(reasons)),)
        if not reasons:
            return mark
        return (
            *mark,
            Text(" "),
            *self.sentence("; ".join(reasons), f"{key}.reason", source=source, estimates=estimates),
        )

    def estimate_state(self, estimate: Estimate) -> Rich:
        """Return an estimate's state with its reasons after it."""
        ids = (estimate.id,)
        return self.state(
            estimate.status, estimate.reasons, slug(estimate.id), source=f"{estimate.id}: reasons", estimates=ids
        )

    def cell(
        self,
        number_id: str,
        value: Any,
        unit: str,
        write: Callable[[float], str] | None = None,
        *,
        source: str = "",
        estimates: Sequence[str] = (),
        forecast_rows: Sequence[str] = (),
        absent: str = "–",
        status: str | None = None,
    ) -> Rich:
        """Return any other number as a cell; a missing one is a dash that has an id too."""
        known = None if value is None or (isinstance(value, float) and not math.isfinite(value)) else value
        return (
            self.numbers.add(
                number_id,
                known,
                unit,
                write or (count if isinstance(known, int) else writer(unit)),
                absent=absent,
                estimates=tuple(name for name in estimates if name in self.known),
                forecast_rows=tuple(forecast_rows),
                source=source or "; ".join(estimates),
                status=status,
            ),
        )


def badge(estimate: Estimate) -> Badge:
    """Return an estimate's state with its reasons."""
    return Badge(estimate.status, estimate.reasons)


def window(estimate: Estimate) -> Rich:
    """Return the first and last date of the rows used."""
    if estimate.window is None:
        return say("–")
    first, last = estimate.window
    return (Label(first),) if first == last else (Label(first), Text(" to "), Label(last))


def words(values: Sequence[str] | Mapping[str, object]) -> Rich:
    """Return names from data as a list in prose."""
    return join([Fact(name_in_words(str(item))) for item in values]) or say("none")


def identifier(text: str) -> Rich:
    """Return an identifier in the fixed-width type."""
    return (Code(text),)
