"""Forecasts and outcomes as a forecast hub in hubverse's folders, built from what was published."""
