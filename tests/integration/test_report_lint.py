"""The built report in words and on paper: a symbol is explained where it first stands, no cell runs into another."""

from __future__ import annotations

import html
import io
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pypdf
import pytest
import typst
from pypdf._text_extraction import _layout_mode
from pypdf.generic import ContentStream
from race_to_efficiency import storage
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

SYMBOLS = {
    "κ": "slope|exponent",
    "γ": "doublings|efficiency",
    "R": "loss",
    "r": "loss above",
    "L/L₀": "loss relative|whole loss",
    "X": "compute",
    "C₀": "compute",
}
"""Symbol to the words of which one must stand beside it where it is first met."""

NEAR = 70
"""Characters to either side that a reader takes in with a symbol."""


def words_of(page: str) -> str:
    """Return what a page says, in reading order, without drawings and what is folded into them."""
    main = page[page.index("<main") : page.index("</main")]
    for part in (r"<svg.*?</svg>", r'<details class="(?:try|more)".*?</details>'):
        main = re.sub(part, " ", main, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main)))


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_symbol_is_said_what_it_is_where_it_first_stands(symbol: str, small_quarter: Workspace) -> None:
    text = words_of(storage.read_text(small_quarter.processed / "report" / "report.html"))
    first = re.search(rf"(?<![\w/]){re.escape(symbol)}(?![\w/₀*])", text)
    assert first is not None
    near = text[max(first.start() - NEAR, 0) : first.end() + NEAR]
    assert re.search(SYMBOLS[symbol], near, re.IGNORECASE), near


def test_a_target_of_the_roadmap_binds_and_each_layer_is_told_what_it_would_take(small_quarter: Workspace) -> None:
    """Held to the equation: the rates that are asked for reach the target on its day, those measured do not."""
    rows = storage.read_json(small_quarter.processed / "gamma.json")["roadmap"]
    binding = [row for row in rows if row["layer"] == "all layers" and row["gap"] > 0]
    assert binding
    for whole in binding:
        years = decimal_year(date.fromisoformat(whole["by"])) - decimal_year(small_quarter.quarter.as_of)
        assert float(relative_loss(years, whole["kappa"], whole["required"])) == pytest.approx(
            whole["target"], rel=1e-9
        )
        assert float(relative_loss(years, whole["kappa"], whole["measured"])) > whole["target"]
        layers = [row for row in rows if (row["target"], row["reading"]) == (whole["target"], whole["reading"])]
        for row in layers:
            if row["layer"] not in ("all layers", "power"):
                assert row["required"] - row["measured"] == pytest.approx(whole["gap"])
    text = words_of(storage.read_text(small_quarter.processed / "report" / "report.html"))
    assert text.count("doublings a year short") == len(binding)


def collisions(pdf: bytes) -> list[tuple[int, str, str]]:
    """Return texts on one line of a page whose glyphs overlap by more than a point."""
    found = []
    for number, page in enumerate(pypdf.PdfReader(io.BytesIO(pdf)).pages):
        stream = ContentStream(page["/Contents"].get_object(), page.pdf, "bytes")
        told: list[Any] = [
            item
            for item in _layout_mode.text_show_operations(iter(stream.operations), page._layout_mode_fonts(), True)
            if item["text"].strip()
        ]
        for place, one in enumerate(told):
            for other in told[place + 1 :]:
                line = abs(one["ty"] - other["ty"]) < 0.6 * min(one["font_height"], other["font_height"])
                shared = min(one["displaced_tx"], other["displaced_tx"]) - max(one["tx"], other["tx"])
                if line and shared > 1:
                    found.append((number, one["text"], other["text"]))
    return found


def test_no_glyph_of_the_paper_lies_on_another(small_quarter: Workspace) -> None:
    pdf = storage.read_bytes(small_quarter.processed / "report" / "report.pdf")
    assert collisions(pdf) == []


def test_glyphs_that_lie_on_each_other_are_found() -> None:
    """Set by the same typesetter: two cells of a table, the first too wide for its column, and the same with room."""

    def cells(width: str) -> bytes:
        made = f"#table(columns: ({width}, 40pt), box(width: 20pt)[#box[17.345.678.901]], [second])"
        return bytes(typst.compile(made.encode()))

    assert collisions(cells("30pt"))
    assert collisions(cells("120pt")) == []
