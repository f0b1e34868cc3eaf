"""Refits of a quarter's numbers in any world: kappa, gamma and relative loss, each fitted once for what it reads."""
