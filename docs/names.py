"""Pages of the public names of `import race_to_efficiency as race`, made from their docstrings."""

from __future__ import annotations

import inspect

import race_to_efficiency as race
from race_to_efficiency.api.results import Result


def results() -> list[type[Result]]:
    """Return every class that a public name returns."""
    for name in race.__all__:
        getattr(race, name)  # which imports what it returns
    return sorted(Result.__subclasses__(), key=lambda item: item.__name__)


def place_of(name: str) -> str:
    """Return where the function behind a public name stands, as Sphinx asks for it."""
    value = getattr(race, name)
    if inspect.ismodule(value):  # relative_loss: a module that can be called as its function
        return f"{value.__name__}.{name}"
    return f"{inspect.unwrap(value).__module__}.{name}"


def summary_of(name: str) -> str:
    """Return the first line of a public name's docstring."""
    value = getattr(race, name)
    function = getattr(value, name) if inspect.ismodule(value) else value
    return str(inspect.getdoc(function)).split("\n", maxsplit=1)[0]


def name_pages() -> dict[str, str]:
    """Return the pages, file name -> Markdown: one a public name, one of the results, and their list."""
    pages = {
        f"{name}.md": f"# race.{name}\n\n```{{eval-rst}}\n.. autofunction:: {place_of(name)}\n```\n"
        for name in race.__all__
    }
    classes = "\n".join(
        f".. autoclass:: {item.__module__}.{item.__name__}\n   :members:\n   :inherited-members:\n"
        for item in results()
    )
    pages["results.md"] = (
        "# Results\n\nWhat the functions return: frozen values that say themselves in a line, in full, as a frame, as\n"
        f"JSON and as a picture.\n\n```{{eval-rst}}\n{classes}\n```\n"
    )
    rows = [f"| [`race.{name}`]({name}.md) | {summary_of(name).replace('|', '&#124;')} |" for name in race.__all__]
    listed = "\n".join([*race.__all__, "results"])
    pages["index.md"] = "\n".join(
        [
            "# Functions",
            "",
            "`import race_to_efficiency as race` gives these names; the commands print the numbers they return.",
            "",
            "| name | what it does |",
            "|---|---|",
            *rows,
            "| [results](results.md) | What they return. |",
            "",
            f"```{{toctree}}\n:hidden:\n\n{listed}\n```",
            "",
        ]
    )
    return pages
