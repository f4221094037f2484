"""Everything that a plugin author needs: how to write one, and what it must hold to.

A plugin is a distribution with one entry point in the group ``mlpkit`` that names
a *light* module (one that imports no framework, nor a parent package that does)::

    [project.entry-points.mlpkit]
    lion = "mlpkit_lion"

    # mlpkit_lion.py
    from mlpkit.plugin import Component, Solver, hookimpl

    def update(xp, p, g, slots, rate, options):
        (m,) = slots
        p = p - rate * xp.sign(options["beta"] * m + (1 - options["beta"]) * g)
        return p, (0.99 * m + 0.01 * g,)

    def lion(beta=0.9):
        return Solver(update=update, slots=("m",), options={"beta": beta})

    @hookimpl
    def mlpkit_solvers():
        return [Component("lion", "mlpkit_lion:lion", "sign momentum", options=("beta",))]

``pip install`` it, see it in ``mlpkit plugins``, use it with
``MLPClassifier(solver="lion")``, test it with a subclass from `mlpkit.testing`.

A hook takes no argument and returns components. A component only *describes*: its
factory is imported when a user asks for its name, so listing costs nothing. Plugins
never see the estimator, never depend on each other's order, and import nothing of
mlpkit but this module (`mlpkit.measures`, on metrics and partitioners,
`mlpkit.objectives`, on losses and solvers, `mlpkit.dropout`, `mlpkit.capabilities`, on what a
backend may support, and `mlpkit.results`, on checks of results, are parts of it).
Built-ins come in through the same hooks (`mlpkit.builtins`).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import pluggy

from mlpkit.capabilities import CAPABILITIES as CAPABILITIES
from mlpkit.capabilities import Capability as Capability
from mlpkit.dropout import dropout_mask as dropout_mask
from mlpkit.measures import Array as Array
from mlpkit.measures import Groups as Groups
from mlpkit.measures import Metric as Metric
from mlpkit.measures import Partitioner as Partitioner
from mlpkit.measures import Reading as Reading
from mlpkit.measures import Sample as Sample
from mlpkit.measures import Scored as Scored
from mlpkit.measures import Tally as Tally
from mlpkit.measures import Task as Task
from mlpkit.objectives import Arrays as Arrays
from mlpkit.objectives import Joint as Joint
from mlpkit.objectives import Loss as Loss
from mlpkit.objectives import Namespace as Namespace
from mlpkit.objectives import OutActivation as OutActivation
from mlpkit.objectives import Solver as Solver
from mlpkit.results import InvalidResult as InvalidResult
from mlpkit.results import PluginError as PluginError
from mlpkit.results import PluginWarning as PluginWarning
from mlpkit.results import Unsupported as Unsupported
from mlpkit.results import deltas as deltas
from mlpkit.results import moved as moved
from mlpkit.results import row_losses as row_losses
from mlpkit.results import stepped as stepped

API = 1  # the version of the contract; a plugin's module names those it is for: mlpkit_api = (1, 1)

hookimpl = pluggy.HookimplMarker("mlpkit")
hookspec = pluggy.HookspecMarker("mlpkit")

State: TypeAlias = Any  # a backend's own: weights and solver slots, never written to
Rows: TypeAlias = Any  # a backend's own: training data as `Steps.put` left it
Kind = Literal[
    "backend",
    "builder",
    "solver",
    "trainer",
    "callback",
    "metric",
    "partitioner",
    "adapter",
    "exporter",
]
Activation = Literal[
    "identity", "logistic", "tanh", "relu", "gelu", "silu", "selu", "mish", "leaky_relu"
]  # gelu by the error function, not its approximation; the slope of leaky_relu is 0.01


@dataclass(frozen=True)
class Component:
    """What a hook returns: a name, and where to find what it stands for.

    ``factory`` is ``"package.module:function"`` of the function for its kind:
    ``backend(network, spec, recipe, **options) -> Steps``,
    ``builder(spec, rng, **options) -> Network``, ``solver(**options) -> Solver``,
    ``callback(**options) -> Callback``, ``metric(**options) -> Metric``,
    ``partitioner(**options) -> Partitioner``, or a `Trainer` itself; for an adapter and
    an exporter see their hooks.
    ``requires`` holds the top-level modules that must be there; ``options`` what it takes;
    ``device``, of a backend, is where it computes by default: "cpu", or
    ``"package.module:function"`` of a function without arguments that returns its name, as
    "gpu 0 (NVIDIA H100)". ``mlpkit plugins`` calls it in a process of its own, since it may
    import a framework.
    ``exempt`` the laws of `mlpkit.testing` that it can't keep, each with the reason.
    ``supports`` is for a backend: the `Capability` names that it declares, by default the dense
    network alone. What it declares must work, and the laws compare it with NumPy; a fit that
    needs what it does not declare raises PluginError before training. A backend that is given
    as an object declares with an attribute ``supports`` of its own; without one it is assumed to
    support everything.
    """

    name: str
    factory: str
    summary: str = ""
    requires: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict, hash=False)  # {"test_...": "why"}
    device: str = ""
    supports: tuple[Capability, ...] = ("dense_networks",)


IN_FRAMEWORKS: dict[OutActivation, str] = {
    "identity": "linear",
    "logistic": "sigmoid",
    "softmax": "softmax",
    "exp": "exponential",
}


@dataclass(frozen=True)
class Spec:
    """What the network is: all that a builder may want to know.

    ``activation`` and ``dropout`` are one for all hidden layers, or a tuple with one for each
    of them; `activations` and `dropouts` have them by layer in either case.
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
    dropout: float | tuple[float, ...] = 0.0  # the fraction of units that a step leaves out

    @property
    def out_activation(self) -> str:
        """The activation of the last layer by the name that frameworks have for it: linear,
        sigmoid, softmax or exponential. `Network.apply` returns outputs without it.
        """
        return IN_FRAMEWORKS[self.loss.out_activation]

    @property
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        if isinstance(self.activation, str):
            return (self.activation,) * len(self.hidden_layer_sizes)
        return self.activation

    @property
    def dropouts(self) -> tuple[float, ...]:
        """The dropout of each hidden layer, behind its activation, see `dropout_mask`."""
        if isinstance(self.dropout, tuple):
            return self.dropout
        return (self.dropout,) * len(self.hidden_layer_sizes)

    @property
    def layer_units(self) -> tuple[int, ...]:
        """Units of every layer of the dense chain, input and output included."""
        return (self.n_features, *self.hidden_layer_sizes, self.n_outputs)


@dataclass(frozen=True)
class Recipe:
    """How the network is trained."""

    solver: Solver
    alpha: float
    batch_size: int  # rows of a full step
    learning_rate: Literal["constant", "invscaling", "adaptive"]
    learning_rate_init: float
    power_t: float
    max_iter: int
    max_fun: int
    shuffle: bool
    tol: float
    n_iter_no_change: float


PENALTY = "penalty"  # what `Apply` may report beside the frozen arrays


class Apply(Protocol):
    """``(arrays, x, *, train, seed, w) -> (outputs before activation, arrays)``: pure, in the
    backend's own arrays; the arrays that come back hold new values of the frozen ones, and
    may hold under `PENALTY` a scalar that is added to the loss of each unit of weight.
    ``w`` (n,) are the weights of the rows in training, 0 where a row is padding and must
    not count in what looks at a whole batch; None in prediction.
    """

    def __call__(self, arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
        """Evaluate the network."""


class Network(NamedTuple):
    """Initial weights, always NumPy, and what to do with them.

    ``apply`` None means the dense chain that `Spec` describes, with weights ``coef_0``,
    ``intercept_0``, ``coef_1`` ... Return the same ``apply`` object for the same structure:
    compiled code is kept by it. ``decayed`` names what the L2 penalty covers, ``frozen``
    what is not trained (batch statistics). The dtype of the trained arrays, all of one,
    becomes that of the training. ``loss`` and ``solver`` take the place of the estimator's
    where the network brings its own.
    """

    arrays: Arrays
    apply: Apply | None = None
    decayed: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()
    loss: Loss | None = None
    solver: Solver | None = None
    metrics: tuple[Metric, ...] = ()  # measured in every epoch, beside the estimator's


class Sums(NamedTuple):
    """What one step, or each of several, added up over its rows.

    ``loss`` and ``weight`` add up over shards; ``penalty``, ``alpha / 2 * |decayed|^2``, is
    a value of the state before the step and does not. Floats, or float64 arrays (steps,).
    ``predictions`` are the activated outputs (steps, batch, n_outputs) of each row as its
    step met it, any value at weight 0; None unless the epoch is `Batches.watched`, which it
    is only for a backend that declares "watched_epochs".
    """

    loss: Any
    weight: Any
    penalty: Any
    predictions: Array | None = None


class Batches(NamedTuple):
    """The steps of (part of) an epoch."""

    order: Array  # (steps, batch) int, row indices; -1 is padding
    rates: Array  # (steps,) float64, learning rates
    seeds: Array  # (steps,) uint32, for dropout and layers that draw
    watched: bool = False  # keep what each row was predicted: `Sums.predictions`


class Steps(NamedTuple):
    """A backend: pure functions over its own state. States of one network and spec fit any
    Steps made for them; no function writes into a state or an array that it was given. What
    solvers and losses return goes through `stepped`, `moved`, `row_losses` and `deltas`, which
    raise `InvalidResult`.

    put       X (n, n_features) dense or CSR, y (n, n_outputs), w (n,) or None -> Rows
    start     weights, maybe with solver slots under `slot_name` -> State
    arrays    State -> weights, NumPy, writable; ``arrays(start(a))`` is ``a`` bit for bit
    slots     State -> solver slots, likewise, under `slot_name`
    gradient  State, Rows, indices (batch,) with -1 as padding, or None for all rows, seed
              -> Sums, and the gradient of the loss as SUMS over rows (NumPy, by name)
              and, for frozen arrays, what `update` makes their new values of: the mean over
              shards of the new ones; of integers of their changes, exact below 2**20
    update    State, summed gradients, summed weight, rate -> State; divides, adds L2, steps
    epoch     State, Rows, Batches -> State, Sums of each step: a faster way to say
              gradient and update. A step of weight 0 changes nothing.
    outputs   State, X -> outputs before activation, (n, n_outputs), NumPy
    """

    put: Callable[[Any, Array, Array | None], Rows]
    start: Callable[[Arrays], State]
    arrays: Callable[[State], Arrays]
    slots: Callable[[State], Arrays]
    gradient: Callable[[State, Rows, Array | None, int], tuple[Sums, Arrays]]
    update: Callable[[State, Arrays, float, float], State]
    epoch: Callable[[State, Rows, Batches], tuple[State, Sums]]
    outputs: Callable[[State, Any], Array]


Builder: TypeAlias = Callable[[Spec, np.random.RandomState], Network]
Backend: TypeAlias = Callable[[Network, Spec, Recipe], Steps]


@dataclass(frozen=True)
class Progress:
    """What training carries from call to call, besides the state."""

    rate: float  # the schedule's current learning rate
    epoch: int = 0  # of this call
    samples: int = 0  # rows seen since the first call: scikit-learn's t_
    step: int = 0  # updates made with the current solver slots
    stale: int = 0  # epochs in a row without improvement
    best_loss: float = np.inf
    best_score: float = -np.inf


class Report(NamedTuple):
    """One finished epoch, for callbacks."""

    epoch: int
    loss: float
    score: float | None  # on the held-out rows, with early stopping
    rate: float
    seconds: float
    note: str | None = None  # the trainer's reason to stop, or to lower the rate
    arrays: Callable[[], Arrays] = dict  # the weights after it
    predictions: Array | None = None  # (n_rows, n_outputs), of a job that is `watched`
    metrics: Callable[[], Iterable[Reading]] = tuple  # of the estimator, in this epoch
    monitored: tuple[str, float] | None = None  # what `early_stopping_on` looks at, and its value


# None or False continues, True stops, a positive finite float is the learning rate from here
# on; anything else is an error. May have `on_begin(report)`, called before the first epoch with
# epoch 0, which returns None, False or a learning rate; and `on_end(report)`, called after
# training, even after an error, which returns None or all the weights by name, with their
# shapes and finite, to replace the last ones.
Callback: TypeAlias = Callable[[Report], "bool | float | None"]


class Job(NamedTuple):
    """What a trainer works on."""

    steps: Steps
    rows: Rows
    n_rows: int
    recipe: Recipe
    rng: np.random.RandomState
    seed: int
    decayed: frozenset[str]  # as in `Network`
    score: Callable[[State], float] | None = None  # higher is better
    frozen: frozenset[str] = frozenset()  # as in `Network`
    passes: int = 0  # exactly so many epochs: no early end, no warning; 0: until it is done
    watched: bool = False  # reports shall hold predictions of the training rows, where they can


Watch: TypeAlias = Callable[[State, Report], "bool | float"]  # answers as a `Callback`
Trainer: TypeAlias = Callable[[Job, State, Progress, Watch], tuple[State, Progress]]


def slot_name(slot: str, name: str) -> str:
    """The key of a solver's slot for the weights ``name``: ``slot_name("m", "coef_0")``."""
    return f"{slot}/{name}"


class Hooks:
    """The hooks; each returns an iterable of `Component`."""

    @hookspec
    def mlpkit_backends(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Step functions: ``(network, spec, recipe) -> Steps``."""

    @hookspec
    def mlpkit_builders(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Networks: ``(spec, rng) -> Network``."""

    @hookspec
    def mlpkit_solvers(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Elementwise updates: ``(**options) -> Solver``."""

    @hookspec
    def mlpkit_trainers(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Training loops: a `Trainer`."""

    @hookspec
    def mlpkit_callbacks(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Listeners: ``(**options) -> Callback``."""

    @hookspec
    def mlpkit_metrics(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Numbers about rows: ``(**options) -> Metric``."""

    @hookspec
    def mlpkit_partitioners(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Rows into groups: ``(**options) -> Partitioner``."""

    @hookspec
    def mlpkit_adapters(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Foreign objects given as parameters: ``(kind, given, **context) -> component``.

        Its name is the top-level module of the objects' classes. ``kind`` is "solver",
        "loss" (context: spec), "metric" (context: task, or None where it is not known),
        "callback" (context: network, spec, recipe), or "builder" for what a user's function
        returned (context: spec, builder, options).
        """

    @hookspec
    def mlpkit_exporters(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Other forms of a trained network: ``(network, spec, **options) -> object``.

        "x" is reached as ``estimator.to_x(**options)``.
        """
