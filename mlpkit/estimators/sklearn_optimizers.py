"""The optimizer of scikit-learn's networks as optimizer state and parameters, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Array, Arrays, Progress, optimizer_state_name
from mlpkit.training.parameters import Parameters

# the parameters of a solver, and what scikit-learn's optimizer calls them
OPTIONS = {
    "adam": {name: name for name in ("learning_rate_init", "beta_1", "beta_2", "epsilon")},
    "sgd": {
        "learning_rate_init": "learning_rate_init",
        "learning_rate": "lr_schedule",
        "momentum": "momentum",
        "nesterovs_momentum": "nesterov",
        "power_t": "power_t",
    },
}


def optimizer_state_of(optimizer: Any, dtype: str) -> Arrays:
    """Return the arrays of scikit-learn's optimizer under the names of `optimizer_state_name`."""
    if isinstance(optimizer, AdamOptimizer):
        return {**_named("m", optimizer.ms, dtype), **_named("v", optimizer.vs, dtype)}
    return _named("velocity", optimizer.velocities, dtype)


def parameters_with(optimizer: Any, parameters: Parameters) -> Parameters:
    """Return the parameters with the options that scikit-learn's optimizer was created with."""
    solver = "adam" if isinstance(optimizer, AdamOptimizer) else "sgd"
    options = {ours: getattr(optimizer, theirs) for ours, theirs in OPTIONS[solver].items()}
    return replace(parameters, solver=solver, **options)


def progress_with(optimizer: Any, progress: Progress) -> Progress:
    """Return the progress with the learning rate and the steps of scikit-learn's optimizer.

    The learning rate of its Adam contains the correction of the moments, which ours does not. Its
    SGD does not count the steps, on which nothing depends.
    """
    if isinstance(optimizer, AdamOptimizer):
        return progress._replace(learning_rate=optimizer.learning_rate_init, step=optimizer.t)
    return progress._replace(learning_rate=optimizer.learning_rate)


def optimizer_of(
    options: Mapping[str, Any], progress: Progress, layers: DenseLayers, optimizer_state: Arrays
) -> Any:
    """Return scikit-learn's optimizer with a copy of an optimizer state.

    ``options`` are the parameters that the optimizer was created with, by name. An empty optimizer
    state is that before the first step.
    """
    solver = options["solver"]
    own = {theirs: options[ours] for ours, theirs in OPTIONS[solver].items()}
    weights = [*layers.coefs, *layers.intercepts]
    if solver == "adam":
        adam = AdamOptimizer(weights, **{**own, "learning_rate_init": progress.learning_rate})
        if optimizer_state:
            adam.t = progress.step
            adam.ms = _copies("m", layers, optimizer_state)
            adam.vs = _copies("v", layers, optimizer_state)
        if adam.t:
            corrected = progress.learning_rate * np.sqrt(1 - adam.beta_2**adam.t)
            adam.learning_rate = corrected / (1 - adam.beta_1**adam.t)
        return adam
    sgd = SGDOptimizer(weights, **own)
    sgd.learning_rate = progress.learning_rate
    if optimizer_state:
        sgd.velocities = _copies("velocity", layers, optimizer_state)
    return sgd


def _named(kind: str, arrays: list[Array], dtype: str) -> Arrays:
    """The arrays of all weights and then of all biases, by the names of the optimizer state."""
    n_layers = len(arrays) // 2
    named = DenseLayers(arrays[:n_layers], arrays[n_layers:]).arrays(dtype)
    return {optimizer_state_name(kind, name): array for name, array in named.items()}


def _copies(kind: str, layers: DenseLayers, optimizer_state: Arrays) -> list[Array]:
    """Copies of the arrays of one kind, those of all weights and then those of all biases."""
    names = [f"{name}_{i}" for name in ("coef", "intercept") for i in range(len(layers.coefs))]
    return [optimizer_state[optimizer_state_name(kind, name)].copy() for name in names]
