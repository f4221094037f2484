"""The conformance tests of builders, for each named builder."""

from conftest import BACKEND

from mlpkit.testing import BuilderTests


class TestMlp(BuilderTests):
    """Dense layers with all options."""

    builder = "keras.mlp"
    options = {"dropout": 0.1, "normalization": "batch", "kernel_regularizer": "l2"}
    backend = BACKEND


class TestResidual(BuilderTests):
    """Residual blocks."""

    builder = "keras.residual"
    options = {"blocks": 1}
    backend = BACKEND


class TestWideAndDeep(BuilderTests):
    """A linear model combined with dense layers."""

    builder = "keras.wide_and_deep"
    backend = BACKEND
