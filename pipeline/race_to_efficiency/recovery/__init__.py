"""The simulated-truth study; no stage uses it."""
