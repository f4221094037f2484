"""Layers that compute statistics of a batch exclude padding."""

import warnings
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X

from mlpkit import MLPRegressor
from mlpkit.testing import close
from mlpkit_keras import live_rows

T = np.column_stack([X[:, 0] * X[:, 1], X[:, 2]])


def trained(backend: str, builder: Any, n: int = 21, w: Any = None, **options: Any) -> Any:
    """Weights and statistics after two epochs of steps of 8 rows, of which the last has fewer."""
    reg = MLPRegressor(builder=builder, builder_options=options, backend=backend, random_state=0)
    reg.set_params(batch_size=8, shuffle=False, max_iter=2, learning_rate_init=0.05)
    return reg.fit(X[:n], T[:n], w)._network.arrays


def compiled(model: Any) -> Any:
    """Compile a model with plain gradient descent."""
    model.compile(keras.optimizers.SGD(0.05), "mean_squared_error")
    return model


def sequential(spec: Any, width: int = 6, **settings: Any) -> Any:
    """Batch normalization after a layer that does not support masks."""
    layers = keras.layers
    return compiled(
        keras.Sequential(
            [
                keras.Input((spec.n_features,)),
                layers.Dense(width),
                layers.BatchNormalization(**settings),
                layers.Activation("tanh"),
                layers.Dense(spec.n_outputs),
            ]
        )
    )


def functional(spec: Any) -> Any:
    """A model with operations, a nested model, and tensors of three dimensions."""
    layers = keras.layers
    inputs = keras.Input((spec.n_features,))
    inner = keras.Sequential([keras.Input((6,)), layers.BatchNormalization(), layers.ReLU()])
    x = inner(layers.Dense(6)(inputs) + 1.0)
    x = layers.BatchNormalization()(layers.Reshape((3, 2))(x))
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.Dense(spec.n_outputs)(layers.Flatten()(x))
    return compiled(keras.Model(inputs, x))


def subclassed(spec: Any) -> Any:
    """A subclassed model without dropout, whose draws depend on the backend."""
    model = custom.subclassed(spec, 6)
    model.drop.rate = 0.0
    return compiled(model)


def active(spec: Any) -> Any:
    """A model with two kinds of activity regularization."""
    layers = keras.layers
    return compiled(
        keras.Sequential(
            [
                keras.Input((spec.n_features,)),
                layers.Dense(6, activity_regularizer=keras.regularizers.L1L2(0.1, 0.1)),
                layers.ActivityRegularization(l2=0.1),
                layers.Dense(spec.n_outputs),
            ]
        )
    )


class Centered(keras.layers.Layer):
    """A custom layer that subtracts the mean of a batch."""

    def call(self, x: Any) -> Any:
        """Subtract the mean of the rows that are not padding."""
        live = live_rows()
        if live is None:
            return x - keras.ops.mean(x, axis=0)
        weights = keras.ops.cast(live, x.dtype)[:, None]
        return x - keras.ops.sum(x * weights, axis=0) / keras.ops.sum(weights)


def centered(spec: Any) -> Any:
    """A model with a custom layer."""
    layers = keras.layers
    inputs = keras.Input((spec.n_features,))
    x = Centered()(layers.Dense(6)(inputs))
    return compiled(keras.Model(inputs, layers.Dense(spec.n_outputs)(x)))


@pytest.mark.parametrize(
    ("builder", "n"),
    [(sequential, 5), *((b, 21) for b in (sequential, functional, subclassed, active, centered))],
)
def test_padded_batches_equal_those_of_keras(builder: Any, n: int) -> None:
    """Weights and batch statistics equal those of train_on_batch on the rows alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size`")
        close(trained("keras", builder, n), trained(BACKEND, builder, n), 2e-5)


@pytest.mark.parametrize("settings", [{"width": 1}, {"renorm": True}])
def test_kinds_of_batch_normalization(settings: Any) -> None:
    """A single unit, and renormalization."""
    expected = trained("keras", sequential, **settings)
    close(expected, trained(BACKEND, sequential, **settings), 2e-5)


def test_rows_of_weight_0_do_not_count() -> None:
    """Rows with a sample weight of 0 do not change batch statistics."""
    w = np.ones(16)
    w[[1, 9, 12]] = 0
    alone = trained("keras", sequential, 16)
    masked = trained(BACKEND, sequential, 16, w)
    (mean,) = (name for name in masked if name.endswith("moving_mean"))
    assert np.abs(alone[mean] - masked[mean]).max() > 1e-3
    moved = X.copy()
    try:
        X[[1, 9, 12]] += 100.0
        close(masked, trained(BACKEND, sequential, 16, w), 1e-6)
    finally:
        X[...] = moved


class Unmasked(keras.layers.BatchNormalization):
    """A batch normalization whose method call has no parameter mask."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        """Do what Keras does."""
        return super().call(inputs, training=training)


def unmasked(spec: Any) -> Any:
    """A model with a batch normalization without mask."""
    inputs = keras.Input((spec.n_features,))
    x = Unmasked(name="mine")(inputs)
    return keras.Model(inputs, keras.layers.Dense(spec.n_outputs)(x))


def folded(spec: Any) -> Any:
    """Batch normalization of a tensor with a different number of rows."""
    inputs = keras.Input((spec.n_features,))
    x = keras.ops.reshape(inputs, (-1, 2))
    x = keras.layers.BatchNormalization(name="mine")(x)
    x = keras.ops.reshape(x, (-1, spec.n_features))
    return keras.Model(inputs, keras.layers.Dense(spec.n_outputs)(x))


@pytest.mark.parametrize(
    ("builder", "reason"),
    [(unmasked, "no parameter mask"), (folded, r"shape \(16, 2\) in a step of 8")],
)
def test_layers_that_cannot_exclude_padding_warn(builder: Any, reason: str) -> None:
    """The warning names the layer and the reason."""
    with pytest.warns(UserWarning, match=rf"'mine'.*statistics of a batch.*{reason}"):
        trained(BACKEND, builder)
