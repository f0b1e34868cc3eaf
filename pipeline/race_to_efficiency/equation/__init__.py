"""Inside the relative-loss equation: growth, paths, saturation, inverses; `relative_loss` is the door."""
