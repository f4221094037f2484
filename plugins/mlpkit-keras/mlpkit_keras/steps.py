"""The backend "keras": training by ``train_on_batch``, on any backend of Keras.

It is for models with their own ``train_step``. Keras averages over the rows, adds penalties and
updates the weights, so there is no `gradient` or `update`, and `alpha` is ignored. The optimizer
keeps its own learning rate: learning rates that callbacks or schedules of mlpkit set are ignored.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import gather_rows, rows_within, training_dataset
from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Dataset,
    Loss,
    Network,
    PluginError,
    Recipe,
    Spec,
    Steps,
    StepSums,
)
from mlpkit_keras.conversion import assign
from mlpkit_keras.losses import KerasLossRows, name_in_mlpkit
from mlpkit_keras.networks import KerasApply, seed_variables, variables_of
from mlpkit_keras.optimizers import PREFIX, optimizer_of
from mlpkit_keras.output_activations import inverse
from mlpkit_keras.runtime import keras_scope, to_numpy

KERAS_LOSSES = {
    "log_loss": "categorical_crossentropy",
    "binary_log_loss": "binary_crossentropy",
    "squared_error": "mean_squared_error",
    "absolute_error": "mean_absolute_error",
    "poisson": "poisson",
}
OUTPUT_ROWS = 4096  # rows of a forward pass in prediction, at most


class TrainingState(NamedTuple):
    """Weights by name, and the variables of the optimizer: NumPy arrays, never written to."""

    weights: Arrays
    optimizer_state: Arrays


def backend(network: Network, spec: Spec, recipe: Recipe) -> Steps:
    """Steps for a Keras model. Raises PluginError for any other network."""
    if not isinstance(network.apply, KerasApply):
        raise PluginError(
            "backend='keras' trains Keras models, and this builder returns another network. Use"
            " builder='keras.mlp', a function that returns a keras.Model, or another backend."
        )
    if network.learning_rate_factors or network.weight_decay_factors or recipe.solver.weight_decay:
        raise PluginError(
            "backend='keras' does not support solver='adamw', nor factors of the learning rate and"
            " of the weight decay, since Keras updates the weights. Use an optimizer of Keras, such"
            " as solver='keras.adamw', or backend='jax' or 'tensorflow'."
        )
    schedules = recipe.weight_decay_schedule, recipe.dropout_schedule
    if callable(recipe.schedule) or any(schedule is not None for schedule in schedules):
        raise PluginError(
            "backend='keras' does not support schedules of mlpkit, since Keras updates the weights."
            " Use an optimizer of Keras with a schedule of its own, or backend='jax' or"
            " 'tensorflow'."
        )
    if recipe.max_gradient_norm is not None:
        raise PluginError(
            "backend='keras' does not support max_gradient_norm, since Keras updates the weights."
            " Use an optimizer of Keras with global_clipnorm=, or backend='jax' or 'tensorflow'."
        )
    if recipe.average_decay is not None:
        raise PluginError(
            "backend='keras' does not support average_decay, since Keras updates the weights. Use"
            " an optimizer of Keras with use_ema=True, or backend='jax' or 'tensorflow'."
        )
    f = KerasSteps(network.apply, spec, recipe)
    return Steps(
        f.put, f.start, f.arrays, f.optimizer_state, f.gradient, f.update, f.epoch, f.outputs
    )


class KerasSteps:
    """The functions of `Steps`. Each loads its state into one live model first."""

    def __init__(self, apply: KerasApply, spec: Spec, recipe: Recipe) -> None:
        self.apply, self.spec = apply, spec
        self.model: Any = apply.architecture.model()
        if not self.model.compiled:
            self.model.compile(optimizer_of(recipe), _keras_loss(spec.loss))
        with keras_scope(spec.dtype):
            self.model.optimizer.build(self.model.trainable_variables)
        self.sparse = str(getattr(self.model.loss, "name", self.model.loss)).startswith("sparse_")

    def _optimizer_variables(self) -> dict[str, Any]:
        # by number, since Keras numbers the names of models throughout the process
        return {f"{PREFIX}/{i}": v for i, v in enumerate(self.model.optimizer.variables)}

    def _load(self, state: TrainingState) -> None:
        assign(self.model, state.weights)
        for name, variable in self._optimizer_variables().items():
            variable.assign(state.optimizer_state[name])

    def put(self, X: Any, y: Array, w: Array | None, ids: Array | None = None) -> Dataset:
        """Training rows in host memory: X (n, n_features), y (n, n_outputs), w (n,). Layers of
        Keras draw by step, so that nothing depends on the ids.
        """
        return training_dataset(X, y, w, self.spec.dtype)

    def start(self, arrays: Arrays) -> TrainingState:
        """Copies of the weights and of the optimizer state, or a new optimizer state."""
        weights = {name: np.array(arrays[name]) for name in variables_of(self.model)}
        names = list(self._optimizer_variables())
        if names[0] in arrays:
            return TrainingState(weights, {name: np.array(arrays[name]) for name in names})
        with keras_scope(self.spec.dtype):  # some optimizer states start as copies of the weights
            assign(self.model, weights)
            new = type(self.model.optimizer).from_config(self.model.optimizer.get_config())
            new.build(self.model.trainable_variables)
            optimizer_state = dict(zip(names, map(to_numpy, new.variables), strict=True))
        return TrainingState(weights, optimizer_state)

    def arrays(self, state: TrainingState) -> Arrays:
        """Copies of the weights."""
        return {name: a.copy() for name, a in state.weights.items()}

    def optimizer_state(self, state: TrainingState) -> Arrays:
        """Copies of the variables of the optimizer."""
        return {name: a.copy() for name, a in state.optimizer_state.items()}

    def gradient(
        self, state: TrainingState, rows: Any, indices: Any, seed: int, dropout_factor: float = 1.0
    ) -> Any:
        """Unsupported: raises PluginError."""
        raise PluginError(
            "backend='keras' does not provide gradients, since train_on_batch does not return"
            " them. Use backend='jax' or 'tensorflow' for this solver or trainer."
        )

    def update(
        self,
        state: TrainingState,
        gradients: Arrays,
        weight: float,
        learning_rate: float,
        weight_decay: float | None = None,
    ) -> TrainingState:
        """Unsupported: raises PluginError."""
        return self.gradient(state, None, None, 0)

    def epoch(
        self, state: TrainingState, rows: Dataset, batches: Batches
    ) -> tuple[TrainingState, StepSums]:
        """Call train_on_batch for each step, except steps of weight 0."""
        sums = np.zeros((3, len(batches.order)))
        with keras_scope(self.spec.dtype):
            self._load(state)
            for i, order in enumerate(batches.order):
                X, y, w = gather_rows(rows, order[order >= 0])
                if not len(w) or w.sum() <= 0:
                    continue
                self._set_seed(int(batches.seeds[i]))
                target = y.argmax(axis=1) if self.sparse else y
                # Keras divides by the number of rows instead of their weight
                result = self.model.train_on_batch(X, target, sample_weight=w / w.mean())
                loss = float(np.ravel(to_numpy(result))[0])
                self.model.reset_metrics()
                sums[:2, i] = loss * w.sum(), w.sum()
            weights = {name: to_numpy(v) for name, v in variables_of(self.model).items()}
            optimizer_state = {name: to_numpy(v) for name, v in self._optimizer_variables().items()}
        return TrainingState(weights, optimizer_state), StepSums(*sums)

    def _set_seed(self, seed: int) -> None:
        for i, variable in enumerate(seed_variables(self.model)):
            variable.assign(np.array([seed % 2**31, i]))

    def outputs(self, state: TrainingState, X: Any) -> Array:
        """Outputs before activation, (n, n_outputs), as a NumPy array."""
        X = X.tocsr() if issparse(X) else np.asarray(X)
        blocks = []
        with keras_scope(self.spec.dtype):
            self._load(state)
            size = rows_within(max(self.spec.layer_units), 8, OUTPUT_ROWS)
            for begin in range(0, max(1, X.shape[0]), size):
                block = X[begin : begin + size]
                block = block.toarray() if issparse(block) else block
                p = self.model(block.astype(self.spec.dtype), training=False)
                if self.apply.removal != "none":
                    p = inverse(self.apply.activation)(p)
                blocks.append(to_numpy(p))
        return np.concatenate(blocks).astype(self.spec.dtype)


def _keras_loss(loss: Loss) -> Any:
    """Return the loss with which the model is compiled. Raises PluginError for an unknown loss."""
    if isinstance(loss.rows, KerasLossRows):
        return loss.rows.keras_loss()
    name = name_in_mlpkit(loss)
    if name not in KERAS_LOSSES:
        raise PluginError(
            f"backend='keras' does not support the loss {loss.name!r}: compile the model with a"
            " loss, or set loss='keras.huber' or another loss of Keras."
        )
    return KERAS_LOSSES[name]
