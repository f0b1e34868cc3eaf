"""What errors name: options that a shell passes on as meant, arguments that Python reads as meant, and that exist."""

import ast
import copy
import inspect
import re
import shlex
from pathlib import Path

import pytest
import race_to_efficiency as race
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency import cli, errors
from race_to_efficiency.errors import PARTS, RaceError
from race_to_efficiency.named_options import Option, Words

PACKAGE = Path(race.__file__).parent
WITH_COMMANDS = {("fit", "kappa"): race.fit_kappa, ("fit", "gamma"): race.fit_gamma, ("score",): race.score}
BY_COMMANDS_ONLY = {"own_tables/chart_logs.py", "own_tables/log_columns.py", "own_tables/step_logs.py"}
"""What reads step-level logs, which no public function takes."""

OF_OTHERS = {"--nthreads"}
OPTION = r"(?<![\w-])--[a-z][a-z-]*\w"

names = st.from_regex(r"[a-z]+(_[a-z]+)*", fullmatch=True).filter(lambda name: name != "columns")
values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
options = st.builds(Option, names, values, st.none() | names) | st.builds(Option, st.just("columns"), values, names)


@given(options)
def test_a_shell_and_python_read_an_option_as_it_was_meant(option: Option) -> None:
    said = option.value if option.key is None else f"{option.key}={option.value}"
    flag, value = shlex.split(option.typed())
    assert value == said
    assert flag.removeprefix("--").replace("-", "_") == option.name.removesuffix("s" if flag == "--column" else "")
    (keyword,) = ast.parse(f"f({option.passed()})", mode="eval").body.keywords
    assert keyword.arg == option.name
    assert ast.literal_eval(keyword.value) == (option.value if option.key is None else {option.key: option.value})


@settings(max_examples=40)
@given(st.lists(options, min_size=1))
def test_options_side_by_side_are_words_of_a_command_and_arguments_of_one_call(given: list[Option]) -> None:
    words = Words(*given)
    assert shlex.split(words) == [word for option in given for word in shlex.split(option.typed())]
    assert words.for_callers() == ", ".join(option.passed() for option in given)


@settings(max_examples=40)
@given(st.lists(st.lists(st.text() | options, max_size=4), max_size=4), st.text(min_size=1))
def test_options_stay_options_in_a_text_of_texts(given: list[list[str | Option]], between: str) -> None:
    texts = [Words(*parts) for parts in given]
    found = Words("a", Words.joined(between, texts))
    assert found == "a" + between.join(texts)
    assert found.for_callers() == "a" + between.join(text.for_callers() for text in texts)
    kept = [part for part in found.parts if isinstance(part, Option)]
    assert kept == [part for parts in given for part in parts if isinstance(part, Option)]
    again = copy.copy(found)  # as pickle makes it, when an error comes from another process
    assert (again, again.parts) == (found, found.parts)


def test_what_is_said_in_both_wordings() -> None:
    words = Words(
        "add ", Option("columns", "ppl", "loss"), Option("loss_unit", "perplexity"), ", not ", Option("where")
    )
    assert words == "add --column loss=ppl --loss-unit perplexity, not --where"
    assert words.for_callers() == "add columns={'loss': 'ppl'}, loss_unit='perplexity', not where"
    assert Option("columns", "params_M*1e6", "params").typed() == "--column 'params=params_M*1e6'"
    assert Option("columns", "eval/loss", "loss").typed() == "--column 'loss=eval/loss'"


def texts_of(tree: ast.AST) -> list[str]:
    """Return the texts in a tree, with a word in the place of what is filled in, and no docstring."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    parts |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant)]
    return [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in getattr(node, "values", [node]))
        for node in whole
        if isinstance(node, ast.JoinedStr) or (isinstance(node.value, str) and id(node) not in parts)
    ]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.AST]:
    """Return every module of the package, parsed."""
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.fixture(scope="module")
def commands() -> dict[tuple[str, ...], set[str]]:
    """Return the options of every verb."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(command, verb: tuple[str, ...]) -> None:
        found[verb] = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        for name, child in getattr(command, "commands", {}).items():
            walk(child, (*verb, name))

    walk(typer.main.get_command(cli.application()), ())
    return found


def test_every_option_an_error_of_the_library_names_is_an_argument_and_an_option_of_its_command(
    trees: dict[str, ast.AST], commands: dict[tuple[str, ...], set[str]]
) -> None:
    options_made = {
        (place, node.args[0].value)
        for place, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Option" and node.args
    }
    assert len(options_made) > 6
    for place, name in options_made:
        taking = {verb for verb, function in WITH_COMMANDS.items() if name in inspect.signature(function).parameters}
        assert taking, (place, name)
        for verb in taking:
            assert Option(name).typed() in commands[verb] | ({"--outcomes"} if verb == ("score",) else set()), place


def test_no_error_of_the_library_spells_an_option_unless_in_a_command_to_run(trees: dict[str, ast.AST]) -> None:
    for place, tree in trees.items():
        if place.split("/")[0] in ("api", "own_tables", "cells") and place not in BY_COMMANDS_ONLY:
            calls = [
                node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            ]
            raised = [node for node in calls if hasattr(errors, getattr(node.func, "id", ""))]
            said = {text for node in raised for text in texts_of(node) if re.search(OPTION, text)}
            assert all("race " in text.partition(" --")[0] for text in said), (place, said)


def test_every_option_that_a_text_names_exists_and_belongs_to_the_command_it_stands_behind(
    trees: dict[str, ast.AST], commands: dict[tuple[str, ...], set[str]]
) -> None:
    every, behind = set.union(*commands.values()) | {"--help"}, 0
    for place, tree in trees.items():
        for text in texts_of(tree):
            if place.split("/")[0] in ("api", "own_tables", "cells", "commands"):
                assert set(re.findall(OPTION, text)) <= every | OF_OTHERS, (place, text)
            for line in re.findall(r"\brace ([a-z][^;,()]*)", text):
                words = re.split(r" (?:or|and|then|to|with) ", line)[0].split()
                verb = next(tuple(words[:n]) for n in range(len(words), -1, -1) if tuple(words[:n]) in commands)
                named = set(re.findall(OPTION, " ".join(words))) if verb else set()
                below = {option for one, own in commands.items() if one[: len(verb)] == verb for option in own}
                assert named <= below | {"--help"}, (place, text, verb)
                behind += bool(named)
    assert behind > 20


SMALL = {"params": [1e8, 2e8, 3e8], "tokens": [1e9, 2e9, 3e9], "loss": [3.0, 2.9, 2.8]}


@pytest.mark.parametrize(
    ("data", "given", "said"),
    [
        (SMALL, {"where": "depth > 4"}, "where: there is no column 'depth'"),
        (SMALL, {"exclude": "diverged"}, "exclude: no row has the flag 'diverged'"),
        (SMALL, {"where": "loss > 9"}, "exclude and where leave no row"),
        (SMALL, {"fix": {"E": -1.0}}, "fix E=-1: no law has such a value"),
        (SMALL, {"tie": {"A": "alpha"}}, "tie takes one of alpha=beta"),
        (SMALL, {"under_tuned": 0.0}, "under_tuned must lie above 0"),
        (SMALL, {"columns": {"unique_tokens": "tokens"}}, "columns={'unique_tokens': '...'} is of no use"),
        ({**SMALL, "State": ["running"] * 3}, {}, "take: where 'State != running'"),
        ({"params": [1e8], "tokens": [1e9], "--odd it's": [3.0]}, {}, "columns={'loss': 'NAME'}"),
        ({"params": [1e8], "tokens": [1e9], "ppl": [9.0]}, {}, "add columns={'loss': 'ppl'}, loss_unit='perplexity'"),
    ],
)
def test_a_caller_is_told_arguments_and_a_command_options(data: dict, given: dict, said: str) -> None:
    with pytest.raises(RaceError) as caught:
        race.fit_kappa(data, **given)
    assert said in str(caught.value)
    assert not any(isinstance(getattr(caught.value, part), Words) for part in PARTS)
    with pytest.raises(RaceError) as typed:
        inspect.unwrap(race.fit_kappa)(data, **given)
    named = {part for name in PARTS for part in getattr(getattr(typed.value, name), "parts", ()) if part}
    found = {part for part in named if isinstance(part, Option)}
    assert found
    assert all(option.typed() in str(typed.value) and option.passed() in str(caught.value) for option in found)


def test_a_score_without_outcomes_names_the_argument_for_them() -> None:
    table = {"model_id": ["a"], "output_type_id": [0.5], "value": [1.0], "horizon": [1]}
    with pytest.raises(RaceError, match="or give the outcomes with outcomes FILE"):
        race.score(table)
