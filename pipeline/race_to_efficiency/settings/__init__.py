"""The models of params.yaml, one module a section: type, bound, unit and meaning of every setting."""
