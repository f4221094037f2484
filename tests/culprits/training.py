"""Wrong builders, trainers and callbacks."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from mlpkit import testing
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Network, Report
from mlpkit.training import loop as trainer


def apply(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> Any:
    """A network of its own."""
    return x @ arrays["coef_0"], {}


def unseeded(spec: Any, rng: Any) -> Network:
    """Draws from NumPy's global generator."""
    return dense.build(spec, np.random.mtrand._rand)


def narrow(spec: Any, rng: Any) -> Network:
    """float32, whatever was asked for."""
    made = dense.build(spec, rng)
    return made._replace(arrays={n: a.astype("float32") for n, a in made.arrays.items()})


def fresh(spec: Any, rng: Any) -> Network:
    """Another function each time, which can't be pickled either."""
    return dense.build(spec, rng)._replace(apply=lambda arrays, x, **_: (x, {}))


def three_outputs(spec: Any, rng: Any) -> Network:
    """Three outputs, whatever was asked for."""
    return dense.build(replace(spec, n_outputs=4), rng)


def level(xp: Any, y: Any, p: Any) -> Any:
    """A loss without a slope."""
    return 0 * p


def unmoved(spec: Any, rng: Any) -> Network:
    """Brings a loss from which nothing learns."""
    return dense.build(spec, rng)._replace(loss=spec.loss._replace(delta=level))


BUILDERS: dict[str, Any] = {
    "it_returns_a_network": narrow,
    "the_seed_decides": unseeded,
    "the_same_structure_has_the_same_apply": fresh,
    "it_can_be_pickled": fresh,
    "outputs_fit_the_spec": three_outputs,
    "it_trains": unmoved,
}


def idle(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Reports, and trains nothing."""
    for epoch in range(1, job.recipe.max_iter + 1):
        observer(state, Report(epoch, 1.0, None, 0.01, 0.0))
    return state, replace(progress, epoch=job.recipe.max_iter)


def silent(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Trains, and reports nothing."""
    return trainer.train(job, state, progress, lambda state, report: False)


def stubborn(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Does not listen."""

    def deaf(state: Any, report: Report) -> bool:
        observer(state, report)
        return False

    return trainer.train(job, state, progress, deaf)


def endless(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Takes no notice of `passes`."""
    return trainer.train(job._replace(passes=0), state, progress, observer)


def without_the_last(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Some rows are never drawn."""
    return trainer.train(job._replace(n_rows=job.n_rows - 8), state, progress, observer)


def forgetful(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Does not count its steps, which Adam needs."""
    state, progress = trainer.train(job, state, progress, observer)
    return state, replace(progress, step=0)


def overwriting(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Puts the last weights into the first state."""
    after, progress = trainer.train(job, state, progress, observer)
    state.weights[...] = after.weights
    return after, progress


def dicing(job: Any, state: Any, progress: Any, observer: Any) -> Any:
    """Draws from the entropy of the machine."""
    return trainer.train(job._replace(rng=np.random.RandomState()), state, progress, observer)


TRAINERS: dict[str, Any] = {
    "the_loss_goes_down": idle,
    "every_epoch_is_reported": silent,
    "every_row_takes_part": without_the_last,
    "two_calls_equal_one": forgetful,
    "true_stops": stubborn,
    "a_float_is_the_rate_from_there": stubborn,
    "passes_are_kept": endless,
    "the_first_state_stays": overwriting,
    "the_seed_decides": dicing,
    "it_trains_an_estimator": idle,
}


def chatty() -> Any:
    """Answers in words."""
    return lambda report: "go on"


def scribbling() -> Any:
    """Writes into what it is shown."""

    def callback(report: Report) -> None:
        for a in report.arrays().values():
            a *= 0

    return callback


CALLS = itertools.count()


def shared() -> Any:
    """Counts over all fits."""
    return lambda report: next(CALLS) > 15


def global_seed() -> Any:
    """Seeds NumPy's global generator."""
    return lambda report: np.random.seed(report.epoch)


class Nervous:
    """Raises for what it has not seen: an epoch without a score."""

    def __call__(self, report: Report) -> bool:
        """Whether to stop."""
        return not np.isfinite(float(report.score))  # type: ignore[arg-type]


CALLBACKS: dict[str, Any] = {
    "it_answers_every_report": chatty,
    "weights_are_left_alone": scribbling,
    "each_is_new": shared,
    "no_global_state_is_touched": global_seed,
    "it_listens_to_an_estimator": Nervous,
}


class CallbackCulprit(testing.CallbackTests):
    """The laws, for a function instead of a name, where no compiler hides its memory."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Any:
        """A new one."""
        return type(self).callback()  # type: ignore[operator]
