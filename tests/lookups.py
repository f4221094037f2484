"""What the tests of the registry share."""

import pytest
from distributions import offering

from mlpkit.plugin import PluginError
from mlpkit.registry.lookup import Registry

JSON = "'json:loads', 'a stand-in'"  # any importable function serves as a factory
FAST = offering("mlpkit_backends", f"'fast', {JSON}, options=('speed', 'devices')")
BROKEN = "import nonexistent_library\n"


def loaded(found: Registry) -> set[str]:
    """The entry points that were imported."""
    return {p.entry.name for p in found.plugins if p.loaded}


def message(found: Registry, name: str, error: type[Exception] = PluginError) -> str:
    """What a lookup of a backend is told."""
    with pytest.raises(error) as caught:
        found.resolve("backend", name)
    return str(caught.value)
