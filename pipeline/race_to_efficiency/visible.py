"""Text from data, as a terminal may show it: what would act on the screen instead of standing on it is spelt out.

Here is also the one writer to stderr, which every layer may use; `commands.terminal` is the one to stdout.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
"""Unicode's categories Cc, Cf, Cs, Zl and Zp: escape sequences, C1 controls, bidi overrides, invisible characters,
halves of surrogate pairs (which no encoding can write), and line ends of every kind."""

_ACTING_IN_JSON = re.compile(_ACTING.pattern.replace("\x00-\x1f", ""))
"""The same without what JSON escapes by itself; a line end outside a text is JSON's own."""

_CUT = " [...] "

SCREEN_WIDTH = 80
"""Characters of a line."""


def visible(text: str) -> str:
    r"""Return text on one line with every acting character as its escape: ESC as ``\x1b``, a line feed as ``\n``.

    Examples
    --------
    >>> print(visible("a\x1b[2J\nb\u202e"))
    a\x1b[2J\nb\u202e
    """
    return _ACTING.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def visible_json(text: str) -> str:
    """Return a JSON text that means the same and holds no acting character: they can only stand inside its texts."""
    return _ACTING_IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], text)


def width(text: str) -> int:
    """Return how many bytes a text takes at most, however it is written: each character as JSON escapes it."""
    return len(json.dumps(text)) - 2


def shortened(text: str, most: int) -> str:
    """Return a text cut in its middle to at most ``most`` bytes (`width`); both ends of a path or a reason matter."""
    if len(text) <= most and width(text) <= most:
        return text
    room = most - len(_CUT)
    return _start(text, room - room // 3) + _CUT + _start(text[-most:][::-1], room // 3)[::-1]


def _start(text: str, most: int) -> str:
    """Return as much of a text's start as `most` bytes hold."""
    left = most
    for place, character in enumerate(text):
        left -= width(character)
        if left < 0:
            return text[:place]
    return text


def progress(text: str) -> None:
    """Write a line of progress or warning to stderr, as `visible`."""
    error_lines([text])


def error_lines(lines: Iterable[str]) -> None:
    """Write lines to stderr, each as `visible`; where even that is refused there is nobody left to tell."""
    with contextlib.suppress(OSError):
        sys.stderr.write("".join(f"{visible(line)}\n" for line in lines))
        sys.stderr.flush()
