"""gamma: components of efficiency growth, each with what it covers, and the routes that add them."""
