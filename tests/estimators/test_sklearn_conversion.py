"""Conversions from and to scikit-learn's estimators: equal predictions, and the same training."""

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

import mlpkit as ours
from mlpkit.estimators.sklearn_parameters import OF_PREDICTIONS, OF_TRAINING, WITHOUT_EFFECT
from mlpkit.testing.portable import network_with_members

X_DIGITS, DIGITS = load_digits(return_X_y=True)
X_DIGITS, DIGITS = X_DIGITS[:300] / 16, DIGITS[:300]
X_DIABETES, DIABETES = load_diabetes(return_X_y=True)
X_DIABETES, DIABETES = scale(X_DIABETES), scale(DIABETES)
NAMES = np.array(["zero", "one", "two", "three", "four", "5", "6", "7", "8", "9"])
LABELS = np.stack([DIGITS % 2, DIGITS > 4, DIGITS % 3 == 0], axis=1).astype(int)

TASKS: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "multiclass": ("MLPClassifier", X_DIGITS, NAMES[DIGITS], {}),
    "binary": ("MLPClassifier", X_DIGITS, DIGITS > 4, {}),
    "multilabel": ("MLPClassifier", X_DIGITS, LABELS, {}),
    "regression": ("MLPRegressor", X_DIABETES, DIABETES, {}),
    "two-outputs": ("MLPRegressor", X_DIABETES, np.stack([DIABETES, -DIABETES], 1), {}),
    "poisson": ("MLPRegressor", X_DIGITS, DIGITS, {"loss": "poisson"}),
}
SGD = {"solver": "sgd", "learning_rate_init": 0.05}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6},
    "deep": {"hidden_layer_sizes": (9, 8), "activation": "tanh", "batch_size": 64, "alpha": 0.1},
    "no-hidden-layer": {"hidden_layer_sizes": [], "activation": "logistic"},
    "sgd": {**SGD, "momentum": 0.7, "nesterovs_momentum": False},
    "invscaling": {**SGD, "learning_rate": "invscaling", "power_t": 0.3},
    "adaptive": {**SGD, "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
    "lbfgs": {"solver": "lbfgs"},
    "early-stopping": {"early_stopping": True, "n_iter_no_change": 2},
}
ATTRIBUTES = (
    "n_iter_",
    "t_",
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_features_in_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
)


def trained(estimator: Any, *args: Any, method: str = "fit", **kwargs: Any) -> Any:
    """The estimator after a call of a method that trains it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(estimator, method)(*args, **kwargs)


def settings_of(task: str, setting: str) -> dict[str, Any]:
    """The parameters of an estimator of both packages."""
    settings = {"hidden_layer_sizes": (15,), "max_iter": 12, "random_state": 3, "warm_start": True}
    return {**settings, **TASKS[task][3], **SETTINGS[setting]}


def predictions(estimator: Any, X: Any) -> Any:
    """Probabilities of a classifier, predictions of a regressor.

    scikit-learn leaves the number of BLAS threads open, on which last bits depend.
    """
    with threadpool_limits(1):
        return getattr(estimator, "predict_proba", estimator.predict)(X)


def check_same(actual: Any, expected: Any, X: Any, tolerance: float = 0.0) -> None:
    """Check that attributes, weights and predictions are equal."""
    close = {"rtol": tolerance, "atol": tolerance}
    for name in ATTRIBUTES:
        if hasattr(expected, name) and hasattr(actual, name):
            one, other = getattr(actual, name), getattr(expected, name)
            if other is None or isinstance(other, str):
                assert one == other, name
            else:
                np.testing.assert_allclose(one, other, **close, err_msg=name)
    for one, other in zip(
        actual.coefs_ + actual.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, **close)
    np.testing.assert_allclose(predictions(actual, X), predictions(expected, X), **close)
    if hasattr(expected, "classes_"):
        assert actual.classes_.dtype == expected.classes_.dtype
        np.testing.assert_array_equal(actual.classes_, expected.classes_)
        np.testing.assert_array_equal(actual.predict(X), expected.predict(X))


def check_same_training(converted: Any, original: Any, task: str, setting: str) -> None:
    """Check that training continues with the same numbers in `partial_fit` and in `fit`."""
    _, X, y, _ = TASKS[task]
    # the line search of SciPy amplifies rounding errors
    tolerance = 1e-6 if setting == "lbfgs" else 1e-9
    if setting not in ("lbfgs", "early-stopping"):
        for _ in range(3):
            for estimator in (converted, original):
                estimator.partial_fit(X[:200], y[:200])
        check_same(converted, original, X, tolerance)
    for estimator in (converted, original):
        trained(estimator, X, y)
    check_same(converted, original, X, tolerance)


ONCE = pytest.mark.once
CASES = [
    ("multiclass", "adam"),
    ("regression", "invscaling"),
    *(
        pytest.param(task, setting, marks=ONCE)
        for task, setting in [
            *((task, "adam") for task in TASKS if task != "multiclass"),
            *(("binary", setting) for setting in ("lbfgs", "early-stopping", "adaptive")),
            *(("multiclass", setting) for setting in ("deep", "sgd", "invscaling", "lbfgs")),
            *(("regression", setting) for setting in SETTINGS if setting != "invscaling"),
        ]
    ),
]
# set by every call that trains, and without L-BFGS by the first one
NOT_CONVERTED = {"_random_state", "_coef_indptr", "_intercept_indptr"}


@pytest.mark.parametrize(("task", "setting"), CASES)
def test_from_sklearn(task: str, setting: str, backend: str) -> None:
    """The converted estimator predicts the same bits, and trains like the original."""
    name, X, y, _ = TASKS[task]
    original = trained(getattr(theirs, name)(**settings_of(task, setting)), X, y)
    converted = ours.from_sklearn(original)
    assert original.get_params().items() <= converted.get_params().items()
    check_same(converted, original, X)
    check_same_training(converted.set_params(backend=backend), original, task, setting)


@pytest.mark.parametrize(("task", "setting"), CASES)
def test_to_sklearn(task: str, setting: str, backend: str) -> None:
    """The estimator of scikit-learn predicts the same bits, and trains like ours."""
    name, X, y, _ = TASKS[task]
    original = getattr(ours, name)(**settings_of(task, setting), backend=backend)
    converted = trained(original, X, y).to_sklearn()
    assert type(converted) is getattr(theirs, name)
    check_is_fitted(converted)
    check_same(converted, original, X)
    check_same_training(converted, original, task, setting)


@ONCE
@pytest.mark.parametrize(("task", "setting"), CASES)
def test_there_and_back(task: str, setting: str) -> None:
    """The estimator is the same after both conversions, and trains with the same bits."""
    name, X, y, _ = TASKS[task]
    original = trained(getattr(theirs, name)(**settings_of(task, setting)), X, y)
    back = ours.from_sklearn(original).to_sklearn()
    assert back.get_params() == original.get_params()
    assert vars(original).keys() - vars(back).keys() <= NOT_CONVERTED
    check_same(back, original, X)
    with threadpool_limits(1):
        for estimator in (back, original):
            trained(estimator, X, y)
    check_same(back, original, X)


@ONCE
@pytest.mark.parametrize("setting", ["adam", "sgd"])
def test_float32(setting: str) -> None:
    """Weights and optimizer state keep their dtype in both directions."""
    X = X_DIGITS.astype(np.float32)
    original = trained(theirs.MLPClassifier(**settings_of("multiclass", setting)), X, DIGITS)
    converted = ours.from_sklearn(original)
    check_same(converted, original, X)
    back = converted.to_sklearn()
    check_same(back, original, X)
    kept = back._optimizer.ms if setting == "adam" else back._optimizer.velocities
    assert {array.dtype for array in kept} == {np.dtype("float32")}
    for estimator in (converted, original, back):
        estimator.partial_fit(X, DIGITS)
    np.testing.assert_array_equal(back.coefs_[0], original.coefs_[0])
    np.testing.assert_allclose(converted.coefs_[0], original.coefs_[0], rtol=1e-4, atol=1e-5)


@ONCE
def test_parameters_of_the_optimizer_that_were_changed() -> None:
    """`partial_fit` keeps the optimizer with which training began, in both packages."""
    settings = settings_of("multiclass", "invscaling")
    original = trained(theirs.MLPClassifier(**settings), X_DIGITS, DIGITS)
    changed = {"learning_rate_init": 0.5, "learning_rate": "constant", "momentum": 0.1}
    original.set_params(**changed)
    converted = ours.from_sklearn(original)
    back = ours.from_sklearn(original).to_sklearn()
    for _ in range(2):
        for estimator in (original, converted, back):
            estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)
    check_same(back, original, X_DIGITS)


@ONCE
def test_a_learning_rate_of_a_callback_is_kept() -> None:
    """The learning rate of a callback is a part of the optimizer state."""
    settings = {**settings_of("multiclass", "adam"), "callbacks": lambda report: 0.02}
    original = trained(ours.MLPClassifier(**settings), X_DIGITS, DIGITS).set_params(callbacks=None)
    converted = original.to_sklearn()
    for estimator in (original, converted):
        estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)


@ONCE
def test_a_stream() -> None:
    """A stream that began with some of the classes can be converted between any two chunks."""
    original = theirs.MLPClassifier((10,), random_state=0)
    original.partial_fit(X_DIGITS[:40], DIGITS[:40], classes=range(10))
    converted: Any = pickle.loads(pickle.dumps(original))
    for start in range(40, 200, 40):
        chunk = X_DIGITS[start : start + 40], DIGITS[start : start + 40]
        original.partial_fit(*chunk)
        is_theirs = hasattr(converted, "to_sklearn")
        converted = converted.to_sklearn() if is_theirs else ours.from_sklearn(converted)
        converted.partial_fit(*chunk)
        check_same(converted, original, X_DIGITS, 1e-9)


@ONCE
def test_feature_names_and_edited_weights() -> None:
    """Feature names, and changes of the weights in place, are converted."""
    frame = pd.DataFrame(X_DIABETES, columns=[f"x{i}" for i in range(X_DIABETES.shape[1])])
    original = trained(theirs.MLPRegressor(max_iter=2, random_state=0), frame, DIABETES)
    original.coefs_[0] *= 0.5
    converted = ours.from_sklearn(original)
    assert converted.feature_names_in_.tolist() == list(frame)
    converted.intercepts_[-1] = converted.intercepts_[-1] + 1.0
    np.testing.assert_allclose(converted.predict(frame), original.predict(frame) + 1.0)
    back = converted.to_sklearn()
    assert back.feature_names_in_.tolist() == list(frame)
    np.testing.assert_array_equal(back.predict(frame), converted.predict(frame))


@ONCE
def test_nothing_is_shared() -> None:
    """Training one estimator changes neither the weights nor the random numbers of the other."""
    original = theirs.MLPClassifier((5,), max_iter=3, random_state=np.random.RandomState(0))
    trained(original, X_DIGITS, DIGITS)
    converted = ours.from_sklearn(original)
    back = converted.to_sklearn()
    for estimator in (original, converted, back):
        estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)
    check_same(back, original, X_DIGITS)


@ONCE
def test_the_global_generator_is_not_used() -> None:
    """A conversion draws no random numbers."""
    original = trained(theirs.MLPClassifier((5,), max_iter=3), X_DIGITS, DIGITS)
    np.random.seed(0)
    ours.from_sklearn(original).to_sklearn()
    drawn = np.random.random_sample()
    np.random.seed(0)
    assert drawn == np.random.random_sample()


@ONCE
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_unfitted(name: str) -> None:
    """An estimator that is not fitted is converted by its parameters alone."""
    settings = {"hidden_layer_sizes": [7, 6], "solver": "sgd", "early_stopping": True}
    original = getattr(theirs, name)(**settings)
    converted = ours.from_sklearn(original)
    assert type(converted) is getattr(ours, name)
    assert vars(converted.to_sklearn()) == vars(original)
    assert not hasattr(converted, "coefs_")


@ONCE
def test_an_initialized_network() -> None:
    """A network without training is converted with the optimizer before its first step."""
    original = ours.MLPClassifier((6,), random_state=0, dtype="float64").initialize(64, range(10))
    converted = original.to_sklearn()
    for _ in range(2):
        for estimator in (original, converted):
            estimator.partial_fit(X_DIGITS, DIGITS)
    check_same(converted, original, X_DIGITS, 1e-9)


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


@ONCE
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


@ONCE
@pytest.mark.parametrize("setting", [{"class_weight": "balanced"}, {"temperature_scaling": True}])
def test_parameters_of_classifiers_that_scikit_learn_does_not_have(setting: dict[str, Any]) -> None:
    """So do those of classifiers alone."""
    (name,) = setting
    with pytest.raises(ValueError, match=f"^to_sklearn: training depends on {name}="):
        ours.MLPClassifier(**setting).to_sklearn()


@ONCE
def test_every_parameter_is_decided_on() -> None:
    """Each parameter of ours is one of scikit-learn's, refused, or without effect."""
    for name in ("MLPClassifier", "MLPRegressor"):
        own = set(getattr(ours, name)().get_params(deep=False))
        known = set(getattr(theirs, name)().get_params(deep=False)) | {"loss"}
        known |= OF_PREDICTIONS.keys() | OF_TRAINING.keys() | set(WITHOUT_EFFECT)
        assert own <= known


@ONCE
def test_parameters_without_effect_are_left_out() -> None:
    """Metrics, callbacks and the backend do not prevent a conversion."""
    settings = {"metrics": ["accuracy"], "callbacks": print, "backend": "numpy", "dropout": [0.0]}
    original = ours.MLPClassifier((5,), max_iter=2, random_state=0, **settings)
    trained(original, X_DIGITS, DIGITS)
    check_same(original.to_sklearn(), original, X_DIGITS)


@ONCE
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


@ONCE
def test_a_network_of_a_builder() -> None:
    """A network with a function of its own is refused even if the parameter was reset."""
    classifier = ours.MLPClassifier(builder=lambda spec: network_with_members(spec))
    classifier.initialize(64, range(10)).set_params(builder=None)
    with pytest.raises(ValueError, match="the network of a builder"):
        classifier.to_sklearn()


@ONCE
def test_predictions_only() -> None:
    """Scale and temperature are included in the weights, and training starts anew."""
    settings = {"standardize_targets": True, "dropout": 0.2, "solver": "adamw"}
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


@ONCE
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


@ONCE
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


@ONCE
def test_a_search() -> None:
    """The best estimator of a search is converted, not the search."""
    search = GridSearchCV(theirs.MLPClassifier((4,), max_iter=2), {"alpha": [1.0]}, cv=2)
    trained(search, X_DIGITS, DIGITS)
    with pytest.raises(TypeError, match="Convert its attribute best_estimator_"):
        ours.from_sklearn(search)
    check_same(ours.from_sklearn(search.best_estimator_), search.best_estimator_, X_DIGITS)


@ONCE
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
