"""SciPy's L-BFGS-B on any backend's gradients, over the whole data at once."""

import time
from dataclasses import replace

import numpy as np
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import Array, Arrays, Job, Observer, Progress, Report, State
from mlpkit.training.loop import diverged, is_finite


def train(job: Job, state: State, progress: Progress, observer: Observer) -> tuple[State, Progress]:
    """Minimise loss plus penalty; `max_iter` iterations, `max_fun` evaluations, `tol` on the
    largest gradient (SciPy's `gtol`). The watch sees each iteration and may stop it.

    Warns with ConvergenceWarning when SciPy gives up; raises ValueError on infinite weights.
    """
    recipe = job.recipe
    first = job.steps.arrays(state)
    # scikit-learn's order, which SciPy's rounding depends on: weights, then biases
    frozen = {name: first[name] for name in job.frozen}
    names = sorted(first.keys() - frozen.keys(), key=list(first).index)
    names.sort(key=lambda name: first[name].ndim == 1)
    sizes = [first[name].size for name in names]
    dtype = first[names[0]].dtype

    def pack(arrays: Arrays) -> Array:
        return np.concatenate([arrays[name].ravel() for name in names])

    def unpack(flat: Array) -> State:
        parts = np.split(flat.astype(dtype, copy=False), np.cumsum(sizes)[:-1])
        shaped = {n: p.reshape(first[n].shape) for n, p in zip(names, parts, strict=True)}
        return job.steps.start({**frozen, **shaped})

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        current = unpack(flat)
        sums, gradient = job.steps.gradient(current, job.rows, None, job.seed)
        arrays = job.steps.arrays(current)
        for name in job.decayed:
            gradient[name] = gradient[name] + recipe.alpha * arrays[name]
        return float((sums.loss + sums.penalty) / sums.weight), pack(gradient) / sums.weight

    epoch, started, stopped = 0, time.perf_counter(), False

    def watched(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        nonlocal epoch, started, stopped
        epoch += 1
        now = time.perf_counter()
        loss = float(intermediate_result.fun)
        report = Report(epoch, loss, None, recipe.learning_rate_init, now - started)
        started = now
        stopped = observer(unpack(intermediate_result.x), report) is True
        if stopped:
            raise StopIteration

    with OneThread():  # SciPy's own dot products too
        result = scipy.optimize.minimize(
            loss_and_gradient,
            pack(first),
            method="L-BFGS-B",
            jac=True,
            callback=watched,
            options={"maxfun": recipe.max_fun, "maxiter": recipe.max_iter, "gtol": recipe.tol},
        )
    n_iter = epoch if stopped else _check_optimize_result("lbfgs", result, recipe.max_iter)
    state = unpack(result.x)
    if not is_finite(job, state):
        raise diverged(n_iter)
    return state, replace(progress, epoch=n_iter, best_loss=float(result.fun))
