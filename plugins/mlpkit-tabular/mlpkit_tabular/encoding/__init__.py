"""From the columns of a table to one array of numbers."""
