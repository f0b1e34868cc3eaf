"""Estimation of kappa and gamma: the only rooms that know lmfit."""
