"""Fits, calibrates and forecasts the relative-loss equation of Lu (2025) from cited public data."""

__version__ = "0.1.0"
