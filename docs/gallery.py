"""The gallery: every published quarter with its finding, its picture, and its report to open."""

from __future__ import annotations

import json
import shutil
from html import escape
from pathlib import Path

PICTURE = "fig-front.svg"
COPIED = ("report.html", "report.pdf")


def published(reports: Path) -> list[str]:
    """Return the published quarters, newest first."""
    entries = json.loads((reports / "registry.json").read_text(encoding="utf-8"))["entries"]
    return sorted({entry["quarter"] for entry in entries}, reverse=True)


def finding(reports: Path, quarter: str) -> tuple[str, str]:
    """Return the finding of a quarter and the note on its data, as its brief has them."""
    brief = json.loads((reports / quarter / "brief.json").read_text(encoding="utf-8"))
    return str(brief["finding"]), str(brief["data_note"])


def gallery_page(reports: Path) -> str:
    """Return the page."""
    cards = []
    for quarter in published(reports):
        said, note = finding(reports, quarter)
        title = escape(f"{quarter}: compute per joule and the loss above its floor, the past and the forecast")
        cards.append(
            f'<article class="card"><h2>{quarter}</h2><p class="said">{escape(said)}.</p>'
            f'<img src="reports/{quarter}/{PICTURE}" alt="{title}" width="720" height="317">'
            f"<p>{escape(note[:1].upper() + note[1:])}.</p>"
            f'<p><a href="reports/{quarter}/report.html">The report of {quarter}</a> · '
            f'<a href="reports/{quarter}/report.pdf">four pages of {quarter} to print</a></p></article>'
        )
    return "\n".join(
        [
            "# Reports",
            "",
            "Every published quarter: what it found, in its own words. The reports are as they were published, and",
            "work offline.",
            "",
            f'```{{raw}} html\n<div class="cards">{"".join(cards)}</div>\n```',
            "",
        ]
    )


def copy_reports(reports: Path, site: Path) -> None:
    """Copy what the gallery shows and opens into the built site."""
    for quarter in published(reports):
        target = site / "reports" / quarter
        target.mkdir(parents=True, exist_ok=True)
        for name in (*COPIED, f"figures/{PICTURE}"):
            source = reports / quarter / name
            shutil.copyfile(source, target / Path(name).name)
