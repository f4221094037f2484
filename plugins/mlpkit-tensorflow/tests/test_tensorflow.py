"""The TensorFlow backend, held to the laws of every backend and to a few of its own."""

from mlpkit.testing import BackendLaws


class TestTensorflow(BackendLaws):
    backend = "tensorflow"
