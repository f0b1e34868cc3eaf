"""One reader of cells and tables as people write them."""
