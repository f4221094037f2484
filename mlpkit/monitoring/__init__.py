"""Metrics during training: the monitors of fits and streams, criteria, and the history."""
