"""The only modules that parse JSON and YAML: bounded, data never objects, each key once, every number finite."""
