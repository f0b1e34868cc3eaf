"""Atomic writes, deterministic JSON and digests."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, SystemRefused
from race_to_efficiency.parquet import parquet_bytes, parquet_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def without_infinities(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without_infinities(item) for item in value]
    if isinstance(value, dict):
        return {key: without_infinities(item) for key, item in value.items()}
    return value


@given(JSON)
def test_json_round_trips_and_never_holds_infinity(value: object) -> None:
    text = storage.dumps(value)
    assert json.loads(storage.record_lines(value)) == json.loads(text)
    assert json.loads(text) == without_infinities(value)
    assert "Infinity" not in text.replace(json.dumps(value), "") or '"' in text


def test_json_is_read_by_people_and_small() -> None:
    """One record a line; a list of scalars is never a line each, however long; what is short is not broken up."""
    record = {"value": 1.5, "rows": [f"runs/{number}" for number in range(99)], "interval": {"low": 1, "high": 2}}
    text = storage.record_lines({"estimates": [record, record], "quarter": "2026Q1"})
    assert json.loads(text) == {"estimates": [record, record], "quarter": "2026Q1"}
    assert text.splitlines()[3:6] == [
        '   "value": 1.5,',
        f'   "rows": {json.dumps(record["rows"])},',
        '   "interval": {"low": 1, "high": 2}',
    ]
    assert storage.record_lines({"a": [1, {"b": "é"}]}) == '{"a": [1, {"b": "é"}]}\n'


def test_parquet_columns_say_what_they_are_and_nothing_else_changes() -> None:
    """As pyarrow itself reads them; unit and source only where there are any, and the same bytes every time."""
    frame = pd.DataFrame({"power": [1.5, np.nan], "name": ["a", "b"], "other": [1, 2]})
    fields = {"power": ("W", "power draw"), "name": ("", "publisher's name"), "absent": ("s", "not there")}
    data = parquet_bytes(frame, fields, "data/raw/x.csv")
    schema = pq.read_schema(io.BytesIO(data))
    assert schema.field("power").metadata == {
        b"unit": b"W",
        b"description": b"power draw",
        b"source": b"data/raw/x.csv",
    }
    assert schema.field("name").metadata == {b"description": b"publisher's name", b"source": b"data/raw/x.csv"}
    assert schema.field("other").metadata is None
    assert data == parquet_bytes(frame.copy(), dict(reversed(fields.items())), "data/raw/x.csv")
    plain = parquet_bytes(frame)
    assert pq.read_schema(io.BytesIO(plain)).field("power").metadata is None
    pd.testing.assert_frame_equal(parquet_frame(data), frame)
    pd.testing.assert_frame_equal(parquet_frame(plain), frame)


def test_parquet_is_small_and_equal_to_the_last_bit() -> None:
    """Doubles are split by byte, which pyarrow's own reader undoes: smaller than its default, the same bits."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"value": generator.lognormal(-1, 0.01, 20_000), "id": ["x", "y"] * 10_000})
    frame.loc[3, "value"] = np.nan
    data = parquet_bytes(frame)
    pd.testing.assert_frame_equal(parquet_frame(data), frame, check_exact=True)
    plain = io.BytesIO()
    frame.to_parquet(plain, compression="zstd")
    assert len(data) < 0.9 * len(plain.getvalue())


def test_numpy_scalars_and_arrays_become_plain_json() -> None:
    document = {"a": np.float64(0.1), "b": np.arange(3), "c": np.array([np.inf, np.nan]), "d": np.bool_(True)}
    assert json.loads(storage.dumps(document)) == {"a": 0.1, "b": [0, 1, 2], "c": [None, None], "d": True}


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "kept.json"
    storage.write_text(target, "old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(SystemRefused, match="disk full") as refused:
        storage.write_text(target, "new")
    assert refused.value.where == str(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.json"]


def test_reading_what_is_missing_or_not_utf8_says_where(tmp_path: Path) -> None:
    with pytest.raises(InputMissing) as missing:
        storage.read_text(tmp_path / "absent.csv")
    assert "absent.csv" in str(missing.value)
    bad = tmp_path / "latin.csv"
    bad.write_bytes(b"a,b\n1,2\ncaf\xe9,3\n")
    with pytest.raises(DataInvalid) as wrong:
        storage.read_text(bad)
    assert wrong.value.where is not None
    assert wrong.value.where.endswith(":3")


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_bytes(b"\xef\xbb\xbfid\n")
    assert storage.read_text(path) == "id\n"


def test_parquet_round_trip_and_same_bytes_twice(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.5, np.nan], "when": pd.to_datetime(["2024-01-01", None]), "name": ["a", "ü"]})
    first = storage.write_parquet(tmp_path / "a.parquet", frame)
    second = storage.write_parquet(tmp_path / "b.parquet", frame)
    assert first.read_bytes() == second.read_bytes()
    pd.testing.assert_frame_equal(storage.read_parquet(first), frame)


def test_content_digest_sees_values_types_and_names() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    digests = {
        storage.digest_frame(frame),
        storage.digest_frame(frame.rename(columns={"x": "y"})),
        storage.digest_frame(pd.DataFrame({"x": [1.0, np.nextafter(2.0, 3.0)]})),
        storage.digest_frame(pd.DataFrame({"x": [1, 2]})),
    }
    assert len(digests) == 4
    assert storage.digest_frame(frame) == storage.digest_frame(frame.copy())
