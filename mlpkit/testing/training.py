"""Laws of trainers and of callbacks, as test classes to subclass (see `mlpkit.testing`)."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, dense, numpy_backend
from mlpkit.plugin import Callback, Job, Progress, Report, Trainer
from mlpkit.registry import resolve
from mlpkit.testing.cases import close, data, recipe, spec
from mlpkit.testing.laws import Laws

Answer = bool | float


class TrainerLaws(Laws):
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

        def watch(state: Any, report: Report) -> Answer:
            reports.append(report)
            return answer(report)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            state, progress = self.made()(job, state, Progress(rate=0.01), watch)
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

    def test_true_stops(self) -> None:
        """The watch is not called again."""
        _, _, reports = self.trained(lambda report: report.epoch == 2)
        assert len(reports) == 2

    def test_a_float_is_the_rate_from_there(self) -> None:
        """A watch, thus a callback, can lower the learning rate."""
        _, _, reports = self.trained(lambda report: 0.002 if report.epoch == 2 else False)
        assert [report.rate for report in reports[:4]] == [0.01, 0.01, 0.002, 0.002]

    def test_passes_are_kept(self) -> None:
        """Exactly so many epochs, without a warning."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            job, state = self.job(passes=2)
            _, progress = self.made()(job, state, Progress(rate=0.01), lambda s, report: False)
        assert progress.epoch == 2
        assert not [w for w in caught if w.category is ConvergenceWarning]
        assert len(self.trained(passes=2)[2]) == 2

    def test_the_first_state_stays(self) -> None:
        """Whoever holds it goes on meaning what it did."""
        job, state = self.job()
        before = {name: a.copy() for name, a in job.steps.arrays(state).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.made()(job, state, Progress(rate=0.01), lambda state, report: False)
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


class CallbackLaws(Laws):
    """Laws of a callback, by its name."""

    callback: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    def made(self) -> Callback:
        """A new callback."""
        factory, options = resolve("callback", self.callback, self.options)
        made = factory(**options)
        assert callable(made), (
            f"the factory returned {made!r}; it must return a function of a mlpkit.plugin.Report"
        )
        return made  # type: ignore[no-any-return]

    def reports(self, weights: Any = None) -> list[Report]:
        """Ten epochs: the loss falls, then rises, then is not a number; some with a score."""
        losses = [1.0, 0.5, 0.25, 0.24, 0.24, 0.3, 0.4, 0.5, np.inf, np.nan]
        weights = {"coef_0": np.ones((2, 2))} if weights is None else weights
        return [
            Report(
                i, loss, None if i % 2 else 0.5, 0.01, 0.1, "a note" if i > 7 else None
            )._replace(arrays=lambda: weights)
            for i, loss in enumerate(losses, 1)
        ]

    def answers(self, weights: Any = None) -> list[Any]:
        """What a new one says to the reports."""
        made, reports = self.made(), self.reports(weights)
        begin, end = getattr(made, "on_begin", None), getattr(made, "on_end", None)
        first = [begin(reports[0]._replace(epoch=0))] if begin else []
        found = first + [made(report) for report in reports]
        if end:
            kept = end(reports[-1])
            assert kept is None or isinstance(kept, dict), (
                "`on_end` returns weights by name, or None"
            )
        return found

    def test_it_answers_every_report(self) -> None:
        """None or False goes on, True stops, a float is a learning rate; nothing else."""
        for answer in self.answers():
            assert answer is None or isinstance(answer, bool | float), repr(answer)
            assert not isinstance(answer, float) or isinstance(answer, bool) or answer > 0

    def test_weights_are_left_alone(self) -> None:
        """What a report shows is not written to."""
        weights = {"coef_0": np.arange(4.0).reshape(2, 2)}
        weights["coef_0"].flags.writeable = False
        self.answers(weights)
        assert weights.keys() == {"coef_0"}

    def test_each_is_new(self) -> None:
        """A second one knows nothing of the first: fits do not reach into each other."""
        np.testing.assert_equal(self.answers(), self.answers())

    def test_no_global_state_is_touched(self) -> None:
        """NumPy's generator and the handling of warnings stay as they are."""
        before = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        self.answers()
        after = np.random.get_state(legacy=False), list(warnings.filters), np.geterr()
        np.testing.assert_equal(before[0], after[0])
        assert before[1:] == after[1:]

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_it_listens_to_an_estimator(self) -> None:
        """Weights are those without it, up to where it stops or sets a rate."""
        X, y, _ = data(spec(), 60)
        made, said = self.made(), []

        def listener(report: Report) -> Any:
            answer = made(report)
            said.append(answer)
            return answer

        found = []
        for callback in (None, listener):
            clf = MLPClassifier((4,), callbacks=callback, random_state=0, max_iter=6)
            found.append(clf.fit(X, y.argmax(axis=1)))
        assert len(said) == found[1].n_iter_
        if not any(said):
            close(found[0].coefs_[0], found[1].coefs_[0], 0)
