"""Built-in partitioners, which assign rows to named groups."""
