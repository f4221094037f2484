"""The registry of components: everything that turns a name into an object.

A program needs only `without` of it.
"""

from mlpkit.registry.lookup import without

__all__ = ["without"]
