"""Reports a fit to the callbacks of scikit-learn 1.9: a task for the fit, one for each epoch."""

from functools import partial
from typing import Any

from sklearn.utils import _safe_indexing

from mlpkit.plugin import (
    Array,
    Arrays,
    Batches,
    Dataset,
    Job,
    Observer,
    Progress,
    Report,
    Rows,
    State,
    StepSums,
)
from mlpkit.training.loop import improvement
from mlpkit.training.tasks import Attributes


class SklearnTasks:
    """Calls the hooks of the callbacks that were passed to `set_callbacks`.

    Parameters
    ----------
    estimator : estimator
        The estimator as callbacks see it.
    context : CallbackContext
        The root context of scikit-learn for this fit.
    """

    rows: dict[str, Any]  # in the form of the hooks
    kept: dict[str, Any]  # the rows that are not held out
    attributes: Attributes
    progress: Progress

    def __init__(self, estimator: Any, context: Any) -> None:
        self.estimator, self.context = estimator, context
        self.n_steps = 0
        self.last: State = None
        self.task: Any = None  # the context of the epoch that has begun

    def begin(self, n_epochs: int | None, rows: Dataset) -> None:
        """Begin a fit of at most ``n_epochs`` epochs on validated rows; None is any number."""
        self.rows = self.kept = _hook_arguments(rows.X, rows.y, rows.sample_weight)
        self.context.max_subtasks = n_epochs
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.rows)

    def hold_out(self, kept: Array) -> None:
        """Train on these rows only."""
        w = (self.rows["metadata"] or {}).get("sample_weight")
        X, y, w = (
            None if array is None else _safe_indexing(array, kept)
            for array in (self.rows["X"], self.rows["y"], w)
        )
        self.kept = _hook_arguments(X, y, w)

    def observed_job(self, job: Job, progress: Progress, attributes: Attributes) -> Job:
        """The job with steps that report the beginning of each epoch."""
        self.job, self.attributes = job, attributes
        self.progress = progress._replace(epoch=0)
        if job.resumed is not None and "progress" in job.resumed:
            self.progress = Progress(**job.resumed["progress"])
        self.n_before = progress.samples
        steps = job.steps

        def epoch(state: State, rows: Rows, batches: Batches) -> tuple[State, StepSums]:
            self._begin_epoch(state)
            self.n_steps += len(batches.order)
            return steps.epoch(state, rows, batches)

        def gradient(
            state: State, rows: Rows, indices: Array | None, seed: int, dropout_factor: float = 1.0
        ) -> tuple[StepSums, Arrays]:
            self._begin_epoch(state)
            return steps.gradient(state, rows, indices, seed, dropout_factor)

        def update(
            state: State,
            gradients: Arrays,
            weight: float,
            learning_rate: float,
            weight_decay: float | None = None,
        ) -> State:
            self.n_steps += 1
            return steps.update(state, gradients, weight, learning_rate, weight_decay)

        observed = steps._replace(epoch=epoch, gradient=gradient, update=update)
        return job._replace(steps=observed, observed=True)

    def observed(self, observer: Observer) -> Observer:
        """The observer, which also reports the end of each epoch; callbacks may stop training."""

        def observed(state: State, report: Report) -> bool | float:
            answer = observer(state, report)
            return True if self._end_epoch(state, report, answer) else answer

        return observed

    def _begin_epoch(self, state: State) -> None:
        if self.task is not None:
            return
        has_steps = self.job.recipe.solver.has_steps
        if self.last is not None:
            state = self.last
        self.task = self.context.subcontext(task_name="epoch" if has_steps else "iteration")
        self.task.call_on_fit_task_begin(
            estimator=self.estimator,
            **self.kept,
            reconstruction_attributes=partial(self._rebuilt, state, self.progress),
        )

    def _end_epoch(self, state: State, report: Report, answer: bool | float) -> bool:
        self._begin_epoch(state)  # if a trainer does not use the steps of the job
        self.progress = self._advanced(report, answer)
        if not self.job.recipe.solver.has_steps:
            # where the next iteration begins; a line search evaluates other states
            self.last = state
        task, self.task = self.task, None
        return bool(
            task.call_on_fit_task_end(
                estimator=self.estimator,
                **self.kept,
                reconstruction_attributes=partial(self._rebuilt, state, self.progress),
            )
        )

    def _rebuilt(self, state: State, progress: Progress) -> dict[str, Any]:
        """All attributes at once, so that none of an earlier fit is left."""
        return {"__dict__": self.attributes(state, progress, progress.epoch)}

    def _advanced(self, report: Report, answer: bool | float) -> Progress:
        """The progress after an epoch, as the training loop computes it."""
        recipe, learning_rate = self.job.recipe, self.progress.learning_rate
        if isinstance(answer, float):
            learning_rate = answer
        elif recipe.solver.scheduled and recipe.schedule in ("invscaling", "adaptive"):
            learning_rate = report.learning_rate
        progress = self.progress._replace(epoch=report.epoch, learning_rate=learning_rate)
        if not recipe.solver.has_steps:
            return progress._replace(best_loss=report.loss)
        samples, step = self.n_before + report.epoch * self.job.n_rows, progress.step + self.n_steps
        self.n_steps = 0
        better = improvement(progress, report.loss, report.score, recipe.tol)
        return progress._replace(samples=samples, step=step, **better)

    def close(self) -> None:
        """End an epoch that was interrupted, or an iteration that a line search gave up."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
            self.task = None

    def end(self) -> None:
        """End the fit; the estimator is fitted."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.rows, reconstruction_attributes={}
        )


def _hook_arguments(X: Any, y: Any, w: Array | None) -> dict[str, Any]:
    """Rows in the form of the hooks."""
    return {"X": X, "y": y, "metadata": None if w is None else {"sample_weight": w}}
