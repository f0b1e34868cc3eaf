"""The seven stages of the corridor: read, call, write."""
