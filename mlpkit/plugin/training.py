"""Training: trainers, and the reports that callbacks receive."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from mlpkit.plugin.arrays import Array, Arrays
from mlpkit.plugin.backends import Batches, Rows, State, Steps
from mlpkit.plugin.metrics import MetricValue
from mlpkit.plugin.recipe import Recipe


class Progress(NamedTuple):
    """What training continues from, in addition to the training state.

    Parameters
    ----------
    learning_rate : float
        Current learning rate of the schedule.
    epoch : int, default=0
        Number of epochs of this call.
    samples : int, default=0
        Number of rows used since the first call, each counted once per epoch; `t_` of
        scikit-learn.
    step : int, default=0
        Number of updates with the current optimizer state.
    no_improvement_count : int, default=0
        Number of consecutive epochs without improvement.
    best_loss : float, default=inf
        Lowest training loss of an epoch.
    best_score : float, default=-inf
        Highest validation score of an epoch.
    interrupted : bool, default=False
        Whether training was interrupted, by the user or at a deadline, and would have continued.
    """

    learning_rate: float
    epoch: int = 0
    samples: int = 0
    step: int = 0
    no_improvement_count: int = 0
    best_loss: float = np.inf
    best_score: float = -np.inf
    interrupted: bool = False


class Report(NamedTuple):
    """What callbacks receive after an epoch.

    Parameters
    ----------
    epoch : int
        Number of the epoch, from 1.
    loss : float
        Training loss.
    score : float or None
        Validation score, with early stopping.
    learning_rate : float
        Learning rate of the epoch.
    seconds : float
        Duration of the epoch.
    note : str or None, default=None
        The trainer's reason to stop, or to reduce the learning rate.
    arrays : callable, default=dict
        ``arrays()`` returns the weights after the epoch by name.
    predictions : ndarray of shape (n_rows, n_outputs) or None, default=None
        Predictions of the training rows, computed in the forward pass; those of no rows, of shape
        (0, n_outputs), if the epoch is incomplete. Removed before callbacks receive the report.
    metrics : callable, default=tuple
        ``metrics()`` returns the `MetricValue` of each metric and group after the epoch.
    monitored : tuple of (str, float) or None, default=None
        The criterion of `early_stopping_on` and its value.
    checkpoint : callable or None, default=None
        ``checkpoint(answer)`` returns all that the trainer needs to continue after this epoch,
        given the answer of the observer: plain values by name, which are None, booleans, numbers,
        strings, arrays, and lists, tuples and dicts of these. See `training_values`. None stands
        for a trainer that cannot be continued. Removed before callbacks receive the report.
    is_last : bool, default=False
        Whether the trainer will end training after this epoch, whatever the observer returns.
    """

    epoch: int
    loss: float
    score: float | None
    learning_rate: float
    seconds: float
    note: str | None = None
    arrays: Callable[[], Arrays] = dict
    predictions: Array | None = None
    metrics: Callable[[], Iterable[MetricValue]] = tuple
    monitored: tuple[str, float] | None = None
    checkpoint: "Callable[[bool | float], Mapping[str, Any]] | None" = None
    is_last: bool = False


#: A function of a `Report` that is called after each epoch. None or False continues training, True
#: stops it, and a positive finite float is the learning rate of the next epochs; any other value
#: is an error. A callback may have two methods. ``on_begin(report)`` is called before the first
#: epoch, with epoch 0, and returns None, False or a learning rate. ``on_end(report)`` is called
#: after training, also after an error, and returns None, or all weights by name, finite and with
#: their shapes, which replace the last ones.
#:
#: A callback that keeps something from epoch to epoch has the methods ``get_state()``, which
#: returns plain values as in `Report.checkpoint`, and ``set_state(state)``. When a fit continues
#: from a checkpoint, ``on_begin`` receives the report of the last saved epoch, what it returns is
#: ignored, and ``set_state`` is called after it. An attribute ``only_observes = True`` says that a
#: callback does not influence training, so that a fit may be continued without it.
Callback: TypeAlias = Callable[[Report], "bool | float | None"]


class Deadline(NamedTuple):
    """The time at which training must end.

    Parameters
    ----------
    left : callable
        ``left()``: seconds that remain for steps, without those for scores, metrics and callbacks.
    reach : callable
        ``reach()`` notes that training ends because of the deadline.
    same : callable, default=float
        ``same(seconds)``: a measured duration, which decides how training continues, as the first
        process of a group measured it.
    """

    left: Callable[[], float]
    reach: Callable[[], None]
    same: Callable[[float], float] = float


class MakeBatches(Protocol):
    """The values of the steps of an epoch; see `Job`."""

    def __call__(
        self, order: Array, progress: Progress, t: Array | None = None
    ) -> tuple[Batches, float]:
        """Return the batches of an epoch, and the mean learning rate of the schedule."""


class Job(NamedTuple):
    """What a trainer receives.

    Parameters
    ----------
    steps : Steps
        The functions of the backend.
    rows : Rows
        The training rows as `Steps.put` returned them.
    n_rows : int
        Number of training rows.
    recipe : Recipe
        How to train.
    rng : RandomState
        Generator of the order of the rows.
    seed : int
        Seed from which the seeds of steps are derived.
    decayed : frozenset of str
        Names of the weights that the L2 penalty includes.
    batches : callable
        ``batches(order, progress, t=None)`` returns the `Batches` of an epoch with these row
        indices, (n_steps, batch_size), and its mean learning rate. ``t``, of shape (n_steps,), is
        the progress of training at each step, from 0 to 1, for the schedules of the recipe. None
        stands for training without a planned end, in which they are constant.
    score : callable or None, default=None
        ``score(state)``: the validation score, where higher is better: a float, or an ndarray of
        shape (n_models,) if each model has a score of its own.
    frozen : frozenset of str, default=frozenset()
        Names of the arrays that are not trained.
    passes : int, default=0
        The exact number of epochs to train, without early end and without warnings. 0 means
        until the trainer's own criteria end training.
    with_predictions : bool, default=False
        Whether reports should contain the predictions of the training rows.
    n_models : int, default=0
        Number of models in the network; see `Network.n_models`.
    folds : tuple of ndarray or None, default=None
        Indices of the training rows of each model. None means that each is trained on all rows.
    with_checkpoints : bool, default=False
        Whether `Report.checkpoint` will be called.
    resumed : dict or None, default=None
        What `Report.checkpoint` returned in a call that ended early, for equal rows and an equal
        recipe. The trainer continues from there, bit for bit as if training had not ended. None
        means that training begins.
    deadline : Deadline or None, default=None
        When training must end; None means no limit. The observer returns True if the next epoch
        would not end in time, so a trainer need not use it, unless an epoch is too long for the
        limit.
    observed : bool, default=True
        Whether callbacks, metrics, a checkpoint or a time limit depend on each epoch. If not, a
        trainer may run several epochs in one call of `Steps.epoch`, and then call the observer
        once for each of them, with the state after the last one.
    """

    steps: Steps
    rows: Rows
    n_rows: int
    recipe: Recipe
    rng: np.random.RandomState
    seed: int
    decayed: frozenset[str]
    batches: MakeBatches
    score: "Callable[[State], float | Array] | None" = None
    frozen: frozenset[str] = frozenset()
    passes: int = 0
    with_predictions: bool = False
    n_models: int = 0
    folds: tuple[Array, ...] | None = None
    with_checkpoints: bool = False
    resumed: Mapping[str, Any] | None = None
    deadline: Deadline | None = None
    observed: bool = True


#: A function that a trainer calls after each epoch, ``observer(state, report)``. It returns what a
#: `Callback` may return, but not None.
Observer: TypeAlias = Callable[[State, Report], "bool | float"]
#: A training loop: ``trainer(job, state, progress, observer) -> (state, progress)``. The progress
#: that it receives has ``epoch=0``.
Trainer: TypeAlias = Callable[[Job, State, Progress, Observer], tuple[State, Progress]]


def training_values(
    job: Job, state: State, progress: Progress, answer: "bool | float" = False
) -> dict[str, Any]:
    """Return what most trainers need to continue: state, progress and generator.

    Parameters
    ----------
    job : Job
        What the trainer received.
    state : State
        The state after an epoch.
    progress : Progress
        The progress after the epoch.
    answer : bool or float, default=False
        What the observer returned; a float is the new learning rate.

    Returns
    -------
    dict
        Plain values for `Report.checkpoint`.

    See Also
    --------
    resumed_training : The reverse.
    """
    if isinstance(answer, float):
        progress = progress._replace(learning_rate=answer)
    return {
        "weights": job.steps.arrays(state),
        "optimizer_state": job.steps.optimizer_state(state),
        "progress": progress._asdict(),
        "generator": job.rng.get_state(legacy=False),
    }


def resumed_training(job: Job) -> tuple[State, Progress]:
    """Return the state and the progress of `Job.resumed`, and set the generator of the job.

    Parameters
    ----------
    job : Job
        A job whose `resumed` contains what `training_values` returned.

    Returns
    -------
    state : State
    progress : Progress
    """
    values = job.resumed
    assert values is not None
    job.rng.set_state(values["generator"])
    state = job.steps.start({**values["weights"], **values["optimizer_state"]})
    return state, Progress(**values["progress"])
