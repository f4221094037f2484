"""Networks with an `apply` of their own: layers that draw, arrays that are not trained,
penalties, losses without a derivative, solvers over all weights at once.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mlpkit import MLPClassifier
from mlpkit.numpy_backend import dense
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import PENALTY, Joint, Network, Solver, Spec, optimizer_state_name
from mlpkit.testing import BackendTests, batches, close, data, recipe, spec
from mlpkit_torch.steps import backend


def residual(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
    """A residual layer with dropout and a penalty, a running mean, and a count of calls."""
    h = torch.tanh(x @ arrays["in"])
    if train:
        generator = torch.Generator().manual_seed(seed)
        h = h * 2 * (torch.rand(h.shape, generator=generator, dtype=h.dtype) < 0.5)
    h = h + torch.relu(h @ arrays["through"])
    mean = arrays["mean"]
    after = {
        "mean": 0.9 * mean + 0.1 * h.mean(dim=0),
        "calls": arrays["calls"] + 1,
        PENALTY: 0.1 * (arrays["in"] ** 2).sum(),
    }
    return (h - mean) @ arrays["out"], after


def network(dtype: str = "float64") -> Network:
    """The residual network for the spec of the conformance tests; "unused" gets no gradient."""
    rng = np.random.RandomState(0)
    shapes = {"in": (5, 6), "through": (6, 6), "out": (6, 3), "unused": (2,)}
    arrays = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    frozen = {"mean": np.zeros(6, dtype), "calls": np.array(0)}
    return Network({**arrays, **frozen}, residual, frozenset(shapes), frozenset(frozen))


def started(dtype: str = "float64", **changes: Any) -> tuple[Any, Any, Any]:
    """Steps, a state and 21 rows for the residual network."""
    s = spec(dtype=dtype)
    steps = backend(network(dtype), s, recipe(**changes), device="cpu")
    return steps, steps.start(network(dtype).arrays), steps.put(*data(s))


def test_a_network_of_its_own_steps_down_its_gradient() -> None:
    """One step equals Adam's over autograd's gradient of the whole loss."""
    steps, state, rows = started(alpha=0.3, batch_size=16)
    X, y, w = (torch.from_numpy(a[:16].copy()) for a in data(spec()))
    arrays = {name: torch.from_numpy(a) for name, a in steps.arrays(state).items()}
    trained = {n: a.requires_grad_() for n, a in arrays.items() if n not in ("mean", "calls")}
    z, after = residual(arrays, X, train=True, seed=0, w=None)
    decay = sum((a**2).sum() for a in trained.values())
    rows_loss = -(y * torch.log_softmax(z, dim=1)).sum(dim=1)
    ((w @ rows_loss + 0.3 / 2 * decay) / w.sum() + after[PENALTY]).backward()  # type: ignore[no-untyped-call]

    state, sums = steps.epoch(state, rows, batches(16, 16, learning_rate=0.1))
    actual = {**steps.arrays(state), **steps.optimizer_state(state)}
    assert {"m/mean", "v/mean"}.isdisjoint(actual)
    solver = adam()
    assert solver.update is not None
    for name, a in trained.items():
        g, p = a.grad.numpy(), a.detach().numpy().copy()  # type: ignore[union-attr]
        optimizer_state = np.zeros_like(g), np.zeros_like(g)
        p, (m, v) = solver.update(np, p, g, optimizer_state, 0.1, solver.options)
        expected = {name: p, optimizer_state_name("m", name): m, optimizer_state_name("v", name): v}
        close(expected, {key: actual[key] for key in expected}, 1e-9)
    close(after["mean"].detach().numpy(), actual["mean"], 1e-9)
    assert actual["calls"] == 1 and actual["calls"].dtype == np.int64
    own = (w @ rows_loss + w.sum() * after[PENALTY]).item()
    assert sums.loss[0] == pytest.approx(own, rel=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_of_its_own_obeys_the_law_of_the_epoch(dtype: str) -> None:
    """epoch equals gradient and update, for frozen arrays too."""
    steps, state, rows = started(dtype)
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    plan = batches(21, 7)
    fused, sums = steps.epoch(state, rows, plan)
    for i, indices in enumerate(plan.order):
        one, gradient = steps.gradient(state, rows, indices, int(plan.seeds[i]))
        close(sums.loss[i], one.loss, tolerance)
        state = steps.update(state, gradient, one.weight, plan.learning_rates[i])
    assert np.all(steps.arrays(state)["mean"] != 0)
    close(steps.arrays(fused), steps.arrays(state), tolerance)
    close(steps.optimizer_state(fused), steps.optimizer_state(state), tolerance)
    assert {a.dtype.name for a in steps.arrays(state).values()} == {dtype, "int64"}


def test_an_empty_step_leaves_frozen_arrays_alone() -> None:
    """In an epoch, and in an update with nothing summed."""
    steps, state, rows = started()
    empty = batches(21, 8)._replace(order=np.full((3, 8), -1))
    after, _ = steps.epoch(state, rows, empty)
    close(steps.arrays(state), steps.arrays(after), 0)
    sums, gradient = steps.gradient(state, rows, np.array([-1]), 0)
    after = steps.update(state, gradient, sums.weight, 0.1)
    close(steps.arrays(state), steps.arrays(after), 0)


def test_states_are_never_written_to() -> None:
    """Neither weights, slots nor frozen arrays of the state that an epoch began with."""
    steps, state, rows = started()
    before = {**steps.arrays(state), **steps.optimizer_state(state)}
    steps.epoch(state, rows, batches(21, 8))
    close(before, {**steps.arrays(state), **steps.optimizer_state(state)}, 0)


def test_seeds_decide_what_is_drawn() -> None:
    """The same seed gives the same weights, another one others; outputs draw nothing."""
    steps, state, rows = started()
    plan = batches(21, 8)
    results = []
    for shift in (0, 0, 1):
        after, _ = steps.epoch(state, rows, plan._replace(seeds=plan.seeds + np.uint32(shift)))
        results.append(steps.arrays(after)["in"])
    np.testing.assert_array_equal(results[0], results[1])
    assert np.any(results[0] != results[2])
    X, _, _ = data(spec())
    np.testing.assert_array_equal(steps.outputs(state, X), steps.outputs(state, X))


@pytest.mark.parametrize("is_dense", [True, False])
def test_a_loss_without_a_derivative_is_differentiated(is_dense: bool) -> None:
    """The same numbers as with it, dense chain or not."""
    full, results = spec(), []
    for s in (full, replace(full, loss=full.loss._replace(delta=None))):
        made = dense.build(s, np.random.RandomState(1)) if is_dense else network()
        steps = backend(made, s, recipe(), device="cpu")
        state = steps.start(made.arrays)
        state, sums = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
        results.append({**steps.arrays(state), **sums._asdict()})
    close(results[0], results[1], 1e-9)


def _first(arrays: Any) -> Any:
    return {"count": np.array(0), **{f"sum of {n}": np.zeros_like(a) for n, a in arrays.items()}}


def _together(
    xp: Any, weights: Any, gradients: Any, optimizer_state: Any, learning_rate: Any
) -> Any:
    norm = xp.sqrt(sum(xp.sum(g * g) for g in gradients.values()))
    after = {"count": optimizer_state["count"] + 1}
    for name, g in gradients.items():
        after[f"sum of {name}"] = optimizer_state[f"sum of {name}"] + g / norm
    return {n: p - learning_rate * after[f"sum of {n}"] for n, p in weights.items()}, after


def test_joint_solvers_equal_numpy() -> None:
    """A step over all weights at once, with slots of its own names and dtypes."""
    s, results = spec(), []
    joint = recipe(solver=Solver(joint=Joint(_first, _together)))
    for name in ("numpy", "torch"):
        tests = type("Tests", (BackendTests,), {"backend": name})()
        steps, state = tests.started(s, joint)
        rows = steps.put(*data(s))
        state, _ = steps.epoch(state, rows, batches(21, 8))
        state = steps.start({**steps.arrays(state), **steps.optimizer_state(state)})
        one, gradient = steps.gradient(state, rows, None, 0)
        state = steps.update(state, gradient, float(one.weight), 0.01)
        results.append({**steps.arrays(state), **steps.optimizer_state(state)})
    close(results[0], results[1], 1e-9)
    assert results[1]["count"] == 4


def _swapping(
    xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any
) -> Any:
    a, b = optimizer_state
    return p - learning_rate * (a + g), (b, a + g)


def test_a_solver_may_give_one_slot_for_another() -> None:
    """What it returns counts, whichever array that is."""
    s, results = spec(), []
    for name in ("numpy", "torch"):
        tests = type("Tests", (BackendTests,), {"backend": name})()
        steps, state = tests.started(s, recipe(solver=Solver(_swapping, ("a", "b"))))
        state, _ = steps.epoch(state, steps.put(*data(s)), batches(21, 8))
        results.append({**steps.arrays(state), **steps.optimizer_state(state)})
    close(results[0], results[1], 1e-9)


def build(spec: Spec, rng: np.random.RandomState) -> Network:
    """A module of PyTorch, with batch normalisation and dropout, as a builder."""
    arrays = {
        f"{i}.{name}": array.astype(spec.dtype)
        for i, n, m in ((0, spec.n_features, 32), (3, 32, spec.n_outputs))
        for name, array in (("weight", rng.standard_normal((m, n)) / n**0.5), ("bias", np.zeros(m)))
    }
    return Network(arrays, module, frozenset({"0.weight", "3.weight"}))


def module(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> tuple[Any, Any]:
    """The module called with the arrays for its parameters."""
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 32),
        torch.nn.BatchNorm1d(32, affine=False, track_running_stats=False),
        torch.nn.GELU(),
        torch.nn.Linear(32, len(arrays["3.bias"])),
    )
    return torch.func.functional_call(net, arrays, (x,)), {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_module_through_the_estimator() -> None:
    """A builder's module learns what no linear model can, and predicts through PyTorch."""
    X = np.random.RandomState(0).standard_normal((500, 2))
    y = X[:, 0] * X[:, 1] > 0
    model = MLPClassifier(
        backend="torch", builder=build, max_iter=40, learning_rate_init=0.02, random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.9
