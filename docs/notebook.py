"""A page of Python blocks as a Jupyter notebook: prose as Markdown cells, blocks as code cells, no outputs."""

from __future__ import annotations

import json
import re

from blocks import FENCE


def notebook(page: str) -> str:
    """Return a page as the text of an .ipynb file (nbformat 4.5).

    Parameters
    ----------
    page : str
        Markdown with ``python`` blocks; other blocks stay in the prose.
    """
    cells: list[tuple[str, str]] = []
    prose, place = "", 0
    for match in FENCE.finditer(page):
        prose += page[place : match.start()]
        place = match.end()
        if match[2] != "{python}":
            prose += match[0]
            continue
        cells += [("markdown", prose), ("code", re.sub(r"\A(:\w+:.*\n)+", "", match[4]))]
        prose = ""
    cells.append(("markdown", prose + page[place:]))
    made = [
        {
            "cell_type": kind,
            "id": f"cell-{k}",
            "metadata": {},
            "source": text.strip().splitlines(keepends=True),
            **({"outputs": [], "execution_count": None} if kind == "code" else {}),
        }
        for k, (kind, text) in enumerate(cells)
        if text.strip()
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
