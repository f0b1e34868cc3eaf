"""The one writer to the terminal: results to stdout, progress and errors to stderr, text from data shown as such.

Nothing else writes to stdout, and nothing but `visible.progress` to stderr (a test holds this): whatever a file says
it cannot move the cursor, recolour or rename the window, hide itself, or be taken for the markup of the tables.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

from race_to_efficiency import storage
from race_to_efficiency.visible import progress, visible, visible_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.table import Table
    from rich.text import Text

__all__ = ["abandon", "document", "finish", "labelled", "line", "lines", "progress", "ready", "steps", "table", "tell"]

STYLES = {"trusted": "green", "weak": "yellow", "refused": "red", "warning": "yellow", "broken": "red"}
"""Colours of the words that a reader looks for; the word itself always stands: colour is never the only sign."""


Told = TypeVar("Told")


class OutputLostError(Exception):
    """Standard output cannot be written any more: the disk behind it is full, or its reader has gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error

    @property
    def closed(self) -> bool:
        """Whether the reader has gone, which is no failure: it had read what it wanted."""
        return isinstance(self.error, BrokenPipeError)


def ready() -> None:
    """Let both streams take any character, what their encoding lacks as its escape; a closed one leads nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole run
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


PATIENCE_SECONDS = 2.0
"""What takes longer says on stderr what it is at."""


@contextlib.contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Yield a function that takes the name of each step; what runs beyond `PATIENCE_SECONDS` is told."""
    current = [""]
    late = threading.Event()

    def tell() -> None:
        late.set()
        if current[0]:
            progress(current[0])

    def step(text: str) -> None:
        current[0] = text
        if late.is_set():
            progress(text)

    timer = threading.Timer(PATIENCE_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield step
    finally:
        timer.cancel()


def line(text: str, style: str | None = None) -> None:
    """Write one line to stdout; a line end inside the text is shown, not followed."""
    if style is None:
        _out(visible(text) + "\n")
    else:
        _rich(_text(text, style))


def lines(texts: Iterable[str]) -> None:
    """Write a line each."""
    for text in texts:
        line(text)


def labelled(label: str, text: str, style: str | None = None) -> None:
    """Write one line that starts with a word in colour (by `STYLES` unless a style is given)."""
    from rich.text import Text

    start = Text(label, style=style or STYLES.get(label.strip(), ""))
    _rich(start + _text(text))


def document(content: object) -> None:
    """Write one JSON document to stdout."""
    _out(visible_json(storage.dumps(content)))


def tell(content: Told, in_words: Callable[[Told], None], *, as_json: bool) -> None:
    """Write a document to stdout as JSON, or as a function prints it for a person."""
    if as_json:
        document(content)
    else:
        in_words(content)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table to stdout; a cell that is one of the words of `STYLES` stands in its colour."""
    from rich.table import Table

    made: Table = Table(title=_text(title), title_justify="left")
    for name in columns:
        made.add_column(_text(name), overflow="fold")
    for row in rows:
        made.add_row(*(_text(str(cell), STYLES.get(str(cell), "")) for cell in row))
    _rich(made, wrapped=True)


@contextlib.contextmanager
def told_before() -> Iterator[None]:
    """Write to stdout, down to the disk behind it, what is about to be done; a reader who has gone stops nothing."""
    try:
        yield
        finish()
    except OutputLostError as lost:
        if not lost.closed:
            raise
        abandon()


def finish() -> None:
    """Write out what stdout still holds, so that a full disk or a closed pipe is met while it can be told."""
    with _stdout():
        sys.stdout.flush()


def abandon() -> None:
    """Let stdout lead nowhere, so that the interpreter's own last flush does not fail as well."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


@contextlib.contextmanager
def _stdout() -> Iterator[None]:
    """Turn what the system refuses of stdout into `OutputLostError`."""
    try:
        yield
    except OSError as error:
        raise OutputLostError(error) from None


def _out(text: str) -> None:
    with _stdout():
        sys.stdout.write(text)


def _rich(renderable: Text | Table, *, wrapped: bool = False) -> None:
    """Write a text or table of rich, in colour where the terminal has them."""
    from rich.console import Console

    stream = io.StringIO()
    colours = sys.stdout.isatty() or None  # None: as the environment says
    console = Console(file=stream, force_terminal=colours, markup=False, emoji=False, highlight=False)
    console.print(renderable, soft_wrap=not wrapped)
    _out(stream.getvalue())


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(text), style=style)
