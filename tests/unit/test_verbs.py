"""The application of one verb is the same as that verb of the whole application."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from race_to_efficiency import cli

WHOLE = typer.main.get_command(cli.application())


def described(command: Any) -> Any:
    """Return everything a command says of itself and of those within it."""
    options = [(option.name, option.opts, option.required, getattr(option, "help", None)) for option in command.params]
    return command.help, options, {name: described(item) for name, item in getattr(command, "commands", {}).items()}


@pytest.mark.parametrize("verb", sorted(WHOLE.commands))
def test_the_application_of_a_verb_is_that_verb_and_no_other(verb: str) -> None:
    alone = typer.main.get_command(cli.application(verb))
    assert list(alone.commands) == [verb]
    assert described(alone.commands[verb]) == described(WHOLE.commands[verb])
    assert described(alone)[:2] == described(WHOLE)[:2]


@pytest.mark.parametrize("first", ["", "--help", "--version", "nothing", "import_", "commands"])
def test_what_is_no_verb_finds_them_all(first: str) -> None:
    assert list(typer.main.get_command(cli.application(first)).commands) == list(WHOLE.commands)
    assert len(WHOLE.commands) == len(cli.VERBS) + len(cli.OTHER_VERBS) + 1
