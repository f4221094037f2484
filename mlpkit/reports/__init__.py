"""Metrics after training: evaluated by group, with intervals, compared, checked, drawn."""
