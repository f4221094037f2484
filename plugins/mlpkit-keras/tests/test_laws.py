"""The laws of builders, for each named one."""

from conftest import BACKEND

from mlpkit.testing import BuilderLaws


class TestMlp(BuilderLaws):
    """With all that it has."""

    builder = "keras.mlp"
    options = {"dropout": 0.1, "normalization": "batch", "kernel_regularizer": "l2"}
    backend = BACKEND


class TestResidual(BuilderLaws):
    """Skip connections."""

    builder = "keras.residual"
    options = {"blocks": 1}
    backend = BACKEND


class TestWideAndDeep(BuilderLaws):
    """Two paths."""

    builder = "keras.wide_and_deep"
    backend = BACKEND
