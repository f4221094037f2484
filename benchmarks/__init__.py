"""Speed, side by side: ``python -m benchmarks`` (``--quick`` in under two minutes)."""
