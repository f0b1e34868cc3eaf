"""What the report reads: the stages' files of one quarter, each optional, none ever changed.

A file or key that is missing is a `Missing`: the section that needs it says so in words and the rest of the report
stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.errors import InputMissing, RaceError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.settings.sections import Params

DOCUMENTS = (
    "kappa", "gamma", "scenarios", "anchors", "account",
    "changes", "statements", "scores", "track_record", "headline",
)  # fmt: skip
REPORT_TABLES = ("kappa_draws", "forecast", "milestones", "scores", "quarantine")
REPORT_LEDGERS = ("training_runs", "accelerators", "notable_training_runs", "sources", "other_forecasts")


class Missing(Exception):
    """Something a section needs was not produced by the stages before; the message says what, in words."""


@dataclass
class QuarterFiles:
    """The files of one quarter, read once.

    Parameters
    ----------
    quarter : str
    as_of : date
    params : Params
    documents : mapping of str to object
        Parsed JSON by name.
    tables : mapping of str to DataFrame
        Parquet by name.
    ledger : mapping of str to DataFrame
        As-of views by table name.
    digests : mapping of str to str
        SHA-256 by name: of a document's bytes, of a table's content.
    """

    quarter: str
    as_of: date
    params: Params
    documents: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    ledger: dict[str, pd.DataFrame] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._records: dict[str, list[dict[str, Any]]] = {}
        self.estimates: dict[str, Estimate] = {}
        for name in ("kappa", "gamma"):
            for item in self.documents.get(name, {}).get("estimates", ()):
                record = Estimate.from_json(item)
                self.estimates[record.id] = record

    def document(self, name: str) -> Any:
        """Return a JSON document; raise `Missing` when the run did not write it."""
        if name not in self.documents:
            raise Missing(f"the file {name}.json is not here")
        return self.documents[name]

    def part(self, name: str, key: str) -> Any:
        """Return one key of a JSON document, not empty; raise `Missing` otherwise."""
        found = self.document(name).get(key)
        if not found:
            raise Missing(f"{name}.json holds no {key.replace('_', ' ')}")
        return found

    def table(self, name: str) -> pd.DataFrame:
        """Return a parquet table with rows; raise `Missing` otherwise."""
        if name not in self.tables or self.tables[name].empty:
            raise Missing(f"the table {name}.parquet is not here, or empty")
        return self.tables[name]

    def records(self, name: str) -> list[dict[str, Any]]:
        """Return a parquet table's rows as records, made once; raise `Missing` where `table` does."""
        if name not in self._records:
            self._records[name] = [
                {str(key): value for key, value in row.items()} for row in self.table(name).to_dict("records")
            ]
        return self._records[name]

    def view(self, name: str) -> pd.DataFrame:
        """Return a ledger's as-of view; raise `Missing` when it is not here."""
        if name not in self.ledger:
            raise Missing(f"the ledger view {name}.parquet is not here")
        return self.ledger[name]

    def estimate(self, estimate_id: str) -> Estimate:
        """Return an estimate by id; raise `Missing` when there is none."""
        if estimate_id not in self.estimates:
            raise Missing(f"there is no estimate {estimate_id}")
        return self.estimates[estimate_id]

    def select(self, **fields: str) -> list[Estimate]:
        """Return the estimates whose fields equal those given, in file order."""
        return [
            item
            for item in self.estimates.values()
            if all(getattr(item, key) == value for key, value in fields.items())
        ]


def read_inputs(processed: Path, quarter: str, as_of: date, params: Params) -> QuarterFiles:
    """Read every file of a quarter that is there.

    Parameters
    ----------
    processed : Path
        data/processed, or its folder for another quarter.
    quarter : str
    as_of : date
    params : Params

    Raises
    ------
    InputMissing
        When there is none at all.
    DataInvalid
        When a file is there and cannot be read.
    """
    documents: dict[str, Any] = {}
    tables: dict[str, pd.DataFrame] = {}
    digests: dict[str, str] = {}
    for names, suffix, read, found in (
        (DOCUMENTS, "json", storage.read_json, documents),
        (REPORT_TABLES, "parquet", storage.read_parquet, tables),
    ):
        for name in names:
            for path in (processed / f"{name}.{suffix}", processed / "ledger" / f"{name}.{suffix}"):
                if path.is_file():
                    found[name] = read(path)
                    digests[path.name] = storage.digest_file(path)
                    break
    ledger = {
        name: storage.read_parquet(processed / "ledger" / f"{name}.parquet")
        for name in REPORT_LEDGERS
        if (processed / "ledger" / f"{name}.parquet").is_file()
    }
    if not documents and not tables:
        raise InputMissing(
            f"nothing of {quarter} is here to report on",
            where=str(processed),
            remedy=f"race run --quarter {quarter}",
        )
    return QuarterFiles(quarter, as_of, params, documents, tables, ledger, digests)


def reason_of(error: Exception) -> str:
    """Return in words why a part could not be written."""
    if isinstance(error, Missing):
        return str(error)
    if isinstance(error, RaceError):
        return error.what
    return f"{type(error).__name__}: {error}"
