"""Draws x scenarios x horizons -> quantiles: what the calibrated equation says about the coming years."""
