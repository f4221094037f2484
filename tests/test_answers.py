"""What components answer wrongly is one error, in the epoch where it happens."""

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
    """A classifier of six epochs."""
    return MLPClassifier((5,), backend=backend, random_state=0, max_iter=6, **params)


def message(clf: Any, y: Any = Y) -> str:
    """What its fit says; the estimator is what it was."""
    before = dict(vars(clf))
    with pytest.raises(InvalidResult) as caught:
        clf.fit(X, y)
    assert vars(clf) == before
    again = pickle.loads(pickle.dumps(caught.value))  # from a worker of joblib
    assert str(again) == str(caught.value)
    return str(caught.value)


class Scripted:
    """A callback with an answer for the third epoch, before the first, and after the last."""

    def __init__(self, answer: Any = None, begin: Any = None, end: Any = None) -> None:
        self.answer, self.begin, self.end = answer, begin, end
        self.seen: list[Report] = []

    def __call__(self, report: Report) -> Any:
        """Answer in the third epoch."""
        self.seen.append(report)
        return self.answer if report.epoch == 3 else None

    def on_begin(self, report: Report) -> Any:
        """Answer before the first epoch."""
        return self.begin

    def on_end(self, report: Report) -> Any:
        """Answer after the last."""
        return None if self.end is None else self.end(report.arrays())


@pytest.mark.parametrize("answer", [1, 0, "stop", -1.0, 0.0, np.nan, np.inf, [], np.array([0.1])])
def test_a_callback_that_answers_something_else(answer: Any, backend: str) -> None:
    """Nothing is guessed: neither that it stops, nor a learning rate."""
    callback = Scripted(answer)
    told = message(estimator(backend, callbacks=callback))
    assert told.startswith(f"callback Scripted: it returned {answer!r} ({type(answer).__name__})")
    assert "True to stop, or a positive finite float as the new learning rate" in told
    assert len(callback.seen) == 3
    assert "callback Scripted: it returned" in message(
        estimator(backend, callbacks=Scripted(begin=answer))
    )


def test_numbers_of_numpy_are_answers(backend: str) -> None:
    """A rate of any float type is one, and a bool of NumPy's stops."""
    for learning_rate in (0.5, np.float32(0.5), np.float64(0.5)):
        callback = Scripted(learning_rate)
        assert estimator(backend, callbacks=callback).fit(X, Y).n_iter_ == 6
        assert [r.learning_rate for r in callback.seen] == [0.001] * 3 + [0.5] * 3
        first = Scripted(begin=learning_rate)
        estimator(backend, callbacks=first).fit(X, Y)
        assert first.seen[0].learning_rate == 0.5
    assert estimator(backend, callbacks=Scripted(np.True_)).fit(X, Y).n_iter_ == 3
    assert estimator(backend, callbacks=Scripted(np.False_)).fit(X, Y).n_iter_ == 6


def test_nothing_can_be_stopped_before_it_begins(backend: str) -> None:
    """True from on_begin was ignored."""
    told = message(estimator(backend, callbacks=Scripted(begin=True)))
    assert "its on_begin returned True, but training cannot be stopped before the first" in told


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
def test_last_weights_are_all_of_them(
    end: Callable[[Any], Any], expected: str, backend: str
) -> None:
    """By name, with their shapes, finite: nothing is filled up with zeros."""
    told = message(estimator(backend, callbacks=Scripted(end=end)))
    assert told.startswith("callback Scripted: its on_end returned ")
    assert expected in told
    assert (
        "a dict of all weights, which are finite and have their original shapes: coef_0, " in told
    )


def test_right_last_weights_are_taken(backend: str) -> None:
    """In any float type."""
    ones = Scripted(end=lambda a: {n: np.ones_like(v, dtype="float32") for n, v in a.items()})
    clf = estimator(backend, callbacks=ones).fit(X, Y)
    assert all((a == 1).all() and a.dtype == X.dtype for a in clf.coefs_ + clf.intercepts_)


def test_what_on_end_returns_after_an_error_does_not_hide_it(backend: str) -> None:
    """The first error is the one that is raised."""

    def failing(report: Report) -> None:
        raise OSError("no disk")

    clf = estimator(backend, callbacks=[failing, Scripted(end=lambda a: {})])
    with pytest.raises(OSError, match="no disk"):
        clf.fit(X, Y)


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
    """By the name that was asked for, or for an object by the function that is wrong."""
    source = offering("mlpkit_callbacks", "'chatty', 'zoo_code:chatty'")
    solvers = "@hookimpl\ndef mlpkit_solvers(): return [Component('lion', 'zoo_code:lion')]\n"
    install(site, "mlpkit-zoo", {"zoo": source + solvers}, modules={"zoo_code": ZOO})
    found = Registry()
    monkeypatch.setattr("mlpkit.registry.lookup._registry", lambda: found)
    told = message(estimator("numpy", callbacks="chatty"))
    assert told.startswith("callback='chatty' of plugin 'zoo' (mlpkit-zoo 1.0): it returned 'on'")
    told = message(estimator("numpy", solver="lion"))
    assert told.startswith("solver='lion' of plugin 'zoo' (mlpkit-zoo 1.0): `update` returned wei")
    solver = import_module("zoo_code").lion()
    told = message(estimator("numpy", solver=solver))
    assert told.startswith("solver update of plugin 'zoo' (mlpkit-zoo 1.0): `update` returned")


def twice(learning_rate: float, step: Any, options: Any) -> Any:
    """Rates for two steps."""
    return np.full(2, learning_rate)


def uphill(learning_rate: float, step: Any, options: Any) -> Any:
    """Negative rates."""
    return np.full(len(step), -learning_rate)


def down(xp: Any, p: Any, g: Any, optimizer_state: Any, learning_rate: Any, options: Any) -> Any:
    """Plain gradient descent."""
    return p - learning_rate * g, ()


@pytest.mark.parametrize("learning_rate_at", [twice, uphill])
def test_a_solver_has_a_rate_for_each_step(learning_rate_at: Any, backend: str) -> None:
    """Finite and not negative."""
    told = message(estimator(backend, solver=Solver(down, learning_rate_at=learning_rate_at)))
    assert told.startswith("solver down: `learning_rate_at` returned array(")


def not_a_number(xp: Any, y: Any, p: Any) -> Any:
    """A loss that can't be computed where its derivative can."""
    return xp.sum(y - p, axis=1) * float("nan")


def test_a_loss_that_is_nan_while_weights_are_finite(backend: str) -> None:
    """In the first epoch, by whichever of the two computes it."""
    seen: list[Report] = []
    loss = LOSSES["squared_error"]._replace(name="mine", rows=not_a_number)
    reg = MLPRegressor(loss, backend=backend, callbacks=seen.append, max_iter=12)
    told = message(reg, X[:, 0])
    label = installed().find("backend", backend)[0].label
    assert told == (
        f"loss 'mine' or backend={backend!r} of {label}: the loss of epoch 1 is NaN, although all"
        " weights are finite."
    )
    assert seen == []
    assert "is NaN, although" in message(reg.set_params(solver="lbfgs"), X[:, 0])


def altered(change: Callable[..., Any], function: str = "epoch") -> Any:
    """NumPy's backend, with what a function returns changed."""

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
    """One loss and one weight for each step, and numbers where weights are numbers."""
    seen: list[Report] = []
    told = message(estimator(altered(change), batch_size=20, callbacks=seen.append))
    assert told.startswith("backend altered.<locals>.backend: ")
    assert expected in told
    assert seen == []


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
    """They are never broadcast to the weights."""
    told = message(estimator(altered(change, "gradient"), solver="lbfgs"))
    assert expected in told


@pytest.mark.once
def test_outputs_of_a_backend() -> None:
    """One row for each row, where early stopping scores them."""
    told = message(estimator(altered(lambda *z: np.array(z[:2]), "outputs"), early_stopping=True))
    assert told.startswith("backend altered.<locals>.backend: the result of `outputs` must be an ")


def returning(value: Any) -> Any:
    """A trainer that trains, and returns something else."""

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
    """A state and how far it came."""
    told = message(estimator("numpy", trainer=returning(value)))
    assert told.startswith("trainer returning.<locals>.other: it returned ")
    assert expected in told


@pytest.mark.once
def test_what_a_trainer_reports() -> None:
    """A `Report` for each epoch."""

    def talking(job: Any, state: Any, progress: Progress, observer: Any) -> Any:
        observer(state, 0.25)
        return state, progress

    told = message(estimator("numpy", trainer=talking))
    assert "trainer test_what_a_trainer_reports.<locals>.talking: it passed 0.25 (float)" in told


@pytest.mark.once
def test_infinite_losses_are_not_mistaken_for_faults() -> None:
    """A loss that overflows while weights stay finite goes on, as in scikit-learn."""
    reg = MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0, backend="numpy")
    with np.errstate(over="ignore"):
        reg.fit(X, 1e200 * X[:, 0])
        w = np.r_[0.0, np.ones(59)]
        assert np.isfinite(reg.fit(X, np.r_[1e200, X[1:, 0]], w).loss_)
    assert reg.n_iter_ == 3


def grouped(codes: Any, *names: Any) -> Partitioner:
    """A partitioner that answers so."""
    return Partitioner("mine", lambda sample: 0, lambda cut, sample: Groups(codes, names))


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
        (Partitioner("mine", len, lambda cut, sample: HALVES), "`assign` returned array("),
    ],
)
def test_groups_of_a_partitioner(partitioner: Partitioner, expected: str) -> None:
    """In a fit, in an evaluation, and as a part of a cross."""
    clf = estimator("numpy", partitions=partitioner, metrics="accuracy")
    told = message(clf)
    assert told.startswith("partitioner 'mine': ")
    assert expected in told
    fitted = estimator("numpy").fit(X, Y)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=partitioner)
    with pytest.raises(InvalidResult, match="partitioner 'mine': "):
        evaluate(fitted, X, Y, partitions=cross(by_column(0, max_groups=99), partitioner))


def tally(**changes: Any) -> Metric:
    """A metric that counts in cells, wrongly."""
    given = {"codes": HALVES, "cells": 2, "values": None, **changes}
    return Metric(
        "mine", ("multiclass",), True, row_statistics=lambda s: CellCounts(**given), value=last
    )


def last(sums: Any) -> Any:
    """The last of the sums."""
    return sums[..., -1]


def share(scored: Predictions) -> Any:
    """What is right."""
    return (scored.y_true == scored.y_pred) * 1.0


@pytest.mark.once
@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (tally(codes=HALVES + 1), "codes must be from -1 to 1, got 1 to 2"),
        (tally(codes=HALVES[:7]), r"codes must be integers of .*, got int64 of shape \(7,\)"),
        (tally(codes=HALVES / 2), r"codes must be integers of .*, got float64"),
        (tally(values=np.ones(7)), r"values must have shape \(60,\), got \(7,\)"),
        (
            Metric("mine", ("multiclass",), True, row_statistics=share, value=np.sum),
            r"value must return an array of shape \(1,\), got shape \(\)",
        ),
        (
            Metric("mine", ("multiclass",), True, row_statistics=share, ratio=lambda s: (s, s)),
            r"ratio must return two arrays of shape \(1,\), got shapes \(1, 2\) and \(1, 2\)",
        ),
    ],
)
def test_sums_of_a_metric(metric: Metric, expected: str) -> None:
    """They don't flow into those of other groups, and are not broadcast."""
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
    """They are those of the network, finite, before training."""

    def builder(spec: Any, rng: Any) -> Network:
        made = dense.build(spec, rng)
        return made._replace(arrays=change(made.arrays), decayed=frozenset())

    told = message(estimator("numpy", builder=builder))
    assert told.startswith("builder test_weights_of_a_builder.<locals>.builder returned ")
    assert expected in told
