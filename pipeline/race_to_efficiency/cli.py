"""The command `race`: registers one module a verb and turns errors into words and exit codes.

Exit codes: 0 ok; 1 bug; 2 usage; 3 data invalid; 4 estimate not trustworthy; 5 integrity; 6 input missing or stale;
7 locked; 8 the operating system refused (space, permission, memory); 129 hung up; 130 interrupted; 143 terminated.
"""

from __future__ import annotations

import gc
import sys
import traceback
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from race_to_efficiency import __version__
from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.extras import lacking
from race_to_efficiency.errors import RaceError, SystemRefused, UsageError
from race_to_efficiency.library_defaults import set_library_defaults
from race_to_efficiency.visible import error_lines

VERBS = (
    "run",
    "import_",
    "diff",
    "show",
    "predict",
    "solve",
    "severity",
    "report",
    "publish",
    "export",
    "score",
    "stage",
)
"""Modules of `race_to_efficiency.commands` whose ``register(app)`` adds one verb."""

FIT_VERBS = ("fit_kappa", "fit_gamma")
"""Modules whose ``register(app)`` adds one command under ``race fit``."""

OTHER_VERBS = ("audit", "cache", "dictionary", "recovery")
"""Verbs of the auditor and of the maintainer."""


def application(first: str = "") -> typer.Typer:
    """Return the application with the verb a command begins with; with every verb where it is none."""
    known = {name.rstrip("_") for name in (*VERBS, "fit", *OTHER_VERBS)}

    def wanted(name: str) -> bool:
        return first not in known or name.rstrip("_") == first

    app = typer.Typer(
        name="race",
        help="Fit kappa and gamma to cited public data and forecast relative loss (Lu 2025, arXiv 2501.02156).",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(_version)
    fit = typer.Typer(help="Fit kappa or gamma to your own table; touches nothing.", no_args_is_help=True)
    for name in filter(wanted, VERBS):
        import_module(f"race_to_efficiency.commands.{name}").register(app)
    if wanted("fit"):
        for name in FIT_VERBS:
            import_module(f"race_to_efficiency.commands.{name}").register(fit)
        app.add_typer(fit, name="fit")
    for name in filter(wanted, OTHER_VERBS):
        import_module(f"race_to_efficiency.commands.{name}").register(app)
    return app


def _say_version(asked: bool) -> None:
    if asked:
        terminal.line(f"race-to-efficiency {__version__}")
        raise typer.Exit


def _version(
    version: Annotated[
        bool, typer.Option("--version", help="print the version and leave", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    pass


def report_error(error: RaceError, *, as_json: bool) -> int:
    """Tell a person (stderr) and, with ``--json``, a program (stdout) what went wrong; return the exit code."""
    error_lines(f"race: {error.kind}: {error}".split("\n"))
    if as_json:
        terminal.document(error.to_json())
    return error.exit_code


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Words after ``race``; the process's own when None.
    """
    from race_to_efficiency import checkout, children

    set_library_defaults()
    checkout.sweep_here()
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in words
    terminal.ready()
    try:
        with children.heeding_signals():
            try:
                code = run_verb(words)
            except RaceError as error:
                code = report_error(error, as_json=as_json)
            terminal.finish()
    except children.Stopped as stopped:
        terminal.progress(f"race: {stopped}; nothing was left half written")
        return stopped.exit_code
    except terminal.OutputLostError as lost:
        terminal.abandon()
        if lost.closed:  # whoever read stdout has had enough
            return 0
        return report_error(SystemRefused.of(lost.error, "the standard output"), as_json=False)
    if arguments is None:
        gc.freeze()  # the process ends: a last search for what could be freed took half a second after a report
    return code


def run_verb(words: list[str]) -> int:
    """Run a verb and return its exit code; whatever else is raised on the way leaves as an error of ours."""
    try:
        code = application(*words[:1])(words, standalone_mode=False)
    except (RaceError, terminal.OutputLostError):
        raise
    except TyperException as error:
        raise UsageError(error.format_message(), remedy="see race --help") from None
    except SystemExit:  # typer's answer to a reader of --help who has had enough
        return 0
    except ModuleNotFoundError as error:
        raise lacking(error.name or str(error)) from None
    except (OSError, MemoryError, RecursionError) as error:
        raise SystemRefused.of(error) from None
    except Exception as error:
        error_lines(traceback.format_exc().splitlines())
        raise RaceError(
            f"a fault of the program: {type(error).__name__}: {error}", remedy="report it with the lines above"
        ) from error
    return code if isinstance(code, int) else 0
