r"""Tables in LaTeX: the rows of a ``tabular`` as lines of cells, each on the line where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "&"
_ROW_END = re.compile(rb"\\\\(\[[^\]]*\])?\s*(\\[a-z]*(rule|line)(\[[^\]]*\]|\{[^}]*\}|\([^)]*\))*\s*)*(%.*)?$")
_RULES = re.compile(rb"^\s*(\\[a-z]*(rule|line)(\[[^\]]*\]|\{[^}]*\}|\([^)]*\))*\s*)+")
_WORN = re.compile(rb"\\(?:textbf|textit|texttt|emph|mathbf|underline|num)\{([^{}]*)\}")
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
    rows = [_row(line.removesuffix(b"\r")) for line in lines]
    return rows if sum(map(bool, rows)) >= _NEEDED_ROWS else None


def _row(line: bytes) -> bytes:
    end = _ROW_END.search(line)
    if end is None or b"&" not in line:
        return b""
    row = _RULES.sub(b"", line[: end.start()]).replace(b"\\_", b"_").replace(b"\\%", b"%")
    while (plain := _WORN.sub(rb"\1", row)) != row:
        row = plain
    return row
