"""The NumPy backend under the laws; it is also what the others are compared to."""

from mlpkit.testing import BackendLaws


class TestNumpy(BackendLaws):
    backend = "numpy"
