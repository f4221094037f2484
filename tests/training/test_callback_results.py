"""Invalid results of callbacks raise `InvalidResult` in the epoch where they occur."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from invalid_results import X, Y, error_of, estimator

from mlpkit.plugin import Report

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
