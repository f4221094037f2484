"""The loop over epochs, written once for all backends."""

import time
import warnings
from dataclasses import replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit.plugin import Job, Observer, Progress, Recipe, Report, State, StepSums
from mlpkit.training.batches import epochs, with_rates

MIN_RATE = 1e-6  # the adaptive schedule ends here


def diverged(epoch: int) -> ValueError:
    """The error for weights that became infinite or NaN, with what to try."""
    return ValueError(
        "Solver produced non-finite parameter weights. The input data may contain large"
        f" values and need to be preprocessed. It happened in epoch {epoch}: scale X (for"
        " example with StandardScaler) and, in regression, y; or try a smaller"
        " learning_rate_init or a larger alpha."
    )


def is_finite(job: Job, state: State) -> bool:
    """Whether every weight is a finite number."""
    return all(np.isfinite(a).all() for a in job.steps.arrays(state).values())


def epoch_loss(sums: StepSums, order: np.ndarray) -> float:
    """The mean of the steps' losses, each counting by its rows, as scikit-learn has it."""
    rows = np.count_nonzero(order >= 0, axis=1)
    counts = np.asarray(sums.weight) > 0
    losses = (np.asarray(sums.loss) + sums.penalty)[counts] / np.asarray(sums.weight)[counts]
    return float((losses * rows[counts]).sum() / rows.sum())


def by_row(sums: StepSums, order: np.ndarray, n_rows: int) -> np.ndarray | None:
    """What each row was predicted in the epoch, (n_rows, n_outputs), where steps kept it."""
    if sums.predictions is None:
        return None
    live = order >= 0
    found = np.empty((n_rows, sums.predictions.shape[-1]), sums.predictions.dtype)
    found[order[live]] = sums.predictions[live]
    return found


def improved(progress: Progress, loss: float, score: float | None, tol: float) -> Progress:
    """Progress with the count of epochs that brought less than `tol`, and the best so far."""
    if score is not None:
        stale = progress.no_improvement_count + 1 if score < progress.best_score + tol else 0
        best = score if score > progress.best_score else progress.best_score
        return replace(progress, no_improvement_count=stale, best_score=best)
    stale = progress.no_improvement_count + 1 if loss > progress.best_loss - tol else 0
    best = loss if loss < progress.best_loss else progress.best_loss
    return replace(progress, no_improvement_count=stale, best_loss=best)


def stalled(progress: Progress, recipe: Recipe, held_out: bool) -> tuple[Progress, str, bool]:
    """What to do after too many stale epochs: progress, a sentence, whether to stop."""
    what = "Validation score" if held_out else "Training loss"
    note = (
        f"{what} did not improve more than tol={recipe.tol:f}"
        f" for {recipe.n_iter_no_change:d} consecutive epochs."
    )
    if not (recipe.solver.scheduled and recipe.schedule == "adaptive"):
        return progress, f"{note} Stopping.", True
    if progress.learning_rate <= MIN_RATE:
        return progress, f"{note} Learning rate too small. Stopping.", True
    learning_rate = progress.learning_rate / 5.0
    progress = replace(progress, learning_rate=learning_rate, no_improvement_count=0)
    return progress, f"{note} Setting learning rate to {learning_rate:f}", False


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Train until the loss (or the held-out score) stalls, `max_iter`, or the watch says stop.

    Returns the state of the epoch that raised the best score, of this call and earlier ones,
    else that of the last epoch, as scikit-learn does. Raises ValueError in the epoch in which
    the weights become infinite or NaN, unless a best epoch of this call can be kept.
    """
    recipe = job.recipe
    last = job.passes or recipe.max_iter
    progress = replace(progress, epoch=0)
    best, found = state, False
    done = state, progress, best, found  # after the last whole epoch
    try:
        batches = epochs(job.n_rows, min(recipe.batch_size, job.n_rows), recipe.shuffle, job.rng)
        for epoch, order in enumerate(batches, start=1):
            started = time.perf_counter()
            plan = with_rates(order, progress, recipe, job.seed)._replace(
                with_predictions=job.with_predictions
            )
            state, sums = job.steps.epoch(state, job.rows, plan)
            loss = epoch_loss(sums, order)
            score = None if job.score is None else job.score(state)
            broken = not np.isfinite(loss) and not is_finite(job, state)
            if broken and not found:
                raise diverged(epoch)
            progress = replace(
                progress,
                epoch=epoch,
                samples=progress.samples + job.n_rows,
                step=progress.step + len(order),
            )
            if score is not None and score > progress.best_score:
                best, found = state, True
            progress = improved(progress, loss, score, recipe.tol)
            learning_rate = progress.learning_rate
            if recipe.solver.scheduled and recipe.schedule == "invscaling":
                progress = replace(
                    progress,
                    learning_rate=recipe.learning_rate_init
                    / (progress.samples + 1) ** recipe.power_t,
                )
            note, stop = None, broken
            if broken:
                note = f"Weights are not finite in epoch {epoch}: keeping the best epoch. Stopping."
            elif progress.no_improvement_count > recipe.n_iter_no_change:
                progress, note, stop = stalled(progress, recipe, score is not None)
            seconds = time.perf_counter() - started
            report = Report(epoch, loss, score, learning_rate, seconds, note)
            answer = observer(state, report._replace(predictions=by_row(sums, order, job.n_rows)))
            if isinstance(answer, float):
                progress = replace(progress, learning_rate=answer)
            else:
                stop |= answer
            done = state, progress, best, found
            if broken:
                warnings.warn(f"{diverged(epoch)} The best epoch is kept.", ConvergenceWarning)
            if stop or job.passes == epoch:
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
    state, progress, best, found = done
    if found:  # as in scikit-learn, the slots stay where they were
        return job.steps.start(
            {**job.steps.arrays(best), **job.steps.optimizer_state(state)}
        ), progress
    if not is_finite(job, state):
        raise diverged(progress.epoch)
    return state, progress
