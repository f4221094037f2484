"""A network with its weights, as arrays and as the training state of a backend."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from mlpkit.backend_kit import flushed
from mlpkit.numpy_backend import portable
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import (
    Activation,
    Array,
    Arrays,
    Backend,
    Network,
    Recipe,
    Solver,
    Spec,
    State,
    Steps,
)
from mlpkit.registry.provenance import RequiredPlugins, Source
from mlpkit.training.batches import EpochBatches
from mlpkit.training.checks import checked_steps
from mlpkit.training.parameters import Parameters, is_same
from mlpkit.training.selection import Selection


class LiveState(NamedTuple):
    """A training state, with the functions it belongs to and what these were made from."""

    steps: Steps
    state: State
    batches: EpochBatches
    backend: tuple[Backend, dict[str, Any]]
    recipe: Recipe


class FittedNetwork:
    """Owns the weights and the optimizer state of a network, and computes its outputs.

    Arrays and training state are converted into each other when one is needed. Pickles and
    copies contain arrays only. An object never changes its meaning: training and setting
    layers create another one. But values that a user writes into the arrays of `layers` count.

    Parameters
    ----------
    spec : Spec
    network : Network
        With the weights, unless there is a live state.
    optimizer_state : dict of ndarray or None, default=None
    live : LiveState or None, default=None
    """

    sources: tuple[Source, ...] = ()  # the plugins that it was made by
    origin: tuple[Any, Mapping[str, Any]] = ("dense", {})  # the builder, by name, and its options
    _layers: DenseLayers | None = None  # since they were requested or set, their values count
    _sorted: DenseLayers | None = None  # the layers for prediction
    _selection: Selection | None = None  # that of the call that trained it

    def __init__(
        self,
        spec: Spec,
        network: Network,
        optimizer_state: Arrays | None = None,
        live: LiveState | None = None,
    ) -> None:
        self.spec = spec
        # the network without weights
        self.structure = network._replace(arrays={}) if network.arrays else network
        self._arrays = None if live else network.arrays
        self._optimizer_state = None if live else optimizer_state or {}
        self._live = live

    @property
    def arrays(self) -> Arrays:
        """The weights by name as training left them; the same NumPy arrays at every call."""
        if self._arrays is None:
            assert self._live is not None
            self._arrays = self._live.steps.arrays(self._live.state)
        return self._arrays

    @property
    def optimizer_state(self) -> Arrays:
        """The optimizer state; the same NumPy arrays at every call."""
        if self._optimizer_state is None:
            assert self._live is not None
            self._optimizer_state = self._live.steps.optimizer_state(self._live.state)
        return self._optimizer_state

    @property
    def is_dense(self) -> bool:
        """Whether it is the dense network, which NumPy can evaluate."""
        return self.structure.apply is None and not self.is_portable

    @property
    def is_portable(self) -> bool:
        """Whether it has an `xp_apply`, which NumPy can evaluate."""
        return self.structure.xp_apply is not None

    @property
    def network(self) -> Network:
        """The network with its weights."""
        return self.structure._replace(arrays=self.arrays)

    @property
    def solver(self) -> Solver | None:
        """The solver that the network brings, if any."""
        return self.structure.solver

    @property
    def layers(self) -> DenseLayers:
        """The layers of the dense network as lists. Values that are written into them count."""
        if self._layers is None:
            self._layers = DenseLayers.of(self.arrays)
        return self._layers

    @property
    def is_edited(self) -> bool:
        """Whether values of the layers may differ from those of the arrays."""
        return self._layers is not None

    def with_layers(
        self, coefs: Sequence[Array] | None = None, intercepts: Sequence[Array] | None = None
    ) -> "FittedNetwork":
        """The network with other weights or biases."""
        layers = self.layers
        network = object.__new__(type(self))
        network.__dict__.update(vars(self))
        network._layers = DenseLayers(
            layers.coefs if coefs is None else coefs,
            layers.intercepts if intercepts is None else intercepts,
        )
        return network

    def edited(self, spec: Spec, arrays: Arrays, optimizer_state: Arrays) -> "FittedNetwork":
        """A network of this structure with other weights, and without a live state."""
        network = FittedNetwork(spec, self.structure._replace(arrays=arrays), optimizer_state)
        network.sources, network.origin = self.sources, self.origin
        return network

    def current(self, activation: Activation | tuple[Activation, ...]) -> "FittedNetwork":
        """The network with edits of its layers and this activation written into its arrays."""
        if not self.is_dense:
            return self
        spec = replace(self.spec, activation=activation)
        if self._layers is not None:
            return self.edited(spec, self._layers.arrays(spec.dtype), self.optimizer_state)
        if spec == self.spec:
            return self
        return self.edited(spec, self.arrays, self.optimizer_state)

    def dense_outputs(self, X: Any, activation: str | Sequence[str], out_activation: str) -> Array:
        """Activated outputs of the dense network, (n_samples, n_outputs), computed by NumPy."""
        layers = self._layers
        if layers is None:
            if self._sorted is None:
                coefs, intercepts = DenseLayers.of(self.arrays)
                self._sorted = DenseLayers(tuple(coefs), tuple(intercepts))
            layers = self._sorted
        return layers.outputs(X, activation, out_activation)

    def portable_outputs(self, X: Any, out_activation: str) -> Array:
        """Activated outputs of an `xp_apply`, (n_samples, n_outputs), computed by NumPy."""
        return portable.predict(self.network, X, self.spec.dtype, out_activation)

    def live_outputs(self, X: Any, live: LiveState, out_activation: str) -> Array:
        """Activated outputs, (n_samples, n_outputs), computed by a backend."""
        self._live = live  # for the next call
        return portable.predictions_of(live.steps.outputs(live.state, X), out_activation)

    def selection(self, parameters: Parameters) -> Selection:
        """What the parameters select; that of the last call, if nothing has changed."""
        last = self._selection
        if last is not None and last.is_of(parameters, self.structure):
            return last
        return Selection(parameters, self.structure)

    def is_trained_with(self, parameters: Parameters) -> bool:
        """Whether it is the result of a call with these parameters, and unchanged since then."""
        last = self._selection
        return last is not None and not self.is_edited and last.is_of(parameters, self.structure)

    def live_for(self, backend: tuple[Backend, dict[str, Any]], recipe: Recipe) -> LiveState | None:
        """The live state, if it was made by this backend for this recipe."""
        live = self.live_of(backend)
        return live if live is not None and is_same(live.recipe, recipe) else None

    def live_of(self, backend: tuple[Backend, dict[str, Any]]) -> LiveState | None:
        """The live state, if it was made by this backend."""
        live = self._live
        return live if live is not None and is_same(live.backend, backend) else None

    def started(self, backend: tuple[Backend, dict[str, Any]], recipe: Recipe) -> LiveState:
        """A new live state with the weights and the optimizer state; its steps are checked."""
        make, options = backend
        made = make(self.network, self.spec, recipe, **options)
        made = made._replace(
            gradient=flushed(made.gradient), update=flushed(made.update), epoch=flushed(made.epoch)
        )
        steps = checked_steps(made, self.spec, recipe.solver)
        state = steps.start({**self.arrays, **self.optimizer_state})
        return LiveState(steps, state, EpochBatches(recipe, self.spec.seed), backend, recipe)

    def keep_optimizer_state(self, optimizer_state: Arrays) -> None:
        """Hold the optimizer state of another solver, for when training continues with it."""
        self._optimizer_state = optimizer_state

    def trained(self, live: LiveState, selection: Selection | None = None) -> "FittedNetwork":
        """The network after training with these components."""
        network = FittedNetwork(self.spec, self.structure, live=live)
        network.origin = self.origin
        if selection is not None:
            network.sources, network._selection = selection.sources, selection
        return network

    def __getstate__(self) -> dict[str, Any]:
        plugins = RequiredPlugins(
            self.sources, self.is_dense, self.is_portable
        )  # first: loaded before the rest
        state = {
            **vars(self),
            "_arrays": self.arrays,
            "_optimizer_state": self.optimizer_state,
            "_live": None,
        }
        for name in ("_sorted", "_selection"):
            state.pop(name, None)
        return {"required_plugins": plugins, **state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.pop("required_plugins", None)
        self.__dict__.update(state)
