"""The parameters of the estimators: each takes effect, and none is ignored without a message."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

from mlpkit import Cycles, MLPClassifier, schedules
from mlpkit_tabular import TabularClassifier, TabularEncoder, TabularRegressor
from mlpkit_tabular.estimators.defaults import FEW_ROWS, MANY_ROWS, batch_size, preset

ESTIMATORS = [TabularClassifier, TabularRegressor]
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_folds": None,
    "batch_size": 32,
    "trainer": Cycles(first_cycle=4, max_cycles=1),
    "random_state": 0,
}
# another value of each parameter, and the parameters that it requires
CHANGES: dict[str, Any] = {
    "hidden_layer_sizes": (9,),
    "activation": "tanh",
    "n_members": 3,
    "n_folds": 2,
    "dropout": 0.1,
    "weight_decay": 30.0,
    "learning_rate": "constant",
    "learning_rate_init": 0.02,
    "batch_size": 16,
    "max_iter": 2,
    "validation_fraction": 0.4,
    "early_stopping_on": None,
    "encoder": TabularEncoder(max_one_hot=1),
    "encoder_options": {"max_one_hot": 1},
    "builder": "resnet",
    "builder_options": {"form": "full"},
    "solver": "adam",
    "solver_options": {"epsilon": 1e-2},
    "beta_1": 0.5,
    "beta_2": 0.5,
    "trainer": Cycles(first_cycle=5, max_cycles=1),
    "max_gradient_norm": 0.01,
    "random_state": 1,
    "dtype": "float64",
}
OF_CLASSIFIER = {"loss_options": {"label_smoothing": 0.3}, "class_weight": {"yes": 5.0, "no": 1.0}}
OF_REGRESSOR = {
    "loss": "absolute_error",
    "loss_options": {"delta": 0.1},
    "quantiles": (0.2, 0.8),
    "standardize_targets": False,
}
# they do not change predictions, and have tests elsewhere; a classifier has only one loss
OTHERS = {
    *("backend", "backend_options", "metrics", "partitions", "callbacks", "verbose", "warm_start"),
    *("checkpoint", "checkpoint_every", "time_limit"),
}
OTHERS_OF_CLASSIFIER = {"loss", "temperature_scaling"}
OTHERS_OF_REGRESSOR = {"clip_predictions"}


def predictions(estimator: Any, rows: Any, new_rows: Any) -> Any:
    """Predictions after a short fit."""
    is_classifier = isinstance(estimator, TabularClassifier)
    estimator.fit(rows[0], rows[1 if is_classifier else 2])
    predict = estimator.predict_proba if is_classifier else estimator.predict
    return predict(new_rows[0])


@pytest.fixture(scope="module")
def usual(rows: Any, new_rows: Any) -> dict[type, Any]:
    """The predictions without a change."""
    return {cls: predictions(cls(**QUICK), rows, new_rows) for cls in ESTIMATORS}


def test_all_parameters_are_tested() -> None:
    """A new parameter needs another value here, or a test elsewhere."""
    known = {*CHANGES, *OTHERS}
    assert set(TabularClassifier().get_params()) == {*known, *OF_CLASSIFIER, *OTHERS_OF_CLASSIFIER}
    assert set(TabularRegressor().get_params()) == {*known, *OF_REGRESSOR, *OTHERS_OF_REGRESSOR}


@pytest.mark.parametrize("name", [*CHANGES, *OF_CLASSIFIER])
def test_each_parameter_of_the_classifier_takes_effect(
    name: str, usual: Any, rows: Any, new_rows: Any
) -> None:
    """Set after a fit, it changes the predictions of the next one, and its old value restores
    them bit for bit.
    """
    clf = TabularClassifier(**QUICK)
    before = clf.get_params()[name]
    clf.set_params(**{name: {**CHANGES, **OF_CLASSIFIER}[name]})
    assert np.any(predictions(clf, rows, new_rows) != usual[TabularClassifier])
    clf.set_params(**{name: before})
    np.testing.assert_array_equal(predictions(clf, rows, new_rows), usual[TabularClassifier])


@pytest.mark.parametrize("name", OF_REGRESSOR)
def test_each_parameter_of_the_regressor_takes_effect(
    name: str, usual: Any, rows: Any, new_rows: Any
) -> None:
    """Those that the classifier does not have."""
    reg = TabularRegressor(**QUICK).set_params(**{name: OF_REGRESSOR[name]})
    assert np.any(predictions(reg, rows, new_rows) != usual[TabularRegressor])


def test_a_constant_learning_rate_is_constant(rows: Any) -> None:
    """As the schedule `mlpkit.schedules.constant`, not as the default schedule of cycles."""
    results = []
    for schedule in ("constant", schedules.constant):
        rates: list[float] = []
        clf = TabularClassifier(
            **QUICK,
            learning_rate=schedule,
            callbacks=lambda report, to=rates: to.append(report.learning_rate),
        )
        clf.fit(rows[0], rows[1])
        results.append((rates, clf.loss_curve_))
    assert results[0] == results[1]
    assert results[0][0] == [0.01] * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": "adaptive"}, "'learning_rate' parameter of .* Got 'adaptive' instead"),
        ({"learning_rate": "invscaling"}, "'learning_rate' parameter of .* Got 'invscaling'"),
        ({"validation_fraction": 0.0}, "'validation_fraction' parameter of .* Got 0.0 instead"),
        ({"n_folds": 1}, "'n_folds' parameter of .* Got 1 instead"),
        ({"n_members": 0}, "'n_members' parameter of .* Got 0 instead"),
        ({"dropout": "much"}, "'dropout' parameter of .* Got 'much' instead"),
        (
            {"n_members": 3, "builder_options": {"n_members": 4}},
            re.escape("n_members=3 conflicts with builder_options={'n_members': 4}."),
        ),
        (
            {"weight_decay": 0.1, "solver_options": {"weight_decay": 0.2}},
            re.escape("weight_decay=0.1 conflicts with solver_options={'weight_decay': 0.2}."),
        ),
    ],
)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_parameters_that_are_invalid_or_conflict(
    cls: Any, changes: dict[str, Any], message: str, rows: Any
) -> None:
    """The message names the parameters and their values."""
    with pytest.raises(ValueError, match=message):
        cls(**changes).fit(rows[0], rows[1 if cls is TabularClassifier else 2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "huber"}, r"quantiles=\(0.1, 0.9\) conflicts with loss='huber'\. Remove"),
        (
            {"loss_options": {"delta": 1.0}},
            r"quantiles=\(0.1, 0.9\) conflicts with loss_options=\{'delta': 1.0\}\. Remove",
        ),
    ],
)
def test_quantiles_conflict_with_another_loss(
    changes: dict[str, Any], message: str, rows: Any
) -> None:
    """The message names only what was set."""
    with pytest.raises(ValueError, match=message):
        TabularRegressor(quantiles=(0.1, 0.9), **changes).fit(rows[0], rows[2])


@pytest.mark.parametrize(
    ("first", "changes", "message"),
    [
        ({"n_folds": 2}, {"n_folds": 3}, "n_folds was changed from 2 to 3, which requires a new"),
        ({"n_folds": 2}, {"n_folds": None}, "n_folds was changed from 2 to None"),
        ({"n_folds": None}, {"n_folds": 2}, "n_folds was changed from None to 2"),
        ({}, {"n_members": 3}, r"n_members was changed from 2 to 3.*Set n_members=2, or warm_st"),
    ],
)
def test_a_fitted_network_keeps_its_models_and_members(
    first: dict[str, Any], changes: dict[str, Any], message: str, rows: Any
) -> None:
    """A warm start with another number is an error; 'auto' is the number of the network."""
    frame, labels, _ = rows
    clf = TabularClassifier(**{**QUICK, **first}, warm_start=True).fit(frame, labels)
    structure = clf._network.structure
    with pytest.raises(ValueError, match=message):
        clf.set_params(**changes).fit(frame, labels)
    clf.set_params(**dict.fromkeys(changes, "auto")).fit(frame[:200], labels[:200])
    assert clf._network.structure.n_models == structure.n_models
    assert clf._network.structure.n_members == structure.n_members


def test_partial_fit_ignores_the_number_of_folds(rows: Any) -> None:
    """It trains one network, or all networks of an earlier `fit`."""
    frame, labels, _ = rows
    clf = TabularClassifier(**{**QUICK, "n_folds": 2})
    clf.partial_fit(frame, labels, classes=["no", "yes"]).partial_fit(frame[:40], labels[:40])
    assert clf._network.structure.n_models == 0
    clf.fit(frame, labels).set_params(n_folds=None).partial_fit(frame, labels)
    assert clf._network.structure.n_models == 2


@pytest.mark.parametrize("n_folds", [None, 2])
def test_max_iter_limits_the_epochs(n_folds: int | None, rows: Any) -> None:
    """Those of all cycles together."""
    clf = TabularClassifier(**{**QUICK, "n_folds": n_folds, "trainer": "cycles", "max_iter": 5})
    assert clf.fit(rows[0], rows[1]).n_iter_ == len(clf.loss_curve_) == 5


def test_numbers_that_depend_on_the_rows() -> None:
    """The documented limits belong to the group with more rows."""
    few, some, many = (preset(n, True) for n in (FEW_ROWS - 1, FEW_ROWS, MANY_ROWS))
    assert [p.n_folds for p in (few, some, many)] == [4, 4, None]
    assert [p.n_members for p in (few, some, many)] == [8, 16, 8]
    assert [p.max_cycles for p in (few, some, many)] == [3, 6, 6]
    assert preset(MANY_ROWS - 1, True) == some
    assert [preset(n, False).loss for n in (10, MANY_ROWS)] == ["huber", "squared_error"]
    sizes = [batch_size(n) for n in (1, 20_000, 20_001, 100_000, 100_001)]
    assert sizes == [128, 128, 256, 256, 512]


def described(cls: type) -> dict[str, tuple[str, str]]:
    """Type and description of each parameter and attribute, without the name of the base class."""
    doc = inspect.getdoc(cls)
    assert doc is not None
    entries = re.findall(r"^(\w[\w, ]*) : (.+)\n((?: {4}.+\n)+)", doc, re.MULTILINE)
    base = "MLPClassifier" if issubclass(cls, MLPClassifier) else "MLPRegressor"
    return {
        name: (kind, " ".join(text.split()).replace(base, "MLP"))
        for names, kind, text in entries
        for name in names.split(", ")
    }


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_is_documented_in_its_place(cls: Any) -> None:
    """The order is that of the signature."""
    names = list(inspect.signature(cls).parameters)
    assert list(described(cls))[: len(names)] == names


def test_both_estimators_have_equal_parameters_with_equal_descriptions() -> None:
    """Defaults, order and words differ only where the estimators do."""
    classifier, regressor = (inspect.signature(cls).parameters for cls in ESTIMATORS)
    shared = [name for name in classifier if name in regressor]
    assert [name for name in regressor if name in classifier] == shared
    assert classifier.keys() - shared == {"temperature_scaling", "class_weight"}
    assert regressor.keys() - shared == {"quantiles", "standardize_targets", "clip_predictions"}
    of_classifier, of_regressor = map(described, ESTIMATORS)
    for name in sorted({*shared, *(of_classifier.keys() & of_regressor.keys())}):
        if name in ("loss", "oof_predictions_"):
            continue
        if name in shared:
            assert classifier[name].default == regressor[name].default
        first, second = of_classifier[name], of_regressor[name]
        if name in ("dropout", "weight_decay"):  # the values of "auto"
            assert first != second
            first, second = (
                (kind, re.sub(r"\d\.\d+", "x", text)) for kind, text in (first, second)
            )
        assert first == second
