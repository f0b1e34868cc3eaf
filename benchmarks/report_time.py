"""How long the report takes and how large it is: each format, the stage, and the first paint in Chromium.

Usage: python benchmarks/report_time.py [--repeat 3]      (in a checkout whose quarter was run; nothing is changed)
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from race_to_efficiency import __version__
from race_to_efficiency.report.inputs import read_inputs
from race_to_efficiency.report.report import make_report
from race_to_efficiency.settings.params import find_root, open_workspace

CHROMIUM = shutil.which("chromium")


def timed(repeat: int, formats: tuple[str, ...]) -> tuple[dict[str, float], dict[str, bytes]]:
    """Return wall and CPU seconds of making the report in some formats, and its files."""
    workspace = open_workspace(find_root(Path.cwd()))
    quarter, walls, cpus, files = workspace.quarter, [], [], {}
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        inputs = read_inputs(workspace.processed, str(quarter), quarter.as_of, workspace.params)
        made = make_report(inputs, title=workspace.params.report.title, version=__version__, formats=formats)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        files = made.files
    return {"wall_s": statistics.median(walls), "cpu_s": statistics.median(cpus)}, files


def first_paint(page: bytes) -> dict[str, float] | None:
    """Return when Chromium first painted the page and had drawn the chart, in ms; None without Chromium."""
    if CHROMIUM is None:
        return None
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        path = Path(folder) / "report.html"
        path.write_bytes(page)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        tab.goto(path.as_uri())
        tab.wait_for_selector("#explorer-chart svg")
        found = tab.evaluate(
            "() => [...performance.getEntriesByType('paint').map(e => [e.name, e.startTime]), "
            "['chart', performance.now()]]"
        )
        browser.close()
    return {name: round(value, 1) for name, value in found}


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    result: dict[str, object] = {"python": sys.version.split()[0], "repeat": repeat}
    for name, formats in (("html", ("html",)), ("pdf", ("pdf",)), ("md", ("md",)), ("all", ("html", "pdf", "md"))):
        result[name], files = timed(repeat, formats)
    result["bytes"] = {name: len(data) for name, data in sorted(files.items()) if name.startswith("report.")}
    result["figures_bytes"] = sum(len(data) for name, data in files.items() if name.endswith(".svg"))
    result["paint_ms"] = first_paint(files["report.html"])
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
