"""Scenarios as data, and the compute path each one implies."""

from __future__ import annotations

from pipeline.scenarios.catalogue import build_path, build_paths, load_scenarios
from pipeline.scenarios.paths import CappedPath, ComputePath, Convention, RunPath, ShapedPath, SteadyPath

__all__ = [
    "CappedPath",
    "ComputePath",
    "Convention",
    "RunPath",
    "ShapedPath",
    "SteadyPath",
    "build_path",
    "build_paths",
    "load_scenarios",
]
