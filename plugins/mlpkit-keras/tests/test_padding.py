"""Padding counts for nothing in layers that look at a whole batch."""

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
    """Weights and statistics after an epoch of steps of 8 rows, the last one odd."""
    reg = MLPRegressor(builder=builder, builder_options=options, backend=backend, random_state=0)
    reg.set_params(batch_size=8, shuffle=False, max_iter=2, learning_rate_init=0.05)
    return reg.fit(X[:n], T[:n], w)._model.arrays


def compiled(model: Any) -> Any:
    """To be trained with plain steps."""
    model.compile(keras.optimizers.SGD(0.05), "mean_squared_error")
    return model


def sequential(spec: Any, width: int = 6, **settings: Any) -> Any:
    """A layer that supports no masks in front."""
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
    """Operations, a model in the model, and rows with a second dimension."""
    layers = keras.layers
    inputs = keras.Input((spec.n_features,))
    inner = keras.Sequential([keras.Input((6,)), layers.BatchNormalization(), layers.ReLU()])
    x = inner(layers.Dense(6)(inputs) + 1.0)
    x = layers.BatchNormalization()(layers.Reshape((3, 2))(x))
    x = layers.BatchNormalization(axis=1)(x)
    x = layers.Dense(spec.n_outputs)(layers.Flatten()(x))
    return compiled(keras.Model(inputs, x))


def subclassed(spec: Any) -> Any:
    """Without its dropout, which draws otherwise elsewhere."""
    model = custom.subclassed(spec, 6)
    model.drop.rate = 0.0
    return compiled(model)


def active(spec: Any) -> Any:
    """Penalties on activity, by a layer and by a regulariser."""
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


class Centred(keras.layers.Layer):
    """A layer of a user's own that takes the mean of a batch."""

    def call(self, x: Any) -> Any:
        """Without the mean of the rows that count."""
        live = live_rows()
        if live is None:
            return x - keras.ops.mean(x, axis=0)
        weights = keras.ops.cast(live, x.dtype)[:, None]
        return x - keras.ops.sum(x * weights, axis=0) / keras.ops.sum(weights)


def centred(spec: Any) -> Any:
    """A builder with it."""
    layers = keras.layers
    inputs = keras.Input((spec.n_features,))
    x = Centred()(layers.Dense(6)(inputs))
    return compiled(keras.Model(inputs, layers.Dense(spec.n_outputs)(x)))


@pytest.mark.parametrize(
    ("builder", "n"),
    [(sequential, 5), *((b, 21) for b in (sequential, functional, subclassed, active, centred))],
)
def test_an_odd_batch_is_that_of_keras(builder: Any, n: int) -> None:
    """Weights and batch statistics equal those of train_on_batch on the rows alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size`")
        close(trained("keras", builder, n), trained(BACKEND, builder, n), 2e-5)


@pytest.mark.parametrize("settings", [{"width": 1}, {"renorm": True}])
def test_kinds_of_batch_normalisation(settings: Any) -> None:
    """One unit; renormalisation."""
    expected = trained("keras", sequential, **settings)
    close(expected, trained(BACKEND, sequential, **settings), 2e-5)


def test_rows_of_weight_0_do_not_count() -> None:
    """Neither those of the user."""
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
    """A subclass that takes no mask."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        """As it was."""
        return super().call(inputs, training=training)


def unmasked(spec: Any) -> Any:
    """A builder with it."""
    inputs = keras.Input((spec.n_features,))
    x = Unmasked(name="mine")(inputs)
    return keras.Model(inputs, keras.layers.Dense(spec.n_outputs)(x))


def folded(spec: Any) -> Any:
    """Batch normalisation over something that is no batch."""
    inputs = keras.Input((spec.n_features,))
    x = keras.ops.reshape(inputs, (-1, 2))
    x = keras.layers.BatchNormalization(name="mine")(x)
    x = keras.ops.reshape(x, (-1, spec.n_features))
    return keras.Model(inputs, keras.layers.Dense(spec.n_outputs)(x))


@pytest.mark.parametrize(
    ("builder", "why"), [(unmasked, "takes no mask"), (folded, r"sees \(16, 2\) in a step of 8")]
)
def test_where_it_can_not_be_done_it_is_said(builder: Any, why: str) -> None:
    """In a warning that names the layer."""
    with pytest.warns(UserWarning, match=rf"'mine'.*looks at a whole batch.*{why}"):
        trained(BACKEND, builder)
