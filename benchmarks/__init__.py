"""Comparison of training speed: ``python -m benchmarks`` (``--quick``: under two minutes)."""
