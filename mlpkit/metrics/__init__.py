"""Metrics: what each row adds, the sums by group, and the numbers that they make."""
