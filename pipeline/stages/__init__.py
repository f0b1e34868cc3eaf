"""The six stages of the corridor: read, call, write."""
