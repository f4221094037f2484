"""Laws of trainers, as a test class to subclass (see `mlpkit.testing`)."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Batches, Job, Progress, Report, Trainer
from mlpkit.registry.lookup import resolve
from mlpkit.testing.cases import close, data, recipe, spec
from mlpkit.testing.conformance import ConformanceTests

Answer = bool | float


class TrainerTests(ConformanceTests):
    """Laws of a trainer, by its name, on the NumPy backend and a small network."""

    trainer: ClassVar[str]
    epochs: ClassVar[int] = 8  # of a training in full

    def made(self) -> Trainer:
        """The trainer."""
        found, _ = resolve("trainer", self.trainer)
        return found  # type: ignore[no-any-return]

    def job(self, **changes: Any) -> tuple[Job, Any]:
        """What it works on, and the state to begin with."""
        s, r = spec(), recipe(max_iter=self.epochs)
        network = dense.build(s, np.random.RandomState(1))
        steps, (X, y, w) = numpy_backend.backend(network, s, r), data(s, 40)
        rng = np.random.RandomState(2)
        job = Job(steps, steps.put(X, y, w), 40, r, rng, seed=3, decayed=network.decayed)
        return job._replace(**changes), steps.start(network.arrays)

    def trained(
        self, answer: Callable[[Report], Answer] = lambda report: False, **changes: Any
    ) -> tuple[Any, Progress, list[Report]]:
        """Weights after training, progress and reports."""
        job, state = self.job(**changes)
        reports: list[Report] = []

        def observer(state: Any, report: Report) -> Answer:
            reports.append(report)
            return answer(report)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            state, progress = self.made()(job, state, Progress(learning_rate=0.01), observer)
        return job.steps.arrays(state), progress, reports

    def loss(self, arrays: Any) -> float:
        """The mean loss of all rows with these weights."""
        job, _ = self.job()
        sums, _ = job.steps.gradient(job.steps.start(arrays), job.rows, None, 0)
        return float((sums.loss + sums.penalty) / sums.weight)

    def test_the_loss_goes_down(self) -> None:
        """Over all rows, from the first state to the last."""
        job, state = self.job()
        assert self.loss(self.trained()[0]) < self.loss(job.steps.arrays(state))

    def test_every_epoch_is_reported(self) -> None:
        """Numbered from 1, with a finite loss, and progress counts them."""
        _, progress, reports = self.trained()
        assert [report.epoch for report in reports] == list(range(1, len(reports) + 1))
        assert 1 <= len(reports) <= self.epochs
        assert isinstance(progress, Progress) and progress.epoch == len(reports)
        assert all(np.isfinite(report.loss) and report.seconds >= 0 for report in reports)

    def test_every_row_takes_part(self) -> None:
        """In each epoch."""
        job, state = self.job()
        seen: list[set[int]] = [set()]

        def noted(indices: Any) -> None:
            rows = range(job.n_rows) if indices is None else indices[indices >= 0].tolist()
            seen[-1].update(rows)

        def epoch(state: Any, rows: Any, batches: Batches) -> Any:
            noted(batches.order)
            return job.steps.epoch(state, rows, batches)

        def gradient(state: Any, rows: Any, indices: Any, seed: int) -> Any:
            noted(indices)
            return job.steps.gradient(state, rows, indices, seed)

        def observer(state: Any, report: Report) -> Answer:
            seen.append(set())
            return False

        steps = job.steps._replace(epoch=epoch, gradient=gradient)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.made()(job._replace(steps=steps), state, Progress(learning_rate=0.01), observer)
        for number, rows in enumerate(seen[:-1], 1):
            missed = sorted({*range(job.n_rows)} - rows)
            assert not missed, f"rows {missed} took no part in epoch {number}"

    def test_two_calls_equal_one(self) -> None:
        """What progress, state and generator hold is all that goes on from call to call."""
        found = []
        for passes, calls in ((2, 1), (1, 2)):
            job, state = self.job(passes=passes)
            job = job._replace(recipe=replace(job.recipe, shuffle=False))
            progress = Progress(learning_rate=0.01)
            for _ in range(calls):
                state, progress = self.made()(job, state, progress, lambda state, report: False)
            found.append((job.steps.arrays(state), progress))
        (whole, once), (parts, twice) = found
        close(whole, parts, 1e-12)
        assert (once.step, once.samples) == (twice.step, twice.samples)
        assert once.samples == 80, f"{once.samples} samples of progress, behind two epochs of 40"

    def test_true_stops(self) -> None:
        """The watch is not called again."""
        _, _, reports = self.trained(lambda report: report.epoch == 2)
        assert len(reports) == 2

    def test_a_float_is_the_rate_from_there(self) -> None:
        """A watch, thus a callback, can lower the learning rate."""
        _, _, reports = self.trained(lambda report: 0.002 if report.epoch == 2 else False)
        assert [report.learning_rate for report in reports[:4]] == [0.01, 0.01, 0.002, 0.002]

    def test_passes_are_kept(self) -> None:
        """Exactly so many epochs, without a warning."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            job, state = self.job(passes=2)
            _, progress = self.made()(
                job, state, Progress(learning_rate=0.01), lambda s, report: False
            )
        assert progress.epoch == 2
        assert not [w for w in caught if w.category is ConvergenceWarning]
        assert len(self.trained(passes=2)[2]) == 2

    def test_the_first_state_stays(self) -> None:
        """Whoever holds it goes on meaning what it did."""
        job, state = self.job()
        before = {name: a.copy() for name, a in job.steps.arrays(state).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.made()(job, state, Progress(learning_rate=0.01), lambda state, report: False)
        close(before, job.steps.arrays(state), 0)

    def test_the_seed_decides(self) -> None:
        """The same job twice gives the same weights; no global generator is used or moved."""
        before = np.random.get_state(legacy=False)
        first = self.trained()[0]
        np.testing.assert_equal(before, np.random.get_state(legacy=False))
        close(first, self.trained()[0], 0)

    def test_it_trains_an_estimator(self) -> None:
        """Through the parameter ``trainer``."""
        X, y, _ = data(spec(), 60)
        clf = MLPClassifier((8,), trainer=self.trainer, random_state=0, max_iter=self.epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, y.argmax(axis=1))
        assert len(clf.loss_curve_) == clf.n_iter_ >= 1
        assert clf.loss_curve_[-1] < clf.loss_curve_[0] or clf.n_iter_ == 1
