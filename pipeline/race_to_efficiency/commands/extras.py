"""The optional parts of the package, and what to say where one is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from race_to_efficiency.errors import InputMissing

EXTRAS = {
    "pipeline": ("dvc", "grimp", "psutil", "cryptography"),
    "report": ("jinja2", "typst"),
    "cluster": ("dask", "distributed"),
}
"""Optional part -> the modules it brings."""


def require_extras(*extras: str) -> None:
    """Refuse to start what needs optional parts that are not installed.

    Parameters
    ----------
    *extras : str
        Keys of `EXTRAS`.

    Raises
    ------
    InputMissing
    """
    missing = [name for extra in extras for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise lacking(*missing)


def lacking(*modules: str) -> InputMissing:
    """Return the error for modules that are not installed: which part of the package brings them.

    Parameters
    ----------
    *modules : str
        Dotted names.
    """
    roots = {name.partition(".")[0] for name in modules}
    wanted = [extra for extra, names in EXTRAS.items() if roots & set(names)]
    return InputMissing(
        "this needs parts of the package that are not installed",
        why=f"there is no {', '.join(sorted(roots))}",
        remedy=f"pip install 'race-to-efficiency[{','.join(wanted)}]'" if wanted else "install the package again",
    )
