"""What the first process decides, and what all processes share."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.numpy_backend.steps import backend
from mlpkit.plugin import Array, Arrays, Network, Recipe, Report, Spec, Steps, StepSums
from mlpkit.testing import ThreadGroup, in_group
from tests.helpers.thread_groups import fitted_in_group, shard_of

X = np.random.RandomState(0).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)
OWNERS = np.arange(60) % 2


def test_callbacks_run_in_the_first_process() -> None:
    """What they return counts for all."""
    calls = []

    def stop(report: Report) -> bool:
        calls.append(report.epoch)
        return report.epoch == 3

    others = fitted_in_group(
        lambda: MLPClassifier((4,), random_state=0, callbacks=[stop]), X, Y, OWNERS, 2
    )
    assert calls == [1, 2, 3]
    assert [clf.n_iter_ for clf in others] == [3, 3]


def test_a_callback_may_replace_the_weights() -> None:
    """Of all processes."""

    class Zeros:
        def __call__(self, report: Report) -> bool:
            return report.epoch == 2

        def on_begin(self, report: Report) -> float:
            return 0.5

        def on_end(self, report: Report) -> dict[str, Any]:
            return {name: np.zeros_like(a) for name, a in report.arrays().items()}

    others = fitted_in_group(
        lambda: MLPClassifier((4,), random_state=0, solver="sgd", callbacks=[Zeros()]),
        *(X, Y, OWNERS, 2),
    )
    assert not any(a.any() for clf in others for a in clf.coefs_)
    assert others[1]._progress.learning_rate == 0.5


def test_an_error_in_a_callback() -> None:
    """It is raised, and the other processes end."""

    def fail(report: Report) -> bool:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fitted_in_group(lambda: MLPClassifier((4,), callbacks=[fail]), X, Y, OWNERS, 2)


def test_the_generator_is_that_of_the_first_process() -> None:
    """Without a random_state all processes begin with the same weights."""
    warnings.simplefilter("ignore")
    first, second = fitted_in_group(lambda: MLPClassifier((4,), max_iter=2), X, Y, OWNERS, 2)
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_time_limit_ends_all_processes_in_the_same_step(solver: str) -> None:
    """Although their clocks differ."""
    warnings.simplefilter("ignore")
    first, second = fitted_in_group(
        lambda: MLPClassifier(
            (4,), solver=solver, random_state=0, max_iter=10**6, tol=0.0, time_limit=0.5
        ),
        *(X, Y, OWNERS, 2),
    )
    assert first.n_iter_ == second.n_iter_
    np.testing.assert_array_equal(first.coefs_[0], second.coefs_[0])


def test_losses_and_scores_are_those_of_the_first_process() -> None:
    """Although processors of other kinds may round them in another way."""

    def fit(group: ThreadGroup) -> MLPClassifier:
        def rounding(network: Network, spec: Spec, recipe: Recipe) -> Steps:
            steps = backend(network, spec, recipe)

            def gradient(*args: Any, **options: Any) -> tuple[StepSums, Arrays]:
                sums, gradients = steps.gradient(*args, **options)
                return sums._replace(penalty=sums.penalty + group.rank), gradients

            return steps._replace(gradient=gradient)

        scores = iter(range(100) if group.rank == 0 else range(100, 0, -1))
        clf = MLPClassifier(
            (4,),
            backend=rounding,
            max_iter=3,
            random_state=0,
            early_stopping=True,
            early_stopping_on=lambda report: float(next(scores)),
        )
        return clf.fit(shard_of(group, X, OWNERS), Y)

    warnings.simplefilter("ignore")
    first, second = in_group(2, fit)
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_scores_ == second.validation_scores_


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("trainer", ["epochs", "cycles"])
def test_an_interrupt_of_one_process(who: int, trainer: str) -> None:
    """It ends the fit of all, since that process cannot go on with the others."""

    class Interrupted(ThreadGroup):
        n_steps = 0

        def add(self, a: Array) -> Array:
            self.n_steps += 1
            if self.rank == who and self.n_steps == 5:
                raise KeyboardInterrupt
            return super().add(a)

    def fit(group: ThreadGroup) -> MLPClassifier:
        shard = shard_of(Interrupted(group.rank, group._slots, group._barrier), X, OWNERS)
        return MLPClassifier((4,), random_state=0, trainer=trainer).fit(shard, Y)

    warnings.simplefilter("ignore")
    with pytest.raises(KeyboardInterrupt):
        in_group(2, fit)


def test_an_interrupt_in_a_callback(tmp_path: Path) -> None:
    """The fit ends with the same epoch in all processes, and can be continued from any file."""
    interrupted = [2]

    def interrupt(report: Report) -> None:
        if report.epoch in interrupted:
            raise KeyboardInterrupt

    def fit(group: ThreadGroup) -> MLPClassifier:
        path = tmp_path / str(group.rank)
        clf = MLPClassifier(
            (4,), random_state=0, max_iter=4, callbacks=[interrupt], checkpoint=path
        )
        return clf.fit(shard_of(group, X, OWNERS), Y)

    warnings.simplefilter("ignore")
    assert [clf.n_iter_ for clf in in_group(2, fit)] == [2, 2]
    interrupted.clear()
    (tmp_path / "0").write_bytes((tmp_path / "1").read_bytes())
    assert [clf.n_iter_ for clf in in_group(2, fit)] == [4, 4]


class Killed(Exception):
    """Ends a fit."""


def test_any_process_can_resume_from_the_file_of_any_other(tmp_path: Path) -> None:
    """A checkpoint contains what all processes share, also the states of callbacks."""

    class Counts:
        def __init__(self, last: int) -> None:
            self.last, self.n_calls = last, 0

        def __call__(self, report: Report) -> None:
            self.n_calls += 1
            if self.n_calls == self.last:
                raise Killed

        def get_state(self) -> dict[str, int]:
            return {"n_calls": self.n_calls}

        def set_state(self, state: dict[str, int]) -> None:
            self.n_calls = state["n_calls"]

    def made(name: str, callback: Counts) -> MLPClassifier:
        path = tmp_path / name
        return MLPClassifier(
            (4,), max_iter=6, random_state=0, tol=0.0, callbacks=[callback], checkpoint=path
        )

    warnings.simplefilter("ignore")
    names = iter(["first", "second"])
    with pytest.raises(Killed):
        fitted_in_group(lambda: made(next(names), Counts(4)), X, Y, OWNERS, 2)
    assert (tmp_path / "first").exists() and (tmp_path / "second").exists()
    content = (tmp_path / "second").read_bytes()
    (tmp_path / "first").write_bytes(content)
    counts = Counts(100)
    names = iter(["first", "second"])
    resumed = fitted_in_group(lambda: made(next(names), counts), X, Y, OWNERS, 2)
    assert counts.n_calls == 6
    whole = fitted_in_group(lambda: made("third", Counts(100)), X, Y, np.zeros(60, int), 1)
    np.testing.assert_array_equal(resumed[0].coefs_[0], resumed[1].coefs_[0])
    np.testing.assert_allclose(resumed[0].coefs_[0], whole[0].coefs_[0], rtol=0, atol=1e-9)
