"""Names to objects: the only place where a string becomes a plugin."""

from mlpkit.registry.lookup import without as without
