"""What a recovery case measures: quantities over simulated data sets, their Monte-Carlo error, and their bound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.json_fields import Count, NotNegative, Share  # noqa: TC001 - named in a record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats

BoundKind = Literal["share", "bias", "median_bias", "median", "sd_ratio"]
Meets = Literal["yes", "no", "no bound"]


@dataclass(frozen=True)
class Quantity:
    """One number a case is judged by.

    Parameters
    ----------
    name, column : str
        As the table shows it, and the outcome it is taken from.
    kind : {'share', 'bias', 'median_bias', 'median', 'sd_ratio'}
        Mean of a 0/1 outcome over ALL data sets; mean or median over the answered ones, relative to the truth; plain
        median; ratio of two standard deviations.
    low, high : float or None
        Bound; None where there is none on that side.
    truth : float
        For the kinds that are relative to it.
    other : str
        Outcome whose standard deviation is the denominator.
    own : bool
        The bound is the study's own, not one of the bounds set beforehand.
    """

    name: str
    column: str
    kind: BoundKind
    low: float | None = None
    high: float | None = None
    truth: float = 1.0
    other: str = ""
    own: bool = False


@dataclass(frozen=True)
class Row:
    """One quantity of one case.

    Parameters
    ----------
    case : str
    bound : str
        Which bound it is held against.
    quantity : str
        What is measured, e.g. coverage or bias of an estimate.
    value : float or None
        Share for a coverage; relative bias for kappa and E, in doublings a year for trends, in doublings for
        predictions; null when no data set was answered.
    stderr : float or None
        Monte-Carlo standard error of `value`.
    low : float or None
        Least value that meets the bound; null: no such end.
    high : float or None
        Largest value that meets the bound; null: no such end.
    own_bound : bool
        Whether the bound is this study's own.
    meets : {'yes', 'no', 'no bound'}
        By the value as it stands, without allowance for Monte-Carlo error.
    refused : float
        Share of data sets refused.
    n_datasets : int
    """

    case: str
    bound: str
    quantity: str
    value: float | None
    stderr: NotNegative | None
    low: float | None
    high: float | None
    own_bound: bool
    meets: Meets
    refused: Share
    n_datasets: Count

    def to_json(self) -> dict[str, Any]:
        """Return the row as a JSON-ready mapping."""
        return asdict(self)


def meets_bound(value: float | None, low: float | None, high: float | None) -> Meets:
    """Return whether a value meets its bound; no value meets none."""
    if low is None and high is None:
        return "no bound"
    if value is None or not np.isfinite(value):
        return "no"
    return "yes" if (low is None or value >= low) and (high is None or value <= high) else "no"


def measured(quantity: Quantity, columns: Mapping[str, Sequence[float | None]]) -> tuple[float | None, float | None]:
    """Return a quantity and its Monte-Carlo standard error over data sets.

    Parameters
    ----------
    quantity : Quantity
    columns : mapping of str to sequence
        One entry a data set; None where that data set gave no such outcome.
    """
    given = columns.get(quantity.column, ())
    if quantity.kind == "share":
        return _share(given)
    if quantity.kind == "sd_ratio":
        return _ratio_of_spreads(given, columns.get(quantity.other, ()))
    values = np.array([item for item in given if item is not None], dtype=np.float64)
    if len(values) < 2:
        return None, None
    if quantity.kind == "bias":
        value, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    else:
        value, error = float(np.median(values)), _median_error(values)
    return (value, error) if quantity.kind == "median" else (value / quantity.truth - 1.0, error / quantity.truth)


def _share(given: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Return the mean of a 0/1 outcome and its binomial error."""
    if not len(given):
        return None, None
    share = sum(item or 0.0 for item in given) / len(given)
    return share, float(np.sqrt(share * (1.0 - share) / len(given)))


def _median_error(values: Floats) -> float:
    """Return half the distance of the order statistics one standard error of rank from the median."""
    step = 0.5 / np.sqrt(len(values))
    low, high = np.quantile(values, [max(0.5 - step, 0.0), min(0.5 + step, 1.0)])
    return float(high - low) / 2.0


def _ratio_of_spreads(
    first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[float | None, float | None]:
    """Return sd(first)/sd(second) over the data sets that have both; its error by the normal law of ln(s1/s2)."""
    pairs = np.array([(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None])
    if len(pairs) < 3:
        return None, None
    ratio = float(pairs[:, 0].std(ddof=1) / pairs[:, 1].std(ddof=1))
    shared = float(np.corrcoef(pairs.T)[0, 1])
    return ratio, ratio * float(np.sqrt((1.0 - shared**2) / (len(pairs) - 1)))


def rows_of(
    case: str, bound: str, quantities: Sequence[Quantity], columns: Mapping[str, Sequence[float | None]]
) -> list[Row]:
    """Return the table's lines of a case from the outcomes of all its data sets; ``refused`` is one of them."""
    refused = columns.get("refused", ())
    share = sum(item or 0.0 for item in refused) / max(len(refused), 1)
    rows = []
    for quantity in quantities:
        value, stderr = measured(quantity, columns)
        meets = meets_bound(value, quantity.low, quantity.high)
        rows.append(
            Row(
                case,
                bound,
                quantity.name,
                value,
                stderr,
                quantity.low,
                quantity.high,
                quantity.own,
                meets,
                share,
                len(refused),
            )
        )
    return rows
