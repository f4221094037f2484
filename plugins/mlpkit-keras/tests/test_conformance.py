"""Conformance tests of the named builders."""

from conftest import BACKEND

from mlpkit.testing import BuilderTests


class TestMlp(BuilderTests):
    """With all that it has."""

    builder = "keras.mlp"
    options = {"dropout": 0.1, "normalization": "batch", "kernel_regularizer": "l2"}
    backend = BACKEND


class TestResidual(BuilderTests):
    """Skip connections."""

    builder = "keras.residual"
    options = {"blocks": 1}
    backend = BACKEND


class TestWideAndDeep(BuilderTests):
    """Two paths."""

    builder = "keras.wide_and_deep"
    backend = BACKEND
