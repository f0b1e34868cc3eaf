"""The executed blocks of a page: `race` commands and Python, run as a reader would, with what they really print.

A page runs in one folder and one namespace, from its first block to its last. A block that ends otherwise than it says
stops the build. Nothing here knows Sphinx: the suite runs the blocks of README.md with the same functions.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = "92"
"""Width of the terminal that commands print for; a narrow screen scrolls the block sideways."""

FENCE = re.compile(r"^(`{3,}|:{3,})([{\w}-]*) ?(.*?)\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)


class BlockError(Exception):
    """A block did not end as its page says."""


@dataclass(frozen=True)
class Output:
    """What a block left: text as printed, and what a notebook would show of its last line.

    Parameters
    ----------
    text : str
    html : str
        A result's table, as a notebook shows it.
    svg : str
        The picture its last line drew.
    """

    text: str = ""
    html: str = ""
    svg: str = ""


@dataclass
class Session:
    """The folder and the names that the blocks of a page share.

    Parameters
    ----------
    folder : Path
        Where commands run; files they name are here.
    """

    folder: Path
    names: dict[str, Any] = field(default_factory=dict)

    def shell(self, text: str, code: int = 0) -> list[tuple[str, Output]]:
        """Run commands, one a line; each with what it printed.

        Parameters
        ----------
        text : str
            Lines ``race ...``.
        code : int
            The exit code that the last one must have; the others must have 0.
        """
        typed = re.split(r"(?<!\\)\n", text.strip())  # a backslash at its end continues a line
        wanted = [0] * (len(typed) - 1) + [code]
        return [(line, self._race(line.replace("\\\n", " "), one)) for line, one in zip(typed, wanted, strict=True)]

    def _race(self, line: str, wanted: int) -> Output:
        from race_to_efficiency import cli

        verb, *words = shlex.split(line)
        if verb != "race":
            raise BlockError(f"only `race` is run here, not: {line}")
        told, said = io.StringIO(), io.StringIO()
        with self._inside(), contextlib.redirect_stdout(told), contextlib.redirect_stderr(said):
            found = cli.main(words)
        if found != wanted:
            raise BlockError(f"{line}\nended with {found}, not {wanted}\n{told.getvalue()}{said.getvalue()}")
        # what is said on stderr while all goes well is progress, which depends on the machine
        shown = told.getvalue() + (said.getvalue() if wanted else "")
        return Output("\n".join(item.rstrip() for item in shown.rstrip().splitlines()))

    def python(self, text: str) -> Output:
        """Run Python as a notebook's cell: what it printed, and its last expression.

        Parameters
        ----------
        text : str
        """
        tree = ast.parse(text)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        told = io.StringIO()
        value = None
        try:
            with self._inside(), contextlib.redirect_stdout(told):
                exec(compile(tree, "<block>", "exec"), self.names)  # noqa: S102 - the page's own code
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), "<block>", "eval"), self.names)  # noqa: S307
        except Exception as error:
            raise BlockError(f"{text}\nended with {type(error).__name__}: {error}") from error
        return self._shown(told.getvalue(), value)

    def _shown(self, told: str, value: Any) -> Output:
        """Return how a notebook shows a value: a picture, a table, or its text."""
        figure = getattr(value, "figure", None)
        if figure is not None and hasattr(figure, "savefig"):
            return Output(told.rstrip(), svg=_svg(figure))
        table = getattr(value, "_repr_html_", None)
        if table is not None:
            return Output(told.rstrip(), html=table())
        return Output((told + ("" if value is None else repr(value))).rstrip())

    @contextlib.contextmanager
    def _inside(self) -> Any:
        """Work in the page's folder, with a terminal of one width and no colours."""
        before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
        os.environ.update(COLUMNS=COLUMNS, NO_COLOR="1")
        try:
            with contextlib.chdir(self.folder):
                yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _svg(figure: Any) -> str:
    """Return a figure as SVG whose text is text, the same at every build."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "docs"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    plt.close(figure)
    return drawn.getvalue()[drawn.getvalue().index("<svg") :]


@contextlib.contextmanager
def session(where: str, tables: Path) -> Any:
    """Open a page's session: in the checkout, or in a new folder that holds the tutorials' tables.

    Parameters
    ----------
    where : {'checkout', 'folder'}
    tables : Path
        The folder of the tables.
    """
    if where == "checkout":
        yield Session(ROOT)
        return
    with tempfile.TemporaryDirectory() as made:
        for path in sorted(tables.glob("*.csv")):
            Path(made, path.name).write_bytes(path.read_bytes())
        yield Session(Path(made))


def fences(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a Markdown page: language or {directive}, and content without its options.

    Parameters
    ----------
    text : str
    """
    return [(match[2], re.sub(r"\A(:\w+:.*\n)+\n?", "", match[4])) for match in FENCE.finditer(text)]
