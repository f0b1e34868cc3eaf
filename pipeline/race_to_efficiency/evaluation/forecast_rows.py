"""The table of forecasts: what identifies a row, and its quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

KEY_COLUMNS = (
    "target",
    "origin",
    "horizon_quarters",
    "target_quarter",
    "cell",
    "method",
    "model",
    "vintage",
    "unit",
    "window_start",
    "window_end",
    "shared",
    "moved",
    "baseline",
    "last",
    "n_rows",
    "grade",
)
"""What identifies a forecast; ``method`` is 'forecast' or the name of a baseline, ``last`` the level at the origin.

``grade`` is that of a run's loss (`race_to_efficiency.calibration.common.grades`); other targets have none."""

FORECASTER = "race-0.2"
"""What forecasts and statements are signed with: another name when the method is another."""

MODEL = "average"
"""Name of the forecaster: the weighted average of its members' quantiles."""


def forecast_frame(keys: list[tuple[Any, ...]], values: list[np.ndarray]) -> pd.DataFrame:
    """Return forecasts as a table: `KEY_COLUMNS` and `QUANTILE_COLUMNS`."""
    import pandas as pd

    frame = pd.DataFrame(keys, columns=list(KEY_COLUMNS))
    table = pd.DataFrame(np.array(values).reshape(-1, len(LEVELS)), columns=list(QUANTILE_COLUMNS))
    return pd.concat([frame, table], axis=1)
