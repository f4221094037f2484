"""Conformance tests of trainers."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Batches, Job, Progress, Report, Trainer
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import close, data, recipe, spec, stored
from mlpkit.testing.conformance import ConformanceTests
from mlpkit.training.batches import EpochBatches

ObserverResult = bool | float


class TrainerTests(ConformanceTests):
    """Conformance tests of a trainer.

    The trainer trains a small network on the NumPy backend. Subclass it and set ``trainer``.

    Attributes
    ----------
    trainer : str
        Name of the trainer.
    epochs : int, default=8
        Maximum number of epochs.
    exempt : dict of str, default={}
        Tests that the trainer cannot pass, with the reason for each.

    Examples
    --------
    >>> from mlpkit.testing import TrainerTests
    >>> class TestEpochs(TrainerTests):
    ...     trainer = "epochs"
    """

    trainer: ClassVar[str]
    epochs: ClassVar[int] = 8

    def made(self) -> Trainer:
        """Return the trainer."""
        trainer, _ = resolve("trainer", self.trainer)
        return trainer

    def job(self, **changes: Any) -> tuple[Job, Any]:
        """Return a job for the trainer, and the initial state."""
        s, r = spec(), recipe(max_iter=self.epochs)
        network = dense.build(s, np.random.RandomState(1))
        steps, (X, y, w) = numpy_backend.backend(network, s, r), data(s, 40)
        rng = np.random.RandomState(2)
        batches = EpochBatches(r, seed=3)
        job = Job(steps, steps.put(X, y, w), 40, r, rng, 3, network.decayed, batches)
        return job._replace(**changes), steps.start(network.arrays)

    def trained(
        self, result: Callable[[Report], ObserverResult] = lambda report: False, **changes: Any
    ) -> tuple[Any, Progress, list[Report]]:
        """Return weights after training, progress and reports."""
        job, state = self.job(**changes)
        reports: list[Report] = []

        def observer(state: Any, report: Report) -> ObserverResult:
            reports.append(report)
            return result(report)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            state, progress = self.made()(job, state, Progress(learning_rate=0.01), observer)
        return job.steps.arrays(state), progress, reports

    def loss(self, arrays: Any) -> float:
        """Return the mean loss of all rows."""
        job, _ = self.job()
        sums, _ = job.steps.gradient(job.steps.start(arrays), job.rows, None, 0)
        return float((sums.loss + sums.penalty) / sums.weight)

    def test_the_loss_decreases(self) -> None:
        """The mean loss of all rows is lower after training than before."""
        job, state = self.job()
        assert self.loss(self.trained()[0]) < self.loss(job.steps.arrays(state))

    def test_every_epoch_is_reported(self) -> None:
        """Epochs are reported with numbers from 1 and a finite loss, and `Progress.epoch` counts
        them.
        """
        _, progress, reports = self.trained()
        assert [report.epoch for report in reports] == list(range(1, len(reports) + 1))
        assert 1 <= len(reports) <= self.epochs
        assert isinstance(progress, Progress) and progress.epoch == len(reports)
        assert all(np.isfinite(report.loss) and report.seconds >= 0 for report in reports)

    def test_every_epoch_uses_every_row(self) -> None:
        """Every row is used in every epoch."""
        job, state = self.job()
        used_rows: list[set[int]] = [set()]

        def record(indices: Any) -> None:
            rows = range(job.n_rows) if indices is None else indices[indices >= 0].tolist()
            used_rows[-1].update(rows)

        def epoch(state: Any, rows: Any, batches: Batches) -> Any:
            record(batches.order)
            return job.steps.epoch(state, rows, batches)

        def gradient(
            state: Any, rows: Any, indices: Any, seed: int, dropout_factor: float = 1.0
        ) -> Any:
            record(indices)
            return job.steps.gradient(state, rows, indices, seed, dropout_factor)

        def observer(state: Any, report: Report) -> ObserverResult:
            used_rows.append(set())
            return False

        steps = job.steps._replace(epoch=epoch, gradient=gradient)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.made()(job._replace(steps=steps), state, Progress(learning_rate=0.01), observer)
        for number, rows in enumerate(used_rows[:-1], 1):
            unused = sorted({*range(job.n_rows)} - rows)
            assert not unused, f"epoch {number} did not use the rows {unused}"

    def test_two_calls_equal_one_call(self) -> None:
        """Two calls of one epoch equal one call of two epochs: progress, state and generator hold
        all that training continues from.
        """
        results = []
        for passes, calls in ((2, 1), (1, 2)):
            job, state = self.job(passes=passes)
            job = job._replace(recipe=replace(job.recipe, shuffle=False))
            progress = Progress(learning_rate=0.01)
            for _ in range(calls):
                progress = progress._replace(epoch=0)
                state, progress = self.made()(job, state, progress, lambda state, report: False)
            results.append((job.steps.arrays(state), progress))
        (whole, once), (parts, twice) = results
        close(whole, parts, 1e-12)
        assert (once.step, once.samples) == (twice.step, twice.samples)
        assert once.samples == 80, f"Progress.samples is {once.samples} after two epochs of 40 rows"

    def test_a_returned_true_stops_training(self) -> None:
        """The observer is not called again after it returned True."""
        _, _, reports = self.trained(lambda report: report.epoch == 2)
        assert len(reports) == 2

    def test_a_returned_float_sets_the_learning_rate(self) -> None:
        """A float that the observer returned is the learning rate of the following epochs."""
        _, _, reports = self.trained(lambda report: 0.002 if report.epoch == 2 else False)
        assert [report.learning_rate for report in reports[:4]] == [0.01, 0.01, 0.002, 0.002]

    def test_passes_is_an_exact_number_of_epochs(self) -> None:
        """`Job.passes` is an exact number of epochs, and there is no warning."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            job, state = self.job(passes=2)
            _, progress = self.made()(
                job, state, Progress(learning_rate=0.01), lambda s, report: False
            )
        assert progress.epoch == 2
        assert not [w for w in caught if w.category is ConvergenceWarning]
        assert len(self.trained(passes=2)[2]) == 2

    def test_training_continues_from_every_checkpoint(self) -> None:
        """Training that continues from what `Report.checkpoint` returned after an epoch equals
        training that did not end, bit for bit: weights, progress, generator and the reports of the
        following epochs. The values are plain. Skipped if no report has a `checkpoint`.
        """
        saved: dict[int, Any] = {}

        def save(report: Report) -> ObserverResult:
            answer = 0.002 if report.epoch == 3 else False
            if report.checkpoint is not None and not report.is_last:
                saved[report.epoch] = report.checkpoint(answer)
            return answer

        job, _ = self.job(with_checkpoints=True)
        weights, progress, reports = self.trained(save, rng=job.rng, with_checkpoints=True)
        if not saved:
            pytest.skip("the trainer cannot be continued")
        for epoch, values in saved.items():
            other = np.random.RandomState(99)
            resumed = self.trained(
                lambda report: 0.002 if report.epoch == 3 else False,
                rng=other,
                resumed=stored(values),
                with_checkpoints=True,
            )
            close(weights, resumed[0], 0)
            assert resumed[1] == progress
            numbers = [(r.epoch, r.loss, r.score, r.learning_rate) for r in reports[epoch:]]
            again = [(r.epoch, r.loss, r.score, r.learning_rate) for r in resumed[2]]
            assert again == numbers, (
                f"training that continues after epoch {epoch} reports {again} instead of {numbers}"
            )
            np.testing.assert_equal(other.get_state(legacy=False), job.rng.get_state(legacy=False))

    def test_interrupted_training_is_marked(self) -> None:
        """A trainer that catches KeyboardInterrupt sets `Progress.interrupted`."""
        job, state = self.job()
        calls: list[int] = []

        def interrupt() -> None:
            calls.append(len(calls))
            if len(calls) == 3:
                raise KeyboardInterrupt

        def epoch(state: Any, rows: Any, batches: Batches) -> Any:
            interrupt()
            return job.steps.epoch(state, rows, batches)

        def gradient(
            state: Any, rows: Any, indices: Any, seed: int, dropout_factor: float = 1.0
        ) -> Any:
            interrupt()
            return job.steps.gradient(state, rows, indices, seed, dropout_factor)

        job = job._replace(steps=job.steps._replace(epoch=epoch, gradient=gradient))
        with warnings.catch_warnings(), suppress(KeyboardInterrupt):
            warnings.simplefilter("ignore")
            _, progress = self.made()(
                job, state, Progress(learning_rate=0.01), lambda state, report: False
            )
            assert progress.interrupted, "the trainer returned without `Progress.interrupted`"

    def test_the_initial_state_is_not_modified(self) -> None:
        """The arrays of the initial state are the same after training."""
        job, state = self.job()
        before = {name: a.copy() for name, a in job.steps.arrays(state).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.made()(job, state, Progress(learning_rate=0.01), lambda state, report: False)
        close(before, job.steps.arrays(state), 0)

    def test_results_depend_only_on_the_seed(self) -> None:
        """Equal jobs give equal weights, and NumPy's global generator is not used."""
        before = np.random.get_state(legacy=False)
        first = self.trained()[0]
        np.testing.assert_equal(before, np.random.get_state(legacy=False))
        close(first, self.trained()[0], 0)

    def test_an_estimator_trains(self) -> None:
        """An estimator with the parameter ``trainer`` trains."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), trainer=self.trainer, random_state=0, max_iter=self.epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, y.argmax(axis=1))
        assert len(clf.loss_curve_) == clf.n_iter_ >= 1
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] or clf.n_iter_ == 1
