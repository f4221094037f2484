"""Rows: targets, weights, evaluation sets."""
