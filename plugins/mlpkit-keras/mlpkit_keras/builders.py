"""Named builders: three models of dense layers."""

from collections.abc import Sequence
from typing import Any

from mlpkit.plugin import Spec
from mlpkit_keras.hidden_activations import activation_layer
from mlpkit_keras.runtime import keras_for, keras_scope

NORMALIZATIONS = ("batch", "layer")


class LayerFactory:
    """Creates layers with the options of a builder. Random draws follow the seed of the spec."""

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
                f"normalization must be None, 'batch' or 'layer', got {normalization!r}."
            )
        self.keras, self.spec = keras_for(spec.backend), spec
        units = spec.hidden_layer_sizes if units is None else units
        self.units = [units] if isinstance(units, int) else list(units)
        # names of the estimator's activation functions are those of mlpkit, others are Keras's
        self.mlpkit_activations = activation is None
        self.activations = self._per_layer("activation", activation or spec.activation)
        self.dropouts = self._per_layer("dropout", dropout)
        self.normalization = normalization
        self.initializer, self.regularizer = kernel_initializer, kernel_regularizer
        self.last_seed = spec.seed

    def _per_layer(self, name: str, value: Any) -> list[Any]:
        if isinstance(value, (str, int, float)):
            return [value] * len(self.units)
        if len(value) != len(self.units):
            raise ValueError(
                f"{name} must have one value for each of the {len(self.units)} hidden layers, got"
                f" {len(value)}."
            )
        return list(value)

    def next_seed(self) -> int:
        """The next number of a sequence of seeds."""
        self.last_seed = (self.last_seed * 48271 + 11) % (2**31 - 1)
        return self.last_seed

    def dense(self, units: int, activation: str | None = None) -> Any:
        """A dense layer."""
        initializer: Any = self.initializer
        if isinstance(initializer, str):  # each layer has its own initializer, with a seed
            initializer = self.keras.initializers.get(initializer)
            config = initializer.get_config()
            if "seed" in config:
                initializer = type(initializer).from_config({**config, "seed": self.next_seed()})
        return self.keras.layers.Dense(
            units,
            activation,
            kernel_initializer=initializer,
            kernel_regularizer=self.regularizer,
            dtype=self.spec.dtype,
        )

    def hidden(self, i: int) -> list[Any]:
        """The layers of hidden layer i: dense, normalization, activation and dropout."""
        keras_layers, dtype = self.keras.layers, self.spec.dtype
        layers = [self.dense(self.units[i])]
        if self.normalization == "batch":
            layers.append(keras_layers.BatchNormalization(dtype=dtype))
        if self.normalization == "layer":
            layers.append(keras_layers.LayerNormalization(dtype=dtype))
        if self.mlpkit_activations:
            layers.append(activation_layer(self.activations[i], dtype))
        else:
            layers.append(keras_layers.Activation(self.activations[i], dtype=dtype))
        if self.dropouts[i]:
            dropout, seed = self.dropouts[i], self.next_seed()
            layers.append(keras_layers.Dropout(dropout, seed=seed, dtype=dtype))
        return layers

    def apply_hidden(self, x: Any) -> Any:
        """Apply all hidden layers to a symbolic tensor."""
        for i in range(len(self.units)):
            for layer in self.hidden(i):
                x = layer(x)
        return x

    def input(self) -> Any:
        """The symbolic input."""
        return self.keras.Input((self.spec.n_features,), dtype=self.spec.dtype)

    def output(self) -> Any:
        """The last layer, with the activation function of the task."""
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
    """Build a Sequential model of dense layers, ``builder="keras.mlp"``.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    units : int or sequence of int or None, default=None
        Number of units of the hidden layer, or of each hidden layer. None means
        `hidden_layer_sizes` of the estimator.
    activation : str or sequence of str or None, default=None
        Activation function of Keras for all hidden layers, or for each. None means `activation`
        of the estimator.
    dropout : float or sequence of float, default=0.0
        Fraction of the units that training steps drop after each hidden layer.
    normalization : {"batch", "layer"} or None, default=None
        Normalization between each dense layer and its activation function.
    kernel_initializer : str or keras.initializers.Initializer, default="glorot_uniform"
        Initializer of the weights of all dense layers.
    kernel_regularizer : str or keras.regularizers.Regularizer or None, default=None
        Regularizer of the weights of all dense layers. With a regularizer, `alpha` of the
        estimator is ignored.

    Returns
    -------
    model : keras.Sequential

    Raises
    ------
    ValueError
        If `normalization` is unknown, or a sequence does not have one value for each hidden layer.

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier(
    ...     builder="keras.mlp", builder_options={"units": [64, 32], "dropout": 0.2}, backend="jax"
    ... )
    """
    keras_for(spec.backend)
    with keras_scope(spec.dtype):
        factory = LayerFactory(
            spec, units, activation, dropout, normalization, kernel_initializer, kernel_regularizer
        )
        layers = [layer for i in range(len(factory.units)) for layer in factory.hidden(i)]
        return factory.keras.Sequential([factory.input(), *layers, factory.output()])


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
    """Build a functional model of residual blocks, ``builder="keras.residual"``.

    Each block consists of a hidden layer and a dense layer, whose output is added to the input of
    the block.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    units : int or None, default=None
        Number of units of each block. None means the first of `hidden_layer_sizes`.
    blocks : int, default=2
        Number of blocks.
    activation, dropout, normalization, kernel_initializer, kernel_regularizer
        As in `mlp`, with one value for all blocks.

    Returns
    -------
    model : keras.Model

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier(builder="keras.residual", builder_options={"blocks": 3}, backend="jax")
    """
    keras_for(spec.backend)
    with keras_scope(spec.dtype):
        width = units or (*spec.hidden_layer_sizes, 64)[0]
        factory = LayerFactory(
            spec,
            [width] * blocks,
            activation,
            dropout,
            normalization,
            kernel_initializer,
            kernel_regularizer,
        )
        inputs = factory.input()
        x = factory.dense(width)(inputs)
        for i in range(blocks):
            h = x
            for layer in factory.hidden(i):
                h = layer(h)
            x = factory.keras.layers.Add(dtype=spec.dtype)([x, factory.dense(width)(h)])
        return factory.keras.Model(inputs, factory.output()(x))


def wide_and_deep(
    spec: Spec,
    units: int | Sequence[int] | None = None,
    activation: str | Sequence[str] | None = None,
    dropout: float | Sequence[float] = 0.0,
    normalization: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    kernel_regularizer: Any = None,
) -> Any:
    """Build a wide and deep model, ``builder="keras.wide_and_deep"``.

    The output layer receives the input and the output of the hidden layers, see [1]_.

    Parameters
    ----------
    spec : Spec
        The specification of the network.
    units, activation, dropout, normalization, kernel_initializer, kernel_regularizer
        As in `mlp`.

    Returns
    -------
    model : keras.Model

    References
    ----------
    .. [1] Cheng et al. (2016), "Wide & Deep Learning for Recommender Systems", arXiv:1606.07792.

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier(
    ...     builder="keras.wide_and_deep", builder_options={"units": [32, 16]}, backend="jax"
    ... )
    """
    keras_for(spec.backend)
    with keras_scope(spec.dtype):
        factory = LayerFactory(
            spec, units, activation, dropout, normalization, kernel_initializer, kernel_regularizer
        )
        inputs = factory.input()
        both = factory.keras.layers.Concatenate(dtype=spec.dtype)(
            [inputs, factory.apply_hidden(inputs)]
        )
        return factory.keras.Model(inputs, factory.output()(both))
