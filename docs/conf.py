"""Sphinx reads this: the site's theme, its extensions, and what is made before its pages are read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
python_maximum_signature_line_length = 88
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


def focusable(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: object) -> None:
    """Let the keyboard reach what scrolls sideways on a narrow screen."""
    if "body" in context:
        body = context["body"].replace('class="highlight"><pre>', 'class="highlight"><pre tabindex="0">')
        context["body"] = body.replace('<table class="docutils', '<table tabindex="0" class="docutils')


def setup(app: Sphinx) -> None:
    """Register what the pages need."""
    app.connect("html-page-context", focusable)
