"""For every law of `mlpkit.testing` a plugin that breaks it, by kind."""
