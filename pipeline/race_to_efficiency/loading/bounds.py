"""What every document must keep to, whatever its format, and the words of a refusal."""

from __future__ import annotations

from race_to_efficiency.errors import DataInvalid

MAX_DEPTH = 64
"""Deepest nesting; the deepest of ours is 9. Python's own functions on nested data give up near 1,000."""

MAX_DIGITS = 100
"""Longest number; a float64 needs 17 digits, and int() of a text grows slow only far beyond."""


def decoded(data: bytes, where: str) -> str:
    """Return UTF-8 text, a leading byte-order mark dropped.

    Raises
    ------
    DataInvalid
        When the bytes are not UTF-8; the line is named.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"byte 0x{data[error.start]:02x} does not decode"
        raise DataInvalid(
            f"{file_name(where)} is not UTF-8", where=f"{where}:{line}", why=why, remedy="save the file as UTF-8"
        ) from None


def invalid(kind: str, where: str, why: str) -> DataInvalid:
    """Return the refusal of a document."""
    return DataInvalid(f"{file_name(where)} is not valid {kind}", where=where, why=why, remedy="correct the file there")


def file_name(where: str) -> str:
    """Return the file's name out of ``path``, ``path:line`` or ``path:line:column``."""
    return where.rpartition("/")[2].partition(":")[0]
