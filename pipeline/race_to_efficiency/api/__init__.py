"""The public names of ``import race_to_efficiency as race``, one module a matter; see `race_to_efficiency.PUBLIC`."""
