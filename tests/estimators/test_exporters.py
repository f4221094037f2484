"""Exporters: what they receive, and the methods that they add to estimators."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributions import install, only
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.backend_kit import predictions
from mlpkit.numpy_backend import namespace
from mlpkit.plugin import FittedModel, Network, PluginError
from mlpkit.registry.lookup import Registry, installed

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, LABELS = make_classification(200, 6, n_informative=4, n_classes=3, random_state=0)
Y = X @ np.arange(1.0, 7.0)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}


def model_of(estimator: Any) -> FittedModel:
    """What an exporter receives."""
    return estimator.export(lambda model: model)


def ensemble(spec: Any, rng: np.random.RandomState) -> Network:
    """A linear network with five members."""
    shape = (5, spec.n_features, spec.n_outputs)
    arrays = {"w": rng.standard_normal(shape).astype(spec.dtype)}
    return Network(arrays, xp_apply=members, n_members=5, n_models=spec.n_models)


def members(xp: Any, arrays: Any, x: Any, step: Any = None) -> tuple[Any, dict[str, Any]]:
    """Its outputs, (n, 5, n_outputs)."""
    return xp.einsum("nd,mde->nme", x, arrays["w"]), {}


def test_the_model_has_all_that_predictions_depend_on() -> None:
    """Encoder, names of columns, temperature, scale, range and quantiles."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    clf = MLPClassifier(encoder=StandardScaler(), **QUICK).fit(frame, LABELS)
    clf.temperature_ = 2.0
    model = model_of(clf)
    assert (model.encoder is clf.encoder_, model.n_features, model.temperature) == (True, 6, 2.0)
    assert model.feature_names == tuple("abcdef") and model.spec.classes == (0, 1, 2)
    assert model.mean is model.low is model.quantiles is None
    reg = MLPRegressor("quantiles", standardize_targets=True, clip_predictions=True, **QUICK)
    model = model_of(reg.fit(X, Y))
    assert model.quantiles == (0.05, 0.5, 0.95) and model.encoder is model.feature_names is None
    assert (model.mean, model.deviation) == (pytest.approx(Y.mean()), pytest.approx(Y.std()))
    assert (model.low, model.high) == (Y.min(), Y.max())


CASES = {
    "binary": (MLPClassifier(**QUICK), LABELS > 0),
    "multiclass": (MLPClassifier(activation="mish", **QUICK), LABELS),
    "multilabel": (MLPClassifier(**QUICK), make_multilabel_classification(200, 6)[1]),
    "members": (MLPClassifier(builder=ensemble, **QUICK), LABELS),
    "regression": (MLPRegressor(**QUICK), np.stack([Y, -Y], axis=1)),
    "poisson": (MLPRegressor("poisson", **QUICK), np.abs(Y)),
    "units": (MLPRegressor(standardize_targets=True, clip_predictions=True, **QUICK), Y),
    "quantiles": (MLPRegressor("quantiles", standardize_targets=True, **QUICK), Y),
}


@pytest.mark.parametrize("case", CASES)
def test_predictions_in_xp_equal_those_of_the_estimator(case: str) -> None:
    """`predictions` with the namespace of NumPy, and with a temperature."""
    estimator, y = clone(CASES[case][0]), CASES[case][1]
    if case == "members":
        estimator.initialize(6, classes=[0, 1, 2])  # NumPy evaluates it, but does not train it
    else:
        estimator.fit(X, y)
    is_classifier = isinstance(estimator, MLPClassifier)
    for temperature in (1.0, 3.0) if is_classifier else (1.0,):
        if is_classifier:
            estimator.temperature_ = temperature
        model = model_of(estimator)
        result = predictions(namespace, model, model.network.arrays, X.astype(model.spec.dtype))
        values: Any = result.values
        if is_classifier:
            expected = estimator.predict_proba(X)[:, -values.shape[1] :]
            np.testing.assert_array_equal(
                estimator.predict(X), estimator._targets.decode(np.asarray(result.outputs))
            )
        elif result.prediction is not None:
            expected = estimator.predict(X, quantiles=model.quantiles)
            np.testing.assert_allclose(values[:, result.prediction], estimator.predict(X))
        else:
            expected = estimator.predict(X).reshape(values.shape)
        precision = 1e-9 if model.spec.dtype == "float64" else 1e-5
        np.testing.assert_allclose(values, expected, rtol=precision, atol=1e-12)


EXPORTER = """
from mlpkit.plugin import Component, hookimpl

@hookimpl
def mlpkit_exporters():
    methods = {"form_tool": "mlpkit_form_parts:tool", **METHODS}
    return [Component("form", "mlpkit_form_parts:to_form", requires=REQUIRES, methods=methods)]
"""
PARTS = """
def to_form(model, *args, **options):
    return model.spec.n_features, args, options

def tool(estimator, *args):
    return estimator.n_features_in_, args
"""


def write(site: Path, requires: str = "()", methods: str = "{}", hook: str = "exporters") -> None:
    """Install a plugin with an exporter that has a method."""
    source = EXPORTER.replace("REQUIRES", requires).replace("METHODS", methods)
    source = source.replace("mlpkit_exporters", f"mlpkit_{hook}")
    modules = {"mlpkit_form_parts": PARTS}
    install(site, "mlpkit-form", {"form": source}, modules=modules)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that installs the plugin, and puts a registry with it in place."""

    def start(**options: str) -> Registry:
        write(tmp_path, **options)
        made = Registry()
        monkeypatch.setattr("mlpkit.registry.lookup._registry", lambda: made)
        return made

    with only(tmp_path):
        yield start


def test_methods_of_an_exporter(registry: Any) -> None:
    """They receive the estimator; copies, clones and pickles have them, too."""
    clf = MLPClassifier(**QUICK).fit(X, LABELS)
    assert not hasattr(clf, "form_tool")
    made = registry()
    assert not hasattr(clf, "decision_function") and not hasattr(clf, "other_tool")
    assert [p.entry.name for p in made.plugins if p.loaded] == []  # only looked for by name
    for estimator in (clf, copy.deepcopy(clf), pickle.loads(pickle.dumps(clf))):
        assert estimator.form_tool(1, 2) == (6, (1, 2))
    assert not hasattr(clf, "form_other") and hasattr(clone(clf), "form_tool")
    assert "form_tool" not in vars(clf)
    assert clf.to_form("path") == (6, ("path",), {})
    with pytest.raises(ValueError, match="'form' has no options, got 'a'"):
        clf.to_form(a=1)


def test_methods_require_what_the_exporter_requires(registry: Any) -> None:
    """Without it, the estimator does not have them."""
    registry(requires="('nothing_of_this_name',)")
    assert not hasattr(MLPClassifier(), "form_tool")


def test_methods_that_cannot_be_imported(registry: Any) -> None:
    """If the library that looks for a method is not installed, the method does not exist."""
    registry(methods="{'form_other': 'mlpkit_form_absent:other'}")
    assert not hasattr(MLPClassifier(), "form_other") and hasattr(MLPClassifier(), "form_tool")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"methods": "{'tool': 'mlpkit_form_parts:tool'}"}, "must begin with 'form_', got 'tool'"),
        ({"methods": "{'form_a': 'tool'}"}, "'form_a' of 'form' must be 'package.module:function'"),
        ({"hook": "callbacks"}, "'form' has methods, which only an exporter can have"),
    ],
)
def test_invalid_methods(registry: Any, options: dict[str, str], message: str) -> None:
    """The error of the plugin names the method."""
    registry(**options)
    kind: Any = options.get("hook", "exporters").removesuffix("s")
    with pytest.raises(PluginError, match=message):
        installed().find(kind, "form")


def test_weights_that_were_set_before_a_fit() -> None:
    """There is no network yet."""
    clf = MLPClassifier()
    clf.coefs_, clf.intercepts_, clf.classes_ = [np.ones((2, 1))], [np.zeros(1)], np.arange(2)
    with pytest.raises(ValueError, match="were set before the estimator was fitted. Call `initial"):
        model_of(clf)
