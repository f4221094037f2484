"""What cannot be converted from and to scikit-learn's estimators, and errors that say why."""

from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_conversions import DIABETES, DIGITS, X_DIABETES, X_DIGITS, check_same, trained

import mlpkit as ours
from mlpkit.estimators.sklearn_parameters import OF_PREDICTIONS, OF_TRAINING, WITHOUT_EFFECT
from mlpkit.testing.portable import network_with_members

pytestmark = pytest.mark.once

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "loss='quantiles'": ("predictions", {"loss": "quantiles"}),
    "dropout": ("training", {"dropout": 0.5}),
    "solver": ("training", {"solver": "adamw"}),
    "solver_options": ("training", {"solver_options": {"beta_1": 0.5}}),
    "loss": ("training", {"loss": "huber"}),
    "learning_rate": ("training", {"learning_rate": "cosine"}),
    "weight_decay_schedule": ("training", {"weight_decay_schedule": "linear"}),
    "dropout_schedule": ("training", {"dropout_schedule": "linear"}),
    "max_gradient_norm": ("training", {"max_gradient_norm": 1.0}),
    "average_decay": ("training", {"average_decay": 0.9}),
    "trainer": ("training", {"trainer": "cycles"}),
    "early_stopping_on": ("training", {"early_stopping_on": "loss"}),
    "standardize_targets": ("training", {"standardize_targets": True}),
    "clip_predictions": ("predictions", {"clip_predictions": True}),
    "activation": ("predictions", {"activation": "gelu"}),
    "encoder": ("predictions", {"encoder": StandardScaler()}),
    "builder": ("predictions", {"builder": lambda spec: None}),
    "n_folds": ("predictions", {"n_folds": 3}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_parameters_that_scikit_learn_does_not_have(name: str) -> None:
    """`to_sklearn` names the parameter, its effect, and what to do."""
    effect, settings = REFUSED[name]
    regressor = ours.MLPRegressor(**settings)
    with pytest.raises(ValueError, match=f"^to_sklearn: {effect} depends? on {name}") as error:
        regressor.to_sklearn()
    assert "scikit-learn's MLPRegressor does not support" in str(error.value)
    assert "Fit an estimator with" in str(error.value)
    if effect == "training":
        assert "to_sklearn(predictions_only=True)" in str(error.value)
        regressor.to_sklearn(predictions_only=True)
    else:
        with pytest.raises(ValueError, match=f"on {name}"):
            regressor.to_sklearn(predictions_only=True)


@pytest.mark.parametrize("setting", [{"class_weight": "balanced"}, {"temperature_scaling": True}])
def test_parameters_of_classifiers_that_scikit_learn_does_not_have(setting: dict[str, Any]) -> None:
    """So do those of classifiers alone."""
    (name,) = setting
    with pytest.raises(ValueError, match=f"^to_sklearn: training depends on {name}="):
        ours.MLPClassifier(**setting).to_sklearn()


def test_every_parameter_is_decided_on() -> None:
    """Each parameter is one of scikit-learn's, rejected, or without effect."""
    for name in ("MLPClassifier", "MLPRegressor"):
        own = set(getattr(ours, name)().get_params(deep=False))
        known = set(getattr(theirs, name)().get_params(deep=False)) | {"loss"}
        known |= OF_PREDICTIONS.keys() | OF_TRAINING.keys() | set(WITHOUT_EFFECT)
        assert own <= known


def test_parameters_without_effect_are_left_out() -> None:
    """Metrics, callbacks and the backend do not prevent a conversion."""
    settings: dict[str, Any] = {"metrics": ["accuracy"], "callbacks": print, "dropout": [0.0]}
    settings["backend"] = "numpy"
    original = ours.MLPClassifier((5,), max_iter=2, random_state=0, **settings)
    trained(original, X_DIGITS, DIGITS)
    check_same(original.to_sklearn(), original, X_DIGITS)


def test_the_fitted_state_decides() -> None:
    """A parameter that was changed after the fit still has its effect on the fitted state."""
    regressor = ours.MLPRegressor(max_iter=2, random_state=0, standardize_targets=True)
    trained(regressor, X_DIABETES, DIABETES).set_params(standardize_targets=False)
    with pytest.raises(ValueError, match="depends on standardize_targets=True"):
        regressor.to_sklearn()
    regressor = ours.MLPRegressor(max_iter=2, random_state=0, clip_predictions=True)
    trained(regressor, X_DIABETES, DIABETES).set_params(clip_predictions=False)
    with pytest.raises(ValueError, match="depend on clip_predictions=True"):
        regressor.to_sklearn()
    regressor = ours.MLPRegressor(max_iter=2, random_state=0, encoder=StandardScaler())
    trained(regressor, X_DIABETES, DIABETES).set_params(encoder=None)
    with pytest.raises(ValueError, match="depend on encoder=StandardScaler"):
        regressor.to_sklearn()
    classifier = ours.MLPClassifier((5,), max_iter=2, random_state=0, solver="adamw")
    trained(classifier, X_DIGITS, DIGITS).set_params(solver="adam")
    with pytest.raises(ValueError, match="training depends on solver='adamw'"):
        classifier.to_sklearn()


def test_a_network_of_a_builder() -> None:
    """A network with a function of its own is rejected even if the parameter was reset."""
    classifier = ours.MLPClassifier(builder=lambda spec: network_with_members(spec))
    classifier.initialize(64, range(10)).set_params(builder=None)
    with pytest.raises(ValueError, match="the network of a builder"):
        classifier.to_sklearn()


def test_predictions_only() -> None:
    """Scale and temperature are included in the weights, and training starts anew."""
    settings: dict[str, Any] = {"standardize_targets": True, "dropout": 0.2, "solver": "adamw"}
    regressor = ours.MLPRegressor(hidden_layer_sizes=9, max_iter=9, random_state=0, **settings)
    trained(regressor, X_DIABETES, 100 + 50 * DIABETES)
    converted = regressor.to_sklearn(predictions_only=True)
    np.testing.assert_allclose(
        converted.predict(X_DIABETES), regressor.predict(X_DIABETES), rtol=1e-12
    )
    assert converted.solver == "adam" and not hasattr(converted, "_optimizer")
    converted.partial_fit(X_DIABETES, 100 + 50 * DIABETES)

    classifier = ours.MLPClassifier(
        (30,), learning_rate="linear", max_iter=30, random_state=0, learning_rate_init=0.01
    )
    trained(classifier, X_DIGITS[:100], DIGITS[:100]).calibrate(X_DIGITS[100:], DIGITS[100:])
    assert classifier.temperature_ != 1.0
    converted = classifier.to_sklearn(predictions_only=True)
    np.testing.assert_allclose(
        converted.predict_proba(X_DIGITS), classifier.predict_proba(X_DIGITS), rtol=1e-9
    )
    classifier.set_params(learning_rate="constant")
    classifier._optimizer = classifier._present_parameters().optimizer
    with pytest.raises(ValueError, match=r"Delete the\s+attribute temperature_"):
        classifier.to_sklearn()
    del classifier.temperature_
    check_same(classifier.to_sklearn(), classifier, X_DIGITS)


def test_equal_activations_of_all_layers() -> None:
    """A list with one activation for all layers is that activation."""
    original = ours.MLPClassifier((5, 4), activation=["tanh", "tanh"], max_iter=2, random_state=0)
    converted = trained(original, X_DIGITS, DIGITS).to_sklearn()
    assert converted.activation == "tanh"
    check_same(converted, original, X_DIGITS)
    with pytest.raises(ValueError, match="activation="):
        clone(original).set_params(activation=["tanh", "relu"]).to_sklearn()


class Subclass(theirs.MLPClassifier):
    """A subclass of scikit-learn's class."""


class OurSubclass(ours.MLPClassifier):
    """A subclass of ours."""


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Subclass(), r"got .*\.Subclass\. The methods of a subclass are not converted"),
        (ours.MLPClassifier(), "already an estimator of mlpkit"),
        (theirs.MLPClassifier, r"got the class MLPClassifier\. Pass an instance"),
        (make_pipeline(theirs.MLPClassifier()), r"Convert its last step: pipeline\[-1\]"),
        (StandardScaler(), r"got sklearn\.preprocessing\._data\.StandardScaler\.$"),
        (None, r"got None\.$"),
    ],
)
def test_objects_that_are_not_converted(estimator: Any, message: str) -> None:
    """`from_sklearn` says what it accepts and what to pass."""
    with pytest.raises(TypeError, match=f"^from_sklearn accepts an MLPClassifier.*{message}"):
        ours.from_sklearn(estimator)


def test_a_search() -> None:
    """The best estimator of a search is converted, not the search."""
    search = GridSearchCV(theirs.MLPClassifier((4,), max_iter=2), {"alpha": [1.0]}, cv=2)
    trained(search, X_DIGITS, DIGITS)
    with pytest.raises(TypeError, match="Convert its attribute best_estimator_"):
        ours.from_sklearn(search)
    check_same(ours.from_sklearn(search.best_estimator_), search.best_estimator_, X_DIGITS)


def test_estimators_that_cannot_be_converted() -> None:
    """Subclasses, weights without a fit, and parameters of another version raise errors."""
    with pytest.raises(TypeError, match=r"got .*\.OurSubclass\. The methods of a subclass"):
        OurSubclass().to_sklearn()
    preset = ours.MLPRegressor()
    preset.coefs_, preset.intercepts_ = [np.ones((2, 1))], [np.ones(1)]
    with pytest.raises(ValueError, match="were set before the estimator was fitted"):
        preset.to_sklearn()
    original = theirs.MLPRegressor()
    original.coefs_, original.intercepts_ = [np.ones((2, 1))], [np.ones(1)]
    with pytest.raises(ValueError, match="weights of the estimator were set"):
        ours.from_sklearn(original)
    original = theirs.MLPRegressor()
    original.get_params = lambda deep=True: {"quantum": True}
    with pytest.raises(ValueError, match="has the parameter quantum, which this version"):
        ours.from_sklearn(original)
