"""Conversion of scikit-learn's multilayer perceptrons to estimators of this package."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from mlpkit.data.targets import ClassTargets
from mlpkit.estimators.base import BaseMLP
from mlpkit.estimators.classifier import MLPClassifier
from mlpkit.estimators.loss_curve import LossCurve
from mlpkit.estimators.network_initialization import DataShape, initialized
from mlpkit.estimators.regressor import MLPRegressor
from mlpkit.estimators.sklearn_optimizers import (
    optimizer_state_of,
    parameters_with,
    progress_with,
)
from mlpkit.messages import plain_repr
from mlpkit.monitoring.protocol import NoMonitor
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Progress
from mlpkit.training.fit_records import FitResult
from mlpkit.training.fitted_network import FittedNetwork
from mlpkit.training.parameters import Parameters

CLASSES: dict[type, type[BaseMLP]] = {
    sklearn.neural_network.MLPClassifier: MLPClassifier,
    sklearn.neural_network.MLPRegressor: MLPRegressor,
}


def from_sklearn(estimator: Any) -> Any:
    """Convert an estimator of `sklearn.neural_network`.

    The result has the same parameters, and if the estimator is fitted, the same attributes and
    predictions. Training continues from it as it would have from the original: `partial_fit`, and
    `fit` with ``warm_start=True``, use its weights, its optimizer state, its learning rate and its
    counters. It trains on the default backend; ``set_params(backend=...)`` chooses another one.

    Parameters
    ----------
    estimator : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        Fitted or not; it is not changed. Subclasses are not supported.

    Returns
    -------
    converted : MLPClassifier or MLPRegressor
        The estimator of this package, which shares no data with the original. A RandomState as
        `random_state` is copied, so that both draw the same numbers from now on.

    Raises
    ------
    TypeError
        If `estimator` is not an instance of one of the two classes.
    ValueError
        If a parameter is invalid, or if the weights were set without fitting.

    See Also
    --------
    MLPClassifier.to_sklearn : The conversion in the other direction.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> import mlpkit
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = MLPClassifier((20,), learning_rate_init=0.01, tol=1e-3, random_state=0)
    >>> clf = mlpkit.from_sklearn(theirs.fit(X, y))
    >>> bool((clf.predict_proba(X) == theirs.predict_proba(X)).all())
    True
    >>> bool(abs(clf.partial_fit(X, y).loss_ - theirs.partial_fit(X, y).loss_) < 1e-9)
    True
    """
    cls = CLASSES.get(type(estimator))
    if cls is None:
        raise TypeError(_type_error(estimator))
    source = deepcopy(estimator)
    values, known = source.get_params(deep=False), set(cls._parameter_names)
    if unknown := sorted(values.keys() - known):
        raise ValueError(
            f"from_sklearn: scikit-learn {sklearn.__version__} has the parameter"
            f" {', '.join(unknown)}, which this version of mlpkit does not have. Install an older"
            " scikit-learn, or a newer mlpkit."
        )
    converted = cls(**values)
    if hasattr(source, "coefs_"):
        _set_fitted(converted, source)
    return converted


def _type_error(estimator: Any) -> str:
    accepted = "from_sklearn accepts an MLPClassifier or MLPRegressor of sklearn.neural_network"
    if isinstance(estimator, type):
        return f"{accepted}, got the class {estimator.__qualname__}. Pass an instance of it."
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    if isinstance(estimator, BaseMLP):
        return f"{accepted}, got {kind}, which is already an estimator of mlpkit."
    if isinstance(estimator, tuple(CLASSES)):
        return (
            f"{accepted}, got {kind}. The methods of a subclass are not converted: create an"
            " estimator of the base class with its parameters and attributes, and pass that."
        )
    hint = ""
    if hasattr(estimator, "steps"):
        hint = " Convert its last step: pipeline[-1]."
    elif hasattr(estimator, "best_estimator_"):
        hint = " Convert its attribute best_estimator_."
    shown = kind if isinstance(estimator, BaseEstimator) else plain_repr(estimator)
    return f"{accepted}, got {shown}.{hint}"


def _set_fitted(converted: Any, source: Any) -> None:
    """Set the fitted attributes to those of scikit-learn's estimator."""
    if not hasattr(source, "n_features_in_"):
        raise ValueError(
            "from_sklearn: the weights of the estimator were set, but it was not fitted. Fit it, or"
            " call `initialize` of an estimator of mlpkit and set its coefs_ and intercepts_."
        )
    parameters, _ = converted._resolved_parameters()
    for name in ("n_features_in_", "feature_names_in_", "classes_"):
        if hasattr(source, name):
            setattr(converted, name, getattr(source, name))
    if hasattr(source, "classes_"):
        converted._targets = ClassTargets.of(source._label_binarizer)
    else:
        no_rows = np.empty((0, source.n_outputs_))
        converted._targets = converted._new_targets().learned(no_rows, None)

    optimizer = getattr(source, "_optimizer", None)
    progress = Progress(
        learning_rate=parameters.learning_rate_init,
        epoch=source.n_iter_,
        samples=source.t_,
        no_improvement_count=getattr(source, "_no_improvement_count", 0),
        best_loss=_number(getattr(source, "best_loss_", source.loss_), np.inf),
        best_score=_number(getattr(source, "best_validation_score_", None), -np.inf),
    )
    if optimizer is not None:
        progress = progress_with(optimizer, progress)
        converted._optimizer = parameters_with(optimizer, parameters).optimizer
    network = _network_of(converted, parameters, source)
    converted._commit(FitResult(network, progress, [], NoMonitor(), has_steps=True))
    converted._losses = LossCurve(getattr(source, "loss_curve_", ()))
    converted.loss_ = source.loss_
    converted.best_loss_ = getattr(source, "best_loss_", source.loss_)
    for name in ("validation_scores_", "best_validation_score_"):
        setattr(converted, name, getattr(source, name, None))


def _network_of(converted: Any, parameters: Parameters, source: Any) -> FittedNetwork:
    """The network with the weights and the optimizer state of scikit-learn's estimator."""
    layers = DenseLayers(source.coefs_, source.intercepts_)
    n_features, *hidden, n_outputs = layers.units
    dtype = source.coefs_[0].dtype
    names = getattr(source, "feature_names_in_", None)
    name, targets = type(converted).__name__, converted._targets
    shape = DataShape(name, n_features, n_outputs, dtype, targets, names)
    rng = deepcopy(check_random_state(parameters.random_state))  # the initial weights are replaced
    network = initialized(replace(parameters, hidden_layer_sizes=hidden), shape, rng)
    optimizer = getattr(source, "_optimizer", None)
    optimizer_state = {} if optimizer is None else optimizer_state_of(optimizer, dtype)
    return network.edited(network.spec, layers.arrays(dtype), optimizer_state)


def _number(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
