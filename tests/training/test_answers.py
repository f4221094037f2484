"""Invalid results of components raise `InvalidResult` in the epoch where they occur."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributions import install, offering

from mlpkit import MLPClassifier, MLPRegressor, by_column, cross, evaluate
from mlpkit.numpy_backend import dense
from mlpkit.objectives.losses import LOSSES
from mlpkit.plugin import (
    CellCounts,
    Groups,
    InvalidResult,
    Metric,
    Network,
    Partitioner,
    Predictions,
    Progress,
    Report,
    Solver,
    Steps,
)
from mlpkit.registry.lookup import Registry, installed
from mlpkit.training import loop as trainer

X = np.random.RandomState(0).standard_normal((60, 4))
Y = np.arange(60) % 3
CALM = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
pytestmark = CALM


def estimator(backend: Any, **params: Any) -> MLPClassifier:
    """Create a classifier that trains for six epochs."""
    return MLPClassifier((5,), backend=backend, random_state=0, max_iter=6, **params)


def error_of(clf: Any, y: Any = Y) -> str:
    """The message of the error in `fit`, which leaves the estimator unchanged."""
    before = dict(vars(clf))
    with pytest.raises(InvalidResult) as caught:
        clf.fit(X, y)
    assert vars(clf) == before
    again = pickle.loads(pickle.dumps(caught.value))  # from a worker of joblib
    assert str(again) == str(caught.value)
    return str(caught.value)


class ScriptedCallback:
    """A callback that returns given values before, during and after training."""

    def __init__(self, answer: Any = None, begin: Any = None, end: Any = None) -> None:
        self.answer, self.begin, self.end = answer, begin, end
        self.reports: list[Report] = []

    def __call__(self, report: Report) -> Any:
        """Return a value in the third epoch."""
        self.reports.append(report)
        return self.answer if report.epoch == 3 else None

    def on_begin(self, report: Report) -> Any:
        """Return a value before the first epoch."""
        return self.begin

    def on_end(self, report: Report) -> Any:
        """Return the result of a function of the final weights."""
        return None if self.end is None else self.end(report.arrays())


@pytest.mark.parametrize("answer", [1, 0, "stop", -1.0, 0.0, np.nan, np.inf, [], np.array([0.1])])
def test_invalid_results_of_a_callback(answer: Any, backend: str) -> None:
    """They neither stop training nor change the learning rate."""
    callback = ScriptedCallback(answer)
    text = error_of(estimator(backend, callbacks=callback))
    assert text.startswith(
        f"callback ScriptedCallback: it returned {answer!r} ({type(answer).__name__})"
    )
    assert "True to stop, or a positive finite float as the new learning rate" in text
    assert len(callback.reports) == 3
    assert "callback ScriptedCallback: it returned" in error_of(
        estimator(backend, callbacks=ScriptedCallback(begin=answer))
    )


def test_numpy_scalars_of_a_callback(backend: str) -> None:
    """A learning rate may be of any float type, and np.True_ stops training."""
    for learning_rate in (0.5, np.float32(0.5), np.float64(0.5)):
        callback = ScriptedCallback(learning_rate)
        assert estimator(backend, callbacks=callback).fit(X, Y).n_iter_ == 6
        assert [r.learning_rate for r in callback.reports] == [0.001] * 3 + [0.5] * 3
        first = ScriptedCallback(begin=learning_rate)
        estimator(backend, callbacks=first).fit(X, Y)
        assert first.reports[0].learning_rate == 0.5
    assert estimator(backend, callbacks=ScriptedCallback(np.True_)).fit(X, Y).n_iter_ == 3
    assert estimator(backend, callbacks=ScriptedCallback(np.False_)).fit(X, Y).n_iter_ == 6


def test_on_begin_cannot_stop_training(backend: str) -> None:
    """True raises an error instead of being ignored."""
    text = error_of(estimator(backend, callbacks=ScriptedCallback(begin=True)))
    assert "its on_begin returned True, but training cannot be stopped before the first" in text


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (lambda a: {}, "weights named (none)"),
        (lambda a: {"coef_0": a["coef_0"]}, "weights named coef_0"),
        (lambda a: {**a, "coef_9": a["coef_0"]}, "coef_9"),
        (lambda a: {n: v[:1] for n, v in a.items()}, "of shape (1, 5) and dtype float64"),
        (lambda a: {n: v * 1j for n, v in a.items()}, "of shape (4, 5) and dtype complex128"),
        (lambda a: {n: v * np.nan for n, v in a.items()}, "non-finite values in 'coef_0'"),
        (lambda a: list(a.values()), "list"),
        (lambda a: True, "True (bool)"),
    ],
)
def test_invalid_weights_of_on_end(end: Callable[[Any], Any], expected: str, backend: str) -> None:
    """All weights are required by name, finite and with their shapes."""
    text = error_of(estimator(backend, callbacks=ScriptedCallback(end=end)))
    assert text.startswith("callback ScriptedCallback: its on_end returned ")
    assert expected in text
    assert (
        "a dict of all weights, which are finite and have their original shapes: coef_0, " in text
    )


def test_valid_weights_of_on_end(backend: str) -> None:
    """They may be of any float type."""
    ones = ScriptedCallback(
        end=lambda a: {n: np.ones_like(v, dtype="float32") for n, v in a.items()}
    )
    clf = estimator(backend, callbacks=ones).fit(X, Y)
    assert all((a == 1).all() and a.dtype == X.dtype for a in clf.coefs_ + clf.intercepts_)


def test_on_end_after_an_error(backend: str) -> None:
    """Its result does not replace the first error."""

    def failing(report: Report) -> None:
        raise OSError("no disk")

    clf = estimator(backend, callbacks=[failing, ScriptedCallback(end=lambda a: {})])
    with pytest.raises(OSError, match="no disk"):
        clf.fit(X, Y)


@pytest.mark.once
def test_every_on_end_is_called() -> None:
    """In their order, also after one that raises; its error is that of the fit."""
    ended = []

    def ending(name: str) -> Callable[[Any], Any]:
        def end(arrays: Any) -> None:
            ended.append(name)
            if name == "first":
                raise OSError("no disk")

        return end

    callbacks = [ScriptedCallback(end=ending(name)) for name in ("first", "second", "third")]
    with pytest.raises(OSError, match="no disk"):
        estimator("numpy", callbacks=callbacks).fit(X, Y)
    assert ended == ["first", "second", "third"]


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
        return right._replace(**{function: lambda *a: change(*inner(*a), *a)})  # type: ignore[no-any-return]

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
        (lambda s, x, *a: (s, x[:3]), "expected a pair with a mlpkit.plugin.StepSums"),
        (lambda s, x, *a: s, "expected a pair with a mlpkit.plugin.StepSums"),
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
        (lambda s, p: (s, replace(p, epoch=-1)), "a Progress with epoch=-1"),
        (lambda s, p: (s, replace(p, samples=0.5)), "a Progress with samples=0.5"),
        (lambda s, p: (s, replace(p, learning_rate=np.nan)), "a Progress with learning_rate=nan"),
        (lambda s, p: (s, replace(p, learning_rate=None)), "a Progress with learning_rate=None"),
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


def grouped(codes: Any, *names: Any) -> Partitioner:
    """A partitioner that returns these groups."""
    return Partitioner("mine", lambda data: 0, lambda fitted, data: Groups(codes, names))


HALVES = np.arange(60) % 2


@pytest.mark.once
@pytest.mark.parametrize(
    ("partitioner", "expected"),
    [
        (grouped(HALVES / 2, "a", "b"), "codes are float64; expected integers"),
        (grouped(HALVES == 1, "a", "b"), "codes are bool; expected integers"),
        (grouped(HALVES, "a"), "codes are from 0 to 1; expected -1 to 0, indices into 1 names"),
        (grouped(HALVES - 2, "a"), "codes are from -2 to -1; expected -1 to 0"),
        (grouped(HALVES[:7], "a", "b"), "groups of 7 rows; expected 60"),
        (grouped(HALVES.tolist(), "a", "b"), "expected an integer array of shape (n_rows,)"),
        (grouped(HALVES, "a", "a"), "group names are ('a', 'a'); expected distinct strings"),
        (grouped(HALVES, "a", 1), "group names are ('a', 1); expected distinct strings"),
        (grouped(np.ones((60, 2)), "a", "b"), "codes are float64 of shape (60, 2); expected bool"),
        (grouped(np.ones((60, 3), bool), "a", "b"), "codes are bool of shape (60, 3); expected"),
        (Partitioner("mine", len, lambda fitted, data: HALVES), "`assign` returned array("),
    ],
)
def test_groups_of_a_partitioner(partitioner: Partitioner, expected: str) -> None:
    """In a fit, in an evaluation, and as a part of a cross."""
    clf = estimator("numpy", partitions=partitioner, metrics="accuracy")
    text = error_of(clf)
    assert text.startswith("partitioner 'mine': ")
    assert expected in text
    fitted = estimator("numpy").fit(X, Y)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=partitioner)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=cross(by_column(0, max_groups=99), partitioner))


def count_metric(**changes: Any) -> Metric:
    """A metric with invalid `CellCounts`."""
    counts = {"codes": HALVES, "cells": 2, "values": None, **changes}
    return Metric(
        "mine", ("multiclass",), True, row_statistics=lambda s: CellCounts(**counts), value=last
    )


def last(sums: Any) -> Any:
    """The last of the sums."""
    return sums[..., -1]


def accuracy(scored: Predictions) -> Any:
    """The correct predictions."""
    return (scored.y_true == scored.y_pred) * 1.0


@pytest.mark.once
@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (count_metric(codes=HALVES + 1), "codes must be from -1 to 1, got 1 to 2"),
        (
            count_metric(codes=HALVES[:7]),
            r"codes must be integers of .*, got int64 of shape \(7,\)",
        ),
        (count_metric(codes=HALVES / 2), r"codes must be integers of .*, got float64"),
        (count_metric(values=np.ones(7)), r"values must have shape \(60,\), got \(7,\)"),
        (
            Metric("mine", ("multiclass",), True, row_statistics=accuracy, value=np.sum),
            r"value must return an array of shape \(1,\), got shape \(\)",
        ),
        (
            Metric("mine", ("multiclass",), True, row_statistics=accuracy, ratio=lambda s: (s, s)),
            r"ratio must return two arrays of shape \(1,\), got shapes \(1, 2\) and \(1, 2\)",
        ),
    ],
)
def test_sums_of_a_metric(metric: Metric, expected: str) -> None:
    """They are neither added to other groups nor broadcast."""
    fitted = estimator("numpy").fit(X, Y)
    with pytest.raises(ValueError, match=f"Metric 'mine' failed: .*{expected}"):
        evaluate(fitted, X, Y, metrics=metric)


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
