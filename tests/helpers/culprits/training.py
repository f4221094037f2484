"""Faulty builders, trainers and callbacks."""

import itertools
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mlpkit import testing
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Network, Report
from mlpkit.training import loop as trainer


def apply(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> Any:
    """Return the outputs of a custom network."""
    return x @ arrays["coef_0"], {}


def unseeded(spec: Any, rng: Any) -> Network:
    """Draw from NumPy's global generator."""
    return dense.build(spec, np.random.mtrand._rand)


def narrow(spec: Any, rng: Any) -> Network:
    """Return float32 for every dtype."""
    made = dense.build(spec, rng)
    return made._replace(arrays={n: a.astype("float32") for n, a in made.arrays.items()})


def fresh(spec: Any, rng: Any) -> Network:
    """Return a new function each time, which can't be pickled."""
    return dense.build(spec, rng)._replace(apply=lambda arrays, x, **_: (x, {}))


def three_outputs(spec: Any, rng: Any) -> Network:
    """Return a network with four outputs for every spec."""
    return dense.build(replace(spec, n_outputs=4), rng)


def level(xp: Any, y: Any, p: Any) -> Any:
    """Return a gradient of zero."""
    return 0 * p


def unmoved(spec: Any, rng: Any) -> Network:
    """Return a loss with a gradient of zero."""
    return dense.build(spec, rng)._replace(loss=spec.loss._replace(delta=level))


def by_dot(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Use a function that not every backend has."""
    return xp.dot(x, arrays["coef_0"]), {}


def unportable(spec: Any, rng: Any) -> Network:
    """Return a network with an `xp_apply` that calls a function of NumPy."""
    coef = rng.standard_normal((spec.n_features, spec.n_outputs)).astype(spec.dtype)
    return Network({"coef_0": coef}, xp_apply=by_dot)


def used_columns(indices: Any, xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Compute outputs from some of the columns."""
    return xp.matmul(x[..., list(indices)], arrays["coef_0"]), {}


def by_sample(spec: Any, rng: Any) -> Network:
    """Use the columns with more than two values in the sample, which no option fixes."""
    used = range(spec.n_features)
    if spec.sample is not None:
        used = [i for i in used if len(np.unique(spec.sample.X[:, i])) > 2]
    coef = rng.standard_normal((len(used), spec.n_outputs)).astype(spec.dtype)
    return Network({"coef_0": coef}, xp_apply=partial(used_columns, tuple(used)))


BUILDERS: dict[str, Any] = {
    "files_recreate_the_network": by_sample,
    "a_portable_network_is_one_on_every_backend": unportable,
    "the_builder_returns_a_network": narrow,
    "results_depend_only_on_the_seed": unseeded,
    "equal_specs_have_the_same_apply": fresh,
    "the_network_can_be_pickled": fresh,
    "outputs_have_the_shape_of_the_spec": three_outputs,
    "an_estimator_trains": unmoved,
}


def idle(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Report epochs without training."""
    for epoch in range(1, job.recipe.max_iter + 1):
        observer(state, Report(epoch, 1.0, None, 0.01, 0.0))
    return state, progress._replace(epoch=job.recipe.max_iter)


def silent(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Train without reports."""
    return trainer.train(job, state, progress, lambda state, report: False)


def stubborn(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Ignore the result of the observer."""

    def ignoring(state: Any, report: Report) -> bool:
        observer(state, report)
        return False

    return trainer.train(job, state, progress, ignoring)


def endless(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Ignore `passes`."""
    return trainer.train(job._replace(passes=0), state, progress, observer)


def without_the_last(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Never use the last rows."""
    return trainer.train(job._replace(n_rows=job.n_rows - 8), state, progress, observer)


def forgetful(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Do not count the steps, which Adam needs."""
    state, progress = trainer.train(job, state, progress, observer)
    return state, progress._replace(step=0)


def overwriting(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Write the last weights into the initial state."""
    after, progress = trainer.train(job, state, progress, observer)
    state.weights[...] = after.weights
    return after, progress


def dicing(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Use a generator without a seed."""
    return trainer.train(job._replace(rng=np.random.RandomState()), state, progress, observer)


def reseeded(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Save everything but the generator."""

    def without_generator(values: Any) -> Any:
        fresh = np.random.RandomState(0).get_state(legacy=False)
        return {**values, "generator": fresh}

    def observe(state: Any, report: Report) -> Any:
        checkpoint = report.checkpoint
        changed = report._replace(checkpoint=lambda answer: without_generator(checkpoint(answer)))
        return observer(state, changed)

    return trainer.train(job, state, progress, observe)


def unmarked(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Pass over an interrupt in silence."""
    state, progress = trainer.train(job, state, progress, observer)
    return state, progress._replace(interrupted=False)


TRAINERS: dict[str, Any] = {
    "training_continues_from_every_checkpoint": reseeded,
    "interrupted_training_is_marked": unmarked,
    "the_loss_decreases": idle,
    "every_epoch_is_reported": silent,
    "every_epoch_uses_every_row": without_the_last,
    "two_calls_equal_one_call": forgetful,
    "a_returned_true_stops_training": stubborn,
    "a_returned_float_sets_the_learning_rate": stubborn,
    "passes_is_an_exact_number_of_epochs": endless,
    "the_initial_state_is_not_modified": overwriting,
    "results_depend_only_on_the_seed": dicing,
    "an_estimator_trains": idle,
}


def chatty() -> Any:
    """Return a string."""
    return lambda report: "go on"


def scribbling() -> Any:
    """Write into the weights of the report."""

    def callback(report: Report) -> None:
        for a in report.arrays().values():
            a *= 0

    return callback


CALLS = itertools.count()


def shared() -> Any:
    """Count over all fits."""
    return lambda report: next(CALLS) > 15


def global_seed() -> Any:
    """Seed NumPy's global generator."""
    return lambda report: np.random.seed(report.epoch)


class NeedsScore:
    """A callback that raises an error for an epoch without a score."""

    def __call__(self, report: Report) -> bool:
        """Return whether to stop."""
        return not np.isfinite(float(report.score))  # type: ignore[arg-type]


def counting() -> Any:
    """Count without a state that can be saved."""
    numbers = itertools.count()
    return lambda report: next(numbers) > 6


CALLBACKS: dict[str, Any] = {
    "it_continues_from_its_state": counting,
    "the_result_is_valid_for_every_report": chatty,
    "weights_are_not_modified": scribbling,
    "callbacks_are_independent": shared,
    "global_state_is_not_modified": global_seed,
    "an_estimator_trains": NeedsScore,
}


class CallbackCulprit(testing.CallbackTests):
    """Conformance tests for a function instead of a name."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Any:
        """Return a new callback."""
        return type(self).callback()  # type: ignore[operator]
