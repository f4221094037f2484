"""Fits on the workers of a cluster: tasks that train together, and what happens when some fail."""
