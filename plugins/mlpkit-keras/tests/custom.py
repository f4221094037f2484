"""Code as users write it: builders, a subclassed model and a subclassed estimator."""

from typing import Any

import keras
import numpy as np

from mlpkit import MLPClassifier

RNG = np.random.RandomState(0)
X = RNG.standard_normal((120, 4)).astype("float32")
Y = np.array(["low", "mid", "top"])[np.digitize(X[:, 0] + 0.5 * X[:, 1], [-0.4, 0.4])]


def my_model(spec: Any, hidden_units: int = 64, dropout: float = 0.1) -> Any:
    """A functional model with options."""
    inputs = keras.Input((spec.n_features,))
    x = keras.layers.Dense(hidden_units, activation="relu")(inputs)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(
        inputs, keras.layers.Dense(spec.n_outputs, activation=spec.out_activation)(x)
    )


def ending(spec: Any, end: str = "dense") -> Any:
    """A model that ends with its activation function in one of several ways."""
    init = keras.initializers.GlorotUniform(seed=1)
    out = keras.initializers.GlorotUniform(seed=2)
    inputs = keras.Input((spec.n_features,))
    x = keras.layers.Dense(8, activation="tanh", kernel_initializer=init)(inputs)
    own = spec.out_activation if end == "dense" else None
    x = keras.layers.Dense(spec.n_outputs, activation=own, kernel_initializer=out)(x)
    if end == "layer":
        x = keras.layers.Activation(spec.out_activation)(x)
    if end == "softmax":
        x = keras.layers.Softmax()(x)
    if end == "op":
        x = keras.ops.softmax(x)
    if end == "nested":
        inner = keras.Model(inputs, keras.layers.Softmax()(x))
        return keras.Sequential([keras.Input((spec.n_features,)), inner])
    return keras.Model(inputs, x)


class Net(keras.Model):
    """A subclassed model with dropout and batch normalization."""

    def __init__(self, units: int, n_outputs: int, activation: str | None) -> None:
        super().__init__()
        self.first = keras.layers.Dense(units, activation="relu")
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.2)
        self.last = keras.layers.Dense(n_outputs, activation=activation)

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Compute the outputs."""
        return self.last(self.drop(self.norm(self.first(x), training=training), training=training))


def subclassed(spec: Any, units: int = 16) -> Any:
    """A builder that returns a subclassed model which is not built."""
    return Net(units, spec.n_outputs, spec.out_activation)


def compiled(spec: Any, learning_rate: float = 0.05) -> Any:
    """A compiled model."""
    model = my_model(spec, 16, 0.0)
    model.compile(keras.optimizers.RMSprop(learning_rate), "sparse_categorical_crossentropy")
    return model


def regularized(spec: Any) -> Any:
    """A model with a kernel regularizer and an activity regularizer."""
    return keras.Sequential(
        [
            keras.Input((spec.n_features,)),
            keras.layers.Dense(
                8, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01)
            ),
            keras.layers.Dense(spec.n_outputs, activity_regularizer=keras.regularizers.L2(0.02)),
        ]
    )


class MyMLP(MLPClassifier):
    """A subclassed estimator with its own parameters and its own builder."""

    def __init__(
        self,
        units: int = 16,
        dropout: float = 0.1,
        max_iter: int = 200,
        learning_rate_init: float = 0.001,
        random_state: Any = None,
        backend: str | None = None,
    ) -> None:
        super().__init__(
            max_iter=max_iter,
            learning_rate_init=learning_rate_init,
            random_state=random_state,
            backend=backend,
        )
        self.units, self.dropout = units, dropout

    def build(self, spec: Any) -> Any:
        """Build the model."""
        return my_model(spec, self.units, self.dropout)


class OwnStep(keras.Model):
    """A model with its own train_step."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.only = keras.layers.Dense(n_outputs, activation="softmax")
        self.steps = 0

    def call(self, x: Any) -> Any:
        """Compute the outputs."""
        return self.only(x)

    def train_step(self, *args: Any) -> Any:
        """Count the steps, and train as Keras does."""
        self.steps += 1
        return super().train_step(*args)


def own_step(spec: Any) -> Any:
    """A builder that returns a model with its own train_step."""
    return OwnStep(spec.n_outputs)
