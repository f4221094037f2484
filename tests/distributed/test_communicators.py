"""The communicator of a name."""

import pytest

from mlpkit.distributed import communicator_of

pytestmark = pytest.mark.once


def test_unknown() -> None:
    """The message lists those that are installed."""
    with pytest.raises(ValueError, match=r"unknown communicator 'carrier pigeon'; installed: "):
        communicator_of("carrier pigeon")
