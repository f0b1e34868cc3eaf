"""A check of the hardware from outside: throughput per watt at measured power, and no part of any route.

The other hardware components divide a catalogued peak by a rated power. The Green500 ranks whole systems by what
Linpack does per watt measured while it runs: another unit (FP64, systems), but no figure of it is a catalogue's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, refused
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend

if TYPE_CHECKING:
    from race_to_efficiency.calibration.gamma.components import Parts

TABLE = "green500"
COMPONENT = Component(
    "green500",
    "first_places",
    ("chip",),
    "joule",
    "FP64 Linpack per watt of measured power, least squares through the first places on the list's date",
    "a check and no part of a route: another number format than the one models train in, whole systems, the best of "
    "each list alone; what was read before 2020 stands in copies of an encyclopaedia",
)


def green500(inputs: Inputs) -> Fitted:
    """Return the trend of the Green500's first places, clustered by system.

    Parameters
    ----------
    inputs : Inputs

    Returns
    -------
    Fitted
        Refused, with the reason, where the ledger states too few lists.

    References
    ----------
    Feng and Cameron (2007), "The Green500 List", doi:10.1109/MC.2007.445.
    """
    rows = inputs.rows(TABLE, stating="gflops_per_watt")
    rows = rows if rows.empty else rows.loc[rows["rank"].eq(1)]
    if rows.empty:
        return refused(COMPONENT, "no first place is known by this date")
    series = Series(
        table=TABLE,
        row_ids=rows["place_id"].to_numpy(object),
        dates=rows["released"].to_numpy("datetime64[D]"),
        value=np.log2(rows["gflops_per_watt"].to_numpy(np.float64)),
        clusters=rows["system"].to_numpy(object),
    )
    return fit_trend(inputs, COMPONENT, series.ordered())


PLACE = 5
"""Where these components stand among all."""

PARTS: Parts = {"green500": lambda inputs: [green500(inputs)]}
