"""From a number to its rows and citations, and back out again."""
