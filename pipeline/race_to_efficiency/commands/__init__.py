"""One verb of the command a module."""
