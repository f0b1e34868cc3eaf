"""MLPerf system descriptions: accelerators in one spelling, availability in one vocabulary, counts as numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.screening import screened_bytes
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.loading.json_text import Repeated, parse_json

if TYPE_CHECKING:
    from pathlib import Path

_AVAILABILITY = {"onprem": "available_onprem", "cloud": "available_cloud", "preview": "preview"}


FIELDS_READ = (
    "accelerators_per_node", "number_of_nodes", "accelerator_model_name", "division", "status", "framework",
    "scaling_factor",
)  # fmt: skip
"""What is read of a system's description and of a scaling file."""


def read_object(path: Path, where: str) -> dict[str, Any]:
    """Return the JSON object of a file; submitters repeat names in it, but none of those that are read.

    Raises
    ------
    InputMissing, DataInvalid
        When there is no such file, or it is no JSON object that says what is read of it once.
    """
    document = parse_json(screened_bytes(path), where, keep_repeated=True)
    if not isinstance(document, dict):
        raise DataInvalid(f"{path.name} is no JSON object", where=where)
    twice = [name for name in FIELDS_READ if isinstance(document.get(name), Repeated)]
    if twice:
        raise DataInvalid(f"{path.name} says {twice[0]} twice", where=where)
    return document


def normalised(accelerator: str) -> str:
    """Return an accelerator's name in one spelling: no power rating, one maker's name, PCIe, TPU-v3."""
    name = re.sub(r"\s*\(\d+\s*W\)", "", tidy(accelerator))
    name = re.sub(
        r"^(?:nvidia )?tesla ",
        "NVIDIA ",
        re.sub(r"^nvidia\b", "NVIDIA", name, flags=re.IGNORECASE),
        flags=re.IGNORECASE,
    )
    name = re.sub(r"^(A100|H100)\b", r"NVIDIA \1", name)
    name = re.sub(r"\s*-\s*PCIe\s*-\s*", "-PCIe-", re.sub(r"PCI[Ee]", "PCIe", name))
    name = re.sub(r"HBM3E", "HBM3e", re.sub(r"(\d)\s+GB\b", r"\1GB", name))
    name = re.sub(r"^tpu[\s-]*", "TPU-", name, flags=re.IGNORECASE)
    return "TPU" if name == "TPU-" else name


def availability(status: str) -> str:
    """Return a submission's availability as one word of the ledger; empty when the text says nothing known."""
    words = re.sub(r"[^a-z]", "", status.lower())
    found = [value for part, value in _AVAILABILITY.items() if part.replace("onprem", "prem") in words]
    return found[0] if found else "research" if "research" in words or "rdi" in words else ""


def whole_number(described: dict[str, Any], name: str, otherwise: int) -> int:
    """Return the number a field of a system description starts with, else ``otherwise``."""
    found = re.match(r"\s*(\d{1,7})", str(described.get(name, "")))
    return int(found[1]) if found else otherwise
