"""What every result can do: say itself in a line, in full, as a DataFrame, as JSON and as a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

    from race_to_efficiency.calibration.common.estimates import Estimate

MOST_POINTS = 2_000
"""Rows that the picture of a fit shows of a long table."""

SHOWN_ROWS = 30
"""Rows of a result's table that a notebook shows."""


class Result(ABC):
    """A frozen result."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the result as a DataFrame."""

    @abstractmethod
    def to_json(self) -> Mapping[str, Any]:
        """Return the result as a JSON-ready mapping, as the command of the same name prints it."""

    @abstractmethod
    def summary(self) -> str:
        """Return the result in words, a line a number."""

    @abstractmethod
    def _draw(self, ax: Axes) -> None:
        """Draw the result."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the result.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to; a new figure's when None.

        Returns
        -------
        matplotlib Axes
        """
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(7.0, 4.5), layout="constrained").subplots()
        self._draw(ax)
        legend = ax.get_legend()
        for text in (ax.title, *(legend.get_texts() if legend else ())):  # names from data are no mathematics
            text.set_parse_math(False)
        return ax

    def save(self, path: str | Path) -> Path:
        """Write `to_json` to a file, whole or not at all.

        Parameters
        ----------
        path : str or Path
        """
        from pathlib import Path as FilePath

        return storage.write_json(FilePath(path), self.to_json())

    def __repr__(self) -> str:
        lines = self.summary().splitlines()
        more = f" (+{len(lines) - 1} lines: .summary())" if len(lines) > 1 else ""
        return f"<{type(self).__name__} {lines[0]}{more}>"

    def _shown(self) -> pd.DataFrame:
        """Return the table a notebook shows: grades, and not the status behind them."""
        return self.to_frame().drop(columns="status", errors="ignore")

    def _repr_html_(self) -> str:
        from html import escape

        table = self._shown().to_html(max_rows=SHOWN_ROWS, index=False, escape=True, float_format="{:.5g}".format)
        return f"<p><b>{type(self).__name__}</b> {escape(self.summary().splitlines()[0])}</p>{table}"


def estimate_row(item: Estimate, first: dict[str, Any], value: str, then: dict[str, Any]) -> dict[str, Any]:
    """Return an estimate as a row of a frame: what it is of, value and ends, more of it, and how far to trust it."""
    ends = item.interval()
    low, high = (None, None) if ends is None else (ends.low, ends.high)
    numbers = {value: item.value, "low": low, "high": high}
    return {
        **first,
        **{name: float("nan") if number is None else number for name, number in numbers.items()},
        **then,
        "n_rows": item.n_rows,
        "grade": item.grade.confidence,
        "status": item.status,
        "reasons": "; ".join(item.reasons),
    }


def plot(result: Result, ax: Axes | None = None) -> Axes:
    """Draw a result of this package.

    Parameters
    ----------
    result : Result
        Of `fit_kappa`, `fit_gamma`, `predict_loss`, `optimal_allocation`, `forecast` or `load_quarter`.
    ax : matplotlib Axes, optional
        Where to; a new figure's when None.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UsageError
        When it is no such result.

    References
    ----------
    Hunter (2007), Matplotlib: A 2D graphics environment, Computing in Science & Engineering 9, 90.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> ax = race.plot(race.forecast(kappa=0.05, gamma=[1.5, 2.0, 2.5], years=[0, 1, 2]))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('years', 'relative loss R')
    """
    if not isinstance(result, Result):
        raise UsageError(f"a {type(result).__name__} is no result of this package")
    return result.plot(ax)
