"""The site as it is built: every block run, every link there, nothing asked of a network, usable by all."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
import warnings
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from blocks import fences, session
from chromium import ARGUMENTS, AXE, CHROMIUM, MARKS, Noise
from code_lines import KEPT, code_lines
from dvc_view import dvc_repo
from stages import edges, read_stages
from tables import ALPHA, BETA, RATE, runs, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("commands/", "functions/")
KINDS = {"commands/index.html", "commands/fit.html", "functions/fit_kappa.html", "functions/results.html"}
TUTORIALS = ("analyst", "forecaster", "auditor", "researcher")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, record_testsuite_property: object) -> Path:
    pytest.importorskip("sphinx", reason="the group docs is not installed here (make docs installs it)")
    pytest.importorskip("furo", reason="the group docs is not installed here (make docs installs it)")
    output = tmp_path_factory.mktemp("docs")
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "build.py"), "--output", str(output)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "pipeline")},
        capture_output=True,
        text=True,
        check=False,
    )
    record_testsuite_property("site built, s", time.monotonic() - began)  # type: ignore[operator]
    assert done.returncode == 0, done.stdout + done.stderr
    return output / "site"


def pages_of(site: Path) -> list[str]:
    """Return the pages that the generator wrote; the copied reports have their own tests."""
    names = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    return [name for name in names if not name.startswith(("reports/", "_static/"))]


class Addresses(HTMLParser):
    """What a page loads, where its links lead, and what can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(str(given.get("id")))
        if tag == "a" and given.get("href"):
            self.leads.append(str(given["href"]))
        elif tag != "a":
            self.loads += [str(given[name]) for name in ("src", "href", "srcset", "poster") if given.get(name)]


def test_every_block_was_run_and_shows_what_it_printed(site: Path) -> None:
    for name in TUTORIALS:
        text = (site / "tutorials" / f"{name}.html").read_text(encoding="utf-8")
        written = fences((ROOT / "docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8"))
        asked = sum(
            len(re.findall(r"^race ", block, re.MULTILINE)) if kind == "{shell}" else 1
            for kind, block in written
            if kind in {"{shell}", "{python}"}
        )
        assert len(re.findall(r'class="asked ', text)) == asked > 5
        assert len(re.findall(r'class="told |class="cell-table"|class="drawn"', text)) > asked / 2
        assert "Traceback" not in text


def test_the_truth_lies_where_the_analyst_looks_for_it(site: Path) -> None:
    text = (site / "tutorials" / "analyst.html").read_text(encoding="utf-8")
    for pattern, truth in ((r"chinchilla kappa_reducible \S+ \[(\S+), (\S+)\]", ALPHA * BETA / (ALPHA + BETA)),
                           (r"doublings/yr \[(\S+), (\S+)\]", RATE)):  # fmt: skip
        low, high = map(float, re.findall(pattern, text)[0])
        assert low < truth < high
    off = [float(value) for value in re.findall(r"predicts .*?mean error (\S+) of", unescape(text))]
    assert len(off) == 3
    assert max(map(abs, off[:2])) * 10 < abs(off[2])  # the laws with a floor, and the power law


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    read = {name: Addresses((site / name).read_text(encoding="utf-8")) for name in pages_of(site)}
    assert len(read) > 40
    for name, page in read.items():
        for address in page.loads:
            assert not urlsplit(address).scheme or address.startswith("data:"), f"{name} loads {address}"
            assert not address.startswith("//"), f"{name} loads {address}"
        for address in page.leads:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            assert target.exists(), f"{name} leads to {address}"
            known = read.get(os.path.relpath(target, site))
            if parts.fragment and known is not None:
                assert unquote(parts.fragment) in known.ids, f"{name} leads to {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import\s+['\"]?https?:", sheet.read_text(encoding="utf-8"))


def test_mathematics_is_drawn_without_scripts(site: Path) -> None:
    text = (site / "method.html").read_text(encoding="utf-8")
    assert text.count("<math") > 15
    assert not re.search(r"<script[^>]*(mathjax|katex)", text, re.IGNORECASE)


def test_no_file_of_the_site_is_large_and_none_names_this_machine(site: Path) -> None:
    for path in site.rglob("*"):
        if path.is_file():
            assert path.stat().st_size < 2_000_000, path.name
        if path.suffix in {".html", ".js", ".ipynb"} and "reports" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert str(ROOT) not in text, path.name
            assert str(site.parents[0]) not in text, path.name


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "light"), (1440, "dark")])
@pytest.mark.browser
@MARKS[1]
def test_no_barrier_no_noise_no_request_no_sideways_scroll(
    site: Path, browser: Browser, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    # every page on the narrow screen; on the others one of each kind among the generated ones
    every = pages_of(site)
    for name in every if width < 1000 else [name for name in every if name in KINDS or not name.startswith(GENERATED)]:
        tab = context.new_page()
        noise = Noise(tab)
        tab.goto((site / name).as_uri())
        # preload would fetch the style sheets once more, which a folder of files refuses
        found = Axe().run(tab, options={**AXE, "preload": False}).response
        assert [(item["id"], item["nodes"][0]["html"][:200]) for item in found["violations"]] == [], name
        assert len(found["passes"]) > 10
        assert noise.said == [], name
        assert [url for url in noise.asked if not url.startswith(("file:", "data:"))] == []
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= width, name
        tab.close()
    context.close()


@pytest.mark.browser
@MARKS[1]
def test_search_works_in_a_folder_of_files(site: Path, browser: Browser) -> None:
    tab = browser.new_page()
    noise = Noise(tab)
    tab.goto((site / "search.html").as_uri() + "?q=bootstrap")
    tab.wait_for_selector("ul.search li a")
    found = tab.eval_on_selector_all("ul.search li a", "links => links.map(link => link.getAttribute('href'))")
    assert any("commands/fit.html" in address for address in found)
    assert noise.said == []
    assert [url for url in noise.asked if not url.startswith("file:")] == []
    tab.close()


OWN_TABLE = ("race fit kappa", "race fit gamma", "race predict", "race score", "race solve")
SEEN = ("race show", "race audit trace", "race audit verify", "race export")


def test_the_readme_s_quick_commands_run() -> None:
    """Those on own tables and published quarters; CI's `make run` and tests/recipes run those that make a quarter."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    lines = [span for row in rows for span in re.findall(r"`(race [^`|]*)`", row)]
    own = [line for line in lines if line.startswith(OWN_TABLE)]
    assert len(own) >= 5
    columns = "--column 'params=params_M*1e6' --column 'tokens=tokens_M*1e6' --bootstrap 100 --form chinchilla"
    with session("folder", ROOT / "docs") as one:
        write_tables(one.folder)
        for line in own:
            words = line.replace("FILE.csv", "chips.csv" if "gamma FILE" in line else "runs.csv")
            words = words.replace("--date D --value V", "--date released --value flop_s")
            one.shell(f"{words} {columns}" if "fit kappa" in words else words)
        frame = "import pandas as pd, race_to_efficiency as race\nframe = pd.read_csv('runs.csv', na_values='n/a')\n"
        frame += "frame = frame.assign(params=frame['params_M'] * 1e6, tokens=frame['tokens_M'] * 1e6)"
        one.python(frame)
        (row,) = (row for row in rows if "import race_to_efficiency as race" in row)
        for span in re.findall(r"`([^`]*)`", row):
            one.python(f"fit = {span}" if "fit_kappa" in span else span)
    with session("checkout", ROOT / "docs") as one:
        for line in lines:
            if line.startswith(SEEN):
                one.shell(line)


def test_step_logs_are_fitted_as_the_page_says() -> None:
    blocks = [text for kind, text in fences((ROOT / "docs" / "scale.md").read_text(encoding="utf-8")) if kind == "sh"]
    (line,) = (text.strip() for text in blocks if text.startswith("race fit kappa"))
    with session("folder", ROOT / "docs") as one:
        (one.folder / "logs").mkdir()
        table = runs()
        steps = np.arange(1, 101)
        for part, rows in (
            table.assign(loss=pd.to_numeric(table["val_loss"], errors="coerce")).dropna().groupby("model")
        ):
            log = rows.loc[rows.index.repeat(len(steps))].assign(step=np.tile(steps, len(rows)))
            log = log.assign(
                loss=log["loss"] * (1 + 1 / log["step"]), params=log["params_M"] * 1e6, tokens=log["tokens_M"] * 1e6
            )
            log[["run", "step", "params", "tokens", "loss"]].to_parquet(one.folder / "logs" / f"{part}.parquet")
        ((_, told),) = one.shell(f"{line} --form chinchilla --bootstrap 100")
        assert "kappa_reducible" in told.text
        assert len(pd.read_parquet(one.folder / "runs.parquet")) == len(table) - 1


def test_the_lines_of_0_1_are_those_of_its_commit() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    call = ["git", "archive", kept["commit"], "pipeline"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this checkout has no history back to version 0.1")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tree:
        found = {
            item.name.removeprefix("pipeline/"): code_lines(made.read().decode("utf-8"))
            for item in tree
            if item.name.endswith(".py") and (made := tree.extractfile(item)) is not None
        }
    assert found == kept["lines"]


def test_the_picture_of_the_stages_has_dvc_s_own_edges() -> None:
    with dvc_repo(ROOT) as repo, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a library that DVC uses
        theirs = {(writer.name, reader.name) for reader, writer in repo.index.graph.edges}
    assert set(edges(read_stages(ROOT / "dvc.yaml"))) == theirs


def test_a_remote_takes_and_gives_back_what_the_page_says(tmp_path: Path) -> None:
    """The page's three lines in a small repository with an output of its own, which a second one then pulls."""
    (block,) = (text for kind, text in fences((ROOT / "docs" / "dvc.md").read_text(encoding="utf-8")) if kind == "sh")
    place = tmp_path / "checkout"
    (place / ".dvc").mkdir(parents=True)
    (place / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")
    (place / "dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: echo 1 > out.txt\n    outs: [out.txt]\n", encoding="utf-8"
    )

    def dvc(*words: str) -> None:
        environment = {**os.environ, "DVC_SITE_CACHE_DIR": str(tmp_path / "site"), "DVC_NO_ANALYTICS": "1"}
        call = [sys.executable, "-m", "dvc", *words]
        done = subprocess.run(call, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    dvc("repro", "-q")
    add, push, pull = block.splitlines()
    dvc(*add.split()[1:])
    dvc(*push.split()[1:])
    assert any(path.is_file() for path in (tmp_path / "shelf").rglob("*"))
    (place / "out.txt").unlink()
    subprocess.run(["rm", "-r", str(place / ".dvc" / "cache")], check=True)
    dvc(*pull.split()[1:])
    assert (place / "out.txt").read_text(encoding="utf-8") == "1\n"
