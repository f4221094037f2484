"""The registry of components: everything that turns a name into an object.

A program needs only `distribution_of` and `without` of it.
"""

from mlpkit.registry.lookup import distribution_of, without

__all__ = ["distribution_of", "without"]
