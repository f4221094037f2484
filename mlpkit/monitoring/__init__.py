"""Metrics during training: what is measured, when, on which rows, and what it decides."""
