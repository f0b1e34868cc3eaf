"""The report's drawings: matplotlib lays them out, `svg` makes them small, safe, accessible and the same every time."""
