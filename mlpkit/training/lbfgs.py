"""Full-batch training with SciPy's L-BFGS-B on the gradients of any backend."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from mlpkit.backend_kit import OneThread
from mlpkit.plugin import (
    Array,
    Arrays,
    Job,
    Observer,
    Progress,
    Report,
    State,
    resumed_training,
    training_values,
)
from mlpkit.training import time_limit
from mlpkit.training.epoch import divergence_error, is_finite

Evaluate: TypeAlias = Callable[[Array], tuple[float, Array]]  # the loss and its gradient


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Minimize the loss plus the penalty.

    Training stops after `max_iter` iterations or `max_fun` evaluations, when the largest absolute
    value of the gradient is at most `tol` (SciPy's `gtol`), or when the observer, which is called
    after every iteration, returns True.

    Emits a ConvergenceWarning if SciPy does not converge, and raises ValueError if the weights
    become infinite or NaN.
    """
    recipe, record, weights = job.recipe, Evaluations(job), FlatWeights(job, state)
    iterations = Iterations(job, weights, record, progress, observer)
    options = {"maxfun": recipe.max_fun, "maxiter": recipe.max_iter, "gtol": recipe.tol}
    try:
        with OneThread():  # also for the dot products in SciPy
            result = scipy.optimize.minimize(
                record.recorded(objective_of(job, weights)),
                weights.flat(weights.initial),
                method="L-BFGS-B",
                jac=True,
                callback=iterations.report,
                options=options,
            )
    except OutOfTime:
        n_iter, loss, x = iterations.epoch, record.best_loss, record.best
    else:
        n_iter, loss, x = iterations.epoch, float(result.fun), result.x
        if not iterations.stopped:
            n_iter = _check_optimize_result("lbfgs", result, recipe.max_iter)
    state = weights.state_of(x)
    if not is_finite(job.steps, state):
        raise divergence_error(n_iter)
    return state, progress._replace(epoch=n_iter, best_loss=loss, interrupted=False)


def objective_of(job: Job, weights: "FlatWeights") -> Evaluate:
    """The function that SciPy minimizes: the mean loss plus the penalty, and its gradient."""

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        current = weights.state_of(flat)
        sums, gradient = job.steps.gradient(current, job.rows, None, job.seed)
        arrays = job.steps.arrays(current)
        for name in job.decayed:
            gradient[name] = gradient[name] + job.recipe.alpha * arrays[name]
        loss = (sums.loss + sums.penalty) / sums.weight
        return float(loss), weights.flat(gradient) / sums.weight

    return loss_and_gradient


class FlatWeights:
    """The weights that are trained as one array, for SciPy.

    Weights come before biases, as in scikit-learn: the order changes the rounding in SciPy.

    Parameters
    ----------
    job : Job
    state : State
        The state before training.
    """

    def __init__(self, job: Job, state: State) -> None:
        self.initial = job.steps.arrays(state)
        self._start = job.steps.start
        self._frozen = {name: self.initial[name] for name in job.frozen}
        names = [name for name in self.initial if name not in self._frozen]
        self._names = sorted(names, key=lambda name: self.initial[name].ndim == 1)
        self._ends = np.cumsum([self.initial[name].size for name in self._names])

    def flat(self, arrays: Arrays) -> Array:
        """Return the arrays of all weights as one."""
        return np.concatenate([arrays[name].ravel() for name in self._names])

    def state_of(self, flat: Array) -> State:
        """Return the state with the weights of an array."""
        dtype = self.initial[self._names[0]].dtype
        parts = np.split(flat.astype(dtype, copy=False), self._ends[:-1])
        shaped = {
            name: part.reshape(self.initial[name].shape)
            for name, part in zip(self._names, parts, strict=True)
        }
        return self._start({**self._frozen, **shaped})


class OutOfTime(Exception):
    """Another evaluation would not end before the deadline."""


class Evaluations:
    """The losses and gradients of all evaluations, if training is saved, and the best of them.

    The state of SciPy's optimizer is not accessible, but it depends on these alone: training that
    continues begins with the recorded ones.
    """

    best: Array  # the weights with the lowest loss

    def __init__(self, job: Job) -> None:
        self.is_kept, self.deadline = job.with_checkpoints, job.deadline
        self.first_loss = self.best_loss = np.inf
        self.seconds = 0.0  # of the last evaluation
        self.losses: list[float] = []
        self.gradients: list[Array] = []
        self.n_used = 0
        if job.resumed is not None:
            self.losses = job.resumed["losses"].tolist()
            self.gradients = list(job.resumed["gradients"])

    def recorded(self, evaluate: Evaluate) -> Evaluate:
        """The function, which first returns what is recorded, and then records its results."""

        def evaluated(flat: Array) -> tuple[float, Array]:
            i, self.n_used = self.n_used, self.n_used + 1
            if i < len(self.losses):
                loss, gradient = self.losses[i], self.gradients[i]
            else:
                self._check_deadline()
                began = time_limit.now()
                loss, gradient = evaluate(flat)
                self.seconds = time_limit.now() - began
                if self.deadline is not None:
                    self.seconds = self.deadline.same(self.seconds)
                if self.is_kept:
                    self.losses.append(loss)
                    self.gradients.append(gradient)
            if self.deadline is not None and (i == 0 or loss < self.best_loss):
                self.first_loss = loss if i == 0 else self.first_loss
                self.best_loss, self.best = loss, flat.copy()
            return loss, gradient

        return evaluated

    def _check_deadline(self) -> None:
        """Raise OutOfTime if another evaluation would not end in time.

        Nothing is raised until the loss is lower than that of the initial weights.
        """
        has_improved = self.best_loss < self.first_loss
        seconds = time_limit.MARGIN * self.seconds
        if has_improved and self.deadline is not None and self.deadline.left() < seconds:
            self.deadline.reach()
            raise OutOfTime

    def values(self) -> dict[str, Any]:
        """All evaluations as arrays."""
        return {"losses": np.array(self.losses, float), "gradients": np.stack(self.gradients)}


class Iterations:
    """Reports the iterations of SciPy to the observer.

    Attributes
    ----------
    epoch : int
        Number of iterations, including those of the call that training continues from.
    stopped : bool
        Whether the observer returned True.
    """

    def __init__(
        self,
        job: Job,
        weights: FlatWeights,
        record: Evaluations,
        progress: Progress,
        observer: Observer,
    ) -> None:
        self.job, self.weights, self.record = job, weights, record
        self.progress, self.observer = progress, observer
        self.epoch, self.stopped = 0, False
        self._n_reported = 0 if job.resumed is None else resumed_training(job)[1].epoch
        self._started = time.perf_counter()

    def report(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        """Report an iteration, unless an earlier call has; raise StopIteration to end training.

        SciPy requires this name of the parameter.
        """
        self.epoch += 1
        if self.epoch <= self._n_reported:
            return
        now, recipe = time.perf_counter(), self.job.recipe
        loss, x = float(intermediate_result.fun), intermediate_result.x
        report = Report(self.epoch, loss, None, recipe.learning_rate_init, now - self._started)
        self._started = now
        report = report._replace(
            checkpoint=partial(self._values, x), is_last=self.epoch == recipe.max_iter
        )
        self.stopped = self.observer(self.weights.state_of(x), report) is True
        if self.stopped:
            raise StopIteration

    def _values(self, x: Array, answer: bool | float) -> dict[str, Any]:
        """The values of `Report.checkpoint`."""
        done = self.progress._replace(epoch=self.epoch, interrupted=False)
        values = training_values(self.job, self.weights.state_of(x), done)
        return {**values, **self.record.values()}
