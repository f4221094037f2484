"""Steps by Keras's own ``train_on_batch``, on whatever backend Keras runs.

For models with a ``train_step`` of their own. Keras divides, adds penalties and steps by
itself, so `gradient` and `update` have nothing to give, and L2 by ``alpha`` does not apply.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import HostRows, gathered, host_rows, rows_within
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Network,
    PluginError,
    Recipe,
    Spec,
    Steps,
    StepSums,
)
from mlpkit_keras import heads
from mlpkit_keras.losses import KerasRows
from mlpkit_keras.models import assign
from mlpkit_keras.networks import KerasApply, named, seed_states
from mlpkit_keras.optimizers import PREFIX, optimizer_of
from mlpkit_keras.runtime import building, to_numpy

LOSSES = {
    "log_loss": "categorical_crossentropy",
    "binary_log_loss": "binary_crossentropy",
    "squared_error": "mean_squared_error",
    "absolute_error": "mean_absolute_error",
    "poisson": "poisson",
}
OUTPUT_ROWS = 4096


class State(NamedTuple):
    """Weights by name, and the variables of the optimizer: NumPy arrays, never written to."""

    weights: Arrays
    optimizer_state: Arrays


def backend(network: Network, spec: Spec, recipe: Recipe) -> Steps:
    """Steps for a Keras model; PluginError for a network of another kind."""
    if not isinstance(network.apply, KerasApply):
        raise PluginError(
            "backend='keras' trains Keras models, and this builder brings another network."
            " Choose builder='keras.mlp', a function that returns a keras.Model, or another"
            " backend."
        )
    b = Trained(network.apply, spec, recipe)
    return Steps(
        b.put, b.start, b.arrays, b.optimizer_state, b.gradient, b.update, b.epoch, b.outputs
    )


class Trained:
    """One live model; a state is put into it before it is used."""

    def __init__(self, apply: KerasApply, spec: Spec, recipe: Recipe) -> None:
        self.apply, self.spec = apply, spec
        self.model: Any = apply.source.model()
        if not self.model.compiled:
            rows, name = spec.loss.rows, spec.loss.name
            if not isinstance(rows, KerasRows) and name not in LOSSES:
                raise PluginError(
                    f"backend='keras' has no loss {name!r}: compile the model with one, or give"
                    " loss='keras.huber' or another one of Keras's."
                )
            loss = rows.made() if isinstance(rows, KerasRows) else LOSSES[name]
            self.model.compile(optimizer_of(recipe), loss)
        with building(spec.dtype):
            self.model.optimizer.build(self.model.trainable_variables)
        self.sparse = str(getattr(self.model.loss, "name", self.model.loss)).startswith("sparse_")

    def _slots(self) -> dict[str, Any]:
        # by number: names count up from model to model
        return {f"{PREFIX}/{i}": v for i, v in enumerate(self.model.optimizer.variables)}

    def _load(self, state: State) -> None:
        assign(self.model, state.weights)
        for name, variable in self._slots().items():
            variable.assign(state.optimizer_state[name])

    def put(self, X: Any, y: Array, w: Array | None) -> HostRows:
        """X (n, n_features), y (n, n_outputs), w (n,) -> rows on the host."""
        return host_rows(X, y, w, self.spec.dtype)

    def start(self, arrays: Arrays) -> State:
        """Copies of weights and slots."""
        weights = {name: np.array(arrays[name]) for name in named(self.model)}
        names = list(self._slots())
        if names[0] in arrays:
            return State(weights, {name: np.array(arrays[name]) for name in names})
        with building(self.spec.dtype):  # some slots begin as copies of the weights
            assign(self.model, weights)
            fresh = type(self.model.optimizer).from_config(self.model.optimizer.get_config())
            fresh.build(self.model.trainable_variables)
            optimizer_state = dict(zip(names, map(to_numpy, fresh.variables), strict=True))
        return State(weights, optimizer_state)

    def arrays(self, state: State) -> Arrays:
        """Copies of the weights."""
        return {name: a.copy() for name, a in state.weights.items()}

    def optimizer_state(self, state: State) -> Arrays:
        """Copies of the optimizer's variables."""
        return {name: a.copy() for name, a in state.optimizer_state.items()}

    def gradient(self, state: State, rows: Any, indices: Any, seed: int) -> Any:
        """Not to be had."""
        raise PluginError(
            "backend='keras' gives no gradients: train_on_batch keeps them. Choose backend='jax'"
            " or 'tensorflow' for this solver or trainer."
        )

    def update(self, state: State, gradients: Arrays, weight: float, learning_rate: float) -> State:
        """Not to be had."""
        return self.gradient(state, None, None, 0)  # type: ignore[no-any-return]

    def epoch(self, state: State, rows: HostRows, batches: Batches) -> tuple[State, StepSums]:
        """train_on_batch for each step; a step of weight 0 is left out."""
        steps = len(batches.order)
        sums = np.zeros((3, steps))
        with building(self.spec.dtype):
            self._load(state)
            for i, order in enumerate(batches.order):
                X, y, w = gathered(rows, order[order >= 0])
                if not len(w) or w.sum() <= 0:
                    continue
                self._seed(int(batches.seeds[i]))
                target = y.argmax(axis=1) if self.sparse else y
                mean = w.mean()  # Keras divides by rows, not by weight
                found = self.model.train_on_batch(X, target, sample_weight=w / mean)
                loss = float(np.ravel(to_numpy(found))[0])
                self.model.reset_metrics()
                sums[:2, i] = loss * w.sum(), w.sum()
            weights = {name: to_numpy(v) for name, v in named(self.model).items()}
            optimizer_state = {name: to_numpy(v) for name, v in self._slots().items()}
        return State(weights, optimizer_state), StepSums(*sums)

    def _seed(self, seed: int) -> None:
        for i, variable in enumerate(seed_states(self.model)):
            variable.assign(np.array([seed % 2**31, i]))

    def outputs(self, state: State, X: Any) -> Array:
        """Outputs before activation (n, n_outputs), NumPy."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        parts = []
        with building(self.spec.dtype):
            self._load(state)
            most = rows_within(max(self.spec.layer_units), 8, OUTPUT_ROWS)
            for begin in range(0, max(1, X.shape[0]), most):
                part = X[begin : begin + most]
                part = part.toarray() if issparse(part) else part
                p = self.model(part.astype(self.spec.dtype), training=False)
                if self.apply.head != "none":
                    p = heads.inverse(self.apply.activation)(p)
                parts.append(to_numpy(p))
        return np.concatenate(parts).astype(self.spec.dtype)
