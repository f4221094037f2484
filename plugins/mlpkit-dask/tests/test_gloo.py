"""The communicator "gloo"."""

from mlpkit.testing import CommunicatorTests


class TestGloo(CommunicatorTests):
    """The laws of a communicator."""

    communicator = "gloo"
