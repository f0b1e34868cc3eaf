"""A chart drawn once for what it shows: the same arguments give the same SVG, from memory where it was drawn before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.report.figures.style import drawing, finished_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure

    from race_to_efficiency.quarter.answers import Answers

    Svg = Callable[..., str]

_remembered: ContextVar[Answers | None] = ContextVar("drawings", default=None)


class UntoldError(Exception):
    """An argument is of a kind that is not told apart by its value."""


@contextmanager
def remembering(drawings: Answers | None) -> Iterator[None]:
    """Let charts in this block be answered from drawings made before, and keep those that are made."""
    token = _remembered.set(drawings)
    try:
        yield
    finally:
        _remembered.reset(token)
    if drawings is not None:
        drawings.keep()


def drawn(chart: Callable[..., Figure]) -> Svg:
    """Make a chart an SVG that is remembered; called with the figure's id behind what it shows, and with its words.

    matplotlib is loaded when the first chart is drawn: a report whose charts are all remembered does without it.
    """

    @remembered
    @wraps(chart)
    def finished(*arguments: Any, title: str, short: str, cite: str, **options: Any) -> str:
        *shown, figure_id = arguments
        return finished_figure(chart(*shown, **options), figure_id, title=title, short=short, cite=cite)

    return finished


def remembered(chart: Svg) -> Svg:
    """Let a chart be remembered; a function of its arguments alone, drawn with our settings."""

    @wraps(chart)
    def asked(*arguments: Any, **options: Any) -> str:
        def draw() -> str:
            with drawing():
                return chart(*arguments, **options)

        drawings = _remembered.get()
        if drawings is None:
            return draw()
        try:
            question = [chart.__module__, chart.__qualname__, told(arguments), told(options)]
        except UntoldError:
            return draw()
        return str(drawings.of(question, draw))

    return asked


def told(value: Any) -> Any:
    """Return JSON that differs where two arguments differ.

    Parameters
    ----------
    value : object

    Raises
    ------
    UntoldError
        When it is, or holds, anything but numbers, texts, arrays, lists, mappings and dataclasses of these.
    """
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return [kind.__name__, value]
    if kind is float:
        return ["float", value.hex()]
    if kind in (list, tuple):
        return [kind.__name__, [told(item) for item in value]]
    if isinstance(value, Mapping):
        return ["mapping", [[told(key), told(item)] for key, item in value.items()]]
    if is_dataclass(value) and not isinstance(value, type):
        return [kind.__qualname__, [[item.name, told(getattr(value, item.name))] for item in fields(value)]]
    if kind.__module__ == "numpy" and value.dtype.kind in "biuf":
        return [kind.__name__, value.dtype.str, list(value.shape), storage.digest_bytes(value.tobytes())]
    raise UntoldError
