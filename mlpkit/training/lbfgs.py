"""Full-batch training with SciPy's L-BFGS-B on the gradients of any backend."""

import time
from dataclasses import replace

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import Array, Arrays, Job, Observer, Progress, Report, State
from mlpkit.training.epoch import divergence_error, is_finite


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Minimize the loss plus the penalty.

    Training stops after `max_iter` iterations or `max_fun` evaluations, when the largest absolute
    value of the gradient is at most `tol` (SciPy's `gtol`), or when the observer, which is called
    after every iteration, returns True.

    Emits a ConvergenceWarning if SciPy does not converge, and raises ValueError if the weights
    become infinite or NaN.
    """
    recipe = job.recipe
    initial = job.steps.arrays(state)
    # weights before biases, as in scikit-learn: the order changes the rounding in SciPy
    frozen = {name: initial[name] for name in job.frozen}
    names = sorted(initial.keys() - frozen.keys(), key=list(initial).index)
    names.sort(key=lambda name: initial[name].ndim == 1)
    sizes = [initial[name].size for name in names]
    dtype = initial[names[0]].dtype

    def pack(arrays: Arrays) -> Array:
        return np.concatenate([arrays[name].ravel() for name in names])

    def unpack(flat: Array) -> State:
        parts = np.split(flat.astype(dtype, copy=False), np.cumsum(sizes)[:-1])
        shaped = {n: p.reshape(initial[n].shape) for n, p in zip(names, parts, strict=True)}
        return job.steps.start({**frozen, **shaped})

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        current = unpack(flat)
        sums, gradient = job.steps.gradient(current, job.rows, None, job.seed)
        arrays = job.steps.arrays(current)
        for name in job.decayed:
            gradient[name] = gradient[name] + recipe.alpha * arrays[name]
        return float((sums.loss + sums.penalty) / sums.weight), pack(gradient) / sums.weight

    epoch, started, stopped = 0, time.perf_counter(), False

    def after_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        nonlocal epoch, started, stopped
        epoch += 1
        now = time.perf_counter()
        loss = float(intermediate_result.fun)
        report = Report(epoch, loss, None, recipe.learning_rate_init, now - started)
        started = now
        stopped = observer(unpack(intermediate_result.x), report) is True
        if stopped:
            raise StopIteration

    with OneThread():  # also for the dot products in SciPy
        result = scipy.optimize.minimize(
            loss_and_gradient,
            pack(initial),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={"maxfun": recipe.max_fun, "maxiter": recipe.max_iter, "gtol": recipe.tol},
        )
    n_iter = epoch if stopped else _check_optimize_result("lbfgs", result, recipe.max_iter)
    state = unpack(result.x)
    if not is_finite(job.steps, state):
        raise divergence_error(n_iter)
    return state, replace(progress, epoch=n_iter, best_loss=float(result.fun))
