"""The training loop over epochs, common to all backends."""

import warnings
from functools import partial
from typing import Any, NamedTuple

from sklearn.exceptions import ConvergenceWarning

from mlpkit.plugin import (
    Job,
    Observer,
    Progress,
    Recipe,
    State,
    resumed_training,
    training_values,
)
from mlpkit.training.batches import has_plan, planned_progress
from mlpkit.training.epoch import (
    Epoch,
    Epochs,
    averaged_state,
    divergence_error,
    divergence_note,
    divergence_warning,
    is_finite,
    with_weights,
)
from mlpkit.training.unobserved_epochs import n_unobserved, unobserved_epochs

MIN_LEARNING_RATE = 1e-6  # of the adaptive schedule


def improvement(progress: Progress, loss: float, score: float | None, tol: float) -> dict[str, Any]:
    """The `no_improvement_count` and the best loss or score of the progress after an epoch.

    An epoch that improves the best value by less than `tol` counts as no improvement.
    """
    if score is not None:
        count = progress.no_improvement_count + 1 if score < progress.best_score + tol else 0
        best = score if score > progress.best_score else progress.best_score
        return {"no_improvement_count": count, "best_score": best}
    count = progress.no_improvement_count + 1 if loss > progress.best_loss - tol else 0
    best = loss if loss < progress.best_loss else progress.best_loss
    return {"no_improvement_count": count, "best_loss": best}


def after_plateau(
    progress: Progress, recipe: Recipe, has_score: bool
) -> tuple[Progress, str, bool]:
    """Lower the learning rate of the adaptive schedule, or stop, after too many epochs without
    improvement.

    Returns the progress, the note of the report, and whether to stop.
    """
    quantity = "Validation score" if has_score else "Training loss"
    note = (
        f"{quantity} did not improve more than tol={recipe.tol:f}"
        f" for {recipe.n_iter_no_change:d} consecutive epochs."
    )
    if not (recipe.solver.scheduled and recipe.schedule == "adaptive"):
        return progress, f"{note} Stopping.", True
    if progress.learning_rate <= MIN_LEARNING_RATE:
        return progress, f"{note} Learning rate too small. Stopping.", True
    learning_rate = progress.learning_rate / 5.0
    progress = progress._replace(learning_rate=learning_rate, no_improvement_count=0)
    return progress, f"{note} Setting learning rate to {learning_rate:f}", False


def after_epoch(
    progress: Progress, epoch: Epoch, job: Job, planned: bool
) -> tuple[Progress, str | None, bool]:
    """Update the progress, and decide whether training ends.

    A ``planned`` end at `max_iter` epochs leaves only the score to stop training earlier. Returns
    the progress, the note of the report, and whether to stop.
    """
    recipe, counts = job.recipe, epoch.counts(progress, job.n_rows)
    better = improvement(progress, epoch.loss, epoch.score, recipe.tol)
    progress = progress._replace(**counts, **better)
    if recipe.solver.scheduled and recipe.schedule == "invscaling":
        divisor = (progress.samples + 1) ** recipe.power_t
        progress = progress._replace(learning_rate=recipe.learning_rate_init / divisor)
    if epoch.has_diverged:
        return progress, divergence_note(epoch.number), True
    has_score = epoch.score is not None
    if progress.no_improvement_count > recipe.n_iter_no_change and (has_score or not planned):
        return after_plateau(progress, recipe, has_score)
    return progress, None, False


class Completed(NamedTuple):
    """Training after its last complete epoch.

    Parameters
    ----------
    state, averaged : State
        The state, and the same with the averages of the weights if the recipe averages them.
    progress : Progress
    best : State or None
        The state after the epoch of this call with the best score.
    """

    state: State
    averaged: State
    progress: Progress
    best: State | None

    def interrupted(self) -> "Completed":
        """The same for training that would have continued."""
        return self._replace(progress=self.progress._replace(interrupted=True))

    def values(self, epochs: Epochs, answer: bool | float) -> dict[str, Any]:
        """The values of `Report.checkpoint`."""
        job = epochs.job
        best = None if self.best is None else job.steps.arrays(self.best)
        values = training_values(job, self.state, self.progress, answer)
        return {**values, "rows": epochs.orders.compact, "best": best}


def beginning(job: Job, state: State, progress: Progress) -> tuple[Completed, Epochs]:
    """What training begins with, or continues from, and the epochs that follow."""
    if job.resumed is None:
        return Completed(state, state, progress, None), Epochs(job)
    state, progress = resumed_training(job)
    best = job.resumed["best"]
    best = None if best is None else job.steps.start(best)
    averaged = averaged_state(job, state)
    return Completed(state, averaged, progress, best), Epochs(job, job.resumed["rows"])


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Train until the loss or the validation score stops improving, for `max_iter` epochs at most,
    or until the observer returns True.

    As in scikit-learn, the returned state is that of the last epoch whose validation score was
    higher than all scores of this and earlier calls, or of the last epoch if there is none. With a
    schedule that spans `max_iter` epochs, the training loss does not stop training. Raises
    ValueError in the epoch in which the weights become infinite or NaN, unless this call has such
    a best epoch; then it warns.
    """
    last = job.passes or job.recipe.max_iter
    planned = not job.passes and has_plan(job.recipe)  # the length of a stream is not known
    done, epochs = beginning(job, state, progress)
    try:
        while True:
            trained = next_epochs(epochs, done, planned, last)
            if not trained:
                done = done.interrupted()
                break
            after = done
            for epoch in trained:
                after, stop = observed_epoch(epochs, after, epoch, planned, observer)
            done = after  # with all of them, since they have the same state
            if epoch.has_diverged:
                warnings.warn(divergence_warning(epoch.number), ConvergenceWarning)
            if epoch.number == last and not (stop or planned or job.passes):
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({last}) "
                    "reached and the optimization hasn't converged yet.",
                    ConvergenceWarning,
                )
            if stop or epoch.number == last:
                break
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.")
        done = done.interrupted()
    if done.best is not None:  # as in scikit-learn, the optimizer state is that of the last epoch
        return with_weights(job.steps, done.state, job.steps.arrays(done.best)), done.progress
    if not is_finite(job.steps, done.averaged):
        raise divergence_error(done.progress.epoch)
    return done.averaged, done.progress


def next_epochs(epochs: Epochs, done: Completed, planned: bool, last: int) -> list[Epoch]:
    """Train for one epoch, or for several that nothing observes; for none if the time limit allows
    no step.
    """
    state, progress, best = done.state, done.progress, done.best
    n = n_unobserved(epochs, progress, last)
    if n > 1:
        unobserved = unobserved_epochs(epochs, state, progress, n)
        if unobserved is not None:
            return unobserved
    n_steps = epochs.orders.n_steps
    t = planned_progress(progress.epoch + 1, n_steps, last) if planned else None
    epoch = epochs.train(state, progress, t, has_best=best is not None)
    return [] if epoch is None else [epoch]


def observed_epoch(
    epochs: Epochs, done: Completed, epoch: Epoch, planned: bool, observer: Observer
) -> tuple[Completed, bool]:
    """Call the observer after an epoch; return training after it, and whether it stops."""
    job = epochs.job
    is_best = epoch.score is not None and epoch.score > done.progress.best_score
    best = epoch.averaged if is_best else done.best
    progress, note, stop = after_epoch(done.progress, epoch, job, planned)
    stop |= epoch.is_cut
    now = Completed(epoch.state, epoch.averaged, progress, best)
    is_last = stop or epoch.number == (job.passes or job.recipe.max_iter)
    checkpoint = partial(now.values, epochs) if job.with_checkpoints else None
    report = epoch.report(job.n_rows, note, checkpoint, is_last)
    decision = observer(epoch.averaged, report)
    if isinstance(decision, float):
        progress = progress._replace(learning_rate=decision)
    else:
        stop |= decision
    if epoch.is_cut:
        progress = progress._replace(interrupted=True)
    return Completed(epoch.state, epoch.averaged, progress, best), stop
