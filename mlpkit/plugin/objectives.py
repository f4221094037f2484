"""Losses and solvers, written once for all backends."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from mlpkit.plugin.arrays import Array, Arrays, Namespace

#: An activation function of the output layer.
OutActivation = Literal["identity", "logistic", "softmax", "exp"]


#: A function of the progress of training, an ndarray of numbers from 0 to 1, which returns the
#: factor of a learning rate, a weight decay or a dropout rate at each of them, in the same shape.
Schedule: TypeAlias = Callable[[Array], Array]


class Loss(NamedTuple):
    """A loss together with the activation function of the output layer.

    Parameters
    ----------
    name : str
        The name of the loss.
    out_activation : {"identity", "logistic", "softmax", "exp"}
        Activation function of the output layer.
    rows : callable
        ``rows(xp, y, p)``: the loss of each row, shape (n,), of targets ``y`` and activated
        outputs ``p``, both of shape (n, n_outputs). ``xp`` is the namespace of the backend.
    delta : callable or None, default=None
        ``delta(xp, y, p)``: the derivative with respect to the outputs before activation, shape
        (n, n_outputs). If None, the backend differentiates `rows`, which requires the capability
        "losses_without_delta".
    """

    name: str
    out_activation: OutActivation
    rows: Callable[[Namespace, Any, Any], Any]
    delta: Callable[[Namespace, Any, Any], Any] | None = None


class Joint(NamedTuple):
    """An update of all weights at once, for solvers that are not elementwise.

    Return the same functions for the same settings: compiled code is cached by them.

    Parameters
    ----------
    start : callable
        ``start(arrays) -> optimizer_state``: the initial optimizer state, NumPy arrays by name,
        for the trained weights.
    update : callable
        ``update(xp, weights, gradients, optimizer_state, learning_rate)`` returns the new weights
        and the new optimizer state. All are dicts by name of arrays of the backend; the function
        is pure.
    """

    start: Callable[[Arrays], Arrays]
    update: Callable[..., tuple[Any, Any]]


class Solver(NamedTuple):
    """An optimizer, written once in plain operators for every backend.

    Parameters
    ----------
    update : callable or None, default=None
        ``update(xp, p, g, optimizer_state, learning_rate, options)`` returns the new weights and
        a tuple with the new optimizer state. Weights ``p``, gradients ``g`` and each array of the
        optimizer state have the same shape. The function may write into them (``m *= b`` works
        in place with NumPy and rebinds the name elsewhere); only the values that it returns
        count.
    optimizer_state : tuple of str, default=()
        Names of the arrays of the optimizer state. They start as zeros.
    options : dict of float, int or bool, default={}
        Constants of the update, which compiled code may inline. The update may branch on them on
        every backend.
    learning_rate_at : callable or None, default=None
        ``learning_rate_at(learning_rate, step, options)``: the learning rate of each of the
        steps 1, 2, ..., computed in float64 outside of compiled code. Adam's bias correction is
        implemented this way.
    scheduled : bool, default=False
        Whether the solver follows the estimator's schedule `learning_rate`.
    trainer : str, default="epochs"
        The training loop that the solver requires.
    joint : Joint or None, default=None
        An update of all weights at once, in place of `update` and `optimizer_state`.
    learning_rate : float or None, default=None
        The solver's own initial learning rate, in place of `learning_rate_init`.
    name : str, default=""
        Name of the update rule; the built-in solvers set "adam", "adamw", "sgd" and "lbfgs". A
        backend that has its own implementation of a rule may recognize it by this name and
        `options`. An empty name stands for a rule that only `update` or `joint` defines.
    weight_decay : float, default=0.0
        Strength of the decoupled weight decay. In addition to the update, a backend subtracts
        ``learning_rate * weight_decay * p`` for the weights p before the step, with the factors of
        `Network.learning_rate_factors` and `Network.weight_decay_factors`. A trainer passes
        `Batches.weight_decays` such that the learning rate here is the one before
        `learning_rate_at`. Solvers without steps do not use it.
    """

    update: Callable[..., tuple[Any, tuple[Any, ...]]] | None = None
    optimizer_state: tuple[str, ...] = ()
    options: Mapping[str, float] = {}
    learning_rate_at: Callable[[float, Array, Mapping[str, float]], Array] | None = None
    scheduled: bool = False
    trainer: str = "epochs"
    joint: Joint | None = None
    learning_rate: float | None = None
    name: str = ""
    weight_decay: float = 0.0

    @property
    def has_steps(self) -> bool:
        """Whether the solver updates the weights in steps, as `partial_fit` requires."""
        return self.update is not None or self.joint is not None
