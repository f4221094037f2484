"""A network with its weights: plain arrays, and a live backend state that is ahead of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mlpkit.numpy_backend import dense
from mlpkit.plugin import Array, Arrays, Backend, Network, Recipe, Solver, Spec, State, Steps
from mlpkit.registry.provenance import RequiredPlugins, Source


class Live(NamedTuple):
    """A state, the functions that it belongs to, and what they were made from."""

    steps: Steps
    state: State
    backend: tuple[Backend, dict[str, Any]]
    recipe: Recipe


class Model:
    """What the network is, its weights and the solver's slots.

    Arrays and live state are made from each other when one is missing. Pickles and copies
    hold arrays alone. Training makes a new model; this one goes on meaning what it did.
    """

    sources: tuple[Source, ...] = ()  # the plugins that made it
    _layers: tuple[Sequence[Array], Sequence[Array]] | None = None

    def __init__(
        self,
        spec: Spec,
        network: Network,
        optimizer_state: Arrays | None = None,
        live: Live | None = None,
    ) -> None:
        self.spec = spec
        self._bare = network._replace(arrays={})
        self._arrays = None if live else network.arrays
        self._slots = None if live else optimizer_state or {}
        self._live = live

    @property
    def arrays(self) -> Arrays:
        """The weights; the same NumPy arrays at every call."""
        if self._arrays is None:
            assert self._live is not None
            self._arrays = self._live.steps.arrays(self._live.state)
        return self._arrays

    @property
    def layers(self) -> tuple[Sequence[Array], Sequence[Array]]:
        """The weights and the biases of a dense chain, sorted once for all predictions."""
        if self._layers is None:
            coefs, intercepts = dense.layers(self.arrays)
            self._layers = tuple(coefs), tuple(intercepts)
        return self._layers

    @property
    def optimizer_state(self) -> Arrays:
        """The solver's slots, likewise."""
        if self._slots is None:
            assert self._live is not None
            self._slots = self._live.steps.optimizer_state(self._live.state)
        return self._slots

    @property
    def is_dense(self) -> bool:
        """Whether it is the dense chain, which NumPy can evaluate."""
        return self._bare.apply is None

    @property
    def network(self) -> Network:
        """The network with its present weights."""
        return self._bare._replace(arrays=self.arrays)

    @property
    def structure(self) -> Network:
        """The network without weights: those of a live state need not be pulled for it."""
        return self._bare

    @property
    def solver(self) -> Solver | None:
        """The solver that the network brings, if any."""
        return self._bare.solver

    @property
    def decayed(self) -> frozenset[str]:
        """The names under the L2 penalty."""
        return self._bare.decayed

    def kept(self, backend: tuple[Backend, dict[str, Any]], recipe: Recipe) -> Live | None:
        """The live state, if it was made from just this."""
        live = self._live
        same = live is not None and (live.backend, live.recipe) == (backend, recipe)
        return live if same else None

    def live(self, backend: tuple[Backend, dict[str, Any]], recipe: Recipe) -> Live:
        """The live state if it was made from just this, else a new one from the arrays."""
        kept = self.kept(backend, recipe)
        if kept is not None:
            return kept
        make, options = backend
        steps = make(self.network, self.spec, recipe, **options)
        return Live(steps, steps.start({**self.arrays, **self.optimizer_state}), backend, recipe)

    def at_hand(self, backend: tuple[Backend, dict[str, Any]]) -> Live | None:
        """The live state, if there is one of this backend."""
        return self._live if self._live is not None and self._live.backend == backend else None

    def keep(self, live: Live) -> None:
        """Have the live state of the present arrays at hand for the next call."""
        self._live = live

    def carry(self, optimizer_state: Arrays) -> None:
        """Hold slots of another solver than the last, for when that one goes on."""
        self._slots = optimizer_state

    def trained(self, live: Live, sources: tuple[Source, ...] = ()) -> "Model":
        """The model after training by these plugins."""
        model = Model(self.spec, self._bare, live=live)
        model.sources = sources
        return model

    def edited(self, spec: Spec, arrays: Arrays, optimizer_state: Arrays) -> "Model":
        """The model with these weights and slots for its own, and no live state."""
        model = Model(spec, self._bare._replace(arrays=arrays), optimizer_state)
        model.sources = self.sources
        return model

    def __getstate__(self) -> dict[str, Any]:
        needs = RequiredPlugins(self.sources, self.is_dense)  # first: it is to be loaded first
        mine = {**vars(self), "_arrays": self.arrays, "_slots": self.optimizer_state, "_live": None}
        mine.pop("_layers", None)
        return {"needs": needs, **mine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.pop("needs", None)
        self.__dict__.update(state)
