"""The optimizer of scikit-learn's networks as optimizer state and parameters, and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Array, Arrays, Progress, optimizer_state_name
from mlpkit.training.parameters import Parameters


def optimizer_state_of(optimizer: Any, dtype: str) -> Arrays:
    """Return the arrays of scikit-learn's optimizer under the names of `optimizer_state_name`."""
    if isinstance(optimizer, AdamOptimizer):
        return {**_named("m", optimizer.ms, dtype), **_named("v", optimizer.vs, dtype)}
    return _named("velocity", optimizer.velocities, dtype)


def parameters_with(optimizer: Any, parameters: Parameters) -> Parameters:
    """Return the parameters with the options that scikit-learn's optimizer was created with."""
    if isinstance(optimizer, AdamOptimizer):
        return replace(
            parameters,
            solver="adam",
            learning_rate_init=optimizer.learning_rate_init,
            beta_1=optimizer.beta_1,
            beta_2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
        )
    return replace(
        parameters,
        solver="sgd",
        learning_rate_init=optimizer.learning_rate_init,
        learning_rate=optimizer.lr_schedule,
        momentum=optimizer.momentum,
        nesterovs_momentum=optimizer.nesterov,
        power_t=optimizer.power_t,
    )


def progress_with(optimizer: Any, progress: Progress) -> Progress:
    """Return the progress with the learning rate and the steps of scikit-learn's optimizer.

    The learning rate of its Adam contains the correction of the moments, which ours does not. Its
    SGD does not count the steps, on which nothing depends.
    """
    if isinstance(optimizer, AdamOptimizer):
        return replace(progress, learning_rate=optimizer.learning_rate_init, step=optimizer.t)
    return replace(progress, learning_rate=optimizer.learning_rate)


def optimizer_of(
    options: Mapping[str, Any], progress: Progress, layers: DenseLayers, optimizer_state: Arrays
) -> Any:
    """Return scikit-learn's optimizer with a copy of an optimizer state.

    ``options`` are the parameters that the optimizer was created with, by name. An empty optimizer
    state is that before the first step.
    """
    weights = [*layers.coefs, *layers.intercepts]
    if options["solver"] == "adam":
        rate, beta_1, beta_2 = progress.learning_rate, options["beta_1"], options["beta_2"]
        adam = AdamOptimizer(weights, rate, beta_1, beta_2, options["epsilon"])
        if optimizer_state:
            adam.t = progress.step
            adam.ms = _copies("m", layers, optimizer_state)
            adam.vs = _copies("v", layers, optimizer_state)
        if adam.t:
            adam.learning_rate = rate * np.sqrt(1 - beta_2**adam.t) / (1 - beta_1**adam.t)
        return adam
    sgd = SGDOptimizer(
        weights,
        options["learning_rate_init"],
        options["learning_rate"],
        options["momentum"],
        options["nesterovs_momentum"],
        options["power_t"],
    )
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
