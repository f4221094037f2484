"""Conformance tests."""

from mlpkit.testing import BackendTests


class TestNumba(BackendTests):
    backend = "numba"
