"""Scores, backtests and simulated-truth studies."""
