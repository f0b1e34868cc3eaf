"""Two worlds and why they differ."""
