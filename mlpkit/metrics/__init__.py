"""Built-in metrics, their sums over rows by group, and confidence intervals."""
