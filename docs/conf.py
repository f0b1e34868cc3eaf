"""Sphinx reads this: the site's theme, its extensions, and what is made before its pages are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from race_to_efficiency import __version__  # noqa: E402 - after the path of the extensions

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "race-to-efficiency"
author = "The race-to-efficiency maintainers"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "executed", "mathml"]
exclude_patterns = ["**/_*"]
language = "en"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
math_numfig = False
html_math_renderer = "mathml"

default_role = "code"  # the docstrings' single backticks
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"race-to-efficiency {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_show_copyright = False
html_show_search_summary = False  # it would be fetched page by page, which a folder of files refuses
html_permalinks_icon = "#"


REPAIRS = (
    ('class="highlight"><pre>', 'class="highlight"><pre tabindex="0">'),  # the keyboard reaches what scrolls sideways
    ('<table class="docutils', '<table tabindex="0" class="docutils'),
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
)
"""What the generator leaves out for those who use no mouse or no eyes, and what stands there instead."""


def repair(app: Sphinx, _error: Exception | None) -> None:
    """Let the keyboard and a screen reader reach everything of every page."""
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        for found, better in REPAIRS:
            text = text.replace(found, better)
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Register what the pages need."""
    app.connect("build-finished", repair)
