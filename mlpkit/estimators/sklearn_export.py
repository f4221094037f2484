"""Conversion of an estimator to one of scikit-learn."""

from copy import deepcopy
from typing import Any

import numpy as np
import sklearn.neural_network

from mlpkit.backend_kit.folding import predicting_network
from mlpkit.estimators.fitted_model import fitted_model
from mlpkit.estimators.network_initialization import activation_of
from mlpkit.estimators.sklearn_optimizers import optimizer_of
from mlpkit.estimators.sklearn_parameters import (
    check_predictions,
    check_training,
    sklearn_values,
)
from mlpkit.messages import plain_repr
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.training.fitted_network import FittedNetwork


def as_sklearn(estimator: Any, name: str, predictions_only: bool) -> Any:
    """Return the estimator as scikit-learn's class ``name``; see `FittedMLP.to_sklearn`.

    ``estimator`` is a snapshot.
    """
    state, values = vars(estimator), _effective_values(estimator)
    if "_preset_layers" in state:
        raise ValueError(
            "to_sklearn: coefs_ and intercepts_ were set before the estimator was fitted. Call"
            " `initialize` first, and set them afterwards."
        )
    check_predictions(values, name)
    if not predictions_only:
        check_training(values, name)
        if "_optimizer" in state:  # its parameters are those of the call that created it
            check_training({**values, **state["_optimizer"]}, name)
        _check_temperature(estimator, name)
    cls = getattr(sklearn.neural_network, name)
    is_positive = state.get("out_activation_") == "exp" or (
        "_network" not in state and isinstance(estimator.loss, str) and estimator.loss == "poisson"
    )
    translated = sklearn_values(values, cls().get_params(deep=False), name, is_positive)
    converted = cls(**deepcopy(translated))
    if "_network" in state:
        _check_dense(estimator, name)
        network = _present_network(estimator)
        if predictions_only:
            model = fitted_model(network.network, network.spec, estimator._targets, state)
            network = FittedNetwork(network.spec, predicting_network(model))
        _set_fitted(converted, estimator, network, predictions_only)
    return converted


def _effective_values(estimator: Any) -> dict[str, Any]:
    """The parameters, with those that the fitted state depends on even if they were changed."""
    values: dict[str, Any] = estimator.get_params(deep=False)
    state = vars(estimator)
    targets = state.get("_targets")
    if getattr(targets, "scale", None) is not None:
        values["standardize_targets"] = True
    if getattr(targets, "range", None) is not None:
        values["clip_predictions"] = True
    if "encoder_" in state:
        values["encoder"] = state["encoder_"]
    return values


def _check_temperature(estimator: Any, name: str) -> None:
    temperature = vars(estimator).get("temperature_", 1.0)
    if temperature != 1.0:
        raise ValueError(
            f"to_sklearn: predictions depend on temperature_={temperature:.3g}, by which the"
            f" estimator divides the log-odds and scikit-learn's {name} does not. Delete the"
            " attribute temperature_ to convert the estimator without its calibration, or call"
            " to_sklearn(predictions_only=True), which includes it in the weights."
        )


def _check_dense(estimator: Any, name: str) -> None:
    if not estimator._network.is_dense:
        raise ValueError(
            "to_sklearn: predictions depend on the network of a builder"
            f" (builder={plain_repr(estimator.builder)}), which scikit-learn's {name} does not"
            " support. Fit an estimator with builder=None, or store this one with its method"
            " `save`."
        )


def _present_network(estimator: Any) -> FittedNetwork:
    """The network with the present values of `coefs_`, `intercepts_` and `activation`."""
    network: FittedNetwork = estimator._network
    spec, name = network.spec, type(estimator).__name__
    n_hidden = len(spec.hidden_layer_sizes)
    return network.current(activation_of(estimator.activation, n_hidden, name, spec.activation))


def _set_fitted(
    converted: Any, estimator: Any, network: FittedNetwork, predictions_only: bool
) -> None:
    """Set the fitted attributes of scikit-learn's estimator, which shares no array with ours."""
    state, progress = vars(estimator), estimator._progress
    layers = DenseLayers(*(list(map(np.array, part)) for part in DenseLayers.of(network.arrays)))
    converted.coefs_, converted.intercepts_ = layers
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "loss_"):
        setattr(converted, attribute, state[attribute])
    for attribute in ("n_features_in_", "feature_names_in_"):
        if attribute in state:
            setattr(converted, attribute, deepcopy(state[attribute]))
    if "classes_" in state:
        converted._label_binarizer = deepcopy(estimator._label_binarizer)
        converted.classes_ = converted._label_binarizer.classes_
    # with early stopping, scikit-learn restores these lists, and trains their arrays in place
    converted._best_coefs, converted._best_intercepts = layers
    if "_optimizer" not in state:  # L-BFGS, after which scikit-learn has no more attributes
        return
    converted.loss_curve_ = list(estimator.loss_curve_)
    converted._no_improvement_count = progress.no_improvement_count
    scores = state["validation_scores_"]
    converted.best_loss_ = state["best_loss_"]
    converted.validation_scores_ = None if scores is None else list(scores)
    converted.best_validation_score_ = state["best_validation_score_"]
    if converted.early_stopping and scores is None:  # no epoch yet
        converted.validation_scores_, converted.best_loss_ = [], None
        converted.best_validation_score_ = progress.best_score
    if not predictions_only:
        options, optimizer_state = state["_optimizer"], network.optimizer_state
        converted._optimizer = optimizer_of(options, progress, layers, optimizer_state)
