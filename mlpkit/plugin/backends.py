"""Backends: pure functions over a training state."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from mlpkit.plugin.arrays import Array, Arrays
from mlpkit.plugin.networks import Network, Spec
from mlpkit.plugin.recipe import Recipe

#: The training state of a backend: weights and optimizer state. It is never written to.
State: TypeAlias = Any
#: The training rows of a backend, as `Steps.put` returned them.
Rows: TypeAlias = Any


class StepSums(NamedTuple):
    """Sums over the rows of one training step, or of each of several steps.

    Parameters
    ----------
    loss, weight : float or ndarray of shape (n_steps,)
        Summed losses and summed weights of the rows, float64. They add up over shards.
    penalty : float or ndarray of shape (n_steps,)
        The L2 penalty ``alpha / 2 * sum(decayed ** 2)`` of the state before the step. It does
        not add up over shards.
    predictions : ndarray of shape (n_steps, batch_size, n_outputs) or None, default=None
        Activated outputs of each row, in the place of its index in `Batches.order`. They are
        computed in the forward pass of its step, with its dropout, in the dtype of `Spec`; padding
        and rows of weight 0 may have any value. Only for `Batches` with ``with_predictions=True``,
        which a backend receives if it declares "epoch_predictions".
    """

    loss: Any
    weight: Any
    penalty: Any
    predictions: Array | None = None


class Batches(NamedTuple):
    """The steps of an epoch, of a part of one, or of several.

    Parameters
    ----------
    order : ndarray of shape (n_steps, batch_size)
        Row indices of each step, int64 and C-contiguous; -1 is padding, in any place.
    learning_rates : ndarray of shape (n_steps,)
        Learning rate of each step, float64.
    seeds : ndarray of shape (n_steps,)
        Seed of each step, uint32, for dropout and layers that draw random numbers.
    with_predictions : bool, default=False
        Whether to return `StepSums.predictions`.
    weight_decays : ndarray of shape (n_steps,) or None, default=None
        Strength of the decoupled weight decay of each step, float64, which is multiplied by the
        learning rate of the step. None means `Solver.weight_decay`.
    dropout_factors : ndarray of shape (n_steps,) or None, default=None
        Factor of all dropout rates of each step, float64. None means 1.
    """

    order: Array
    learning_rates: Array
    seeds: Array
    with_predictions: bool = False
    weight_decays: Array | None = None
    dropout_factors: Array | None = None


class Put(Protocol):
    """The preparation of training rows; see `Steps`."""

    def __call__(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> Rows:
        """Return the rows in the form of the backend."""


class Gradient(Protocol):
    """The gradient of one step; see `Steps`."""

    def __call__(
        self,
        state: State,
        rows: Rows,
        indices: Array | None,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> tuple[StepSums, Arrays]:
        """Return the sums over the rows of the step, and the gradients."""


class Update(Protocol):
    """One step of a solver; see `Steps`."""

    def __call__(
        self,
        state: State,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> State:
        """Return the state after the step."""


class Steps(NamedTuple):
    """What a backend returns: pure functions over its own training state.

    A state fits every `Steps` of the same network and spec. No function writes into a state or an
    array that it receives, or into one that an earlier call returned. Several threads may call the
    functions at once. A backend checks what solvers and losses return by
    `check_update`, `check_joint_update`, `check_row_losses` and `check_deltas` of
    `mlpkit.backend_kit`.

    Parameters
    ----------
    put : callable
        ``put(X, y, w, ids=None) -> rows``. X has shape (n, n_features) and the dtype of `Spec`; it
        is a dense array in any memory order, or CSR, whose values of one feature add up. The
        targets y (n, n_outputs) are bool for classes, and have the dtype and any memory order of
        the user's y for regression. The weights w (n,) are float64 or float32, or None. The ids
        (n,) are int64: the index of each row among the rows of all processes that train one
        network together, for dropout (see `StepContext.ids`); None means 0 to n - 1. There may be
        no rows. All arrays may be read-only.
    start : callable
        ``start(arrays) -> state``. The arrays are weights, and optionally the optimizer state
        under the keys of `optimizer_state_name`.
    arrays : callable
        ``arrays(state)``: the weights as writable NumPy arrays. ``arrays(start(a))`` equals ``a``
        bit for bit.
    optimizer_state : callable
        ``optimizer_state(state)``: the optimizer state, likewise, under the keys of
        `optimizer_state_name`.
    gradient : callable
        ``gradient(state, rows, indices, seed, dropout_factor=1.0) -> (sums, gradients)``. The
        indices have shape (batch_size,) and dtype int64, where -1 is padding; they are places
        among the rows of this `put`, not ids. None means all rows, for each model if there are
        several. The factor is that of `Batches.dropout_factors`. The gradients of the loss are
        sums over rows, as NumPy arrays by name; without rows, loss, weight and gradients are 0.
        For a frozen array, they hold its change times the weight of the rows, from which `update`
        computes the new value; changes of integers are exact below 2**20. With several models,
        `StepSums.weight` is the weight of each, (n_models,).
    update : callable
        ``update(state, gradients, weight, learning_rate, weight_decay=None) -> state``. It divides
        the summed gradients by the summed weight, adds the gradient of the L2 penalty, and makes
        one step. The weight decay is that of the step, as in `Batches.weight_decays`. The weight
        is that of each model, (n_models,), if there are several.
    epoch : callable
        ``epoch(state, rows, batches) -> (state, sums)``. This is the function that training spends
        its time in: it is called with all steps of an epoch at once. Equals a loop of `gradient`
        and `update`, and is faster. A step whose weight is 0 changes nothing. With several models,
        this holds for each of them, and the sums are over all models.
    outputs : callable
        ``outputs(state, X)``: outputs before the activation of the output layer, (n, n_outputs),
        as a NumPy array. There may be no rows. A network with members returns
        (n, n_members, n_outputs), and one of several models counts the members of all models. For X
        of shape (n_models, n, n_features), which has rows for each model, the outputs have the
        shape (n_models, n, n_outputs) or (n_models, n, n_members, n_outputs).
    """

    put: Put
    start: Callable[[Arrays], State]
    arrays: Callable[[State], Arrays]
    optimizer_state: Callable[[State], Arrays]
    gradient: Gradient
    update: Update
    epoch: Callable[[State, Rows, Batches], tuple[State, StepSums]]
    outputs: Callable[[State, Any], Array]


#: The factory of a backend: ``backend(network, spec, recipe, **options) -> Steps``.
Backend: TypeAlias = Callable[[Network, Spec, Recipe], Steps]


def optimizer_state_name(name: str, weight: str) -> str:
    """The key of one array of the optimizer state.

    Parameters
    ----------
    name : str
        A name of `Solver.optimizer_state`.
    weight : str
        The name of the weights that the array belongs to.

    Returns
    -------
    str

    Examples
    --------
    >>> optimizer_state_name("m", "coef_0")
    'm/coef_0'
    """
    return f"{name}/{weight}"
