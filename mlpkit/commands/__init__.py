"""What ``python -m mlpkit`` does: plugins, demo, check and new-plugin."""
