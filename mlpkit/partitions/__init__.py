"""Partitioners: rows into named groups, learned once and assigned to any later rows."""
