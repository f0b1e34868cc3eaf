"""Where a change begins: less is the rounding of a sum of refits, and counts nowhere as one."""

NOTHING = 1e-12
"""In the unit of what changed; estimates and relative losses are of order one."""
