"""Estimators with an encoder accept tables, and train as on the encoded rows."""

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import sklearn
from encoders import Levels
from people import AGE, FRAMES, RNG, ROWS, SEX, SHORT, Y, categories, frame
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

from mlpkit import MLPClassifier, MLPRegressor, evaluate
from mlpkit.plugin import Column, Dataset, Network, Spec
from mlpkit.registry.provenance import RequiredPlugins, Source

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_transformer_gives_the_result_of_a_pipeline(backend: str) -> None:
    """Predictions, also with weights, are those of a Pipeline."""
    X, y = load_wine(return_X_y=True)
    own = MLPClassifier(encoder=StandardScaler(), backend=backend, **SHORT).fit(X, y)
    pipe = make_pipeline(StandardScaler(), MLPClassifier(backend=backend, **SHORT)).fit(X, y)
    np.testing.assert_array_equal(own.predict_proba(X), pipe.predict_proba(X))
    assert own.n_features_in_ == 13 and own.score(X, y) == pipe.score(X, y)
    assert not hasattr(own.encoder, "mean_")


def test_fit_transform_encodes_the_training_rows() -> None:
    """A transformer that encodes training rows out of fold does so, as in a Pipeline."""
    X, y = SEX[:, None], AGE + 0.25  # numbers, not classes
    takes_splitters = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
    options = {"cv": KFold(3)} if takes_splitters else {"cv": 3, "shuffle": False}
    own = MLPRegressor(encoder=TargetEncoder(**options), **SHORT).fit(X, y)
    pipe = make_pipeline(TargetEncoder(**options), MLPRegressor(**SHORT)).fit(X, y)
    np.testing.assert_array_equal(own.predict(X), pipe.predict(X))


@pytest.mark.parametrize("library", FRAMES)
def test_frames(library: str, backend: str) -> None:
    """Names are those of the table, and partitions and evaluation sets are tables, too."""
    X = frame(library)
    later = frame(library, age=AGE, sex=SEX.tolist())
    supported = library != "pyarrow"  # not by all versions of scikit-learn
    for encoder in (Levels(), categories())[: 1 + supported]:
        clf = MLPClassifier(encoder=encoder, partitions=["sex"], backend=backend, **SHORT)
        clf.fit(X, Y, X_val=later, y_val=Y, eval_sets={"same": (X, Y)})
        assert clf.feature_names_in_.tolist() == ["sex", "age"] and clf.n_features_in_ == 2
        np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(later))
        report = evaluate(clf, later, Y, partitions=["sex"])
        assert {e.partition for e in report.select("accuracy", "sex")} == {"f", "m"}
        measured = clf.metric_history_.select("accuracy", by="sex")
        assert {(m.split, m.partition) for m in measured} == {
            (split, sex) for split in ("train", "validation", "same") for sex in "fm"
        }


def test_targets_and_weights_reach_the_encoder() -> None:
    """The targets are encoded; the weights are those of the user."""
    w = RNG.rand(60)
    clf = MLPClassifier(encoder=Levels(), class_weight="balanced", **SHORT).fit(ROWS, SEX, w)
    np.testing.assert_array_equal(clf.encoder_.y, (SEX == "m")[:, None].astype(float))
    np.testing.assert_array_equal(clf.encoder_.sample_weight, w)
    two = np.column_stack([AGE, -AGE]).astype(float)
    reg = MLPRegressor(encoder=Levels(), **SHORT).fit(ROWS, two)
    np.testing.assert_array_equal(reg.encoder_.y, two)


def test_builders_receive_columns_and_a_sample(backend: str) -> None:
    """The sample has encoded rows, and drawing it changes no other draw."""
    from mlpkit.numpy_backend import dense

    specs: list[Spec] = []

    def build(spec: Spec, rng: np.random.RandomState) -> Network:
        specs.append(spec)
        return dense.build(spec, rng)

    X = np.tile(ROWS, (400, 1))
    y = np.tile(Y, 400)
    clf = MLPClassifier(encoder=Levels(), builder=build, backend=backend, **SHORT).fit(X, y)
    (spec,) = specs
    assert spec.columns == clf.encoder_.columns
    assert spec.columns == (Column("x0_code", "x0", "category", 3), Column("x1", "x1"))
    assert spec.feature_names == ("x0_code", "x1")
    assert spec.n_rows == 24000 and spec.n_features == 2
    assert isinstance(spec.sample, Dataset)
    assert spec.sample.X.shape == (20000, 2) and spec.sample.y.shape == (20000, 1)
    assert not spec.sample.X.flags.writeable
    assert set(map(tuple, spec.sample.X)) <= set(map(tuple, clf.encoder_.transform(ROWS)))
    assert clf._network.spec.sample is None and clf._network.spec == spec
    plain = MLPClassifier(encoder=Levels(), backend=backend, **SHORT).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(ROWS), plain.predict_proba(ROWS))
    assert MLPClassifier(builder=build, **SHORT).fit(AGE[:, None], Y)._network.spec.columns is None
    assert specs[-1].sample is not None and specs[-1].sample.X.shape == (60, 1)


def test_partial_fit(backend: str) -> None:
    """The first chunk fits the encoder, and later ones are encoded by it."""
    clf = MLPClassifier(encoder=Levels(), backend=backend, metrics="accuracy", **SHORT)
    clf.partial_fit(ROWS[:20], Y[:20], classes=[False, True])
    first = clf.encoder_
    clf.partial_fit(ROWS[20:], Y[20:])
    assert clf.encoder_ is first
    np.testing.assert_array_equal(first.numbers_[1, 0], AGE[:20].mean())


def test_a_fitted_encoder() -> None:
    """`partial_fit` uses it as it is, and `fit` fits a clone of it."""
    fitted = Levels().fit(ROWS)
    clf = MLPClassifier(encoder=fitted, **SHORT)
    clf.partial_fit(ROWS[:20], Y[:20], classes=[False, True])
    assert clf.encoder_ is fitted
    clf.fit(ROWS[:20], Y[:20])
    assert clf.encoder_ is not fitted
    assert clf.encoder_.numbers_[1, 0] == AGE[:20].mean()
    assert fitted.numbers_[1, 0] == AGE.mean()


def test_a_frozen_transformer() -> None:
    """`fit` uses it as it is, too."""
    scaler = StandardScaler().fit(AGE[:, None])
    clf = MLPClassifier(encoder=FrozenEstimator(scaler), **SHORT).fit(AGE[:20, None], Y[:20])
    expected = MLPClassifier(**SHORT).fit(scaler.transform(AGE[:20, None]), Y[:20])
    np.testing.assert_array_equal(
        clf.predict_proba(AGE[:, None]), expected.predict_proba(scaler.transform(AGE[:, None]))
    )


def test_warm_start() -> None:
    """It keeps the encoder, and rejects another one."""
    clf = MLPClassifier(encoder=Levels(), warm_start=True, **SHORT).fit(ROWS, Y)
    first = clf.encoder_
    clf.fit(ROWS[::2], Y[::2])
    assert clf.encoder_ is first
    with pytest.raises(ValueError, match="encoder was changed from"):
        clf.set_params(encoder=None).fit(ROWS, Y)
    clf.set_params(warm_start=False).fit(AGE[:, None], Y)
    assert not hasattr(clf, "encoder_")
    with pytest.raises(ValueError, match="encoder was changed from None"):
        clf.set_params(encoder=Levels(), warm_start=True).fit(AGE[:, None], Y)


def test_a_failed_fit_changes_nothing() -> None:
    """Encoder and columns stay those of the earlier fit."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, Y)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="must be"):
        clf.set_params(max_iter=-1).fit(ROWS[:, :1], Y)
    clf.set_params(max_iter=3)
    with pytest.raises(ValueError, match="validation rows"):
        clf.fit(ROWS[:, :1], Y, X_val=ROWS, y_val=Y)
    assert vars(clf) == before


def test_parameters_of_a_transformer() -> None:
    """They are set by their own names, and options of a name go to `encoder_options`."""
    clf = MLPClassifier(encoder=StandardScaler())
    assert clf.get_params()["encoder__with_mean"]
    clf.set_params(encoder__with_mean=False)
    assert not clf.encoder.with_mean and clf.encoder_options is None
    clf.set_params(encoder=SimpleImputer(), encoder__strategy="median")
    assert clf.encoder.strategy == "median"
    clf.set_params(encoder="tabular", encoder__max_levels=4)
    assert clf.encoder_options == {"max_levels": 4}
    assert clf.get_params()["encoder__max_levels"] == 4
    assert clone(clf).encoder_options == {"max_levels": 4}


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.once)])
def test_search_and_cross_validation(n_jobs: int | None) -> None:
    """A search sets parameters of the encoder; tables are split by rows."""
    X = frame("pandas")
    clf = MLPClassifier(encoder=categories(), **SHORT)
    name = "encoder__standardscaler__with_mean"
    search = GridSearchCV(clf, {name: [True, False]}, cv=2, n_jobs=n_jobs, error_score="raise")
    assert search.fit(X, Y).best_estimator_.predict(X).shape == (60,)
    assert cross_val_predict(clf, X, Y, cv=3).shape == (60,)


def test_routing_and_representation() -> None:
    """Weights are routed as without an encoder, and the HTML has the encoder."""
    with sklearn.config_context(enable_metadata_routing=True):
        clf = MLPClassifier(encoder=categories(), **SHORT).set_fit_request(sample_weight=True)
        pipe = make_pipeline(clf).fit(frame("pandas"), Y, sample_weight=np.ones(60))
    assert "ColumnTransformer" in pipe._repr_html_()
    assert "StandardScaler" in clf._repr_html_()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies(copied: Any) -> None:
    """Copies predict the same, and continue training."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, Y)
    other = copied(clf)
    np.testing.assert_array_equal(clf.predict_proba(ROWS), other.predict_proba(ROWS))
    clf.partial_fit(ROWS, Y)
    other.partial_fit(ROWS, Y)
    np.testing.assert_array_equal(clf.predict_proba(ROWS), other.predict_proba(ROWS))


def test_a_pickle_names_its_plugins_first() -> None:
    """So that a missing one is reported before an import of the encoder fails."""
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, Y)
    clf._network.sources = (Source("encoder", "levels", "acme-mlp", "2.5", "acme_mlp"),)
    state = clf.__getstate__()
    assert isinstance(next(iter(state.values())), RequiredPlugins)
    assert isinstance(state["_encoding"]["encoder"], Levels)


def test_measured_fits_do_not_compare_distributions() -> None:
    """The encoder transforms evaluation sets, so a shift is no forgotten transformation."""
    X = np.column_stack([AGE, AGE, AGE]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        MLPClassifier(encoder=StandardScaler(), **SHORT).fit(X, Y, X_val=X + 1000, y_val=Y)


TARGETS = {
    "list": lambda y: y.tolist(),
    "column": lambda y: y[:, None].tolist(),
    "pandas": lambda y: pytest.importorskip("pandas").Series(y),
    "pandas categories": lambda y: pytest.importorskip("pandas").Series(y, dtype="category"),
    "polars": lambda y: pytest.importorskip("polars").Series(y),
    "pyarrow": lambda y: pytest.importorskip("pyarrow").chunked_array([y.tolist()]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("form", TARGETS)
def test_forms_of_targets(form: str) -> None:
    """Labels and numbers of any library are accepted, as scikit-learn does."""
    labels = np.where(Y, "yes", "no")
    clf = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, TARGETS[form](labels))
    expected = MLPClassifier(encoder=Levels(), **SHORT).fit(ROWS, labels)
    np.testing.assert_array_equal(clf.predict_proba(ROWS), expected.predict_proba(ROWS))
    reg = MLPRegressor(encoder=Levels(), **SHORT).fit(ROWS, TARGETS[form](AGE))
    expected = MLPRegressor(encoder=Levels(), **SHORT).fit(ROWS, AGE)
    np.testing.assert_array_equal(reg.predict(ROWS), expected.predict(ROWS))


@pytest.mark.parametrize("library", FRAMES)
def test_callbacks_of_scikit_learn_receive_the_table(library: str) -> None:
    """They can evaluate the estimator on it, also if rows are held out."""
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        pytest.skip("callbacks are new in scikit-learn 1.9")
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    clf = MLPClassifier(encoder=Levels(), early_stopping=True, **SHORT).set_callbacks(monitor)
    clf.fit(frame(library), Y)
    assert len(monitor.get_logs().data) == clf.n_iter_ + 1


@pytest.mark.once  # they concern the validation; test_estimator_checks runs on every backend
@parametrize_with_checks(
    [
        MLPClassifier(encoder=StandardScaler(with_mean=False)),
        MLPRegressor(encoder=StandardScaler()),
    ]
)
def test_estimator_checks(estimator: Any, check: Any) -> None:
    """The checks of scikit-learn pass with an encoder of numbers."""
    check(estimator)
