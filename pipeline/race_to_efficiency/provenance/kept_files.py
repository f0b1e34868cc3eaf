"""How a published folder keeps a file: a long JSON record gzipped, as NAME.json.gz; everything else as it is.

Whoever asks for ``kappa.json`` of a folder gets it, however it is kept. What was published by 0.1 is kept plainly.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GZ = ".gz"
LONG_BYTES = 30_000
"""JSON longer than this is gzipped: records repeat their names, and shrink to a tenth. Shorter ones are read by eye."""
_AS_THEY_ARE = ("ro-crate-metadata.json",)
"""Files whose name a standard gives."""


def as_kept(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files as a published folder keeps them: name -> bytes.

    The same bytes give the same bytes: no time and no file name is written into them.
    """
    kept = {}
    for name, data in files.items():
        long = name.endswith(".json") and len(data) > LONG_BYTES and name not in _AS_THEY_ARE
        kept[name + GZ if long else name] = gzip.compress(data, mtime=0) if long else data
    return kept


def plain_name(name: str) -> str:
    """Return what a kept file is called by those who read it: without the ending of its compression."""
    return name.removesuffix(GZ)


def kept_path(path: Path) -> Path:
    """Return where a file is kept: at ``path``, or gzipped beside it; ``path`` where it is not kept at all."""
    packed = path.with_name(path.name + GZ)
    return packed if not path.exists() and packed.is_file() else path


def is_kept(path: Path) -> bool:
    """Tell whether a folder keeps a file, plainly or gzipped."""
    return kept_path(path).is_file()


def unpacked(data: bytes, path: Path) -> bytes:
    """Return the bytes of a file that was kept at ``path``.

    Raises
    ------
    DataInvalid
        When it is no whole gzip stream, or holds more than a file may.
    """
    if path.suffix != GZ:
        return data
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = stream.decompress(data, storage.MAX_READ_BYTES)
    except zlib.error as error:
        raise DataInvalid(f"{path.name} is no gzip file any more", where=str(path), why=str(error)) from None
    if not stream.eof or stream.unused_data:
        why = "it is cut short, holds more than a file may, or goes on after its end"
        raise DataInvalid(f"{path.name} cannot be unpacked whole", where=str(path), why=why)
    return plain


def kept_bytes(path: Path) -> bytes:
    """Return a kept file's bytes, unpacked; errors as `storage.read_bytes` and `unpacked`."""
    place = kept_path(path)
    return unpacked(storage.read_bytes(place), place)
