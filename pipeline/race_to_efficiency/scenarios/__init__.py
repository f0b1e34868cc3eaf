"""Scenarios as data, and the compute path each one implies."""

from __future__ import annotations

from race_to_efficiency.equation.path_options import Convention
from race_to_efficiency.scenarios.catalogue import build_path, build_paths, load_scenarios
from race_to_efficiency.scenarios.paths import CappedPath, RunPath, ScenarioPath, ShapedPath, SteadyPath

__all__ = [
    "CappedPath",
    "Convention",
    "RunPath",
    "ScenarioPath",
    "ShapedPath",
    "SteadyPath",
    "build_path",
    "build_paths",
    "load_scenarios",
]
