"""Inside the relative-loss equation: growth, paths, saturation, inverses; `pipeline.relative_loss` is the door."""
