"""A published quarter held against a recomputed one, number by number."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Annotated, Any

from race_to_efficiency import storage
from race_to_efficiency.json_fields import Means, NotNegative
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance.kept_files import is_kept, kept_bytes, plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

COMPARED_TABLES = ("forecast.parquet", "milestones.parquet", "statements.parquet", "scores.parquet")
ESTIMATES = ("kappa.json", "gamma.json")
ABSOLUTE = 1e-12
"""Differences below this are rounding even where nothing else may differ (applies only with a tolerance above 0)."""


LEAF = Means(type=["number", "string", "boolean", "null"])
"""A value of a JSON document that holds no others."""


@dataclass(frozen=True)
class Difference:
    """One published number that did not come out again.

    Parameters
    ----------
    where : str
        File of the published folder.
    name : str
        Number id, estimate id and field, or table column and row.
    published, recomputed : object
    relative : float or None
        |recomputed - published| / |published|, where both are numbers.
    """

    where: str
    name: str
    published: Annotated[object, LEAF]
    recomputed: Annotated[object, LEAF]
    relative: NotNegative | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the difference as a JSON-ready mapping."""
        return asdict(self)


@dataclass
class Comparison:
    """Counts of what was compared, and the differences beyond the tolerance.

    Parameters
    ----------
    tolerance : float
        Relative; 0 asks for identity.
    compared : dict
        File -> numbers compared.
    differences : list of Difference
    """

    tolerance: float
    compared: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def hold(self, where: str, name: str, published: object, recomputed: object) -> None:
        """Compare one published value with its recomputation."""
        self.compared[where] = self.compared.get(where, 0) + 1
        if not agree(published, recomputed, self.tolerance):
            self.differences.append(
                Difference(where, name, plain(published), plain(recomputed), relative(published, recomputed))
            )


def is_number(value: object) -> bool:
    """Tell whether a value is a real number (a truth value is none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def agree(published: object, recomputed: object, tolerance: float) -> bool:
    """Tell whether two values agree: numbers within the relative tolerance, NaN with NaN, everything else exactly."""
    if not (isinstance(published, (int, float)) and isinstance(recomputed, (int, float))):
        return published == recomputed or (published is None and recomputed is None)
    first, second = float(published), float(recomputed)
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    if first == second or tolerance == 0 or math.isinf(first) or math.isinf(second):
        return first == second
    return abs(first - second) <= tolerance * max(abs(first), abs(second)) + ABSOLUTE


def relative(published: object, recomputed: object) -> float | None:
    """Return the relative difference of two finite numbers, else None."""
    if not (isinstance(published, (int, float)) and isinstance(recomputed, (int, float))):
        return None
    difference = abs(float(recomputed) - float(published))
    if not math.isfinite(difference) or published == 0:
        return None
    return difference / abs(float(published))


def plain(value: object) -> object:
    """Return a value as JSON can hold it."""
    return value if value is None or isinstance(value, (int, float, str, bool)) else str(value)


def compare_quarter(published: Path, processed: Path, tolerance: float) -> Comparison:
    """Compare every number of a published folder with a fresh run.

    Parameters
    ----------
    published : Path
        The published folder.
    processed : Path
        data/processed of the fresh run (its report under ``report/``).
    tolerance : float
        Relative; 0 asks for identity.
    """
    result = Comparison(tolerance)
    _numbers(result, _kept_json(published / "numbers.json"), storage.read_json(processed / "report" / "numbers.json"))
    for name in sorted({plain_name(path.name) for path in published.glob("*.json*")}):
        fresh = processed / name
        if not fresh.exists():
            continue  # written by publishing, not by a stage
        then, now = _kept_json(published / name), storage.read_json(fresh)
        if name in ESTIMATES:
            _estimates(result, name, then.pop("estimates"), now.pop("estimates"))
        _document(result, name, "", then, now)
    for name in COMPARED_TABLES:
        if (published / name).exists():
            fresh = processed / name if (processed / name).exists() else processed / "report" / name
            _table(result, name, storage.read_parquet(published / name), storage.read_parquet(fresh))
    return result


def _kept_json(path: Path) -> Any:
    return parse_json(kept_bytes(path), str(path))


OUT_OF_PROSE = "as written"
"""Unit of the numerals that reports read back out of a stage's sentences before 0.2: no number of ours."""


def _numbers(result: Comparison, published: Mapping[str, Any], recomputed: Mapping[str, Any]) -> None:
    published, recomputed = published.get("numbers", published), recomputed.get("numbers", recomputed)
    for name in sorted(set(published) | set(recomputed)):
        then, now = published.get(name), recomputed.get(name)
        if then is not None and then.get("unit") == OUT_OF_PROSE:
            continue
        if then is None or now is None:
            result.hold("numbers.json", name, "published" if then else None, "recomputed" if now else None)
            continue
        before = len(result.differences)
        result.hold("numbers.json", name, then["value"], now["value"])
        if len(result.differences) == before and agree(then["value"], now["value"], 0):
            result.hold("numbers.json", f"{name} (as shown)", then.get("text"), now.get("text"))


def _document(result: Comparison, where: str, path: str, published: Any, recomputed: Any) -> None:
    """Compare two JSON documents leaf by leaf; a leaf is named by its keys."""
    if isinstance(published, dict) and isinstance(recomputed, dict):
        for key in sorted(set(published) | set(recomputed)):
            place = f"{path}.{key}" if path else str(key)
            _document(result, where, place, published.get(key), recomputed.get(key))
    elif isinstance(published, list) and isinstance(recomputed, list) and len(published) == len(recomputed):
        for index, (then, now) in enumerate(zip(published, recomputed, strict=True)):
            _document(result, where, f"{path}[{index}]", then, now)
    elif isinstance(published, list) and isinstance(recomputed, list):
        result.hold(where, f"{path} (length)", len(published), len(recomputed))
    else:
        result.hold(where, path, published, recomputed)


def _estimates(
    result: Comparison, where: str, published: list[dict[str, Any]], recomputed: list[dict[str, Any]]
) -> None:
    then = {item["id"]: item for item in published}
    now = {item["id"]: item for item in recomputed}
    for name in sorted(set(then) | set(now)):
        if name not in then or name not in now:
            result.hold(where, name, "published" if name in then else None, "recomputed" if name in now else None)
            continue
        old, new = then[name], now[name]
        for key in ("value", "stderr", "n_rows", "status"):
            result.hold(where, f"{name} {key}", old.get(key), new.get(key))
        result.hold(where, f"{name} intervals", len(old["intervals"]), len(new["intervals"]))
        for first, second in zip(old["intervals"], new["intervals"], strict=False):
            for end in ("low", "high"):
                result.hold(where, f"{name} {first['method']} {first['level']} {end}", first[end], second[end])


def _table(result: Comparison, where: str, published: pd.DataFrame, recomputed: pd.DataFrame) -> None:
    result.hold(where, "columns", ",".join(published.columns), ",".join(recomputed.columns))
    result.hold(where, "rows", len(published), len(recomputed))
    if list(published.columns) != list(recomputed.columns) or len(published) != len(recomputed):
        return
    for column in published.columns:
        then, now = published[column].tolist(), recomputed[column].tolist()
        for row, (first, second) in enumerate(zip(then, now, strict=True)):
            if not agree(first, second, result.tolerance) and not _both_missing(first, second):
                result.hold(where, f"{column}, row {row}", first, second)
        result.compared[where] += len(then)


def _both_missing(first: object, second: object) -> bool:
    """Tell whether two cells are both missing (pandas' own missing values are equal to nothing)."""
    return str(first) in ("<NA>", "NaT", "nan", "None") and str(first) == str(second)


def pages_that_differ(published: Path, processed: Path) -> list[str]:
    """Return the report's files whose bytes did not come out again, though every number may have."""
    fresh = processed / "report"
    names = sorted(path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_file())
    return [
        name
        for name in names
        if not is_kept(published / name) or kept_bytes(published / name) != storage.read_bytes(fresh / name)
    ]


class _Numerals(HTMLParser):
    """Collects ``<data value data-id>text</data>`` in document order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._open: list[tuple[str, str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "data":
            named = dict(attrs)
            self._open.append((named.get("data-id") or "", named.get("value") or "", []))

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "data" and self._open:
            name, value, text = self._open.pop()
            self.found.append((name, value, "".join(text).strip()))


def page_numerals(page: str) -> list[tuple[str, str, str]]:
    """Return (id, value attribute, text) of every result numeral of a page."""
    parser = _Numerals()
    parser.feed(page)
    parser.close()
    return parser.found


def check_page(published: Path) -> Comparison:
    """Hold every result numeral of a published page against numbers.json beside it."""
    result = Comparison(0.0)
    numbers = _kept_json(published / "numbers.json")
    numbers = numbers.get("numbers", numbers)
    for name, value, text in page_numerals(storage.read_text(published / "report.html")):
        entry = numbers.get(name)
        if entry is None:
            result.hold("report.html", name or "a numeral without an id", None, text)
            continue
        result.hold("report.html", f"{name} (as shown)", entry["text"], text)
        shown = _parsed(value)
        if is_number(entry["value"]) or shown is not None:
            result.hold("report.html", f"{name} (value)", entry["value"], shown)
    return result


def _parsed(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
