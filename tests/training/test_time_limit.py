"""A fit ends within its time limit, with the best weights so far."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clocks import Clock, slow_backend
from sklearn.exceptions import ConvergenceWarning

from mlpkit import Cycles, MLPClassifier, MLPRegressor
from mlpkit.plugin import Report
from mlpkit.testing.resuming import assert_same_fit
from mlpkit.training import loop, time_limit

rng = np.random.RandomState(0)
X = rng.normal(size=(400, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
REACHED = r"stopped after \d+ epochs?, since the time limit of .* s was reached. The weights of the"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still; parts of an epoch have two steps at first."""
    monkeypatch.setattr(time_limit, "PART_ROWS", 80)
    return Clock().replace(monkeypatch)


def classifier(backend: Any, limit: float | None, **params: Any) -> MLPClassifier:
    """A classifier with epochs of ten steps."""
    settings = {"batch_size": 40, "max_iter": 500, "n_iter_no_change": 500, "random_state": 0}
    return MLPClassifier((5,), backend=backend, time_limit=limit, **{**settings, **params})


def limited(clock: Clock, clf: Any, within: float, **fit: Any) -> Any:
    """The estimator after a fit that must warn, and end within so many seconds."""
    began = clock.time
    with pytest.warns(ConvergenceWarning, match=REACHED) as caught:
        clf.fit(X, Y, **fit)
    assert len(caught) == 1
    assert clock.time - began <= within
    return clf


@pytest.mark.once
def test_training_stops_before_an_epoch_that_would_not_end_in_time(clock: Clock) -> None:
    """The result is that of so many epochs, and the last report says why."""
    reports: list[Report] = []
    backend = slow_backend(clock, step=0.1)
    clf = limited(clock, classifier(backend, 7.9, callbacks=reports.append), 7.9)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(reports) == 7
    assert clock.time == pytest.approx(7.0)
    assert [report.note for report in reports[:-1]] == [None] * 6
    assert reports[-1].note == "The time limit of 7.9 s does not allow another epoch. Stopping."
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        whole = classifier("numpy", None, max_iter=7).fit(X, Y)
    np.testing.assert_equal(clf.coefs_, whole.coefs_)
    assert clf.t_ == 2800


@pytest.mark.once
def test_the_last_report_says_why_training_ended(clock: Clock) -> None:
    """Also if a callback took the time of the next epoch."""

    class Slow:
        note: str | None = None

        def __call__(self, report: Report) -> None:
            clock.time += 10.0 if report.epoch == 3 else 0.0

        def on_end(self, report: Report) -> None:
            self.note = report.note

    slow = Slow()
    clf = limited(clock, classifier(slow_backend(clock, step=0.1), 13.0, callbacks=slow), 13.0)
    assert clf.n_iter_ == 3
    assert slow.note == "The time limit of 13 s does not allow another epoch. Stopping."


@pytest.mark.once
def test_an_epoch_that_is_too_long_is_cut(clock: Clock) -> None:
    """Its steps count, and the report says how many there were."""
    reports: list[Report] = []
    backend = slow_backend(clock, step=5.0)
    clf = limited(clock, classifier(backend, 33.0, callbacks=reports.append), 33.0)
    assert clock.time == 30.0
    assert (clf.n_iter_, clf.t_, len(clf.loss_curve_)) == (1, 240, 1)
    assert reports[0].note == "The time limit ended this epoch after 6 of 10 steps."
    part: Any = classifier("numpy", None, shuffle=False, batch_size=40)
    cut: Any = limited(clock, classifier(backend, 33.0, shuffle=False), 33.0)
    part.partial_fit(X[:240], Y[:240], classes=[0, 1])
    np.testing.assert_allclose(cut.coefs_[0], part.coefs_[0], rtol=1e-12)


@pytest.mark.once
def test_the_first_steps_are_always_made(clock: Clock) -> None:
    """The initial weights are never the result, even if the limit is too short for two steps."""
    backend = slow_backend(clock, step=5.0)
    clf = limited(clock, classifier(backend, 1e-3), 10.0)
    initial = classifier("numpy", None).initialize(4, classes=[0, 1])
    assert np.any(clf.coefs_[0] != initial.coefs_[0])
    assert clf.t_ == 80


@pytest.mark.once
def test_a_compilation_counts_but_is_not_expected_again(clock: Clock) -> None:
    """The first part of the first epoch takes longer than the others."""
    backend = slow_backend(clock, step=0.1, compilation=6.0)
    clf = limited(clock, classifier(backend, 15.5), 15.5)
    assert clf.n_iter_ == 9 and clock.time == pytest.approx(15.0)


@pytest.mark.once
@pytest.mark.parametrize("what", ["scores", "callbacks", "metrics"])
def test_what_follows_the_steps_counts(what: str, clock: Clock) -> None:
    """Scores, metrics, callbacks, and the predictions of held-out rows after training."""
    reports: list[Report] = []

    def wait(report: Report) -> None:
        reports.append(report)
        clock.time += 2.0 if what == "callbacks" else 0.0

    backend = slow_backend(clock, step=0.1, outputs=0.0 if what == "callbacks" else 1.0)
    params: dict[str, Any] = {"callbacks": wait}
    if what == "scores":
        params |= {"early_stopping": True, "temperature_scaling": True}
    if what == "metrics":
        params |= {"metrics": "accuracy", "train_metrics": "exact"}
    clf = limited(clock, classifier(backend, 20.0, **params), 20.0)
    assert clock.time > 16.0
    assert clf.n_iter_ == len(reports) >= 6


@pytest.mark.once
def test_the_best_epoch_so_far_is_kept(clock: Clock) -> None:
    """As with a whole fit of so many epochs."""
    params: dict[str, Any] = {"early_stopping": True, "learning_rate_init": 0.05}
    backend = slow_backend(clock, step=0.1)
    clf = limited(clock, classifier(backend, 9.0, **params), 9.0)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        whole = classifier("numpy", None, max_iter=clf.n_iter_, **params).fit(X, Y)
    np.testing.assert_equal(clf.coefs_, whole.coefs_)
    assert clf.best_validation_score_ == max(clf.validation_scores_)


@pytest.mark.once
@pytest.mark.parametrize("limit", [4.0, 17.0, 60.0])
def test_cycles(limit: float, clock: Clock) -> None:
    """In the first cycle, in a later one, and after the last one."""
    trainer = Cycles(first_cycle=8, max_cycles=3, min_gain=0)
    params: dict[str, Any] = {"trainer": trainer, "early_stopping_on": "loss"}
    clf = classifier(slow_backend(clock, step=0.1), limit, **params)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, Y)
    assert clock.time <= limit
    assert len(caught) == (limit < 50)
    assert clf.n_iter_ >= 0.9 * min(limit, 56)


@pytest.mark.once
def test_lbfgs(clock: Clock) -> None:
    """It ends before an iteration or an evaluation that would take too long."""
    for step, limit, n in ((0.1, 1.0, 4), (1.0, 2.5, 0), (3.0, 0.5, 0)):
        clf = classifier(slow_backend(clock, step), limit, solver="lbfgs", alpha=0.1)
        clf = limited(clock, clf, max(limit, 2 * step))
        assert clf.n_iter_ >= n
        initial = classifier("numpy", None).initialize(4, classes=[0, 1])
        assert clf.loss_ < 0.8 and np.any(clf.coefs_[0] != initial.coefs_[0])


def without_parts(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """A trainer that ignores the deadline."""
    return loop.train(job._replace(deadline=None), state, progress, observer)


@pytest.mark.once
def test_any_trainer_stops_before_an_epoch_that_is_too_long(clock: Clock) -> None:
    """The observer stops it."""
    clf = classifier(slow_backend(clock, step=0.1), 7.9, trainer=without_parts)
    assert limited(clock, clf, 7.9).n_iter_ == 7


@pytest.mark.once
def test_training_that_ends_by_itself_does_not_warn_of_the_limit(clock: Clock) -> None:
    """Also if there was no time for another epoch."""
    clf = classifier(slow_backend(clock, step=0.1), 5.5, max_iter=5)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        clf.fit(X, Y)
    assert len(caught) == 1
    clf.set_params(callbacks=lambda report: report.epoch == 5, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(X, Y)


@pytest.mark.once
def test_an_incomplete_epoch_does_not_measure_all_training_rows(clock: Clock) -> None:
    """Running metrics of the training rows need the predictions of all of them."""
    backend = slow_backend(clock, step=5.0)
    clf = classifier(backend, 33.0, metrics="accuracy")
    clf = limited(clock, clf, 33.0, X_val=X[:50], y_val=Y[:50])
    assert {value.split for value in clf.metric_history_} == {"validation"}


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_epochs_in_parts_are_the_same(
    cls: type, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that is not reached changes no bit, with dropout, schedules and running metrics."""
    monkeypatch.setattr(time_limit, "PART_ROWS", 64)
    fits = [
        cls(
            hidden_layer_sizes=(5,),
            backend=backend,
            solver="adamw",
            solver_options={"weight_decay": 0.1},
            learning_rate="cosine",
            weight_decay_schedule="linear",
            dropout=0.2,
            dropout_schedule="linear",
            metrics="log_loss" if cls is MLPClassifier else "mae",
            batch_size=16,
            max_iter=3,
            random_state=0,
            time_limit=limit,
        ).fit(X, Y)
        for limit in (None, 1e9)
    ]
    assert_same_fit(*fits)


@pytest.mark.once
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_checkpointed_fit_continues_after_the_limit(
    params: dict[str, Any], clock: Clock, tmp_path: Path
) -> None:
    """The limit counts for each call; the result is that of a fit without a limit."""
    settings = {"max_iter": 25, "tol": 1e-6, **params}
    whole = classifier("numpy", None, **settings).fit(X, Y)
    epochs: list[int] = []
    ends: list[int] = []  # of the calls
    while len(ends) < 30:
        backend = slow_backend(clock, step=0.6 if "solver" in params else 0.1)
        clf = classifier(backend, 6.3, checkpoint=tmp_path / "run.ckpt", **settings)
        began = clock.time
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            clf.set_params(callbacks=_Record(epochs)).fit(X, Y)
        assert clock.time - began <= 6.3
        ends.append(clf.n_iter_)
        if not any("time limit" in str(w.message) for w in caught):
            break
        assert f"Call fit again to continue after epoch {clf.n_iter_}" in str(caught[0].message)
    assert len(ends) > 1 and epochs == list(range(1, whole.n_iter_ + 1))
    assert_same_fit(whole, clf)


@pytest.mark.once
@pytest.mark.parametrize("trainer", [None, Cycles(first_cycle=8, max_cycles=2)])
def test_a_fit_that_continues_without_time_has_the_saved_weights(
    trainer: Any, clock: Clock, tmp_path: Path
) -> None:
    """No step is made, and the weights are the averages after the saved epochs."""
    first, second = (
        limited(
            clock,
            classifier(
                slow_backend(clock, step=0.1),
                limit,
                trainer=trainer,
                average_decay=0.9,
                checkpoint=tmp_path / "run.ckpt",
                callbacks=SlowBeginning(clock),
            ),
            max(limit, 1.0),
        )
        for limit in (6.5, 0.5)
    )
    assert (second.n_iter_, second.t_) == (5, 2000)
    assert second.loss_curve_ == first.loss_curve_
    np.testing.assert_equal(second.coefs_, first.coefs_)


class SlowBeginning:
    """A callback that takes a second before the first epoch."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_begin(self, report: Report) -> None:
        """Wait."""
        self.clock.time += 1.0

    def __call__(self, report: Report) -> None:
        """Do nothing."""


class _Record:
    """A callback that records the epochs."""

    def __init__(self, epochs: list[int]) -> None:
        self.epochs = epochs

    def __call__(self, report: Report) -> None:
        """Record the epoch."""
        self.epochs.append(report.epoch)


@pytest.mark.once
def test_a_limit_that_is_shorter_than_an_epoch_saves_nothing(clock: Clock, tmp_path: Path) -> None:
    """Epochs are saved as a whole; the warning says so."""
    clf = classifier(slow_backend(clock, step=5.0), 32.0, checkpoint=tmp_path / "run.ckpt")
    with pytest.warns(ConvergenceWarning, match="contains no epoch, since none was complete. Set"):
        clf.fit(X, Y)
    assert not (tmp_path / "run.ckpt").exists()


@pytest.mark.once
def test_invalid_limits() -> None:
    """A limit is a positive number."""
    invalid: list[Any] = [0, -1.0, "10m"]
    for limit in invalid:
        with pytest.raises(ValueError, match="The 'time_limit' parameter of MLPClassifier must be"):
            MLPClassifier(time_limit=limit).fit(X, Y)
