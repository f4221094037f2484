"""Which parameters scikit-learn's networks can express, and the errors for the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlpkit.messages import plain_repr
from mlpkit.training.parameters import is_same
from mlpkit.training.recipe import OF_SKLEARN

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
LOSSES = {
    "MLPClassifier": (None, "log_loss", "binary_log_loss"),
    "MLPRegressor": ("squared_error", "poisson", None),
}
# values with which predictions are those of scikit-learn
OF_PREDICTIONS: dict[str, tuple[Any, ...]] = {
    "builder": (None, "dense"),
    "encoder": (None,),
    "n_folds": (None,),
    "clip_predictions": (False,),
}
# values with which training is that of scikit-learn
OF_TRAINING: dict[str, tuple[Any, ...]] = {
    "solver": ("adam", "sgd", "lbfgs"),
    "learning_rate": OF_SKLEARN,
    "solver_options": (None, {}),
    "loss_options": (None, {}),
    "dropout": (0.0,),
    "weight_decay_schedule": (None,),
    "dropout_schedule": (None,),
    "max_gradient_norm": (None,),
    "average_decay": (None,),
    "trainer": (None,),
    "early_stopping_on": (None,),
    "class_weight": (None,),
    "standardize_targets": (False,),
    "temperature_scaling": (False,),
}
# parameters on which neither depends; options of a builder or an encoder have no effect without it
WITHOUT_EFFECT = (
    "backend",
    "backend_options",
    "builder_options",
    "encoder_options",
    "callbacks",
    "checkpoint",
    "checkpoint_every",
    "dtype",
    "metrics",
    "metrics_window",
    "partitions",
    "time_limit",
    "train_metrics",
)
ANY: tuple[Any, ...] = ()  # every value is accepted


def check_predictions(values: Mapping[str, Any], name: str) -> None:
    """Raise ValueError for a parameter with which scikit-learn's class ``name`` cannot predict."""
    limits = OF_PREDICTIONS
    if is_same(values.get("loss"), "quantiles"):  # outputs from which quantiles are computed
        limits = {**limits, "loss": ("squared_error", "poisson")}
    for parameter, accepted in limits.items():
        if not _is_accepted(parameter, values.get(parameter, accepted[0]), accepted):
            raise ValueError(
                f"to_sklearn: predictions depend on {parameter}={plain_repr(values[parameter])},"
                f" which scikit-learn's {name} does not support. Fit an estimator with"
                f" {_choices(parameter, accepted)}, or store this one with its method `save`."
            )


def check_training(values: Mapping[str, Any], name: str) -> None:
    """Raise ValueError for a parameter with which scikit-learn's class ``name`` cannot train."""
    for parameter, accepted in {**OF_TRAINING, "loss": LOSSES[name]}.items():
        if not _is_accepted(parameter, values.get(parameter, accepted[0]), accepted):
            raise ValueError(
                f"to_sklearn: training depends on {parameter}={plain_repr(values[parameter])},"
                f" which scikit-learn's {name} does not support. Fit an estimator with"
                f" {_choices(parameter, accepted)}, or call to_sklearn(predictions_only=True),"
                " which returns an estimator that only predicts as this one does."
            )


def sklearn_values(
    values: Mapping[str, Any], own: Mapping[str, Any], name: str, is_positive: bool
) -> dict[str, Any]:
    """Return the values of the parameters of scikit-learn's class ``name``.

    ``own`` are their defaults, which replace values that scikit-learn does not have.
    ``is_positive`` is whether predictions are exponentials of the outputs. Raises ValueError for an
    activation that scikit-learn does not have.
    """
    translated = {
        parameter: values[parameter]
        if _is_accepted(parameter, values[parameter], OF_TRAINING.get(parameter, ANY))
        else default
        for parameter, default in own.items()
    }
    translated["activation"] = _common_activation(values["activation"], name)
    if "loss" in own:
        translated["loss"] = "poisson" if is_positive else "squared_error"
    return translated


def _common_activation(activation: str | Sequence[str], name: str) -> str:
    """The activation of all hidden layers."""
    distinct = [activation] if isinstance(activation, str) else list(dict.fromkeys(activation))
    if len(distinct) == 1 and distinct[0] in ACTIVATIONS:
        return distinct[0]
    raise ValueError(
        f"to_sklearn: predictions depend on activation={plain_repr(activation)}, which"
        f" scikit-learn's {name} does not support. Fit an estimator with one of"
        f" {', '.join(map(repr, ACTIVATIONS))} for all hidden layers, or store this one with its"
        " method `save`."
    )


def _choices(parameter: str, accepted: tuple[Any, ...]) -> str:
    names = [value for value in accepted if value is not None and value != {}] or [None]
    return f"{parameter}={' or '.join(map(repr, names))}"


def _is_accepted(parameter: str, value: Any, accepted: tuple[Any, ...]) -> bool:
    if parameter == "dropout":  # also a list of zeros
        return not np.any(value)
    return accepted is ANY or any(is_same(value, choice) for choice in accepted)
