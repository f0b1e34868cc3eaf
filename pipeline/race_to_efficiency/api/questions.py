"""From what a caller passes to what the fits take: tables, settings, and errors that name arguments."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from race_to_efficiency.errors import PARTS, RaceError, UsageError
from race_to_efficiency.named_options import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from race_to_efficiency.cells.table import Table
    from race_to_efficiency.settings.sections import Params


Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def source_of(data: Any, name: str) -> Path | Table:
    """Return a path, or the table that a DataFrame or a mapping of arrays is."""
    from race_to_efficiency.cells.memory import table_in_memory

    return Path(data) if isinstance(data, str | Path) else table_in_memory(data, name)


def settings_here() -> Params:
    """Return the settings of the checkout the process works in, else those that came with the package."""
    from race_to_efficiency.settings.params import find_params, read_params

    return read_params(find_params(Path.cwd()))


def texts(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return (given,) if isinstance(given, str) else tuple(given)


def one_of(name: str, value: str, known: Sequence[str]) -> None:
    """Refuse a word that is none of those known.

    Raises
    ------
    UsageError
    """
    if value not in known:
        raise UsageError(f"{name} must be one of {', '.join(known)}, got {value!r}")


def spoken(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Let a function's errors name arguments, ``columns={'loss': 'bpb'}``, where the command names options.

    The command calls what is wrapped.
    """

    @wraps(function)
    def called(*arguments: Given.args, **named: Given.kwargs) -> Returned:
        try:
            return function(*arguments, **named)
        except RaceError as error:
            for part in PARTS:
                text = getattr(error, part)
                if isinstance(text, Words):
                    setattr(error, part, text.for_callers())
            error.args = (error.what,)
            raise

    return called
