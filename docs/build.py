"""Build the documentation site: `make docs`, or `python docs/build.py --output FOLDER`; no network is asked."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from code_lines import size_page  # noqa: E402 - after the path of this folder
from commands import command_pages  # noqa: E402
from gallery import copy_reports, gallery_page  # noqa: E402
from names import name_pages  # noqa: E402
from notebook import notebook  # noqa: E402
from stages import stages_page  # noqa: E402
from tables import write_tables  # noqa: E402

NOTEBOOK = "researcher"
DOWNLOAD = " This page is a notebook: {download}`researcher.ipynb`."


def assemble(source: Path) -> None:
    """Lay the written pages and the generated ones into one folder for Sphinx.

    Parameters
    ----------
    source : Path
        Made anew.
    """
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(HERE, source, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    for folder, pages in (("commands", command_pages()), ("functions", name_pages())):
        for name, text in pages.items():
            _write(source / folder / name, text)
    _write(source / "stages.md", stages_page(ROOT / "dvc.yaml"))
    _write(source / "size.md", size_page())
    _write(source / "reports.md", gallery_page(ROOT / "reports"))
    _write(source / "ledgers.md", (ROOT / "data" / "raw" / "README.md").read_text(encoding="utf-8"))
    shutil.copy(ROOT / "CITATION.cff", source)
    page = (HERE / "tutorials" / f"{NOTEBOOK}.md").read_text(encoding="utf-8")
    _write(source / "tutorials" / f"{NOTEBOOK}.ipynb", notebook(page.replace(DOWNLOAD, "")))
    write_tables(source / "tutorials")


def build(output: Path) -> int:
    """Build the site into a folder; return Sphinx's exit code, warnings being errors.

    Parameters
    ----------
    output : Path
        ``output / "site"`` is the site.
    """
    from sphinx.cmd.build import main

    source, site = output / "source", output / "site"
    assemble(source)
    shutil.rmtree(site, ignore_errors=True)
    words = ["-q", "-W", "--keep-going", "-c", str(HERE), "-d", str(output / "doctrees"), "-E"]
    code = main([*words, str(source), str(site)])
    copy_reports(ROOT / "reports", site)
    return code


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "docs")
    folder = parser.parse_args().output
    began = time.monotonic()
    ended = build(folder)
    print(f"{folder / 'site' / 'index.html'}  ({time.monotonic() - began:.0f} s)")
    sys.exit(ended)
