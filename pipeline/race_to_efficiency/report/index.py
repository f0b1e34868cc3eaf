"""The page of all published quarters: each headline, how it went, the record, and where each report lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from race_to_efficiency import storage
from race_to_efficiency.report.html import TEMPLATES, policy, template_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, MARGIN = 240, 48, 6
"""Size of the sparkline, in units of its drawing."""


def render_index(
    entries: Sequence[Mapping[str, Any]], *, title: str = "The race to efficiency", record: Sequence[str] = ()
) -> str:
    """Return the index page of the published quarters.

    Parameters
    ----------
    entries : sequence of mapping
        Registry entries in the order they were published: number, quarter, revision, folder, as_of, reconstructed,
        manifest_sha256, supersedes, key_id; and, where a quarter has a brief, finding and loss (the loss above its
        floor in five years, today is 1).
    title : str
    record : sequence of str
        Sentences on how earlier statements did.

    Returns
    -------
    str, one HTML page without scripts; the newest quarter comes first
    """
    style = storage.read_text(TEMPLATES / "report.css")
    corrected = {entry.get("supersedes") for entry in entries if entry.get("supersedes")}
    rows = sorted(entries, key=lambda entry: (entry["quarter"], entry["revision"]), reverse=True)
    standing = [entry for entry in reversed(rows) if entry["manifest_sha256"] not in corrected]
    told = [(str(entry["quarter"]), float(entry["loss"])) for entry in standing if entry.get("loss") is not None]
    page = template_environment(None).get_template("index.html")
    return page.render(
        title=title,
        entries=rows,
        corrected=corrected,
        record=record,
        spark=sparkline([loss for _, loss in told]) if len(told) > 1 else "",
        spark_text=", ".join(f"{quarter} {loss:.3f}" for quarter, loss in told),
        style=Markup(style),  # noqa: S704  (our own file)
        csp=policy(style, []),
    )


def sparkline(values: Sequence[float]) -> str:
    """Return the path of values from left to right, the largest on top; level where they are equal."""
    low, high = min(values), max(values)
    across = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    down = (HEIGHT - 2 * MARGIN) / ((high - low) or 1.0)
    points = [(MARGIN + across * index, MARGIN + down * (high - value)) for index, value in enumerate(values)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
