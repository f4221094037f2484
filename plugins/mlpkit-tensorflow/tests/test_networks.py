"""Networks, losses and solvers that are not scikit-learn's, trained by TensorFlow."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import PENALTY, Joint, Network, Solver, Steps
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit_tensorflow.network import product
from mlpkit_tensorflow.programs import _packing
from mlpkit_tensorflow.steps import backend
from mlpkit_tensorflow.structure import TrainingState


def residual(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
    """A residual layer, dropout, and a running mean that is not trained: outputs (n, 3) of
    x (n, 5), and the arrays with the new mean.
    """
    mean = arrays["mean"]
    if train:
        mean = 0.9 * mean + 0.1 * tf.reduce_mean(x, axis=0)
    h = tf.nn.relu((x - mean) @ arrays["first"])
    h = h + tf.tanh(h @ arrays["inner"])
    if train:
        h *= 2 * tf.cast(tf.random.stateless_uniform(tf.shape(h), [seed, 7]) < 0.5, h.dtype)
    return h @ arrays["last"], {**arrays, "mean": mean}


def network() -> Network:
    """The residual network with its first weights."""
    rng = np.random.RandomState(0)
    shapes = {"first": (5, 6), "inner": (6, 6), "last": (6, 3), "mean": (5,)}
    arrays = {name: rng.uniform(-0.5, 0.5, shape) for name, shape in shapes.items()}
    return Network(arrays, residual, frozenset({"first", "last"}), frozenset({"mean"}))


def penalised(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
    """The residual network with a penalty of its own."""
    z, after = residual(arrays, x, train=train, seed=seed, w=w)
    return z, {"mean": after["mean"], PENALTY: tf.reduce_sum(arrays["inner"] ** 2)}


def clip_start(arrays: Any) -> Any:
    """One slot: how many steps were taken."""
    return {"count": np.zeros((), next(iter(arrays.values())).dtype)}


def clip_update(xp: Any, weights: Any, gradients: Any, optimizer_state: Any, rate: Any) -> Any:
    """Gradient descent with gradients clipped by their common norm."""
    norm = sum(xp.sum(g * g) for g in gradients.values()) ** 0.5
    scale = rate / (1 + norm)
    moved = {name: p - scale * gradients[name] for name, p in weights.items()}
    return moved, {"count": optimizer_state["count"] + 1}


def started() -> tuple[Steps, Any]:
    """Functions and state of the residual network."""
    steps = backend(network(), spec(), recipe())
    return steps, steps.start(network().arrays)


class TestApply:
    def test_epoch_equals_gradient_and_update(self) -> None:
        """Trained and frozen arrays, dropout included, move alike both ways."""
        steps, state = started()
        rows = steps.put(*data(spec()))
        plan = batches(21, 8)
        fused, sums = steps.epoch(state, rows, plan)
        for i, indices in enumerate(plan.order):
            one, gradient = steps.gradient(state, rows, indices, int(plan.seeds[i]))
            state = steps.update(state, gradient, one.weight, float(plan.learning_rates[i]))
            for all_steps, its_own in zip(sums[:3], one[:3], strict=True):
                close(all_steps[i], its_own, 1e-9)
        close(steps.arrays(fused), steps.arrays(state), 1e-9)
        close(steps.optimizer_state(fused), steps.optimizer_state(state), 1e-9)

    def test_gradient_equals_differences(self) -> None:
        """The gradient is that of the loss, by central differences."""
        steps, state = started()
        rows, arrays = steps.put(*data(spec())), network().arrays
        _, gradient = steps.gradient(state, rows, None, 5)
        for name in ("first", "inner", "last"):
            losses = []
            for h in (1e-6, -1e-6):
                moved = arrays[name].copy()
                moved[0, 1] += h
                found, _ = steps.gradient(steps.start({**arrays, name: moved}), rows, None, 5)
                losses.append(found.loss)
            close((losses[0] - losses[1]) / 2e-6, gradient[name][0, 1], 1e-5)

    def test_frozen_arrays_are_assigned(self) -> None:
        """A running mean is what `apply` makes of it; no solver, penalty or slot touches it."""
        steps, state = started()
        X, y, _ = data(spec(), 8)
        after, _ = steps.epoch(state, steps.put(X, y, None), batches(8, 8))
        expected = 0.9 * network().arrays["mean"] + 0.1 * X.mean(axis=0)
        close(expected, steps.arrays(after)["mean"], 1e-12)
        assert {"m/first", "v/first"} < steps.optimizer_state(after).keys()
        assert not any("mean" in name for name in steps.optimizer_state(after))

    def test_a_step_of_weight_zero_changes_nothing(self) -> None:
        """Not even a frozen array."""
        steps, state = started()
        X, y, _ = data(spec(), 8)
        rows = steps.put(X, y, np.zeros(8))
        after, sums = steps.epoch(state, rows, batches(8, 8))
        close(steps.arrays(state), steps.arrays(after), 0)
        found, gradient = steps.gradient(state, rows, None, 0)
        after = steps.update(state, gradient, found.weight, 0.1)
        close(steps.arrays(state), steps.arrays(after), 0)
        assert found.loss == found.weight == 0

    def test_seeds_decide_what_dropout_draws(self) -> None:
        """One seed, one loss; outputs draw nothing."""
        steps, state = started()
        X, y, w = data(spec())
        rows = steps.put(X, y, w)
        losses = [steps.gradient(state, rows, None, seed)[0].loss for seed in (1, 1, 2**32 - 1)]
        assert losses[0] == losses[1] != losses[2]
        arrays = network().arrays
        h = np.maximum((X - arrays["mean"]) @ arrays["first"], 0)
        h += np.tanh(h @ arrays["inner"])
        close(h @ arrays["last"], steps.outputs(state, X), 1e-12)


class TestContract:
    def test_a_loss_without_delta_is_differentiated(self) -> None:
        """`rows` alone gives the weights that `rows` and `delta` give, with wild rows too."""
        s, found = spec(), []
        X, y, w = data(s, 16)
        w[:3], X[:3] = 0, 1e3 * X[:3]
        net = dense.build(s, np.random.RandomState(0))
        for loss in (s.loss, s.loss._replace(delta=None)):
            steps = backend(net, replace(s, loss=loss), recipe())
            state, sums = steps.epoch(steps.start(net.arrays), steps.put(X, y, w), batches(16, 8))
            found.append({**steps.arrays(state), **sums._asdict()})
        close(found[0], found[1], 1e-9)

    def test_a_joint_solver_steps_over_all_weights(self) -> None:
        """Its slots have names of their own, and come back; NumPy takes the same steps."""
        s, solver, found = spec(), Solver(joint=Joint(clip_start, clip_update)), []
        net = dense.build(s, np.random.RandomState(0))
        for make in (numpy_backend.backend, backend):
            steps = make(net, s, recipe(solver=solver))
            rows, state = steps.put(*data(s)), steps.start(net.arrays)
            state, _ = steps.epoch(state, rows, batches(21, 8))
            state = steps.start({**steps.arrays(state), **steps.optimizer_state(state)})
            state, _ = steps.epoch(state, rows, batches(21, 8))
            found.append({**steps.arrays(state), **steps.optimizer_state(state)})
        assert found[1]["count"] == 6
        close(found[0], found[1], 1e-9)

    def test_a_penalty_of_the_network_is_trained(self) -> None:
        """It adds to the loss, and to the gradient, for each unit of weight."""
        s = spec()
        net = network()
        plain, own = (
            backend(net._replace(apply=apply), s, recipe()) for apply in (residual, penalised)
        )
        found = []
        for steps in (plain, own):
            state = steps.start(net.arrays)
            found.append(steps.gradient(state, steps.put(*data(s)), None, 0))
        (before, g), (after, h) = found
        inner = net.arrays["inner"]
        close(before.loss + after.weight * (inner**2).sum(), after.loss, 1e-9)
        close(g["inner"] + after.weight * 2 * inner, h["inner"], 1e-9)
        close(g["first"], h["first"], 1e-12)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("n_outputs", [1, 10, 40])
def test_products_have_the_gradients_of_tensorflow(n_outputs: int, compiled: bool) -> None:
    """With respect to both factors, for narrow and wide products. XLA may not change the order of
    the factors of narrow ones.
    """
    rng = np.random.RandomState(0)
    x, weights = (tf.constant(rng.standard_normal(s)) for s in ((9, 7), (7, n_outputs)))
    delta = tf.constant(rng.standard_normal((9, n_outputs)))

    @tf.function(jit_compile=compiled)
    def gradients() -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, weights])
            z = product(x, weights, compiled)
        return tape.gradient(z, [x, weights], delta)

    expected = delta @ tf.transpose(weights), tf.transpose(x) @ delta
    for a, b in zip(gradients(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    operations = gradients.get_concrete_function().graph.get_operations()
    has_barrier = any(operation.type == "XlaOptimizationBarrier" for operation in operations)
    assert has_barrier == (compiled and n_outputs < 40)


def test_results_of_programs_have_their_structure() -> None:
    """As by `tf.nest.pack_sequence_as`: named tuples, dicts by key, and empty parts."""
    structure = TrainingState({"b": 0, "a": 0}, {}), 0, (0,)
    expected = tf.nest.pack_sequence_as(structure, [1, 2, 3, 4])
    assert _packing(structure)(iter([1, 2, 3, 4])) == expected
    assert isinstance(expected[0], TrainingState)
