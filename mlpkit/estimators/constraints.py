"""Constraints of the parameters, which scikit-learn checks before every fit."""

from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from mlpkit.numpy_backend.activations import HIDDEN
from mlpkit.objectives.schedules import SCHEDULES
from mlpkit.plugin import Loss, Solver

_COUNT = Interval(Integral, 1, None, closed="left")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_FRACTION = Interval(Real, 0, 1, closed="left")

CONSTRAINTS: dict[str, list[Any]] = {
    "loss": [str, Loss, None, object],  # `object` is for plugins; checked by `recipe_of`
    "hidden_layer_sizes": ["array-like", _COUNT],
    "activation": [StrOptions(set(HIDDEN)), list, tuple],
    "solver": [str, Solver, object],  # as for the loss
    "alpha": [_NOT_NEGATIVE],
    "batch_size": [StrOptions({"auto"}), _COUNT],
    "learning_rate": [StrOptions({"invscaling", "adaptive", *SCHEDULES}), callable],
    "learning_rate_init": [_POSITIVE],
    "power_t": [_NOT_NEGATIVE],
    "max_iter": [_COUNT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_NOT_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_FRACTION],
    "beta_1": [_FRACTION],
    "beta_2": [_FRACTION],
    "epsilon": [_POSITIVE],
    "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
    "max_fun": [_COUNT],
    "backend": [str, callable, None],
    "backend_options": [dict, None],
    "builder": [str, callable, None],
    "builder_options": [dict, None],
    "encoder": [str, HasMethods(["fit", "transform"]), None],
    "encoder_options": [dict, None],
    "solver_options": [dict, None],
    "loss_options": [dict, None],
    "dropout": [_FRACTION, list, tuple],
    "weight_decay_schedule": [StrOptions(set(SCHEDULES)), callable, None],
    "dropout_schedule": [StrOptions(set(SCHEDULES)), callable, None],
    "max_gradient_norm": [_POSITIVE, None],
    "average_decay": [_FRACTION, None],
    "trainer": [str, callable, None],
    "callbacks": ["array-like", callable, str, None, object],
    "metrics": [object],  # checked by `plan_of`
    "partitions": [object],
    "train_metrics": [StrOptions({"running", "exact"})],
    "metrics_window": [_COUNT],
    "early_stopping_on": [str, callable, None],
    "n_folds": [Interval(Integral, 2, None, closed="left"), None],
    "checkpoint": [str, PathLike, None],
    "checkpoint_every": [_COUNT],
    "time_limit": [_POSITIVE, None],
    "dtype": [StrOptions({"float32", "float64"}), None],
    "standardize_targets": ["boolean"],
    "clip_predictions": ["boolean"],
}
