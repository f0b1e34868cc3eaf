"""The page of all published quarters: where each report lies, when it was made, and what corrected what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from race_to_efficiency import storage
from race_to_efficiency.report.html import TEMPLATES, policy, template_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def render_index(entries: Sequence[Mapping[str, Any]], *, title: str = "The race to efficiency") -> str:
    """Return the index page of the published quarters.

    Parameters
    ----------
    entries : sequence of mapping
        Registry entries in the order they were published: number, quarter, revision, folder, as_of, reconstructed,
        manifest_sha256, supersedes, key_id.
    title : str

    Returns
    -------
    str, one HTML page without scripts; the newest quarter comes first
    """
    style = storage.read_text(TEMPLATES / "report.css")
    corrected = {entry.get("supersedes") for entry in entries if entry.get("supersedes")}
    rows = sorted(entries, key=lambda entry: (entry["quarter"], entry["revision"]), reverse=True)
    page = template_environment(None).get_template("index.html")
    return page.render(
        title=title,
        entries=rows,
        corrected=corrected,
        style=Markup(style),  # noqa: S704  (our own file)
        csp=policy(style, []),
    )
