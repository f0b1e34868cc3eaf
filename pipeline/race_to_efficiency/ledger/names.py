"""How near two product names are, whoever writes them and in whatever order."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

_NOISE = frozenset({"gpu", "accelerator", "chip", "card", "the", "ai", "tm", "r"})


def name_similarity(old: str, new: str, makers: str = "") -> float:
    """Return the likeness of two names in [0, 1], makers' words and the order of words aside.

    Names whose numbers contradict (RTX 4070, RTX 4080) are far apart however alike they look; a name that only adds
    to the other (B300, B300 (Blackwell Ultra)) is near.
    """
    a, b = _tokens(old, makers), _tokens(new, makers)
    if not a or not b:
        return 0.0
    if "".join(a) == "".join(b) or sorted(a) == sorted(b):
        return 1.0
    ratio = max(_ratio("".join(a), "".join(b)), _ratio("".join(sorted(a)), "".join(sorted(b))))
    numbers_a, numbers_b = _numbers(old), _numbers(new)
    if (set(a) <= set(b) or set(b) <= set(a)) and (numbers_a & numbers_b or not numbers_a | numbers_b):
        ratio = max(ratio, 0.9)
    return max(ratio - 0.4 if contradictory(old, new) else ratio, 0.0)


def contradictory(old: str, new: str) -> bool:
    """Return whether each name holds a number the other lacks: 4070 and 4080, 16 GB and 32 GB."""
    a, b = _numbers(old), _numbers(new)
    return bool(a - b and b - a)


@lru_cache(maxsize=5_000)
def _numbers(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"\d+", name))


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


@lru_cache(maxsize=5_000)
def _tokens(name: str, makers: str) -> tuple[str, ...]:
    words = re.findall(r"[a-z]+|\d+", name.lower())
    maker_words = {word for word in re.findall(r"[a-z]+", makers.lower()) if len(word) > 2}
    # names written without blanks carry their maker as a prefix
    bare = [next((w.removeprefix(m) for m in maker_words if w.startswith(m) and w != m), w) for w in words]
    kept = [word for word in bare if word not in maker_words | _NOISE]
    return tuple(kept or words)


@lru_cache(maxsize=5_000)
def pieces(name: str, makers: str) -> frozenset[str]:
    """Return the pairs of neighbouring letters of a name without its maker: names that share few are not near."""
    joined = "".join(_tokens(name, makers))
    return frozenset(joined[place : place + 2] for place in range(max(len(joined) - 1, 1)))


def share_of_pieces(a: frozenset[str], b: frozenset[str]) -> float:
    """Return which part of the shorter name's pieces the longer one holds."""
    return len(a & b) / max(min(len(a), len(b)), 1)
