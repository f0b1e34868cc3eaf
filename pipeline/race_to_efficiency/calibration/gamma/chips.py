"""Which accelerators are variants of one design: the clusters of chip trends, and the rated power of named chips."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

ACCELERATORS = "accelerators"
"""The ledger of chips."""

# NVIDIA's architecture by product name, from its architecture whitepapers (Fermi 2009 to Blackwell 2024); AMD's CDNA
# generations from its own (2021 to 2025). Names that match none are their maker's first product word.
_ARCHITECTURES: tuple[tuple[str, str], ...] = (
    (r"\bG?[BR]3?00\b.*rubin|rubin|\bVR\d", "NVIDIA Rubin"),
    (r"\bG?B[123]0\d\b|blackwell|rtx 50\d\d", "NVIDIA Blackwell"),
    (r"\bG?H(100|200|800|20)\b|\bHGX H20\b", "NVIDIA Hopper"),
    (r"\bL(2|4|20|40)S?\b|rtx 40\d\d|ada generation", "NVIDIA Ada"),
    (r"\bA(2|10|10G|16|30|40|100|800)\b|rtx 30\d\d|rtx a\d{4}", "NVIDIA Ampere"),
    (r"rtx 20\d\d|quadro rtx|\bT4\b|titan rtx", "NVIDIA Turing"),
    (r"\bV100S?\b|titan v\b", "NVIDIA Volta"),
    (r"\bP(4|40|100)\b|gtx 10\d\d|titan xp|quadro p\d", "NVIDIA Pascal"),
    (r"\bM(4|40|60)\b|gtx 9\d\d|gtx titan x\b|quadro [mk]1?\d", "NVIDIA Maxwell"),
    (r"\bK(20|40|80)\w?\b|gtx titan|gtx 7\d\d|gtx 6\d\d", "NVIDIA Kepler"),
    (r"\bC20\d\d\b|gtx [45]\d\d", "NVIDIA Fermi"),
    (r"\bMI2\d\d\w?\b", "AMD CDNA2"),
    (r"\bMI3(00|08|25)\w?\b", "AMD CDNA3"),
    (r"\bMI3[5]\d\w?\b", "AMD CDNA4"),
)


def chip_family(manufacturer: str, name: str) -> str:
    """Return the design family of an accelerator, e.g. ``NVIDIA Hopper``, ``Google TPU v4``, ``Huawei Ascend``.

    Variants of one design (memory sizes, form factors, export versions) share silicon and are no independent evidence
    of progress: they are one cluster.
    """
    maker = manufacturer.strip() or "unknown"
    for pattern, family in _ARCHITECTURES:
        if family.split()[0].lower() == maker.lower() and re.search(pattern, name, re.IGNORECASE):
            return family
    words = [word for word in re.split(r"[\s,()]+", name) if word and word.lower() not in maker.lower().split()]
    if words[:1] and words[0].upper() in {"TPU", "MTIA", "HABANA"}:
        return f"{maker} {' '.join(words[:2])}"
    stem = re.match(r"[A-Za-z]+", words[0]) if words else None
    return f"{maker} {stem[0] if stem else name}".strip()


def chip_families(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Return the family of every row of an accelerators view, (n,) str."""
    pairs = zip(rows["manufacturer"].fillna("").astype(str), rows["name"].fillna("").astype(str), strict=True)
    return np.asarray([chip_family(maker, name) for maker, name in pairs], dtype=object)


def rated_watts(names: pd.Series, accelerators: pd.DataFrame) -> tuple[Floats, NDArray[Any]]:
    """Return the rated power of accelerators named as in MLPerf results, and the rows it was looked up in.

    A power limit written in the name ("(500W)") is taken as it stands. Otherwise the name is matched with the ledger by
    its model word (H100, MI325X, Gaudi2, TPU-v4 ...) and, where one is given, its form factor (SXM, PCIe); several
    matches give their median.

    Returns
    -------
    (n,) float, (n,) tuple of str
        W, NaN where unknown; ``accelerators/ID`` of each match, none where the name tells.
    """
    known = accelerators.loc[accelerators["tdp_w"].gt(0), ["accelerator_id", "name", "tdp_w"]]
    keys = {name: _model_words(name) for name in known["name"].astype(str)}
    cache: dict[str, float] = {}
    told: dict[str, tuple[str, ...]] = {}
    names = names.fillna("").astype(str)
    for name in names.unique():
        written = re.search(r"\((\d{2,4})\s*W\)", name)
        if written:
            cache[name] = float(written[1])
            continue
        model, form = _model_words(name)
        same = [row for row in known.itertuples() if model and keys[str(row.name)][0] == model]
        fitting = [row for row in same if keys[str(row.name)][1] == form] or same
        cache[name] = float(np.median([row.tdp_w for row in fitting])) if fitting else float("nan")
        told[name] = tuple(str(row.accelerator_id) for row in fitting)
    return np.asarray(names.map(cache), dtype=np.float64), named_rows(names, told)


def named_rows(names: pd.Series, known: Mapping[str, Sequence[str]]) -> NDArray[Any]:
    """Return the ``accelerators/ID`` that each name stands for, (n,) tuple of str; of a name not ``known`` none."""
    found = np.empty(len(names), dtype=object)
    found[:] = [tuple(f"{ACCELERATORS}/{row}" for row in known.get(str(name), ())) for name in names]
    return found


def _model_words(name: str) -> tuple[str, str]:
    """Return a chip's model word and form factor in one spelling."""
    text = re.sub(r"\(r\)|\(tm\)", "", name, flags=re.IGNORECASE)
    text = re.sub(r"gaudi\s*(\d)", r"gaudi\1", text, flags=re.IGNORECASE)
    text = re.sub(r"tpu[\s-]*v?(\d)", r"tpuv\1", text, flags=re.IGNORECASE)
    text = re.sub(r"trillium", "tpuv6e", text, flags=re.IGNORECASE)
    found = re.search(r"\b(GB\d00|GH\d00|[BHVAL]\d{1,3}S?|MI\d{3}X?|gaudi\d|tpuv\d\w?|P100|T4)\b", text, re.IGNORECASE)
    form = re.search(r"SXM|PCI?e|NVL|DGXS", text, re.IGNORECASE)
    return (found[1].upper() if found else ""), (form[0].upper()[:3] if form else "")
