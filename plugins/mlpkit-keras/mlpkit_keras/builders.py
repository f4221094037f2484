"""Named builders: a stack of dense layers, put together in three ways."""

from collections.abc import Sequence
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.activations import activation_layer
from mlpkit_keras.runtime import building, keras_for

NORMALIZATIONS = ("batch", "layer")


class Stack:
    """Makes layers with the settings of a builder, each drawing from the spec's seed."""

    def __init__(
        self,
        spec: Spec,
        units: int | Sequence[int] | None,
        activation: str | Sequence[str] | None,
        dropout: float | Sequence[float],
        normalization: str | None,
        kernel_initializer: Any,
        kernel_regularizer: Any,
    ) -> None:
        if normalization is not None and normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization={normalization!r}; expected None or one of {NORMALIZATIONS}."
            )
        self.keras, self.spec = keras_for(spec.backend), spec
        given = spec.hidden_layer_sizes if units is None else units
        self.units = [given] if isinstance(given, int) else list(given)
        # None is the estimator's; a name that is given here is Keras's
        self.own = activation is None
        self.activations = self._each("activation", activation or spec.activation)
        self.dropouts = self._each("dropout", dropout)
        self.normalization = normalization
        self.initializer, self.regularizer = kernel_initializer, kernel_regularizer
        self.drawn = spec.seed

    def _each(self, name: str, given: Any) -> list[Any]:
        """One value for each hidden layer."""
        if isinstance(given, (str, int, float)):
            return [given] * len(self.units)
        if len(given) != len(self.units):
            raise ValueError(f"{name} has {len(given)} values for {len(self.units)} hidden layers.")
        return list(given)

    def seed(self) -> int:
        """The next seed."""
        self.drawn = (self.drawn * 48271 + 11) % (2**31 - 1)
        return self.drawn

    def dense(self, units: int, activation: str | None = None) -> Any:
        """A dense layer."""
        initializer: Any = self.initializer
        if isinstance(initializer, str):  # one of its own, with a seed
            initializer = self.keras.initializers.get(initializer)
            config = initializer.get_config()
            if "seed" in config:
                initializer = type(initializer).from_config({**config, "seed": self.seed()})
        return self.keras.layers.Dense(
            units,
            activation,
            kernel_initializer=initializer,
            kernel_regularizer=self.regularizer,
            dtype=self.spec.dtype,
        )

    def hidden(self, i: int) -> list[Any]:
        """The layers of the hidden layer i: dense, normalisation, activation, dropout."""
        layers, dtype = self.keras.layers, self.spec.dtype
        made = [self.dense(self.units[i])]
        if self.normalization == "batch":
            made.append(layers.BatchNormalization(dtype=dtype))
        if self.normalization == "layer":
            made.append(layers.LayerNormalization(dtype=dtype))
        if self.own:
            made.append(activation_layer(self.activations[i], dtype))
        else:
            made.append(layers.Activation(self.activations[i], dtype=dtype))
        if self.dropouts[i]:
            made.append(layers.Dropout(self.dropouts[i], seed=self.seed(), dtype=dtype))
        return made

    def through(self, x: Any, depth: int | None = None) -> Any:
        """All hidden layers, or the first ``depth``, over a symbolic x."""
        for i in range(len(self.units) if depth is None else depth):
            for layer in self.hidden(i):
                x = layer(x)
        return x

    def input(self) -> Any:
        """Symbolic rows."""
        return self.keras.Input((self.spec.n_features,), dtype=self.spec.dtype)

    def output(self) -> Any:
        """The last layer, with the activation of the task."""
        return self.dense(self.spec.n_outputs, self.spec.out_activation)


def mlp(
    spec: Spec,
    units: int | Sequence[int] | None = None,
    activation: str | Sequence[str] | None = None,
    dropout: float | Sequence[float] = 0.0,
    normalization: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
) -> Any:
    """A Sequential model of dense layers.

    Parameters
    ----------
    units : int or sequence of int
        Of each hidden layer; None is ``hidden_layer_sizes``.
    activation, dropout : one value, or one for each hidden layer
        None is the estimator's ``activation``.
    normalization : {None, 'batch', 'layer'}
    kernel_initializer, kernel_regularizer
        As in `keras.layers.Dense`.
    """
    keras_for(spec.backend)
    with building(spec.dtype):
        s = Stack(
            spec, units, activation, dropout, normalization, kernel_initializer, kernel_regularizer
        )
        layers = [layer for i in range(len(s.units)) for layer in s.hidden(i)]
        return s.keras.Sequential([s.input(), *layers, s.output()])


def residual(
    spec: Spec,
    units: int | None = None,
    blocks: int = 2,
    activation: str | None = None,
    dropout: float = 0.0,
    normalization: str | None = "layer",
    kernel_initializer: Any = "he_normal",
    kernel_regularizer: Any = None,
) -> Any:
    """A functional model: ``blocks`` blocks, each added to what came in.

    ``units`` is their width; None is the first of ``hidden_layer_sizes``.
    """
    keras_for(spec.backend)
    with building(spec.dtype):
        width = units or (*spec.hidden_layer_sizes, 64)[0]
        s = Stack(
            spec,
            [width] * blocks,
            activation,
            dropout,
            normalization,
            kernel_initializer,
            kernel_regularizer,
        )
        inputs = s.input()
        x = s.dense(width)(inputs)
        for i in range(blocks):
            h = x
            for layer in s.hidden(i):
                h = layer(h)
            x = s.keras.layers.Add(dtype=spec.dtype)([x, s.dense(width)(h)])
        return s.keras.Model(inputs, s.output()(x))


def wide_and_deep(
    spec: Spec,
    units: int | Sequence[int] | None = None,
    activation: str | Sequence[str] | None = None,
    dropout: float | Sequence[float] = 0.0,
    normalization: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
) -> Any:
    """A functional model: a linear path from the input beside the deep one of `mlp`
    (Cheng et al., 2016, arXiv:1606.07792).
    """
    keras_for(spec.backend)
    with building(spec.dtype):
        s = Stack(
            spec, units, activation, dropout, normalization, kernel_initializer, kernel_regularizer
        )
        inputs = s.input()
        both = s.keras.layers.Concatenate(dtype=spec.dtype)([inputs, s.through(inputs)])
        return s.keras.Model(inputs, s.output()(both))
