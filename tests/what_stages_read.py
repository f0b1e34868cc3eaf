"""dvc.yaml as it should stand: the settings and files that a small quarter's stages read, and the code they reach.

As a command (``make dvc-yaml``) it brings dvc.yaml up to date.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import small_quarter
from race_to_efficiency import storage
from race_to_efficiency.settings.corridor import Declared, declared
from race_to_efficiency.settings.params import read_params
from race_to_efficiency.settings.section import SettingsSection
from race_to_efficiency.stages.declared import written
from reads import leaves

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("data/published",)
"""A folder that is read as a whole: it grows by a file with every publication."""


def collapsed(read: Collection[str], params: SettingsSection, place: str = "") -> list[str]:
    """Return dotted names, with a section's own where every setting under it was read, in the order of params.yaml."""
    found = []
    for name in type(params).model_fields:
        value, dotted = params.__dict__[name], f"{place}.{name}" if place else name
        below = leaves(value, dotted) if isinstance(value, SettingsSection) else {dotted}
        if below <= set(read):
            found.append(dotted)
        elif isinstance(value, SettingsSection):
            found += collapsed(read, value, dotted)
    return found


def data_read(stage: Declared, files: Collection[str]) -> list[str]:
    """Return the files a stage opened and had not written itself, the nodes' memory aside."""
    own = (*(f"{out}/" for out in stage.outs), "data/processed/nodes/")
    folder = {path: next((it for it in FOLDERS if path.startswith(f"{it}/")), path) for path in files}
    return sorted({folder[path] for path in files if path not in stage.outs and not path.startswith(own)})


def brought_up_to_date(reads: Mapping[str, Mapping[str, list[str]]]) -> str:
    """Return the text of dvc.yaml for what each stage read."""
    params = read_params(ROOT / "params.yaml")
    return written(
        replace(
            stage,
            settings=tuple(collapsed(reads[name]["settings"], params)),
            deps=tuple(data_read(stage, reads[name]["files"])),
        )
        for name, stage in declared(ROOT).items()
    )


def main() -> None:
    """Write dvc.yaml."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "quarter"
        small_quarter.make(ROOT, folder)
        text = brought_up_to_date(storage.read_json(folder / small_quarter.READS))
    storage.write_text(ROOT / "dvc.yaml", text)


if __name__ == "__main__":
    main()
