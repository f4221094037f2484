"""The NumPy backend with another network, spec or recipe than it was called with."""

from dataclasses import replace
from typing import Any

import numpy as np

from mlpkit.backend_kit import clipped
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.objectives.losses import LOSSES
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Capability, Network, Steps
from mlpkit.registry.lookup import installed

OWN = installed().find("backend", "numpy")[1].supports


def alike(network: Network, spec: Any, recipe: Any) -> Steps:
    """Use the first activation in every layer."""
    return numpy_backend.backend(network, replace(spec, activation=spec.activations[0]), recipe)


def undropped(network: Network, spec: Any, recipe: Any) -> Steps:
    """Ignore dropout."""
    return numpy_backend.backend(network, replace(spec, dropout=0.0), recipe)


def unsolved(network: Network, spec: Any, recipe: Any) -> Steps:
    """Use Adam for every solver."""
    return numpy_backend.backend(network, spec, replace(recipe, solver=adam()))


def without_factors(network: Network, spec: Any, recipe: Any) -> Steps:
    """Ignore the factors of the network."""
    network = network._replace(learning_rate_factors={}, weight_decay_factors={})
    return numpy_backend.backend(network, spec, recipe)


def undecayed(network: Network, spec: Any, recipe: Any) -> Steps:
    """Ignore the weight decay of the solver."""
    solver = recipe.solver._replace(weight_decay=0.0)
    return numpy_backend.backend(network, spec, replace(recipe, solver=solver))


def clipping_each_array(network: Network, spec: Any, recipe: Any) -> Steps:
    """Limit the norm of each array on its own."""
    solver, limit = recipe.solver, recipe.max_gradient_norm
    recipe = replace(recipe, max_gradient_norm=None)
    if limit is None or solver.joint is None:
        return numpy_backend.backend(network, spec, recipe)

    def update(xp: Any, weights: Any, gradients: Any, *rest: Any) -> Any:
        short = {name: clipped(xp, {name: g}, limit)[name] for name, g in gradients.items()}
        return solver.joint.update(xp, weights, short, *rest)

    solver = solver._replace(joint=solver.joint._replace(update=update))
    return numpy_backend.backend(network, spec, replace(recipe, solver=solver))


def allocating_batches(network: Network, spec: Any, recipe: Any) -> Steps:
    """Allocate a buffer for a full batch."""
    correct = numpy_backend.backend(network, spec, recipe)

    def put(*data: Any) -> Any:
        np.zeros((recipe.batch_size, spec.n_features))
        return correct.put(*data)

    return correct._replace(put=put)


def declaring(*more: Capability) -> Any:
    """Return a decorator for a backend that declares more capabilities than NumPy."""

    def marked(backend: Any) -> Any:
        backend.supports = (*OWN, *more)
        return backend

    return marked


def usual(network: Network, spec: Any, recipe: Any) -> Steps:
    """Use the derivative of the squared error for every loss."""
    loss = spec.loss._replace(delta=LOSSES["squared_error"].delta)
    return numpy_backend.backend(network, replace(spec, loss=loss), recipe)


def by_name(network: Network, spec: Any, recipe: Any) -> Steps:
    """Use the built-in loss with the name of a loss."""
    return numpy_backend.backend(
        network, replace(spec, loss=LOSSES.get(spec.loss.name, spec.loss)), recipe
    )


def of_two_arrays(network: Network, spec: Any, recipe: Any) -> Steps:
    """Forget all but two arrays of the optimizer state."""
    solver = recipe.solver

    def update(xp: Any, p: Any, g: Any, optimizer_state: Any, *rest: Any) -> Any:
        new, after = solver.update(xp, p, g, optimizer_state, *rest)
        return new, (*after[:2], *optimizer_state[2:])

    if solver.update is not None:
        recipe = replace(recipe, solver=solver._replace(update=update))
    return numpy_backend.backend(network, spec, recipe)


@declaring("losses_without_delta")
def undifferentiating(network: Network, spec: Any, recipe: Any) -> Steps:
    """Declare losses without delta, and use the wrong derivative for them."""
    made = usual if spec.loss.delta is None else numpy_backend.backend
    return made(network, spec, recipe)


def array_by_array(network: Network, spec: Any, recipe: Any) -> Steps:
    """Call a joint solver for each array separately."""
    joint = recipe.solver.joint
    if joint is None:
        return numpy_backend.backend(network, spec, recipe)

    def update(
        xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
    ) -> Any:
        new, after = {}, dict(optimizer_state)
        for name in weights:
            one, its = joint.update(
                xp, {name: weights[name]}, {name: gradients[name]}, optimizer_state, learning_rate
            )
            new |= one
            after |= its
        return new, after

    solver = recipe.solver._replace(joint=joint._replace(update=update))
    return numpy_backend.backend(network, spec, replace(recipe, solver=solver))


def one_rate(network: Network, spec: Any, recipe: Any) -> Steps:
    """Use the branch of the first learning rate in every step."""
    correct = numpy_backend.backend(network, spec, recipe)

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        return correct.epoch(
            state,
            rows,
            batches._replace(learning_rates=0 * batches.learning_rates + batches.learning_rates[0]),
        )

    return correct._replace(epoch=epoch)


@declaring("custom_networks")
def dense_anyway(network: Network, spec: Any, recipe: Any) -> Steps:
    """Declare custom networks, and train the dense network."""
    if network.apply is None:
        return numpy_backend.backend(network, spec, recipe)
    arrays = {name: a for name, a in network.arrays.items() if name not in network.frozen}
    correct = numpy_backend.backend(
        network._replace(apply=None, arrays=arrays, frozen=frozenset()), spec, recipe
    )
    return correct._replace(
        arrays=lambda s: {**correct.arrays(s), "count": network.arrays["count"]}
    )


def broadcasting(network: Network, spec: Any, recipe: Any) -> Steps:
    """Broadcast the results of a solver."""
    solver = recipe.solver
    if solver.update is None or solver.update is adam().update:
        return numpy_backend.backend(network, spec, recipe)

    def update(
        xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
    ) -> Any:
        new, after = solver.update(xp, p, g, optimizer_state, learning_rate, options)
        return np.broadcast_to(new, p.shape), after

    lenient = solver._replace(update=update)
    return numpy_backend.backend(network, spec, replace(recipe, solver=lenient))
