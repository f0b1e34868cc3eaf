"""Every command, option and public name stands on a page that is made from it; every block is one that runs."""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import shlex
from functools import lru_cache
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
import tables
import typer
from blocks import Session, fences
from code_lines import PACKAGE, ROOMS, by_room, code_lines, counted, counted_before, size_page
from commands import command_pages, escaped, every_command, undocumented
from gallery import copy_reports, finding, gallery_page
from names import name_pages, results, summary_of
from notebook import notebook
from race_to_efficiency.cli import application
from stages import drawing, edges, read_stages
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
APP = application()
COMMANDS = dict(every_command())
RUN_BLOCKS = {"{shell}", "{python}", "{table-file}"}
NOT_CODE = {"{toctree}", "{literalinclude}", "{raw}"}
OTHERS = {"Axes", "FloatArray"}
"""What public names return that is no result of ours."""

TYPED = {
    "README.md": [["git", "make", "make"]],
    "docs/dvc.md": [["dvc", "dvc", "dvc"]],
    "docs/scale.md": [["pip", "dask", "dask", "race"], ["export", "export", "export", "dask"], ["race"]],
}
"""Blocks typed in a shell: their first words. CI runs README's; test_site.py those of DVC and of step logs; what names
the hosts and certificates of a cluster is for a reader to fill in (test_cluster.py starts one of its own)."""

APP = application()
COMMANDS = dict(every_command())
RUN_BLOCKS = {"{shell}", "{python}", "{table-file}"}
NOT_CODE = {"{toctree}", "{literalinclude}", "{raw}"}


pages = lru_cache(command_pages)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_option_is_for(name: str) -> None:
    assert undocumented(name, COMMANDS[name]) == []


def test_an_option_without_a_word_is_found() -> None:
    app = typer.Typer()
    app.callback()(lambda: None)

    @app.command()
    def silent(
        one: str, two: Annotated[int, typer.Option()] = 1, three: Annotated[int, typer.Option(help=" ")] = 1
    ) -> None:
        """Do it."""

    command: Any = typer.main.get_command(app)
    missing = undocumented("silent", command.commands["silent"])
    assert missing == ["race silent: an example", "race silent one", "race silent --two", "race silent --three"]


@pytest.mark.parametrize("name", COMMANDS)
def test_what_help_lists_stands_on_the_command_s_page(name: str) -> None:
    told = CliRunner().invoke(APP, [*name.split(), "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    shown = set(re.findall(r"^│[ *]+(--[a-z][\w-]*)", told.output, re.MULTILINE)) - {"--help"}
    assert shown
    page = pages()[f"{name.split(maxsplit=1)[0]}.md"]
    own = page.split(f"## race {name}\n", 1)[-1].split("\n## ", 1)[0]
    assert {option for option in shown if f"`{option}`" not in own} == set()


def test_every_public_name_and_every_result_has_its_place() -> None:
    made = name_pages()
    for name in race.__all__:
        (place,) = re.findall(r"autofunction:: (\S+)", made[f"{name}.md"])
        module, _, function = place.rpartition(".")
        assert inspect.isfunction(getattr(import_module(module), function))
        assert function == name
        assert summary_of(name).endswith("."), name
        assert f"[`race.{name}`]({name}.md)" in made["index.md"]
    returned = {
        hint
        for name in race.__all__
        if isinstance(hint := getattr(inspect.unwrap(getattr(race, name)), "__annotations__", {}).get("return"), str)
    }
    listed = {item.__name__ for item in results()}
    assert {hint for hint in returned if hint[0].isupper() and "." not in hint and hint not in OTHERS} <= listed
    for item in results():
        assert f"autoclass:: {item.__module__}.{item.__name__}" in made["results.md"]


def test_signs_of_markdown_in_help_are_plain() -> None:
    assert escaped("a*b | `x|y` <c>") == "a\\*b \\| `x\\|y` \\<c>"


def spans(text: str) -> list[str]:
    """Return the commands in a page's prose; alternatives as README writes them are spelt out."""
    found = []
    for span in re.findall(r"`(race [a-z][^`]*)`", text):
        words = span.replace("\\|", "|").split()
        several = [k for k, word in enumerate(words) if "|" in word]
        choices = words[several[0]].split("|") if several else [""]
        found += [
            " ".join([*words[: several[0]], one, *words[several[0] + 1 :]]) if several else span for one in choices
        ]
    return found


def unknown(line: str) -> set[str]:
    """Return the options that a line gives a command which has none of that name; the line itself for no command."""
    words = shlex.split(line.split("#", maxsplit=1)[0])[1:]
    name = next((" ".join(words[:k]) for k in (2, 1) if " ".join(words[:k]) in COMMANDS), None)
    if name is None:  # `race fit`, `race audit`: several commands
        return set() if any(known.startswith(f"{words[0]} ") for known in COMMANDS) else {line}
    options = {opt for item in COMMANDS[name].params for opt in (*item.opts, *item.secondary_opts)} | {"--help"}
    return {word for word in words if word.startswith("-")} - options


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_every_command_of_a_page_exists_with_its_options(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = spans(re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines += [
        line
        for kind, block in fences(text)
        if kind in {"{shell}", "sh"}
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("race ")
    ]
    for line in lines:
        assert unknown(line) == set(), line


def test_the_example_of_every_command_exists_with_its_options() -> None:
    lines = re.findall(r"^Example: `.*`$", "\n".join(pages().values()), re.MULTILINE)
    assert len(lines) == len(COMMANDS)
    examples = [example for line in lines for example in re.findall(r"`(race [^`]*)`", line)]
    assert {name for name in COMMANDS if not any(example.startswith(f"race {name}") for example in examples)} == set()
    for example in examples:
        assert unknown(example) == set(), example


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_one_that_runs(page: str) -> None:
    found = fences(PAGES[page].read_text(encoding="utf-8"))
    text = PAGES[page].read_text(encoding="utf-8")
    assert sum(bool(kind) for kind, _ in found) == len(re.findall(r"^(?:`{3}|:{3})\S", text, re.MULTILINE))
    others = [(kind, block) for kind, block in found if kind not in RUN_BLOCKS | NOT_CODE]
    if page == "README.md":
        others = [item for item in others if item[0] == "sh"]  # the other block is the plan of the folders
    assert [[line.split()[0] for line in block.splitlines()] for _, block in others] == TYPED.get(page, [])
    assert {kind for kind, _ in others} <= {"sh"}
    for kind, block in found:
        if kind == "{python}":
            ast.parse(block)


def test_the_equation_of_the_readme_is_the_one_that_is_evaluated() -> None:
    (line,) = re.findall(r"^    R\(t\) = (.*)$", PAGES["README.md"].read_text(encoding="utf-8"), re.MULTILINE)
    code = line.replace("gamma ln 2 · 1 yr", "gamma * log(2)").replace("gamma t", "gamma * t").replace("^", "**")
    for t, gamma, kappa in ((1.0, 2.0, 0.05), (5.0, 0.5, 0.17), (10.0, -1.0, 0.3)):
        said = eval(code, {"log": math.log}, {"t": t, "gamma": gamma, "kappa": kappa})  # noqa: S307 - README's own
        assert race.relative_loss(t, kappa, gamma) == pytest.approx(said, rel=1e-14)


def test_make_knows_what_the_readme_types() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (block,) = (text for kind, text in fences(PAGES["README.md"].read_text(encoding="utf-8")) if kind == "sh")
    for line in block.splitlines()[1:]:
        assert re.search(rf"^{line.split()[1]}:.*## ", makefile, re.MULTILINE)


def test_the_picture_of_the_stages_has_every_stage_and_every_word() -> None:
    stages = read_stages(ROOT / "dvc.yaml")
    svg = drawing(stages)
    assert svg.count('class="edge"') == len(edges(stages)) >= len(stages) - 1
    assert [stage.name for stage in stages] == re.findall(r'class="name"[^>]*>(\w+)<', svg)
    words = unescape(" ".join(re.findall(r"<text x[^>]*>([^<]*)</text>", svg)))
    assert all(stage.desc in words for stage in stages)


SAMPLE = '''"""A module.

Of two paragraphs.
"""

import os  # one

# why
LIMIT = 2  # two
"""Words beside a constant are no docstring: three."""


class Thing:
    """Four is the line above."""

    @property
    def one(self):
        # not this
        """A docstring
        of two lines.
        """
        text = """seven, after the decorator and the name

        and nine, for a blank line is none"""
        return text


async def last():
    "Ten is the line above."
    await os.sleep(0)
'''


def test_lines_of_code_are_counted_and_stand_in_one_part_each() -> None:
    assert code_lines(SAMPLE) == 11
    for lines, before in ((counted(PACKAGE), False), (counted_before(), True)):
        parts = by_room(lines, before=before)
        assert sum(parts.values()) == sum(lines.values())
        assert before or all(parts.values())
    assert by_room({"report/brief/brief.py": 3, "report/page.py": 4, "cli.py": 5}, before=False).items() >= {
        ("the brief", 3), ("report", 4), ("commands and stages", 5)
    }  # fmt: skip
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    named = {start.split("/")[0] for room in ROOMS for start in room.now}
    assert folders - named == {"stages"}  # a new package is a part of its own, or of one there is
    assert by_room({"calibration/comparison.py": 1}, before=True)["a quarter as a value"] == 1
    now, old = sum(counted(PACKAGE).values()), sum(counted_before().values())
    assert f"| **all** | {old:,} | {now:,} | {now - old:+,} | |" in size_page()


def test_the_notebook_has_the_page_s_cells() -> None:
    page = (ROOT / "docs" / "tutorials" / "researcher.md").read_text(encoding="utf-8")
    made = json.loads(notebook(page))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    cells = ["".join(cell["source"]).strip() for cell in made["cells"] if cell["cell_type"] == "code"]
    assert cells == [block.strip() for kind, block in fences(page) if kind == "{python}"]
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    assert all("```" not in "".join(cell["source"]) for cell in made["cells"])


def test_a_session_shows_what_is_printed_and_stops_at_what_fails(tmp_path: Path) -> None:
    tables.write_tables(tmp_path)
    session = Session(tmp_path)
    ((line, told),) = session.shell("race predict --kappa 0.05 \\\n--gamma 2 --t 5")
    assert line.count("\n") == 1
    assert f"{race.relative_loss(5, 0.05, 2.0):.4g}" in told.text
    lines = ("race solve time --target 0.5 --kappa 0.1 --gamma 1", "race fit gamma x.csv --date a --value b")
    (_, (_, refused)) = session.shell("\n".join(lines), 6)
    assert "x.csv" in refused.text
    assert session.python("a = 2\nprint('one')\na + 1").text == "one\n3"
    assert session.python("import pandas as pd\npd.DataFrame({'a': [a]})").html.count("<td>2</td>") == 1
    for wrong in ("race solve time --target 2 --kappa 0.1 --gamma 1", "ls", "race predict --kappa 1"):
        with pytest.raises(Exception, match=r"ended with|only `race`"):
            session.shell(wrong)
    with pytest.raises(Exception, match="ended with 0, not 4"):
        session.shell("race predict --kappa 0.05 --gamma 2 --t 5", 4)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        session.python("1 / 0")


def test_a_long_output_is_shown_by_its_ends() -> None:
    pytest.importorskip("docutils", reason="the group docs is not installed here (make docs installs it)")
    pytest.importorskip("sphinx", reason="the group docs is not installed here (make docs installs it)")
    from executed import clipped

    text = "\n".join("abcdef")
    assert clipped(text, None) == clipped(text, 6) == clipped(text, 4, 2) == text
    assert clipped(text, 2).splitlines() == ["a", "b", "... 4 more lines"]
    assert clipped(text, 2, 3).splitlines() == ["a", "b", "... 1 more line", "d", "e", "f"]


def test_the_truth_that_the_analyst_is_told_is_that_of_the_tables() -> None:
    page = PAGES["docs/tutorials/analyst.md"].read_text(encoding="utf-8")
    law = f"$L = {tables.FLOOR} + 400\\,N^{{-{tables.ALPHA}}} + 1500\\,D^{{-{tables.BETA}}}$"
    kappa = tables.ALPHA * tables.BETA / (tables.ALPHA + tables.BETA)
    assert law in page
    assert f"/ ({tables.ALPHA} + {tables.BETA}) = {kappa:.3f}$" in page
    assert f"Is {kappa:.3f} inside" in " ".join(page.split())
    assert f"Is {tables.RATE} inside" in page
    made = tables.runs()
    params, tokens = made["params_M"] * 1e6, made["tokens_M"] * 1e6
    noise = np.log(pd.to_numeric(made["val_loss"], errors="coerce") / tables.law(params, tokens))
    assert noise.std() == pytest.approx(0.004, rel=0.35)
    assert noise.isna().sum() == 1


def test_the_gallery_shows_every_published_quarter_newest_first(tmp_path: Path) -> None:
    entries = json.loads((ROOT / "reports" / "registry.json").read_text(encoding="utf-8"))["entries"]
    page = gallery_page(ROOT / "reports")
    shown = re.findall(r"<h2>(\w+)</h2>", page)
    assert shown == sorted({entry["quarter"] for entry in entries})[::-1]
    assert unescape(re.findall(r'<p class="said">(.*?)\.</p>', page)[0]) == finding(ROOT / "reports", shown[0])[0]
    copy_reports(ROOT / "reports", tmp_path)
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (tmp_path / address).read_bytes() == next((ROOT / address).parent.rglob(Path(address).name)).read_bytes()
