"""Invalid results of backends, solvers, losses, trainers and builders raise `InvalidResult`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributions import install, offering
from invalid_results import X, error_of, estimator

from mlpkit import MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import Network, Progress, Report, Solver, Steps
from mlpkit.registry.lookup import Registry, installed
from mlpkit.training import loop as trainer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ZOO = """
from mlpkit.plugin import Solver
def update(xp, p, g, optimizer_state, learning_rate, options): return p[:1], optimizer_state
def lion(): return Solver(update)
def chatty(): return lambda report: "on"
"""


@pytest.mark.once
def test_components_are_named_with_their_distribution(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their registered name, or by the name of the function if passed as an object."""
    source = offering("mlpkit_callbacks", "'chatty', 'zoo_code:chatty'")
    solvers = "@hookimpl\ndef mlpkit_solvers(): return [Component('lion', 'zoo_code:lion')]\n"
    install(site, "mlpkit-zoo", {"zoo": source + solvers}, modules={"zoo_code": ZOO})
    registry = Registry()
    monkeypatch.setattr("mlpkit.registry.lookup._registry", lambda: registry)
    text = error_of(estimator("numpy", callbacks="chatty"))
    assert text.startswith("callback='chatty' of plugin 'zoo' (mlpkit-zoo 1.0): it returned 'on'")
    text = error_of(estimator("numpy", solver="lion"))
    assert text.startswith("solver='lion' of plugin 'zoo' (mlpkit-zoo 1.0): `update` returned wei")
    solver = import_module("zoo_code").lion()
    text = error_of(estimator("numpy", solver=solver))
    assert text.startswith("solver update of plugin 'zoo' (mlpkit-zoo 1.0): `update` returned")


def twice(learning_rate: float, step: Any, options: Any) -> Any:
    """Learning rates for two steps."""
    return np.full(2, learning_rate)


def uphill(learning_rate: float, step: Any, options: Any) -> Any:
    """Negative learning rates."""
    return np.full(len(step), -learning_rate)


def down(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Plain gradient descent."""
    return p - learning_rate * g, ()


@pytest.mark.parametrize("learning_rate_at", [twice, uphill])
def test_invalid_learning_rates_of_a_solver(learning_rate_at: Any, backend: str) -> None:
    """They must be finite, non-negative, and as many as the steps."""
    text = error_of(estimator(backend, solver=Solver(down, learning_rate_at=learning_rate_at)))
    assert text.startswith("solver down: `learning_rate_at` returned array(")


def not_a_number(xp: Any, y: Any, p: Any) -> Any:
    """A loss that is NaN although its derivative is finite."""
    return xp.sum(y - p, axis=1) * float("nan")


def test_a_loss_that_is_nan_while_weights_are_finite(backend: str) -> None:
    """The error in the first epoch names the loss and the backend."""
    reports: list[Report] = []
    loss = LOSSES["squared_error"]._replace(name="mine", rows=not_a_number)
    reg = MLPRegressor(loss, backend=backend, callbacks=reports.append, max_iter=12)
    text = error_of(reg, X[:, 0])
    label = installed().find("backend", backend)[0].label
    assert text == (
        f"loss 'mine' or backend={backend!r} of {label}: the loss of epoch 1 is NaN, although all"
        " weights are finite."
    )
    assert reports == []
    assert "is NaN, although" in error_of(reg.set_params(solver="lbfgs"), X[:, 0])


def altered_backend(change: Callable[..., Any], function: str = "epoch") -> Any:
    """The NumPy backend with the results of one function changed."""

    def backend(network: Any, spec: Any, recipe: Any) -> Steps:
        make, _ = installed().resolve("backend", "numpy")
        right = make(network, spec, recipe)
        inner = getattr(right, function)
        return right._replace(**{function: lambda *a: change(*inner(*a), *a)})

    return backend


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s, x, *a: (s, x._replace(loss=x.loss * np.nan)), "the loss of epoch 1 is NaN, al"),
        (
            lambda s, x, *a: (s, x._replace(loss=x.loss[:1])),
            "StepSums.loss of `epoch` must be an array of shape (3,), got an array of shape (1,)",
        ),
        (lambda s, x, *a: (s, x._replace(weight=60.0)), "array of shape (3,), got 60.0 (float)"),
        (
            lambda s, x, *a: (s, x._replace(predictions=np.ones(3))),
            "StepSums.predictions of `epoch` must be an array of shape (3, 20, ",
        ),
        (lambda s, x, *a: (s, x[:3]), "expected a pair with an mlpkit.plugin.StepSums"),
        (lambda s, x, *a: s, "expected a pair with an mlpkit.plugin.StepSums"),
    ],
)
def test_sums_of_a_backend(change: Any, expected: str) -> None:
    """They need one finite loss and one weight for each step."""
    reports: list[Report] = []
    text = error_of(estimator(altered_backend(change), batch_size=20, callbacks=reports.append))
    assert text.startswith("backend altered_backend.<locals>.backend: ")
    assert expected in text
    assert reports == []


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s, g, *a: (s, {"coef_0": g["coef_0"]}), "arrays named ['coef_0']; expected"),
        (
            lambda s, g, *a: (s, {n: v[:1] for n, v in g.items()}),
            "'coef_0' must be an array of shape (4, 5), got an array of shape (1, 5)",
        ),
    ],
)
def test_gradients_of_a_backend(change: Any, expected: str) -> None:
    """They are not broadcast to the weights."""
    text = error_of(estimator(altered_backend(change, "gradient"), solver="lbfgs"))
    assert expected in text


@pytest.mark.once
def test_outputs_of_a_backend() -> None:
    """Early stopping requires one output row for each input row."""
    text = error_of(
        estimator(altered_backend(lambda *z: np.array(z[:2]), "outputs"), early_stopping=True)
    )
    assert text.startswith("backend altered_backend.<locals>.backend: the result of `outputs` must")


def returning(value: Any) -> Any:
    """A trainer that trains normally, and then returns a changed result."""

    def other(job: Any, state: Any, progress: Any, observer: Any) -> Any:
        state, progress = trainer.train(job, state, progress, observer)
        return value(state, progress)

    return other


@pytest.mark.once
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda s, p: None, "it returned None (NoneType); expected (state, progress)"),
        (lambda s, p: s, "expected (state, progress)"),
        (lambda s, p: (p, s), "expected (state, progress)"),
        (lambda s, p: (s, p._replace(epoch=-1)), "a Progress with epoch=-1"),
        (lambda s, p: (s, p._replace(samples=0.5)), "a Progress with samples=0.5"),
        (lambda s, p: (s, p._replace(learning_rate=np.nan)), "a Progress with learning_rate=nan"),
        (lambda s, p: (s, p._replace(learning_rate=None)), "a Progress with learning_rate=None"),
    ],
)
def test_what_a_trainer_returns(value: Any, expected: str) -> None:
    """It must be a state and a valid `Progress`."""
    text = error_of(estimator("numpy", trainer=returning(value)))
    assert text.startswith("trainer returning.<locals>.other: it returned ")
    assert expected in text


@pytest.mark.once
def test_what_a_trainer_reports() -> None:
    """It must be a `Report`."""

    def talking(job: Any, state: Any, progress: Progress, observer: Any) -> Any:
        observer(state, 0.25)
        return state, progress

    text = error_of(estimator("numpy", trainer=talking))
    assert "trainer test_what_a_trainer_reports.<locals>.talking: it passed 0.25 (float)" in text


@pytest.mark.once
def test_infinite_losses_with_finite_weights() -> None:
    """Training continues if only the loss overflows, as in scikit-learn."""
    reg = MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0, backend="numpy")
    with np.errstate(over="ignore"):
        reg.fit(X, 1e200 * X[:, 0])
        w = np.r_[0.0, np.ones(59)]
        assert np.isfinite(reg.fit(X, np.r_[1e200, X[1:, 0]], w).loss_)
    assert reg.n_iter_ == 3


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: {**a, "coef_0": a["coef_0"][:, :2]}, "'coef_0': (4, 2)"),
        (lambda a: {**a, "coef_0": a["coef_0"] * np.nan}, "'coef_0' with values that are not fin"),
        (lambda a: {n: v for n, v in a.items() if n != "coef_1"}, "the dense network of this spec"),
        (
            lambda a: {n: v.tolist() for n, v in a.items()},
            "'coef_0' of type list; expected a ",
        ),
    ],
)
def test_weights_of_a_builder(change: Any, expected: str) -> None:
    """They must be the finite weights of the network."""

    def builder(spec: Any, rng: Any) -> Network:
        network = dense.build(spec, rng)
        return network._replace(arrays=change(network.arrays), decayed=frozenset())

    text = error_of(estimator("numpy", builder=builder))
    assert text.startswith("builder test_weights_of_a_builder.<locals>.builder returned ")
    assert expected in text
