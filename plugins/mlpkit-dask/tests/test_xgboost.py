"""The communicator "xgboost"."""

from mlpkit.testing import CommunicatorTests


class TestXGBoost(CommunicatorTests):
    """The laws of a communicator."""

    communicator = "xgboost"
