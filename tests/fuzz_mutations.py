"""Changes to files: of their bytes, of their lines and cells, and of the structure of JSON and YAML documents."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

TEXTS = (
    "", " ", "\t", "0", "-0", "-1", "1", "1e5", "1e308", "1e309", "-1e999", "nan", "NaN", "inf", "-Infinity", "1e-320",
    "0x10", "1_000", "1,5", "1.5.2", "9" * 25, "9" * 120, "9" * 5000, "1e" + "9" * 20, "+3", "--3", "3%", "$3", "=1+1",
    "true", "null", "None", "yes", "~", "n/a", "-", "?", "TBD", "x" * 300, "x" * 25_000, "é漢😀", "\u202egnp",
    "\x1b[2J", "\x1b]0;pwned\x07", "\x9b31m", "\u2028", "\ufeff", "[/b][red]", ":cat:", "\\", "'", '"', '""', "`id`",
    "../../etc/passwd", "%s%n", "{0}", "2026-99-99", "2026-02-30", "9999-12-31", "0001-01-01", "31/12/2020", "2020",
    "2020.5", "March 5, 2020", "Q1 2012", "2020-13", "1900-01-01", "2026-01-01T00:00:00+99:99", "9999Q4", "2026Q1",
    "a,b", "a;b", "a\tb", "a|b", "20M", "1.4B", "3.12 TFLOP/s", "[[[[", "{}", "#", "&a", "*a", "!!int 3", "? x", "- x",
)  # fmt: skip
"""What a person, a program or an enemy writes into a cell."""

BYTES = (b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\r", b"\r\n", b"\n", b"\n\n\n", b'"', b"'", b",", b";", b"\t",
         b"\x1b[31m", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xae", b"[" * 3000, b"{" * 100, b"- " * 200, b"\x1a",
         b"<html>", b"PK\x03\x04", b"<<<<<<< HEAD\n", b"&a ", b"*a", b"\\u0000", b"\\ud800", b"1e999")  # fmt: skip

SPELLINGS = ((b"\n", b"\r\n"), (b"\n", b"\r"), (b",", b";"), (b"-", b"\xe2\x80\x93"), (b" ", b"\xc2\xa0"), (b'"', b"'"),
             (b".", b","), (b"e", b"E"))  # fmt: skip
"""Other ways in which programs write the same."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**30, -(10**30), 10**99, 0.5, -0.0, 1e308, -1e308, 5e-324, "", "x", [], {}, [[]],
    {"": {}}, [None], "nan", "2026-99-99", "\x1b[2J", "x" * 30_000, list(range(3)), {"a": 1, "b": [2]},
)  # fmt: skip
"""What stands in a document in place of what belongs there."""


def some_value(rng: random.Random) -> Any:
    """Return one of these, never the same object twice: what is put into a document is changed there in turn."""
    return copy.deepcopy(rng.choice(VALUES))


def bytes_changed(rng: random.Random, data: bytes) -> bytes:
    """Return data with one to four changes of bytes: flipped, put in, taken out, doubled, moved, or cut off."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(data) + 1)
        other = min(len(data), place + rng.choice((1, 2, 8, 60, 400)))
        change = rng.randrange(7)
        if change == 0 and data:
            place = min(place, len(data) - 1)
            data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        elif change == 1:
            data = data[:place] + rng.choice(BYTES) + data[place:]
        elif change == 2:
            data = data[:place] + rng.choice(TEXTS).encode() + data[place:]
        elif change == 3:
            data = data[:place] + data[other:]
        elif change == 4:
            data = data[:other] + data[place:]
        elif change == 5:
            data = data[:place] if rng.random() < 0.3 else data[place:] + data[:place]
        else:
            data = data.replace(*rng.choice(SPELLINGS))
    return data


def cells_changed(rng: random.Random, data: bytes) -> bytes:
    """Return CSV-like data with cells, lines and columns changed."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(rng.randint(1, 5)):
        place = rng.randrange(len(lines))
        cells = lines[place].split(",")
        change = rng.randrange(9)
        if change <= 3:
            cells[rng.randrange(len(cells))] = rng.choice(TEXTS)
            lines[place] = ",".join(cells)
        elif change == 4:
            lines.insert(place, lines[rng.randrange(len(lines))])
        elif change == 5:
            del lines[place]
            lines = lines or [""]
        elif change == 6:
            rng.shuffle(cells)
            lines[place] = ",".join(cells)
        elif change == 7:
            lines[place] = ",".join([*cells, *[rng.choice(TEXTS)] * rng.randint(1, 3)])
        else:
            column = rng.randrange(len(lines[0].split(",")))
            text = rng.choice(TEXTS)
            for row in range(1, len(lines)):
                split = lines[row].split(",")
                if column < len(split) and rng.random() < 0.7:
                    split[column] = text
                    lines[row] = ",".join(split)
    return "\n".join(lines).encode("utf-8", "replace")


def value_changed(rng: random.Random, value: Any) -> Any:
    """Return a document with one to three of its values, names or lists changed."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        value = _changed_somewhere(rng, value)
    return value


def _changed_somewhere(rng: random.Random, value: Any) -> Any:
    inside = value
    for _ in range(rng.randint(0, 7)):
        children = [*inside.values()] if isinstance(inside, dict) else inside if isinstance(inside, list) else []
        deeper = [child for child in children if isinstance(child, dict | list) and child]
        if not deeper:
            break
        inside = rng.choice(deeper)
    keys = list(inside) if isinstance(inside, dict) else list(range(len(inside))) if isinstance(inside, list) else []
    if not keys:
        return some_value(rng)
    key = rng.choice(keys)
    change = rng.randrange(6)
    if change <= 2:
        inside[key] = some_value(rng)
    elif change == 3:
        del inside[key]
    elif change == 4 and isinstance(inside, dict):
        inside[rng.choice(("", "x", "\x1b", str(key).upper(), f"{key} "))] = inside.pop(key)
    elif isinstance(inside, list):
        inside.insert(key, some_value(rng))
        inside.append(inside[0])
    else:
        inside[key] = [inside[key]]
    return value
