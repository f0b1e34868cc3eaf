"""Tables as CSV that a spreadsheet can open without running anything in it."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING

from race_to_efficiency.report.content import ContentTable, Num, Rich
from race_to_efficiency.report.document import Document, walk_blocks
from race_to_efficiency.report.html import exact
from race_to_efficiency.report.words.plain import plain_text

if TYPE_CHECKING:
    from race_to_efficiency.report.numbers import NumberRegistry

CONTENTS = "contents.csv"
"""The list of what a bundle holds."""

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\u2212")
"""First characters that make a spreadsheet read a cell as a formula (OWASP, CSV injection)."""


def neutral(text: str) -> str:
    """Return text that a spreadsheet shows as text: an apostrophe goes before what it would run as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def csv_cell(cell: Rich, numbers: NumberRegistry) -> str:
    """Return a cell: a number alone to its full precision, anything else as neutral text."""
    if len(cell) == 1 and isinstance(cell[0], Num) and numbers[cell[0].id].value is not None:
        return exact(numbers[cell[0].id].value)
    return neutral(plain_text(cell, numbers))


def bundle(document: Document, numbers: NumberRegistry) -> bytes:
    """Return every table of a report, those of figures too, as one zip of CSV with a list of what is in it.

    The same tables give the same bytes: no time is written into it.
    """
    tables = {
        item.id: item for item in walk_blocks((document.brief, document.sections)) if isinstance(item, ContentTable)
    }
    listed = io.StringIO()
    writer = csv.writer(listed, lineterminator="\n")
    writer.writerow(["file", "table"])
    writer.writerows([[f"{name}.csv", neutral(plain_text(table.caption, numbers))] for name, table in tables.items()])
    files = {CONTENTS: listed.getvalue()} | {f"{name}.csv": table_csv(table, numbers) for name, table in tables.items()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as into:
        for name, text in files.items():
            into.writestr(zipfile.ZipInfo(name), text.encode(), zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def table_csv(table: ContentTable, numbers: NumberRegistry) -> str:
    """Return a table as CSV: UTF-8, comma, LF, a header line, numbers to full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([neutral(column.title) for column in table.columns])
    writer.writerows([[csv_cell(cell, numbers) for cell in row] for row in table.rows])
    return stream.getvalue()
