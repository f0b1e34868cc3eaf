"""What units and suffixes multiply a number by, in cells (3.12 TFLOP/s, 1.4B) and in headers (Params (B))."""

from __future__ import annotations

import re

from race_to_efficiency.cells.text import tidy

_SI = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}


def _prefixed(*names: str) -> dict[str, float]:
    return {prefix + name: factor for name in names for prefix, factor in _SI.items()}


UNITS: dict[str, dict[str, float]] = {
    "op/s": _prefixed("flop/s", "flops", "flops/s", "op/s", "ops", "ops/s"),
    "op/j": _prefixed("flop/j", "flops/w", "flop/s/w", "op/j", "ops/w"),
    "flop": _prefixed("flop", "flops") | {"petaflop": 1e15}
    | dict.fromkeys(("petaflop/s-days", "pf-days", "pfs-days", "pfs-day"), 8.64e19),
    "byte": {"byte": 1, "bytes": 1, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40} | _prefixed("b"),
    "byte/s": {"byte/s": 1, "bytes/s": 1} | _prefixed("b/s"),
    "w": _prefixed("w") | {"watt": 1, "watts": 1},
    "mm^2": {"mm^2": 1, "mm2": 1, "mm²": 1, "cm^2": 100},
    "nm": {"nm": 1, "um": 1e3, "µm": 1e3},
    "loss": dict.fromkeys(("nat", "nats", "nats/token"), 1),
    "million": {"millions": 1, "million": 1, "in millions": 1, "billions": 1e3, "billion": 1e3},
    "usd": {"usd": 1, "$": 1, "us$": 1, "thousand usd": 1e3},
    "hour": {"hours": 1, "h": 1, "days": 24},
}  # fmt: skip
"""Factors by dimension: how many base units one of the publisher's is; names in lower case."""

SUFFIXES: dict[str, int] = {
    **dict.fromkeys(("k", "thousand", "thousands"), 3),
    **dict.fromkeys(("m", "mn", "million", "millions", "mio"), 6),
    **dict.fromkeys(("b", "bn", "g", "billion", "billions", "mrd"), 9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 12),
}
"""Powers of ten of the suffixes of counts, in lower case."""

_TEX = str.maketrans("×", "x", "${}\\")
_RAISED, _LOWERED = re.compile("(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹]+"), str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

_COUNTED_WORDS = re.compile(r"(^|(?<=\S) )(params?|parameters?|tokens?|toks?)$")
_BRACKETED = re.compile(r"^(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*$")
_POWER = re.compile(r"(?:(?:x|times)\s*)?(?:1e\+?|10\s*(?:\^|\*\*)\s*)(\d{1,2})(?:\s+(.+))?", re.IGNORECASE)


def split_unit(header: str) -> tuple[str, str]:
    """Return a header name and the unit in brackets at its end (empty without one): ``Params (B)``."""
    match = _BRACKETED.match(tidy(header))
    return (match[1], match[2].strip()) if match and match[1] else (tidy(header), "")


def scale_of(unit: str, dimension: str = "") -> float | None:
    """Return what a unit of a header or a cell multiplies numbers by, None for an unknown one.

    Parameters
    ----------
    unit : str
        ``B``, ``in millions``, ``1e21``, ``10^9 tokens``, ``PF-days``.
    dimension : str
        Key of `UNITS`; the empty text for a plain count.
    """
    unit = _RAISED.sub(lambda power: "^" + power[0].translate(_LOWERED), unit.translate(_TEX))  # 10⁶ and $10^{6}$
    word = tidy(unit).lower().rstrip(".")
    known = UNITS.get(dimension, {})
    if word in known:
        return known[word]
    power = _POWER.fullmatch(word)
    if power and not (power[2] and dimension and power[2] not in known):
        return float(f"1e{power[1]}")
    if not dimension:
        word = without_counted(word)
    plain = word.removeprefix("in ").removesuffix("s") if len(word) > 3 else word
    if dimension not in {"", "flop"} or plain not in SUFFIXES:
        return None
    return float(f"1e{SUFFIXES[plain]}")


def without_counted(unit: str) -> str:
    """Return a unit in lower case without the word for what is counted: ``billion tokens``, ``params``."""
    return _COUNTED_WORDS.sub("", unit.lower())


def is_unit(unit: str) -> bool:
    """Return whether a text is a unit or a factor of some figure."""
    return scale_of(unit) is not None or dimension_of(unit) != ""


def dimension_of(unit: str) -> str:
    """Return the dimension a unit belongs to, the empty text for none."""
    word = tidy(unit).lower()
    return next((name for name, factors in UNITS.items() if word in factors), "")
