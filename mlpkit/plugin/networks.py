"""Networks: what a builder receives and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from mlpkit.plugin.arrays import Arrays, Namespace
from mlpkit.plugin.datasets import Dataset
from mlpkit.plugin.encoders import Column
from mlpkit.plugin.metrics import Metric, Task
from mlpkit.plugin.objectives import Loss, OutActivation, Solver

#: An activation function of hidden layers. "gelu" is the exact function, not its approximation by
#: tanh, and the slope of "leaky_relu" is 0.01.
Activation = Literal[
    "identity", "logistic", "tanh", "relu", "gelu", "silu", "selu", "mish", "leaky_relu"
]
#: Activation functions of the output layer, with the names that frameworks use.
FRAMEWORK_ACTIVATIONS: dict[OutActivation, str] = {
    "identity": "linear",
    "logistic": "sigmoid",
    "softmax": "softmax",
    "exp": "exponential",
}
#: A key of the arrays that `Apply` returns: a scalar that is added to the loss.
PENALTY = "penalty"


@dataclass(frozen=True)
class Spec:
    """The specification of a network: everything that a builder can depend on.

    Parameters
    ----------
    n_features, n_outputs : int
        Numbers of inputs and outputs.
    task : {"binary", "multiclass", "multilabel", "regression"}
        The type of the targets.
    loss : Loss
        The loss that training minimizes.
    hidden_layer_sizes : tuple of int
        Number of units of each hidden layer.
    activation : str or tuple of str
        Activation function of all hidden layers, or of each of them; see `activations`.
    dtype : {"float32", "float64"}
        Precision of weights and arithmetic.
    backend : str
        The name of the backend.
    seed : int
        A seed for everything that the builder or the network draws.
    feature_names : tuple of str or None, default=None
        Names of the features, if X has them.
    classes : tuple or None, default=None
        Class labels of a classifier.
    dropout : float or tuple of float, default=0.0
        Fraction of the units that a training step drops in all hidden layers, or in each of
        them; see `dropouts`.
    columns : tuple of Column or None, default=None
        The columns of encoded rows; None without an encoder.
    n_rows : int, default=0
        Number of training rows, including those that are held out for validation; 0 if it is not
        known.
    n_models : int, default=0
        Number of models that are trained as one, each on its own rows; see `Network.n_models`. 0
        means one model without a leading axis.
    sample : Dataset or None, default=None
        At most 20,000 training rows, drawn at random, with encoded X, the targets that the network
        is trained on, and their weights, for an initialization that depends on the data. The
        arrays are read-only. It is not compared and not kept.
    """

    n_features: int
    n_outputs: int
    task: Task
    loss: Loss
    hidden_layer_sizes: tuple[int, ...]
    activation: Activation | tuple[Activation, ...]
    dtype: Literal["float32", "float64"]
    backend: str
    seed: int
    feature_names: tuple[str, ...] | None = None
    classes: tuple[Any, ...] | None = None
    dropout: float | tuple[float, ...] = 0.0
    columns: tuple[Column, ...] | None = None
    n_rows: int = 0
    n_models: int = 0
    sample: Dataset | None = field(default=None, compare=False, repr=False)

    @property
    def out_activation(self) -> str:
        """Activation function of the output layer by the name that frameworks use: "linear",
        "sigmoid", "softmax" or "exponential". `Network.apply` does not apply it.
        """
        return FRAMEWORK_ACTIVATIONS[self.loss.out_activation]

    @property
    def activations(self) -> tuple[Activation, ...]:
        """Activation function of each hidden layer."""
        if isinstance(self.activation, str):
            return (self.activation,) * len(self.hidden_layer_sizes)
        return self.activation

    @property
    def dropouts(self) -> tuple[float, ...]:
        """Dropout of each hidden layer, after its activation; see `dropout_mask`."""
        if isinstance(self.dropout, tuple):
            return self.dropout
        return (self.dropout,) * len(self.hidden_layer_sizes)

    @property
    def layer_units(self) -> tuple[int, ...]:
        """Number of units of each layer of the dense network, input and output included."""
        return (self.n_features, *self.hidden_layer_sizes, self.n_outputs)


class Apply(Protocol):
    """The forward pass of a network: a pure function of arrays of the backend."""

    def __call__(self, arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
        """Compute the outputs.

        Parameters
        ----------
        arrays : dict of arrays
            Weights by name, those that are not trained included.
        x : array of shape (n, n_features)
            Rows of one step.
        train : bool
            Whether it is a training step.
        seed : scalar
            Seed of the step, for dropout and layers that draw random numbers.
        w : array of shape (n,) or None
            Weights of the rows in training. A row of weight 0 is padding, which must not count
            in statistics over the batch. None in prediction.

        Returns
        -------
        outputs : array of shape (n, n_outputs)
            Outputs before the activation of the output layer.
        arrays : dict of arrays
            New values of frozen arrays; arrays that it does not contain are unchanged. It may
            also hold, under the key `PENALTY`, a scalar that is added to the loss for each unit of
            weight.
        """


class StepContext(NamedTuple):
    """What a network needs to know about a training step, in addition to its rows.

    Parameters
    ----------
    seed : array of int of shape ()
        Seed of the step; see `dropout_mask`.
    ids : array of int of shape (n,)
        The index of each row among all training rows, those of other processes included, as in
        `Steps.put`; any value for padding. Backends with unsigned integers have the last 32 bits.
    w : array of shape (n,)
        Weights of the rows. A row of weight 0 is padding, which must not count in statistics over
        the batch.
    dropout : array of shape ()
        The factor of all dropout rates at this step, from `Batches.dropout_factors`, or 1; see
        `dropout`.
    """

    seed: Any
    ids: Any
    w: Any
    dropout: Any


class PortableApply(Protocol):
    """The forward pass of a network for every backend, written with the functions of `xp`.

    It must be a pure function of the trailing axes, since leading axes may precede them; see
    `Network.n_models`.
    """

    def __call__(
        self, xp: Namespace, arrays: Any, x: Any, step: StepContext | None = None
    ) -> tuple[Any, Any]:
        """Compute the outputs.

        Parameters
        ----------
        xp : namespace
            The array functions of the backend; see `NAMESPACE`.
        arrays : dict of arrays
            Weights by name, those that are not trained included.
        x : array of shape (n, n_features), or (n_models, n, n_features)
            Rows.
        step : StepContext or None, default=None
            The training step; None in prediction. With a leading axis for models, its `ids` and
            `w` have the shape (n_models, n).

        Returns
        -------
        outputs : array of shape (n, n_outputs), or (n, n_members, n_outputs)
            Outputs before the activation of the output layer, for several models with a leading
            axis of length `n_models`.
        arrays : dict of arrays
            New values of frozen arrays; arrays that it does not contain are unchanged. It may
            also hold, under the key `PENALTY`, a number that is added to the loss for each unit of
            weight: a scalar, or for several models an array of shape (n_models,).
        """


class Network(NamedTuple):
    """Initial weights and the functions that belong to them; what a builder returns.

    Parameters
    ----------
    arrays : dict of ndarray
        Initial weights by name. The trained ones have the same dtype, which is the dtype of
        training.
    apply : Apply or None, default=None
        The forward pass. None is the dense network of `Spec`, with weights ``coef_0``,
        ``intercept_0``, ``coef_1`` and so on. Return the same function for the same structure:
        compiled code is cached by it.
    decayed : frozenset of str, default=frozenset()
        Names of the weights that the L2 penalty includes.
    frozen : frozenset of str, default=frozenset()
        Names of the arrays that are not trained, such as batch statistics.
    loss : Loss or None, default=None
        The loss of the network, which replaces that of the estimator.
    solver : Solver or None, default=None
        The solver of the network, which replaces that of the estimator.
    metrics : tuple of Metric, default=()
        Metrics that are computed after every epoch in addition to those of the estimator.
    xp_apply : PortableApply or None, default=None
        The forward pass for all backends, in place of `apply`. NumPy evaluates it in predictions.
    n_members : int, default=0
        Number of members of an ensemble inside the network, of which each has its own outputs: the
        shape of the outputs is (n, n_members, n_outputs). The loss is the mean of the losses of
        the members, and the prediction is the mean of their activated outputs. 0 means one
        network, whose outputs have the shape (n, n_outputs).
    n_models : int, default=0
        Number of models in a network of `Spec.n_models`: all arrays have a leading axis of this
        length. The rows of a step consist of as many parts of equal size, one for each model. 0
        means one model, without such an axis.
    learning_rate_factors : dict of float, default={}
        Factor of the learning rate by name of the weights; 1 for other weights. It multiplies the
        learning rate of an elementwise solver. Since a joint solver has one learning rate, the
        factor multiplies the change of the weights. It multiplies the weight decay as well.
    weight_decay_factors : dict of float, default={}
        Factor of `Solver.weight_decay` by name of the weights. Other weights have the factor 1 if
        they have two or more axes, not counting that of models, and 0 if they are vectors.
    has_dropout : bool, default=False
        Whether the network applies `Spec.dropouts`. The dense network does; for other networks
        without it, the parameter `dropout` of an estimator must be 0.
    options : dict, default={}
        Options of the builder, of plain values, that make it independent of `Spec.sample`: with
        them and without a sample, it returns the same network but for the values of the arrays.
        Files contain no functions, so `mlpkit.load` calls the builder again with them, and replaces
        the arrays.
    """

    arrays: Arrays
    apply: Apply | None = None
    decayed: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    loss: Loss | None = None
    solver: Solver | None = None
    metrics: tuple[Metric, ...] = ()
    xp_apply: PortableApply | None = None
    n_members: int = 0
    n_models: int = 0
    learning_rate_factors: Mapping[str, float] = {}
    weight_decay_factors: Mapping[str, float] = {}
    has_dropout: bool = False
    options: Mapping[str, Any] = {}


#: The factory of a network: ``builder(spec, rng, **options)``, or without ``rng``. It returns a
#: `Network`, or a model of a framework for which a plugin is installed. All of the network but the
#: values and the lengths of its arrays depends on the spec without `Spec.sample`, the options and
#: `Network.options` only.
Builder: TypeAlias = Callable[..., Any]
