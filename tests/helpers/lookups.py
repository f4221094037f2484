"""Plugins and functions that the tests of the registry share."""

import pytest
from distributions import offering

from mlpkit.plugin import PluginError
from mlpkit.registry.lookup import Registry

JSON = "'json:loads', 'a summary'"  # any importable function can be a factory
FAST = offering("mlpkit_backends", f"'fast', {JSON}, options=('speed', 'devices')")
BROKEN = "import nonexistent_library\n"


def loaded(registry: Registry) -> set[str]:
    """Return the names of the entry points that were imported."""
    return {p.entry.name for p in registry.plugins if p.loaded}


def message(registry: Registry, name: str, error: type[Exception] = PluginError) -> str:
    """Return the message of the error that the lookup of a backend raises."""
    with pytest.raises(error) as caught:
        registry.resolve("backend", name)
    return str(caught.value)
