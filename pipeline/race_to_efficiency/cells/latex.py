r"""Tables in LaTeX: the rows of a ``tabular`` as lines of cells, each on the line where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "&"
_RULE = rb"(\\[a-z]*(rule|line)(\[[^\]]*\]|\{[^}]*\}|\([^)]*\))*\s*)"
r"""A drawn line with what it takes: \toprule, \hline, \cmidrule(lr){1-2}."""

_ROW_END = re.compile(rb"\\\\(\[[^\]]*\])?\s*" + _RULE + rb"*(%.*)?$")
_RULES = re.compile(rb"^\s*" + _RULE + rb"+")
_WORN = re.compile(rb"\\(?:textbf|textit|texttt|textsc|text|emph|math[a-z]+|underline|num)\{([^{}]*)\}")
_MULTICOLUMN = re.compile(rb"\\multicolumn\{(\d{1,2})\}\{[^{}]*\}\{([^{}]*)\}")
_MULTIROW = re.compile(rb"\\multirow\{[^{}]*\}(?:\[[^\]]*\])?\{[^{}]*\}\{([^{}]*)\}")
_ERROR_BELOW = re.compile(rb"\$?_\{\s*(\\pm[^{}]*)\}\$?")
_NEEDED_ROWS = 3
"""Names and two rows; fewer lines that end like a row may be anything."""


def latex_rows(lines: Sequence[bytes]) -> list[bytes] | None:
    r"""Return each line's row, cells separated by ``&``, an empty line where it holds none; None for no LaTeX table.

    Parameters
    ----------
    lines : sequence of bytes
        From `lines_of`.

    Examples
    --------
    >>> latex_rows([rb"\toprule", rb"N & loss \\", rb"1e9 & \textbf{2.5} \\ \hline", rb"2e9 & 2.4 \\"])
    [b'', b'N & loss ', b'1e9 & 2.5 ', b'2e9 & 2.4 ']
    """
    ended = sum(bool(_ROW_END.search(line) and SEPARATOR.encode() in line) for line in map(_whole, lines))
    return [_row(line) for line in map(_whole, lines)] if ended >= _NEEDED_ROWS else None


def _whole(line: bytes) -> bytes:
    """Return a line without its break; nothing of one that is commented out."""
    return b"" if line.lstrip().startswith(b"%") else line.removesuffix(b"\r")


def _row(line: bytes) -> bytes:
    """Return a line's cells; the last row of a table may go without the mark of its end."""
    if SEPARATOR.encode() not in line:
        return b""
    row = _RULES.sub(b"", _ROW_END.sub(b"", line)).replace(b"\\_", b"_").replace(b"\\%", b"%")
    while (plain := _WORN.sub(rb"\1", row)) != row:
        row = plain
    row = _ERROR_BELOW.sub(rb" \1", _MULTIROW.sub(rb"\1", row))
    return _MULTICOLUMN.sub(lambda cell: cell[2] + SEPARATOR.encode() * (int(cell[1]) - 1), row)
