"""What ``mlpkit`` does: plugins, demo, check and new-plugin."""
