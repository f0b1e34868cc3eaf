"""What `pip install race-to-efficiency` brings without an extra: few distributions, none of the pipeline's."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

MOST_DISTRIBUTIONS, MOST_MEGABYTES = 45, 660


def closure(wanted: list[str]) -> dict[str, Distribution]:
    """Return the installed distributions that requirements bring, with what those bring, by normalised name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
                continue
            name = re.sub(r"[-_.]+", "-", requirement.name).lower()
            if name in found and not requirement.extras:
                break
            try:
                found[name] = distribution(requirement.name)
            except PackageNotFoundError:  # of another platform or an extra that is not asked for
                break
            for text in found[name].requires or []:
                child = Requirement(text)
                if child.marker is None or any(child.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)):
                    child.marker = None
                    waiting.append(child)
            break
    return found


def megabytes(found: dict[str, Distribution]) -> float:
    """Return what the distributions' files weigh as they are recorded."""
    return sum(file.size or 0 for item in found.values() for file in item.files or []) / 1e6


def test_the_base_install_is_small_and_has_nothing_of_the_pipeline(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = closure(project["dependencies"])
    assert {"numpy", "scipy", "lmfit", "pandera", "typer"} <= set(found)
    assert len(found) + 1 <= MOST_DISTRIBUTIONS, sorted(found)  # and the project itself
    assert 100 < megabytes(found) <= MOST_MEGABYTES
    heavy = {"dvc", "typst", "cryptography", "dask", "distributed", "jinja2", "psutil", "grimp"}
    assert not heavy & set(found)


def test_extras_bring_more(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = closure(project["dependencies"])
    assert "dvc" in closure([*project["dependencies"], *project["optional-dependencies"]["pipeline"]])
    assert len(closure(project["optional-dependencies"]["pipeline"]).keys() - base.keys()) > 10
