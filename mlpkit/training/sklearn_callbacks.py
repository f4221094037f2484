"""Training as scikit-learn's callbacks see it: a task for the fit, and one for each epoch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sklearn.utils import _safe_indexing

from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Job,
    Observer,
    Progress,
    Report,
    Rows,
    State,
    StepSums,
)
from mlpkit.training.loop import improved


class FitTasks:
    """Calls the hooks of the callbacks that were given to `set_callbacks`, for one fit.

    ``context`` is the root context of scikit-learn for the fit of ``estimator``.
    """

    data: dict[str, Any]  # as hooks take them
    trained: dict[str, Any]  # the part of them that is not held out
    attributes: Callable[[Any], dict[str, Any]]  # of the estimator with this `Fitted`
    fitted: Callable[[State, Progress, int], Any]  # the `Fitted` after so many epochs
    progress: Progress

    def __init__(self, estimator: Any, context: Any) -> None:
        self.estimator, self.context = estimator, context
        self.n_steps = 0
        self.last: State = None
        self.task: Any = None  # the context of the epoch that has begun

    def prepare(
        self, X: Any, y: Any, w: Array | None, attributes: Callable[[Any], dict[str, Any]]
    ) -> None:
        """Take the checked rows, and what makes a fitted estimator of a result."""
        self.data = self.trained = _as_data(X, y, w)
        self.attributes = attributes

    def begin(self, n_epochs: int | None) -> None:
        """Begin the fit of at most so many epochs; None is any number."""
        self.context.max_subtasks = n_epochs
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def keep(self, rows: Array) -> None:
        """Train on these rows alone."""
        w = (self.data["metadata"] or {}).get("sample_weight")
        X, y, w = (
            None if part is None else _safe_indexing(part, rows)
            for part in (self.data["X"], self.data["y"], w)
        )
        self.trained = _as_data(X, y, w)

    def followed(
        self, job: Job, progress: Progress, fitted: Callable[[State, Progress, int], Any]
    ) -> Job:
        """The job with steps that notice when an epoch begins."""
        self.job, self.fitted = job, fitted
        self.progress = replace(progress, epoch=0)
        self.n_before = progress.samples
        steps = job.steps

        def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
            self._begin_epoch(state)
            self.n_steps += len(batches.order)
            return steps.epoch(state, rows, batches)

        def gradient(
            state: State, rows: Rows, index: Array | None, seed: int
        ) -> tuple[StepSums, Arrays]:
            self._begin_epoch(state)
            return steps.gradient(state, rows, index, seed)

        def update(state: State, gradient: Arrays, weight: float, learning_rate: float) -> State:
            self.n_steps += 1
            return steps.update(state, gradient, weight, learning_rate)

        return job._replace(steps=steps._replace(epoch=epoch, gradient=gradient, update=update))

    def observed(self, observer: Observer) -> Observer:
        """A watch that also ends the task of each epoch, whose callbacks may stop training."""

        def watched(state: State, report: Report) -> bool | float:
            answer = observer(state, report)
            return True if self._end_epoch(state, report) else answer

        return watched

    def _begin_epoch(self, state: State) -> None:
        if self.task is not None:
            return
        has_steps = self.job.recipe.solver.has_steps
        if self.last is not None:
            state = self.last
        self.task = self.context.subcontext(task_name="epoch" if has_steps else "iteration")
        self.task.call_on_fit_task_begin(
            estimator=self.estimator,
            **self.trained,
            reconstruction_attributes=partial(self._rebuilt, state, self.progress),
        )

    def _end_epoch(self, state: State, report: Report) -> bool:
        self._begin_epoch(state)  # of a trainer with steps of its own
        self.progress = self._advanced(report)
        if not self.job.recipe.solver.has_steps:
            self.last = state  # the next iteration begins there; gradients are taken elsewhere
        task, self.task = self.task, None
        return bool(
            task.call_on_fit_task_end(
                estimator=self.estimator,
                **self.trained,
                reconstruction_attributes=partial(self._rebuilt, state, self.progress),
            )
        )

    def _rebuilt(self, state: State, progress: Progress) -> dict[str, Any]:
        """All attributes at once, so that none is left of an earlier fit."""
        return {"__dict__": self.attributes(self.fitted(state, progress, progress.epoch))}

    def _advanced(self, report: Report) -> Progress:
        """The progress after an epoch, as the trainer has it."""
        recipe = self.job.recipe
        progress = replace(self.progress, epoch=report.epoch, learning_rate=report.learning_rate)
        if not recipe.solver.has_steps:
            return replace(progress, best_loss=report.loss)
        samples, n_steps = self.n_before + report.epoch * self.job.n_rows, self.n_steps
        progress = replace(progress, samples=samples, step=progress.step + n_steps)
        self.n_steps = 0
        return improved(progress, report.loss, report.score, recipe.tol)

    def close(self) -> None:
        """End the task of an epoch that was interrupted, or that a line search gave up."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
            self.task = None

    def end(self) -> None:
        """End the fit; the estimator is fitted."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes={}
        )


def _as_data(X: Any, y: Any, w: Array | None) -> dict[str, Any]:
    """Rows as hooks take them."""
    return {"X": X, "y": y, "metadata": None if w is None else {"sample_weight": w}}
