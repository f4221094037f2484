"""The training loop over epochs, common to all backends."""

import time
import warnings
from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.objectives.averaging import averages
from mlpkit.objectives.schedules import factors
from mlpkit.plugin import Job, Observer, Progress, Recipe, Report, State, StepSums
from mlpkit.training.batches import (
    has_plan,
    job_epochs,
    planned_progress,
    scheduled_batches,
)

MIN_LEARNING_RATE = 1e-6  # of the adaptive schedule


def divergence_error(epoch: int) -> ValueError:
    """The error for weights that became infinite or NaN."""
    return ValueError(
        "Solver produced non-finite parameter weights. The input data may contain large"
        f" values and need to be preprocessed. The weights became non-finite in epoch {epoch}."
        " Scale X (for example with StandardScaler) and, for regression, y; or try a smaller"
        " learning_rate_init or a larger alpha."
    )


def is_finite(job: Job, state: State) -> bool:
    """Whether all weights are finite."""
    return all(np.isfinite(a).all() for a in job.steps.arrays(state).values())


def averaged(job: Job, state: State) -> State:
    """The state with the averages of the weights in their place, if the recipe averages them."""
    decay = job.recipe.average_decay
    if decay is None:
        return state
    arrays, optimizer_state = job.steps.arrays(state), job.steps.optimizer_state(state)
    trained = {name: a for name, a in arrays.items() if name not in job.frozen}
    means = averages(trained, optimizer_state, decay)
    return job.steps.start({**arrays, **means, **optimizer_state})


def epoch_loss(sums: StepSums, order: np.ndarray) -> float:
    """The mean loss of the steps, weighted by their numbers of rows, as in scikit-learn."""
    rows = np.count_nonzero(order >= 0, axis=1)
    weighted = np.asarray(sums.weight) > 0
    losses = (np.asarray(sums.loss) + sums.penalty)[weighted] / np.asarray(sums.weight)[weighted]
    return float((losses * rows[weighted]).sum() / rows.sum())


def predictions_by_row(sums: StepSums, order: np.ndarray, n_rows: int) -> np.ndarray | None:
    """The predictions of the epoch in the order of the rows, shape (n_rows, n_outputs), if any."""
    if sums.predictions is None:
        return None
    is_row = order >= 0  # not padding
    predictions = np.empty((n_rows, sums.predictions.shape[-1]), sums.predictions.dtype)
    predictions[order[is_row]] = sums.predictions[is_row]
    return predictions


def improved(progress: Progress, loss: float, score: float | None, tol: float) -> Progress:
    """The progress with updated `no_improvement_count` and best loss or score.

    An epoch that improves the best value by less than `tol` counts as no improvement.
    """
    if score is not None:
        count = progress.no_improvement_count + 1 if score < progress.best_score + tol else 0
        best = score if score > progress.best_score else progress.best_score
        return replace(progress, no_improvement_count=count, best_score=best)
    count = progress.no_improvement_count + 1 if loss > progress.best_loss - tol else 0
    best = loss if loss < progress.best_loss else progress.best_loss
    return replace(progress, no_improvement_count=count, best_loss=best)


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
    progress = replace(progress, learning_rate=learning_rate, no_improvement_count=0)
    return progress, f"{note} Setting learning rate to {learning_rate:f}", False


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Train until the loss or the validation score stops improving, for `max_iter` epochs at most,
    or until the observer returns True.

    As in scikit-learn, the returned state is that of the last epoch whose validation score was
    higher than all scores of this and earlier calls, or of the last epoch if there is none. With a
    schedule that spans `max_iter` epochs, the training loss does not stop training. Raises
    ValueError in the epoch in which the weights become infinite or NaN, unless this call has such
    a best epoch; then it warns.
    """
    recipe = job.recipe
    last = job.passes or recipe.max_iter
    planned = has_plan(recipe) and not job.passes  # the length of a stream is not known
    progress = replace(progress, epoch=0)
    best, has_best = state, False
    completed = state, progress, best, has_best  # after the last complete epoch
    try:
        for epoch, order in enumerate(job_epochs(job), start=1):
            started = time.perf_counter()
            t = planned_progress(epoch, len(order), last) if planned else None
            batches = scheduled_batches(order, progress, recipe, job.seed, t)._replace(
                with_predictions=job.with_predictions
            )
            state, sums = job.steps.epoch(state, job.rows, batches)
            loss = epoch_loss(sums, order)
            shown = averaged(job, state)
            score = None if job.score is None else float(np.mean(job.score(shown)))
            has_diverged = not np.isfinite(loss) and not is_finite(job, state)
            if has_diverged and not has_best:
                raise divergence_error(epoch)
            progress = replace(
                progress,
                epoch=epoch,
                samples=progress.samples + job.n_rows,
                step=progress.step + len(order),
            )
            if score is not None and score > progress.best_score:
                best, has_best = shown, True
            progress = improved(progress, loss, score, recipe.tol)
            learning_rate = progress.learning_rate
            if t is not None and callable(recipe.schedule):
                learning_rate *= float(np.mean(factors(recipe.schedule, t, "learning_rate")))
            if recipe.solver.scheduled and recipe.schedule == "invscaling":
                progress = replace(
                    progress,
                    learning_rate=recipe.learning_rate_init
                    / (progress.samples + 1) ** recipe.power_t,
                )
            note, stop = None, has_diverged
            if has_diverged:
                note = (
                    f"The weights became non-finite in epoch {epoch}. Keeping the weights of the"
                    " best epoch. Stopping."
                )
            elif progress.no_improvement_count > recipe.n_iter_no_change and (
                not planned or score is not None
            ):
                progress, note, stop = after_plateau(progress, recipe, score is not None)
            seconds = time.perf_counter() - started
            report = Report(epoch, loss, score, learning_rate, seconds, note)
            decision = observer(
                shown, report._replace(predictions=predictions_by_row(sums, order, job.n_rows))
            )
            if isinstance(decision, float):
                progress = replace(progress, learning_rate=decision)
            else:
                stop |= decision
            completed = state, progress, best, has_best
            if has_diverged:
                warnings.warn(
                    f"{divergence_error(epoch)} The weights of the best epoch are kept.",
                    ConvergenceWarning,
                )
            if stop or job.passes == epoch or (planned and epoch == last):
                break
            if epoch == last:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({last}) "
                    "reached and the optimization hasn't converged yet.",
                    ConvergenceWarning,
                )
                break
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.")
    state, progress, best, has_best = completed
    if has_best:  # as in scikit-learn, the optimizer state is that of the last epoch
        return job.steps.start(
            {**job.steps.arrays(best), **job.steps.optimizer_state(state)}
        ), progress
    state = averaged(job, state)
    if not is_finite(job, state):
        raise divergence_error(progress.epoch)
    return state, progress
