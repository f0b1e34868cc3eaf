"""The brief on paper: typst sets the same content, numbers and drawings as the page; tagged, and the same bytes twice.

The content reaches typst as JSON in ``sys.inputs``: it is data there, never markup. System fonts differ between
machines and are ignored; typst's own are embedded in the file.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.report.html import TEMPLATES
from race_to_efficiency.report.words.plain import document_data

if TYPE_CHECKING:
    from race_to_efficiency.report.document import Document
    from race_to_efficiency.report.numbers import NumberRegistry


def render_pdf(document: Document, numbers: NumberRegistry) -> bytes:
    """Return the brief as an A4 PDF (PDF/UA-1: tagged, titled, with alternative texts).

    Parameters
    ----------
    document : Document
    numbers : Numbers

    Returns
    -------
    bytes; dated by the document's ``as_of``, never by the clock
    """
    import typst

    data = json.dumps(document_data(document, numbers), ensure_ascii=False)
    day = date.fromisoformat(document.as_of)
    pdf: bytes = typst.compile(
        storage.read_bytes(TEMPLATES / "report.typ"),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"document": data},
        pdf_standards=["ua-1"],
        timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC),
    )
    return pdf
