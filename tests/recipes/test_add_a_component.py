"""CONTRIBUTING's recipe of a component of gamma, carried out: one file and its test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency.settings.corridor import declared

if TYPE_CHECKING:
    from conftest import Scratch

COMPONENT = '''"""Components read from the accelerators ledger: bandwidth of memory for each watt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, refused
from race_to_efficiency.calibration.gamma.components_hardware import chip_series
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend

if TYPE_CHECKING:
    from race_to_efficiency.calibration.gamma.components import Parts


def memory_bandwidth(inputs: Inputs) -> Fitted:
    """Return the trend of memory bandwidth per watt of rated power."""
    component = Component(
        "memory_bandwidth", "ols", ("chip",), "joule", "memory bandwidth per watt of rated power, least squares on date"
    )
    series = chip_series(inputs, "memory_bandwidth_bytes_s", "tdp_w")
    return refused(component, "no chip states both") if series is None else fit_trend(inputs, component, series)


PARTS: Parts = {"memory_bandwidth": lambda inputs: [memory_bandwidth(inputs)]}
'''

TEST = '''"""The bandwidth of memory is fitted as statsmodels fits it."""

import numpy as np
import pytest
import statsmodels.api as sm
from gamma_views import inputs
from race_to_efficiency.calibration.gamma.components_hardware import chip_series
from race_to_efficiency.calibration.gamma.components_memory import memory_bandwidth


def test_it_is_the_slope_of_log2_on_date() -> None:
    made = inputs("2026-03-31", draws=100)
    series = chip_series(made, "memory_bandwidth_bytes_s", "tdp_w")
    slope = sm.OLS(series.value, sm.add_constant(series.time)).fit().params[1]
    assert memory_bandwidth(made).estimate.value == pytest.approx(slope, rel=1e-9)
    assert np.isfinite(slope)
'''

FIT = """
import json
from gamma_views import result
made = result("2026-03-31")
print(json.dumps({
    "estimates": {item.id: item.value for item in made.estimates},
    "draws": list(made.draws.columns),
    "components": [row["component"] for row in made.components],
}))
"""


@pytest.mark.slow
def test_a_component_of_gamma_is_one_file_and_its_test(scratch: Scratch) -> None:
    before: dict[str, Any] = json.loads(scratch.python("-c", FIT))
    scratch.write("pipeline/race_to_efficiency/calibration/gamma/components_memory.py", COMPONENT)
    scratch.write("tests/unit/test_components_memory.py", TEST)
    scratch.suite("tests/unit/test_components_memory.py")

    after: dict[str, Any] = json.loads(scratch.python("-c", FIT))
    new = after["estimates"].pop("gamma.memory_bandwidth.ols")
    assert new > 0
    assert after["estimates"] == before["estimates"], "no other number moves"
    assert set(after["draws"]) - set(before["draws"]) == {"memory_bandwidth.ols"}
    assert set(after["components"]) - set(before["components"]) == {"memory_bandwidth"}

    scratch.python("-m", "race_to_efficiency.stages.declared", code=1)
    scratch.python("-m", "race_to_efficiency.stages.declared", "--write")
    file = "pipeline/race_to_efficiency/calibration/gamma/components_memory.py"
    assert {"fit_gamma", "compare"} == {name for name, stage in declared(scratch.root).items() if file in stage.code}
