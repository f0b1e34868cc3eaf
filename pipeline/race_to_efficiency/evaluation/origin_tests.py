"""What is forecast of a target at one origin, as arrays: for the table of forecasts, and for what later origins learn.

Many are kept, so all numbers of a ledger's targets are packed into one column, and what says how they lie into JSON.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.forecast_rows import MODEL
from race_to_efficiency.evaluation.origins import end_time
from race_to_efficiency.evaluation.scoring import LEVELS
from race_to_efficiency.evaluation.weights import Learned
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.targets import Target


@dataclass(frozen=True, eq=False)
class OriginTest:
    """What is forecast of a target at one origin, for c cells at m horizons by k forecasters; log2, better is larger.

    Parameters
    ----------
    quarter : Quarter
        Origin.
    vintage : {'real', 'pseudo'}
    n_rows : int
        Observations known.
    cells : tuple of c str
    first_horizon : int, quarters
        Of the m, one a quarter.
    members : tuple of str
        The forecasters are these, then `BASELINES`.
    learned : Learned
        What the outcomes settled by the origin teach about the members.
    made : (c, m, k, 23) float
        What every forecaster says; NaN where a baseline says nothing.
    common : (c, m) float
        Part of the variance that forecasts over the same time share, the members' mean.
    quantiles : (c, m, 23) float
        The forecast: the members as they are weighted, with a record's revisions, within the bound.
    shared, moved : (c, m) float
        Of the forecast: the shared part of its variance, and the part of its mass that was moved to the bound.
    last : (c,) float
        The level known.
    ends : (m,) float, decimal years
        Ends of the target quarters.
    limit : (m,) float
        See `bounds.bound`.
    """

    quarter: Quarter
    vintage: str
    n_rows: int
    cells: tuple[str, ...]
    first_horizon: int
    members: tuple[str, ...]
    learned: Learned
    made: Floats
    common: Floats
    quantiles: Floats
    shared: Floats
    moved: Floats
    last: Floats
    ends: Floats
    limit: Floats

    @property
    def keys(self) -> list[tuple[str, str]]:
        """Target quarter and cell of every forecast, cell by cell."""
        return [(str(self.quarter.shift(h)), cell) for cell in self.cells for h in self.horizons]

    @property
    def horizons(self) -> range:
        """The m horizons, quarters."""
        return range(self.first_horizon, self.first_horizon + self.ends.size)

    @property
    def places(self) -> Floats:
        """Horizon, origin, target date and common part of every forecast, (c m, 4), cell by cell."""
        shape = self.common.shape
        columns = (np.array(self.horizons, dtype=np.float64), end_time(self.quarter), self.ends, self.common)
        return np.stack([np.broadcast_to(column, shape).ravel() for column in columns], axis=1)

    def rows(self, target: Target) -> tuple[list[tuple[Any, ...]], list[Floats]]:
        """Return the forecasts and the baselines: the cells of `KEY_COLUMNS` and the (23,) quantiles of each."""
        keys: list[tuple[Any, ...]] = []
        values: list[Floats] = []
        start, origin, first = end_time(self.quarter), str(self.quarter), len(self.members)
        for c, cell in enumerate(self.cells):
            said = [(k, name) for k, name in enumerate(BASELINES, first) if np.isfinite(self.made[c, :, k, 0]).all()]
            for at, h in enumerate(self.horizons):
                shares = (float(self.shared[c, at]), float(self.moved[c, at]))
                found = [("forecast", MODEL, self.quantiles[c, at], *shares)]
                found += [(name, name, np.minimum(self.made[c, at, k], self.limit[at]), 1.0, 0.0) for k, name in said]
                place = (target.id, origin, h, str(self.quarter.shift(h)), cell)
                about = (self.learned.baseline, target.sign * float(self.last[c]), self.n_rows, "")
                for method, model, quantiles, shared, moved in found:
                    seen = (self.vintage, target.unit, start, float(self.ends[at]), shared, moved)
                    keys.append((*place, method, model, *seen, *about))
                    values.append(quantiles if target.sign > 0 else -quantiles[::-1])
        return keys, values


def _shapes(cells: int, horizons: int, members: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array, in the order in which they are packed."""
    each = (cells, horizons)
    return {
        "made": (*each, members + len(BASELINES), len(LEVELS)),
        "common": each,
        "quantiles": (*each, len(LEVELS)),
        "shared": each,
        "moved": each,
        "last": (cells,),
        "ends": (horizons,),
        "limit": (horizons,),
    }


def packed(tests: Mapping[str, OriginTest]) -> tuple[dict[str, Any], Floats]:
    """Return the tests of several targets as a JSON-ready document and one column of numbers."""
    told, numbers = {}, [np.empty(0)]
    for name, one in tests.items():
        told[name] = {
            "quarter": str(one.quarter),
            "vintage": one.vintage,
            "n_rows": one.n_rows,
            "cells": list(one.cells),
            "first_horizon": one.first_horizon,
            "horizons": one.ends.size,
            "learned": one.learned.to_json(),
        }
        shapes = _shapes(len(one.cells), one.ends.size, len(one.members))
        numbers += [getattr(one, array).reshape(math.prod(shape)) for array, shape in shapes.items()]
    return told, np.concatenate(numbers)


def unpacked(told: Mapping[str, Any], numbers: Floats) -> dict[str, OriginTest]:
    """Return the tests that were `packed`."""
    found, place = {}, 0
    for name, one in told.items():
        learned, arrays = Learned.from_json(one["learned"]), {}
        for array, shape in _shapes(len(one["cells"]), one["horizons"], len(learned.names)).items():
            end = place + math.prod(shape)
            arrays[array], place = numbers[place:end].reshape(shape), end
        found[name] = OriginTest(
            quarter=Quarter.parse(one["quarter"]),
            vintage=one["vintage"],
            n_rows=one["n_rows"],
            cells=tuple(one["cells"]),
            first_horizon=one["first_horizon"],
            members=learned.names,
            learned=learned,
            **arrays,
        )
    return found
