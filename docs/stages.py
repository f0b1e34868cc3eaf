"""The seven stages drawn from dvc.yaml: boxes one below the other, an arc where one reads what another wrote."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

ROW, WIDTH, BOX_LEFT, BOX_HEIGHT, LINE = 96, 420, 96, 78, 15
"""Sizes in px of the drawing; it is scaled down on a narrow screen, so the letters begin large."""


@dataclass(frozen=True)
class Stage:
    """A stage as dvc.yaml has it.

    Parameters
    ----------
    name, desc : str
    reads, writes : tuple of str
        Files and folders of data/.
    """

    name: str
    desc: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


def read_stages(path: Path) -> list[Stage]:
    """Return the stages of a dvc.yaml, in its order."""
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    return [
        Stage(
            name,
            entry["desc"],
            tuple(item for item in entry["deps"] if item.startswith("data/")),
            tuple(next(iter(item)) if isinstance(item, dict) else item for item in entry["outs"]),
        )
        for name, entry in entries.items()
    ]


def edges(stages: list[Stage]) -> list[tuple[str, str]]:
    """Return (writer, reader) for every pair where a stage reads what another writes."""
    return [
        (writer.name, reader.name)
        for writer in stages
        for reader in stages
        if any(
            read == out or read.startswith(f"{out}/") or out.startswith(f"{read}/")
            for out in writer.writes
            for read in reader.reads
        )
        and writer is not reader
    ]


def drawing(stages: list[Stage]) -> str:
    """Return the picture as SVG that takes the page's colours and says in words what it shows."""
    place = {stage.name: k for k, stage in enumerate(stages)}
    said = "; ".join(f"{writer} to {reader}" for writer, reader in edges(stages))
    height = ROW * len(stages)
    parts = [
        f'<svg class="stages" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="stages-title stages-desc">',
        '<title id="stages-title">The stages, from the ledgers to the report</title>',
        f'<desc id="stages-desc">What one stage writes another reads: {escape(said)}.</desc>',
    ]
    for writer, reader in edges(stages):
        start, end = place[writer], place[reader]
        top, bottom = start * ROW + BOX_HEIGHT - 14, end * ROW + 14
        if end == start + 1:
            middle = BOX_LEFT + 40
            line = f"M {middle} {start * ROW + BOX_HEIGHT} V {end * ROW - 5}"
        else:
            bend = BOX_LEFT - 14 * (end - start)
            line = f"M {BOX_LEFT} {top} C {bend} {top}, {bend} {bottom}, {BOX_LEFT - 6} {bottom}"
        parts.append(f'<path class="edge" d="{line}" marker-end="url(#stages-head)"/>')
    for stage in stages:
        y = place[stage.name] * ROW
        lines = textwrap.wrap(stage.desc, 46)
        text = "".join(
            f'<text x="{BOX_LEFT + 12}" y="{y + 40 + LINE * k}">{escape(line)}</text>' for k, line in enumerate(lines)
        )
        parts.append(
            f'<rect x="{BOX_LEFT}" y="{y + 1}" width="{WIDTH - BOX_LEFT - 2}" height="{BOX_HEIGHT - 2}" rx="6"/>'
            f'<text class="name" x="{BOX_LEFT + 12}" y="{y + 22}">{escape(stage.name)}</text>{text}'
        )
    head = (
        '<marker id="stages-head" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    )
    parts.insert(3, f'<defs>{head}<path d="M 0 0 L 8 4 L 0 8 z"/></marker></defs>')
    return "".join([*parts, "</svg>"])


def stages_page(path: Path) -> str:
    """Return the page of the stages: the picture, and the same in a table."""
    stages = read_stages(path)
    rows = []
    for stage in stages:
        reads = ", ".join(f"`{name.removeprefix('data/')}`" for name in shortened(stage.reads))
        writes = ", ".join(f"`{name.removeprefix('data/processed/')}`" for name in stage.writes)
        rows.append(f"| `{stage.name}` | {reads} | {writes} |")
    return "\n".join(
        [
            "# The seven stages",
            "",
            "Drawn from `dvc.yaml`. A stage reads only what earlier stages wrote, and writes only its own files; an",
            "arrow says that one reads what another wrote. `race run` runs those that are out of date, and says why.",
            "",
            f"```{{raw}} html\n{drawing(stages)}\n```",
            "",
            "| stage | reads, of data/ | writes, of data/processed/ |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def shortened(names: tuple[str, ...]) -> list[str]:
    """Return the names, all files of the ledgers' folder as one."""
    others = [name for name in names if not name.startswith("data/raw/")]
    return (["data/raw/*.csv"] if len(others) < len(names) else []) + others
