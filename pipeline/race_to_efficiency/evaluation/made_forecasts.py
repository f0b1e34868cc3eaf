"""What one origin's members and baselines forecast, in arrays and as a table: what later origins learn from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.origins import end_time
from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.origins import CellForecast, ForecastOrigin

    Array = NDArray[np.float64]

PLACE_COLUMNS = ("horizon_quarters", "window_start", "window_end", "shared")


@dataclass(frozen=True, eq=False)
class MadeForecasts:
    """One target's forecasts at one origin, n in all: one for each horizon and cell.

    Parameters
    ----------
    keys : tuple of n (str, str)
        Target quarter and cell.
    places : (n, 4) float
        `PLACE_COLUMNS`: quarters ahead, origin and target date (decimal years), shared part of the variance.
    forecasters : tuple of k str
        Members, then baselines, said to be ones: a rate may be both.
    quantiles : (n, k, 23) float, log2
        Signed so that better is larger; NaN where a baseline made no forecast.
    """

    keys: tuple[tuple[str, str], ...]
    places: Array
    forecasters: tuple[str, ...]
    quantiles: Array

    @classmethod
    def at(
        cls, origin: ForecastOrigin, cells: Sequence[CellForecast], members: Sequence[str], baselines: Sequence[str]
    ) -> MadeForecasts:
        """Return what was forecast at an origin, in the order of cells and horizons."""
        start, missing = end_time(origin.quarter), np.full(len(LEVELS), np.nan)
        keys: list[tuple[str, str]] = []
        places: list[tuple[float, ...]] = []
        quantiles: list[Array] = []
        for one in cells:
            shared = np.mean([member.shared for member in one.members.values()], axis=0)
            for h in range(origin.first_horizon, origin.ends.size + 1):
                keys.append((str(origin.quarter.shift(h)), one.cell))
                places.append((float(h), start, float(origin.ends[h - 1]), float(shared[h - 1])))
                rows = [one.members[name].quantiles[h - 1] for name in members]
                rows += [one.baselines[name][h - 1] if name in one.baselines else missing for name in baselines]
                quantiles.append(np.array(rows))
        names = (*members, *(f"{name} (baseline)" for name in baselines))
        return cls(
            tuple(keys),
            np.array(places, dtype=np.float64).reshape(-1, len(PLACE_COLUMNS)),
            names,
            np.array(quantiles, dtype=np.float64).reshape(-1, len(names), len(LEVELS)),
        )

    def table(self, target: str) -> pd.DataFrame:
        """Return a row for each forecast and forecaster."""
        import pandas as pd

        width = len(self.forecasters)
        made = {"target": target, "target_quarter": [quarter for quarter, _ in self.keys]}
        frame = pd.DataFrame(made | {"cell": [cell for _, cell in self.keys]}, index=range(len(self.keys)))
        frame[list(PLACE_COLUMNS)] = self.places
        frame = frame.loc[frame.index.repeat(width)].reset_index(drop=True)
        frame["forecaster"] = list(self.forecasters) * len(self.keys)
        rows = pd.DataFrame(self.quantiles.reshape(-1, len(LEVELS)), columns=list(QUANTILE_COLUMNS))
        return pd.concat([frame, rows], axis=1)


def forecasts_of(table: pd.DataFrame) -> Mapping[str, MadeForecasts]:
    """Return by target what its `MadeForecasts.table` was made of; a target without a forecast has no rows there."""
    names = table["target"].to_numpy(dtype=object)
    begins = [k for k, name in enumerate(names) if k == 0 or name != names[k - 1]]
    text = {name: table[name].to_numpy(dtype=object) for name in ("target_quarter", "cell", "forecaster")}
    places = table[list(PLACE_COLUMNS)].to_numpy(dtype=np.float64)
    quantiles = table[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
    found = {}
    for begin, end in pairwise([*begins, len(names)]):
        forecasters = tuple(dict.fromkeys(text["forecaster"][begin:end]))
        width = len(forecasters)
        first = slice(begin, end, width)
        found[str(names[begin])] = MadeForecasts(
            tuple(zip(text["target_quarter"][first], text["cell"][first], strict=True)),
            places[first],
            forecasters,
            quantiles[begin:end].reshape(-1, width, len(LEVELS)),
        )
    return found
