"""Networks with an `apply` of their own: layers that draw, arrays that are not trained."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Network, Spec, optimizer_state_name
from mlpkit.testing import batches, close, data, recipe, spec
from mlpkit_jax.runtime import computing
from mlpkit_jax.steps import backend


def residual(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
    """A residual layer with dropout, and a running mean of the batch's outputs."""
    h = jnp.tanh(x @ arrays["in"])
    if train:
        h *= 2 * jax.random.bernoulli(jax.random.key(seed), 0.5, h.shape)
    h = h + jax.nn.relu(h @ arrays["through"])
    mean = arrays["mean"]
    return (h - mean) @ arrays["out"], {"mean": 0.9 * mean + 0.1 * h.mean(axis=0)}


def started(dtype: str = "float64", **changes: Any) -> tuple[Any, Any, Any]:
    """Steps, a state and 21 rows for the residual network."""
    s, rng = spec(dtype=dtype), np.random.RandomState(0)
    shapes = {"in": (5, 6), "through": (6, 6), "out": (6, 3)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    network = Network(
        {**arrays, "mean": np.zeros(6, dtype)}, residual, frozenset(arrays), frozenset({"mean"})
    )
    steps = backend(network, s, recipe(**changes))
    return steps, steps.start(network.arrays), steps.put(*data(s))


def test_a_network_of_its_own_steps_down_its_gradient() -> None:
    """One step equals Adam's over jax.grad of the loss with its penalty."""
    steps, state, rows = started(alpha=0.3, batch_size=16)
    X, y, w = (a[:16] for a in data(spec()))
    arrays = steps.arrays(state)
    solver = adam()
    assert solver.update is not None

    def loss(trained: Any) -> Any:
        z, _ = residual({**arrays, **trained}, X, train=True, seed=jnp.uint32(0), w=None)
        decay = sum(jnp.sum(a**2) for a in trained.values())
        rows = -jnp.sum(y * jax.nn.log_softmax(z, axis=1), axis=1)
        return (w @ rows + 0.3 / 2 * decay) / w.sum()

    with computing("float64"):
        gradients = jax.device_get(jax.grad(loss)({n: arrays[n] for n in arrays if n != "mean"}))
        _, after = residual(arrays, X, train=True, seed=jnp.uint32(0), w=None)
    state, sums = steps.epoch(state, rows, batches(16, 16, learning_rate=0.1))
    found = {**steps.arrays(state), **steps.optimizer_state(state)}
    assert {"m/mean", "v/mean"}.isdisjoint(found)
    for name, g in gradients.items():
        optimizer_state = np.zeros_like(g), np.zeros_like(g)
        p, (m, v) = solver.update(np, arrays[name].copy(), g, optimizer_state, 0.1, solver.options)
        expected = {name: p, optimizer_state_name("m", name): m, optimizer_state_name("v", name): v}
        close(expected, {key: found[key] for key in expected}, 1e-9)
    close(np.asarray(after["mean"]), found["mean"], 1e-9)


def test_a_network_of_its_own_obeys_the_law_of_the_epoch() -> None:
    """epoch equals gradient and update, for frozen arrays too."""
    steps, state, rows = started()
    plan = batches(21, 7)
    fused, sums = steps.epoch(state, rows, plan)
    for i, indices in enumerate(plan.order):
        one, gradient = steps.gradient(state, rows, indices, int(plan.seeds[i]))
        close(sums.loss[i], one.loss, 1e-9)
        state = steps.update(state, gradient, one.weight, plan.learning_rates[i])
    assert np.all(steps.arrays(state)["mean"] != 0)
    close(steps.arrays(fused), steps.arrays(state), 1e-9)
    close(steps.optimizer_state(fused), steps.optimizer_state(state), 1e-9)


def test_an_empty_step_leaves_frozen_arrays_alone() -> None:
    """In an epoch, and in an update with nothing summed."""
    steps, state, rows = started()
    empty = batches(21, 8)._replace(order=np.full((3, 8), -1))
    after, _ = steps.epoch(state, rows, empty)
    close(steps.arrays(state), steps.arrays(after), 0)
    sums, gradient = steps.gradient(state, rows, np.array([-1]), 0)
    after = steps.update(state, gradient, sums.weight, 0.1)
    close(steps.arrays(state), steps.arrays(after), 0)


def test_padding_repeats_rows() -> None:
    """So that the statistics of a short step stay near those of its rows."""
    steps, state, rows = started()
    order = np.array([3, 5, -1, -1, -1, -1, -1, -1])
    mean = steps.arrays(steps.epoch(state, rows, batches(8, 8)._replace(order=order[None]))[0])
    again = order.copy()
    again[2:] = [3, 5, 3, 5, 3, 5]
    expected = steps.arrays(steps.epoch(state, rows, batches(8, 8)._replace(order=again[None]))[0])
    close(expected["mean"], mean["mean"], 1e-12)


def test_seeds_decide_what_is_drawn() -> None:
    """The same seed gives the same weights, another one others; outputs draw nothing."""
    steps, state, rows = started()
    plan = batches(21, 8)
    found = []
    for shift in (0, 0, 1):
        after, _ = steps.epoch(state, rows, plan._replace(seeds=plan.seeds + np.uint32(shift)))
        found.append(steps.arrays(after)["in"])
    np.testing.assert_array_equal(found[0], found[1])
    assert np.any(found[0] != found[2])
    X, _, _ = data(spec())
    np.testing.assert_array_equal(steps.outputs(state, X), steps.outputs(state, X))


def test_gradients_of_all_rows_follow_their_seed() -> None:
    """Rows that are kept on the device are not tied to the seed of the first call."""
    steps, state, rows = started()
    first, other, again = (steps.gradient(state, rows, None, seed)[1]["in"] for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)
    one = steps.gradient(state, rows, np.arange(21), 1)[0]
    assert one.weight == pytest.approx(data(spec())[2].sum())


def build(spec: Spec, rng: np.random.RandomState) -> Network:
    """The residual network as a builder."""
    shapes = {"in": (2, 16), "through": (16, 16), "out": (16, spec.n_outputs), "mean": (16,)}
    arrays = {
        name: (0.3 * rng.standard_normal(shape)).astype(spec.dtype)
        for name, shape in shapes.items()
    }
    return Network(arrays, residual, frozenset({"out"}), frozenset({"mean"}))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_of_its_own_through_the_estimator() -> None:
    """A builder's network learns what no linear model can, and predicts through JAX."""
    X = np.random.RandomState(0).standard_normal((500, 2))
    y = X[:, 0] * X[:, 1] > 0
    model = MLPClassifier(
        backend="jax", builder=build, max_iter=40, learning_rate_init=0.02, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.9


def test_models_computed_at_once_equal_those_computed_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An accelerator computes all models together, and gives the weights and outputs of a CPU."""
    from mlpkit_jax import steps as module

    def linear(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
        return xp.matmul(x, arrays["coef_0"]), {"seen": arrays["seen"] + 1}

    s = spec()
    rng = np.random.RandomState(0)
    arrays = {"coef_0": rng.standard_normal((2, 5, 3)), "seen": np.zeros((2, 1))}
    network = Network(arrays, xp_apply=linear, n_models=2, frozen=frozenset(["seen"]))
    X, results = rng.standard_normal((2, 7, 5)), []
    for at_once in (False, True):
        monkeypatch.setattr(module, "on_accelerator", lambda *args, at_once=at_once: at_once)
        f = module.backend(network, s, recipe(), resident=False)
        plan = batches(20, 4)._replace(with_predictions=True)
        state, sums = f.epoch(f.start(arrays), f.put(*data(s, 20)), plan)
        outputs = f.outputs(state, X), f.outputs(state, X[0])
        results.append((*f.arrays(state).values(), sums.loss, sums.predictions, *outputs))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
    assert results[0][1].min() == 5 and results[0][4].shape == (2, 7, 3)
