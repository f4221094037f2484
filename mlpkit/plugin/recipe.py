"""How a network is trained."""

from dataclasses import dataclass
from typing import Literal

from mlpkit.plugin.objectives import Solver


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
    schedule : {"constant", "invscaling", "adaptive"}
        Schedule of the learning rate; the parameter ``learning_rate`` of an estimator.
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
    """

    solver: Solver
    alpha: float
    batch_size: int
    schedule: Literal["constant", "invscaling", "adaptive"]
    learning_rate_init: float
    power_t: float
    max_iter: int
    max_fun: int
    shuffle: bool
    tol: float
    n_iter_no_change: float
