"""How a network is trained."""

from dataclasses import dataclass
from typing import Literal

from mlpkit.plugin.objectives import Schedule, Solver


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the values are those of the estimator's parameters.

    Parameters
    ----------
    solver : Solver
        The optimizer.
    alpha : float
        Strength of the L2 penalty.
    batch_size : int
        Number of rows of a full step.
    schedule : {"constant", "invscaling", "adaptive"} or Schedule
        Schedule of the learning rate; the parameter ``learning_rate`` of an estimator. The three
        names apply to solvers with `Solver.scheduled`, a function to all solvers with steps. The
        progress that it receives is that of `max_iter` epochs.
    learning_rate_init : float
        The initial learning rate.
    power_t : float
        Exponent of the schedule "invscaling".
    max_iter : int
        Maximum number of epochs or iterations.
    max_fun : int
        Maximum number of evaluations of the loss by L-BFGS.
    shuffle : bool
        Whether to shuffle the rows before each epoch.
    tol : float
        Tolerance of the optimization.
    n_iter_no_change : float
        Number of epochs without an improvement of `tol` before training stops.
    weight_decay_schedule, dropout_schedule : Schedule or None, default=None
        Schedules of the decoupled weight decay and of dropout; None is constant.
    max_gradient_norm : float or None, default=None
        Largest Euclidean norm of the mean gradient of a step over all trained weights, including
        the gradient of the penalty; a longer gradient is scaled down. A network of several models
        has a norm for each. None means no limit.
    average_decay : float or None, default=None
        Decay of an exponential moving average of the weights, which the solver keeps in its
        optimizer state. The built-in trainers use it in place of the weights for scores, for the
        observer and after training. None means no average.
    """

    solver: Solver
    alpha: float
    batch_size: int
    schedule: Literal["constant", "invscaling", "adaptive"] | Schedule
    learning_rate_init: float
    power_t: float
    max_iter: int
    max_fun: int
    shuffle: bool
    tol: float
    n_iter_no_change: float
    weight_decay_schedule: Schedule | None = None
    dropout_schedule: Schedule | None = None
    max_gradient_norm: float | None = None
    average_decay: float | None = None
