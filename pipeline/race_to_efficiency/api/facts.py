"""``race.load_ledger`` and ``race.load_quarter``: the cited facts as of a date, and what a published quarter stated."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.api.results import Result
from race_to_efficiency.calibration.kappa.discrepancy import Discrepancy
from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def facts_folder(root: str | Path | None = None) -> Path:
    """Return the folder ``data``: of a checkout, of the one the process works in, else the one that came along.

    Parameters
    ----------
    root : str or Path, optional
        A checkout.
    """
    from race_to_efficiency.checkout import root_of

    if root is not None:
        return Path(root) / "data"
    here = root_of(Path.cwd())
    if here is not None:
        return here / "data"
    package = Path(__file__).parents[1]
    beside = package / "data"
    return beside if beside.is_dir() else package.parents[1] / "data"


def published_discrepancies(root: str | Path | None = None) -> dict[str, Discrepancy]:
    """Return how far each form may be off beyond its runs, as the last publication that says so has it.

    Parameters
    ----------
    root : str or Path, optional
        A checkout; see `facts_folder`.

    Returns
    -------
    dict of str to Discrepancy
        By form; empty where no publication says so.
    """
    for path in sorted((facts_folder(root) / "published").glob("*.json"), reverse=True):
        stated = storage.read_json(path).get("discrepancy", ())
        if stated:
            return {str(item["form"]): Discrepancy.from_json(item) for item in stated}
    return {}


@dataclass(frozen=True, eq=False, repr=False)
class PublishedQuarter(Result):
    """What a published quarter stated.

    Parameters
    ----------
    quarter : str
    statements : tuple of dict
        Each with id, what, by (date), kind, unit, probability or quantiles, and how it is settled.
    growths : tuple of dict
        Rates it published.
    """

    quarter: str
    statements: tuple[dict[str, Any], ...]
    growths: tuple[dict[str, Any], ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row a statement; quantiles as columns q0.025 ... q0.975."""
        import pandas as pd

        rows = []
        for item in self.statements:
            flat = {name: cell for name, cell in item.items() if name != "quantiles"}
            rows.append({**flat, **{f"q{level}": value for level, value in (item.get("quantiles") or {}).items()}})
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """Return the quarter's statements as they were published."""
        return {"quarter": self.quarter, "statements": list(self.statements), "growths": list(self.growths)}

    def summary(self) -> str:
        """Return a line a statement."""
        lines = [f"{self.quarter}: {len(self.statements)} statements"]
        for item in self.statements:
            middle = (item.get("quantiles") or {}).get("0.5")
            said = f"probability {item['probability']:.3g}" if item.get("probability") is not None else f"{middle:.4g}"
            lines.append(f"{item['id']}: {item['what']}: {said} {item.get('unit') or ''}".rstrip())
        return "\n".join(lines)

    def _draw(self, ax: Axes) -> None:
        """Draw the probabilities of the statements that have one."""
        chances = [(item["id"], item["probability"]) for item in self.statements if item.get("probability") is not None]
        ax.barh([name for name, _ in chances], [chance for _, chance in chances], color="#3a4f9a")
        ax.set(xlim=(0, 1), xlabel="probability")


def load_ledger(
    table: str,
    *,
    as_of: str | dt.date | None = None,
    with_excluded: bool = False,
    root: str | Path | None = None,
    source: str | Path | None = None,
) -> pd.DataFrame:
    """Return a ledger of cited facts as it stood on a date.

    Parameters
    ----------
    table : str
        accelerators, training_runs, notable_training_runs, mlperf_training, language_model_perplexity,
        speedrun_records, published_values, sources, ...
    as_of : str or date, optional
        Last day whose knowledge counts; the last one recorded when None.
    with_excluded : bool
        Keep the rows that no fit uses too, each with its reason in a column ``exclusion``.
    root : str or Path, optional
        A checkout; that of the working folder, else the ledgers that came with the package, when None.
    source : str or Path, optional
        A data package to read instead, as ``race export datapackage -o FILE.zip`` writes it.

    Returns
    -------
    DataFrame
        The rows in force: one an id, the latest version known by then, released by then, not withdrawn; ``line`` is
        the ledger's.

    Raises
    ------
    UsageError
        When there is no such table, or the date is none.
    InputMissing
        When there are no ledgers there.
    DataInvalid, IntegrityError
        When the data package is none, or a ledger in it is not the one it describes.

    References
    ----------
    Every row names its ``source_id``; ``load_ledger("sources")`` says which publication that is.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> then, now = race.load_ledger("accelerators", as_of="2020-06-30"), race.load_ledger("accelerators")
    >>> bool(then["released"].max().year <= 2020), len(then) < len(now)
    (True, True)
    """
    from race_to_efficiency.ledger.archive import ledgers_in
    from race_to_efficiency.ledger.intake import read_ledger
    from race_to_efficiency.ledger.schemas import TABLES
    from race_to_efficiency.ledger.vintages import view_of

    if table not in TABLES:
        raise UsageError(f"there is no ledger '{table}'", why=f"there are {', '.join(TABLES)}")
    if source is None:
        intake = read_ledger(table, facts_folder(root) / "raw")
    else:
        intake = read_ledger(table, Path(source), instead=ledgers_in(Path(source)))
    if as_of is None:
        day = intake.rows["recorded"].max().date() if "recorded" in intake.rows else dt.date.max
    elif isinstance(as_of, dt.date):
        day = as_of
    else:
        try:
            day = dt.date.fromisoformat(as_of)
        except ValueError:
            raise UsageError(f"as_of must be a date as YYYY-MM-DD, got '{as_of}'") from None
    if "recorded" not in intake.rows:
        return intake.rows
    view = view_of(intake, day)
    return view.rows if with_excluded else view.used.drop(columns="exclusion")


def load_quarter(quarter: str, *, root: str | Path | None = None) -> PublishedQuarter:
    """Return what a published quarter stated, as it was published.

    Parameters
    ----------
    quarter : str
        As 2026Q1.
    root : str or Path, optional
        A checkout; that of the working folder, else the publications that came with the package, when None.

    Returns
    -------
    PublishedQuarter

    Raises
    ------
    InputMissing
        When that quarter was not published; those that were are listed.

    References
    ----------
    Lu (2025), arXiv 2501.02156, for the quantities the statements are about.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> stated = race.load_quarter("2026Q1")
    >>> {"id", "by", "probability", "q0.5"} <= set(stated.to_frame())
    True
    """
    folder = facts_folder(root) / "published"
    path = folder / f"{Path(quarter).name}.json"
    if not path.is_file():
        there = ", ".join(sorted(found.stem for found in folder.glob("*.json"))) or "none"
        raise InputMissing(f"there is no published quarter '{quarter}'", where=str(folder), why=f"there are {there}")
    document = storage.read_json(path)
    return PublishedQuarter(str(document["quarter"]), tuple(document["statements"]), tuple(document.get("growths", ())))
