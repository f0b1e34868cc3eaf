"""Text that came out of a ledger, written by others, as a report may show it."""

from __future__ import annotations

import re
import unicodedata

LONGEST_FACT = 240
"""Characters of a ledger text that are shown; the rest stays in the ledger."""


def clean(text: str) -> str:
    """Return text from a ledger as it may be shown: one line, not endless, every invisible character made visible.

    A mark that turns the reading direction, a control character or a private one is written as ``⟨U+202E⟩``: it can
    neither reorder the words around it nor break a drawing.
    """
    cut = text[:LONGEST_FACT]
    line = re.sub(r"\s+", " ", cut)
    if not line.isprintable():  # what is printable holds no such mark: most texts are not looked at sign by sign
        line = "".join(
            f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") else sign
            for sign in line
        )
    return line if len(text) <= LONGEST_FACT else f"{line} … ({len(text):,} characters in the ledger)"
