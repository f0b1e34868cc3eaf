"""The statistics floor of kappa and gamma: estimates, streams, bootstrap, intervals."""
