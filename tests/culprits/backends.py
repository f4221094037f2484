"""Wrong backends: NumPy's, with one function replaced."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit import testing
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.objectives.losses import LOSSES
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Capability, Network, Steps
from mlpkit.registry.lookup import installed

OWN = installed().find("backend", "numpy")[1].supports


def steps_with(**wrong: Callable[[Steps], Any]) -> Any:
    """NumPy's backend with functions replaced; each is made from the right ones."""

    def backend(network: Network, spec: Any, recipe: Any) -> Steps:
        right = numpy_backend.backend(network, spec, recipe)
        return right._replace(**{name: make(right) for name, make in wrong.items()})

    return backend


def rounded(right: Steps) -> Any:
    """Weights that went through float16."""
    return lambda a: right.start({n: v.astype(np.float16).astype(v.dtype) for n, v in a.items()})


def alike(network: Network, spec: Any, recipe: Any) -> Steps:
    """The first activation, in every layer."""
    return numpy_backend.backend(network, replace(spec, activation=spec.activations[0]), recipe)


def undropped(network: Network, spec: Any, recipe: Any) -> Steps:
    """No dropout."""
    return numpy_backend.backend(network, replace(spec, dropout=0.0), recipe)


def dropping_by_place(right: Steps) -> Any:
    """What dropout leaves out depends on which row comes first."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        seeds = batches.seeds + batches.order[:, 0].astype(np.uint32)
        return right.epoch(state, rows, batches._replace(seeds=seeds))

    return epoch


def unsolved(network: Network, spec: Any, recipe: Any) -> Steps:
    """Adam, whatever was asked for."""
    return numpy_backend.backend(network, spec, replace(recipe, solver=adam()))


def counting_zero_rows(right: Steps) -> Any:
    """Padding counts: it is taken for row 0."""
    return lambda s, rows, b: right.epoch(s, rows, b._replace(order=np.maximum(b.order, 0)))


def moving_without_weight(right: Steps) -> Any:
    """An empty step shrinks the weights."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        return after._replace(weights=after.weights * 0.999), sums

    return epoch


def with_means(right: Steps) -> Any:
    """Gradients as means over the rows."""

    def gradient(*given: Any) -> Any:
        sums, g = right.gradient(*given)
        return sums, {name: a / max(sums.weight, 1) for name, a in g.items()}

    return gradient


def packed(right: Steps) -> Any:
    """Padding is taken to stand at the end of a step."""

    def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
        end = None if indices is None else (indices >= 0).sum()
        return right.gradient(state, rows, None if indices is None else indices[:end], seed)

    return gradient


def short(right: Steps) -> Any:
    """Of a few rows the last is lost."""

    def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
        if indices is not None and 2 < len(indices) < 8:
            indices = indices[:-2]
        return right.gradient(state, rows, indices, seed)

    return gradient


def in_place(right: Steps) -> Any:
    """The state that was given is worked in."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        state.weights[...] = after.weights
        return after, sums

    return epoch


def mixing_rows_up(right: Steps) -> Any:
    """Predictions come in another order than their rows."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        seen = sums.predictions
        return after, sums._replace(predictions=None if seen is None else seen[::-1])

    return epoch


def lending(right: Steps) -> Any:
    """What is shown is the state itself."""
    shown: dict[int, Any] = {}
    return lambda state: shown.setdefault(id(state), right.arrays(state))


def writing_put(right: Steps) -> Any:
    """Data are scaled where they are."""

    def put(X: Any, y: Any, w: Any) -> Any:
        X *= 1.0
        return right.put(X, y, w)

    return put


def short_outputs(right: Steps) -> Any:
    """The last, odd block of rows is lost."""
    return lambda s, X: right.outputs(s, X)[: max(1, len(X) // 8 * 8)]


def wide(right: Steps) -> Any:
    """Everything in float64."""
    return lambda s: {n: a.astype(float) for n, a in right.arrays(s).items()}


def losing_small_steps(right: Steps) -> Any:
    """A stream's chunks below 8 rows are ignored."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        return (after if batches.order.shape[1] >= 8 else state), sums

    return epoch


def seeding(right: Steps) -> Any:
    """NumPy's global generator is seeded."""

    def put(*data: Any) -> Any:
        np.random.seed(0)
        return right.put(*data)

    return put


def frameworks_arrays(right: Steps) -> Any:
    """Weights stay in a class of the framework."""
    return lambda s: {n: a.view(sys.modules["jax"].Array) for n, a in right.arrays(s).items()}


def making_all_dense(right: Steps) -> Any:
    """Sparse rows become an array at once."""
    return lambda X, *rest: right.put(X.toarray() if issparse(X) else X, *rest)


def allocating_batches(network: Network, spec: Any, recipe: Any) -> Steps:
    """A buffer for a full batch, however few the rows are."""
    right = numpy_backend.backend(network, spec, recipe)

    def put(*data: Any) -> Any:
        np.zeros((recipe.batch_size, spec.n_features))
        return right.put(*data)

    return right._replace(put=put)


def declaring(*more: Capability) -> Any:
    """A mark for a backend that declares more than NumPy's does."""

    def marked(backend: Any) -> Any:
        backend.supports = (*OWN, *more)
        return backend

    return marked


def usual(network: Network, spec: Any, recipe: Any) -> Steps:
    """The derivative that the losses of scikit-learn have, whatever the loss is."""
    loss = spec.loss._replace(delta=LOSSES["squared_error"].delta)
    return numpy_backend.backend(network, replace(spec, loss=loss), recipe)


@declaring("losses_without_delta")
def undifferentiating(network: Network, spec: Any, recipe: Any) -> Steps:
    """Declares that it differentiates; a loss without a delta has the usual one."""
    made = usual if spec.loss.delta is None else numpy_backend.backend
    return made(network, spec, recipe)


def array_by_array(network: Network, spec: Any, recipe: Any) -> Steps:
    """A joint solver is called for each array by itself."""
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
    """The branch that the first learning rate takes is taken in every step."""
    right = numpy_backend.backend(network, spec, recipe)

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        return right.epoch(
            state,
            rows,
            batches._replace(learning_rates=0 * batches.learning_rates + batches.learning_rates[0]),
        )

    return right._replace(epoch=epoch)


@declaring("custom_networks")
def dense_anyway(network: Network, spec: Any, recipe: Any) -> Steps:
    """Declares networks of one's own, and trains the dense one."""
    if network.apply is None:
        return numpy_backend.backend(network, spec, recipe)
    arrays = {name: a for name, a in network.arrays.items() if name not in network.frozen}
    right = numpy_backend.backend(
        network._replace(apply=None, arrays=arrays, frozen=frozenset()), spec, recipe
    )
    return right._replace(arrays=lambda s: {**right.arrays(s), "count": network.arrays["count"]})


def one_block(right: Steps) -> Any:
    """Steps beyond the first block are lost."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        first = batches.order.copy()
        first[8:] = -1
        return right.epoch(state, rows, batches._replace(order=first))

    return epoch


def sharing(right: Steps) -> Any:
    """Every epoch is computed in the same place."""
    place: list[Any] = []

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        place[:] = right.epoch(state, rows, batches)
        time.sleep(0.005)
        return tuple(place)

    return epoch


def broadcasting(network: Network, spec: Any, recipe: Any) -> Steps:
    """What a solver returns is given the shape that it should have."""
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


def unwatched(right: Steps) -> Any:
    """Keeps no predictions, although it is declared."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        return right.epoch(state, rows, batches._replace(with_predictions=False))

    return epoch


BACKENDS: dict[str, Any] = {
    "arrays_come_back_bit_for_bit": steps_with(start=rounded),
    "first_steps_equal_numpy": steps_with(epoch=moving_without_weight),
    "each_layer_has_its_activation": alike,
    "dropout_equals_numpy": undropped,
    "dropout_depends_on_row_and_seed_alone": steps_with(epoch=dropping_by_place),
    "solvers_equal_numpy": unsolved,
    "rows_of_weight_zero_change_nothing": steps_with(epoch=counting_zero_rows),
    "a_step_of_weight_zero_changes_nothing": steps_with(epoch=moving_without_weight),
    "epoch_equals_gradient_and_update": steps_with(gradient=with_means),
    "shards_sum_to_the_whole": steps_with(gradient=with_means),
    "states_are_never_written_to": steps_with(epoch=in_place),
    "a_watched_epoch_keeps_what_each_row_was_predicted": steps_with(epoch=mixing_rows_up),
    "any_form_of_input": steps_with(put=writing_put),
    "outputs_of_any_number_of_rows": steps_with(outputs=short_outputs),
    "wide_sparse_rows_are_never_dense_as_a_whole": steps_with(put=making_all_dense),
    "a_batch_size_beyond_the_rows": allocating_batches,
    "dtype_of_the_data_decides": steps_with(arrays=wide),
    "streams_of_any_size_equal_numpy": steps_with(epoch=losing_small_steps),
    "custom_losses_are_differentiated": usual,
    "joint_solvers_step_over_all_weights": array_by_array,
    "solvers_may_branch": one_rate,
    "custom_networks_are_computed": dense_anyway,
    "shapes_beyond_one_block": steps_with(epoch=one_block),
    "threads_do_not_meet": steps_with(epoch=sharing),
    "wrong_results_are_errors": broadcasting,
    "no_global_state_is_touched": steps_with(put=seeding),
    "predicts_in_a_process_without_the_framework": steps_with(arrays=frameworks_arrays),
    "describing_imports_no_framework": numpy_backend.backend,  # see `_surroundings`
}


class BackendCulprit(testing.BackendTests):
    """The laws, for an object instead of a name."""

    __test__ = False

    def supports(self) -> tuple[Capability, ...]:
        """What the culprit declares, or what NumPy's backend does."""
        return getattr(type(self).backend, "supports", OWN)

    def steps(self, network: Any, spec: Any, recipe: Any, backend: str = "") -> Steps:
        """The culprit's functions, or NumPy's."""
        made = numpy_backend.backend if backend else type(self).backend
        return made(network, spec, recipe)  # type: ignore[operator, no-any-return]
