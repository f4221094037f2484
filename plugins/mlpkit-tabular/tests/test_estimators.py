"""TabularClassifier and TabularRegressor on raw tables."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from mlpkit import Cycles, evaluate
from mlpkit_tabular import TabularClassifier, TabularRegressor

Rows = tuple[pd.DataFrame, np.ndarray, np.ndarray]
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (16,),
    "n_members": 2,
    "n_folds": None,
    "batch_size": 32,
    "trainer": Cycles(first_cycle=12, max_cycles=1),
    "random_state": 0,
}


@pytest.fixture(scope="module")
def clf(rows: Rows) -> TabularClassifier:
    """A classifier that is fitted on a raw table."""
    return TabularClassifier(**QUICK).fit(rows[0], rows[1])


@pytest.fixture(scope="module")
def reg(rows: Rows) -> TabularRegressor:
    """A regressor that is fitted on a raw table."""
    return TabularRegressor(**QUICK).fit(rows[0], rows[2])


def test_a_raw_table_is_learned(
    clf: TabularClassifier, reg: TabularRegressor, new_rows: Rows
) -> None:
    """Strings, categories, booleans, dates and missing values need no preparation."""
    frame, labels, values = new_rows
    assert clf.score(frame, labels) > 0.8
    assert reg.score(frame, values) > 0.8
    assert clf.predict_proba(frame).shape == (200, 2)
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.feature_names_in_.tolist() == list(frame.columns)
    assert clf.n_features_in_ == len(frame.columns)
    assert clf.encoder_.get_feature_names_out().size == clf._network.spec.n_features


@pytest.mark.parametrize("n_folds", [None, 3])
@pytest.mark.parametrize("n_members", [3, 9])
def test_predictions_are_those_of_training(
    n_members: int, n_folds: int | None, rows: Rows, new_rows: Rows
) -> None:
    """The log-loss of several classes is the validation loss, with any number of members."""
    y, y_new = (np.digitize(values, [-0.5, 0.5]) for _, _, values in (rows, new_rows))
    settings = {**QUICK, "n_members": n_members, "n_folds": n_folds, "temperature_scaling": False}
    clf = TabularClassifier(**settings).fit(rows[0], y, X_val=new_rows[0], y_val=y_new)
    probabilities = clf.predict_proba(new_rows[0])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    loss = log_loss(y_new, probabilities)
    assert loss == pytest.approx(-clf.best_validation_score_, rel=1e-4)
    assert loss < 0.8


def test_predictions_do_not_depend_on_the_frame_library(
    clf: TabularClassifier, new_rows: Rows
) -> None:
    """Polars and another order of the columns give the same probabilities."""
    frame = new_rows[0]
    expected = clf.predict_proba(frame)
    np.testing.assert_array_equal(clf.predict_proba(pl.from_pandas(frame)), expected)
    np.testing.assert_array_equal(clf.predict_proba(frame[frame.columns[::-1]]), expected)
    one = np.concatenate([clf.predict_proba(frame[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(one, expected[:5], atol=1e-6)


def test_predictions_of_values_that_are_new(clf: TabularClassifier, new_rows: Rows) -> None:
    """Unseen levels, missing and infinite values give finite probabilities."""
    frame = new_rows[0][:4].copy()
    frame["city"] = ["elsewhere", None, "c01", "c02"]
    frame["age"] = [np.nan, np.inf, -1e30, 5]
    frame["sex"] = [None, "x", "f", "m"]
    frame["since"] = pd.NaT
    assert np.isfinite(clf.predict_proba(frame)).all()


def test_predictions_stay_in_the_range_of_the_targets(rows: Rows, new_rows: Rows) -> None:
    """They are clipped, unless `clip_predictions` is False."""
    high = (rows[2] > 0).astype(float)
    clipped, free = (
        TabularRegressor(**QUICK, clip_predictions=clip, dropout=0.0)
        .fit(rows[0], high)
        .predict(new_rows[0])
        for clip in (True, False)
    )
    assert free.min() < -0.01 and free.max() > 1.01
    np.testing.assert_array_equal(clipped, np.clip(free, 0, 1))


def test_report_by_a_raw_column(clf: TabularClassifier, new_rows: Rows) -> None:
    """`evaluate` groups rows by columns of the raw table."""
    report = evaluate(clf, new_rows[0], new_rows[1], metrics=["accuracy"], partitions=["sex"])
    assert {entry.partition for entry in report.select("accuracy", "sex")} == {"f", "m"}


def test_early_stopping_on_groups_of_raw_columns(rows: Rows, new_rows: Rows) -> None:
    """Metrics by group are measured on raw rows, also on `X_val` as a raw frame."""
    clf = TabularClassifier(
        **{
            **QUICK,
            "metrics": ["accuracy", "log_loss"],
            "partitions": ["sex"],
            "early_stopping_on": "worst(log_loss, by='sex')",
        }
    ).fit(rows[0], rows[1], X_val=new_rows[0], y_val=new_rows[1])
    history = clf.metric_history_
    assert {value.partition for value in history if value.partitioner == "sex"} == {"f", "m"}
    assert len(clf.validation_scores_) == 12


def test_sample_weight_and_class_weight(rows: Rows) -> None:
    """Weights of rows and of classes move the predictions."""
    frame, labels, _ = rows
    w = np.where(labels == "yes", 10.0, 1.0)
    quick = {**QUICK, "early_stopping_on": None}
    plain = TabularClassifier(**quick).fit(frame, labels).predict_proba(frame)[:, 1].mean()
    weighted = TabularClassifier(**quick).fit(frame, labels, sample_weight=w)
    by_class = TabularClassifier(**quick, class_weight={"yes": 10.0, "no": 1.0}).fit(frame, labels)
    assert weighted.predict_proba(frame)[:, 1].mean() > plain + 0.02
    assert by_class.predict_proba(frame)[:, 1].mean() > plain + 0.02


def test_partial_fit_learns_the_encoder_from_the_first_chunk(rows: Rows, new_rows: Rows) -> None:
    """A stream of frames improves the model; later chunks may have new levels."""
    frame, labels, _ = rows
    clf = TabularClassifier(**{**QUICK, "learning_rate_init": 0.005})
    clf.partial_fit(frame[:150], labels[:150], classes=["no", "yes"])
    encoder, columns = clf.encoder_, clf.encoder_.columns
    first = log_loss(new_rows[1], clf.predict_proba(new_rows[0]))
    later = frame[150:].assign(city="new city")
    for _ in range(10):
        clf.partial_fit(later, labels[150:])
    assert clf.encoder_ is encoder and encoder.columns == columns
    assert log_loss(new_rows[1], clf.predict_proba(new_rows[0])) < 0.8 * first
    assert clf.score(new_rows[0], new_rows[1]) > 0.75


def test_quantiles_and_intervals(rows: Rows, new_rows: Rows) -> None:
    """Quantiles do not cross, others lie between them, and intervals cover their share."""
    reg = TabularRegressor(**QUICK, quantiles=(0.05, 0.5, 0.95)).fit(rows[0], rows[2])
    frame, _, values = new_rows
    quantiles = reg.predict(frame, quantiles=[0.05, 0.25, 0.5, 0.95])
    assert (np.diff(quantiles, axis=1) >= 0).all()
    np.testing.assert_array_equal(reg.predict(frame), quantiles[:, 2])
    low, high = reg.predict_interval(frame, coverage=0.8).T
    assert 0.65 < np.mean((low <= values) & (values <= high)) < 0.95
    report = evaluate(
        reg, frame, values, metrics=["interval_coverage"], coverage=0.8, partitions=["sex"]
    )
    assert {entry.partition for entry in report.select("interval_coverage", "sex")} == {"f", "m"}


def test_clone_pickle_and_search(clf: TabularClassifier, rows: Rows, new_rows: Rows) -> None:
    """Clones have the parameters, pickles the predictions, searches choose options."""
    assert clone(clf).get_params()["n_members"] == 2
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(new_rows[0]), clf.predict_proba(new_rows[0]))
    frame, labels, _ = rows
    search = GridSearchCV(
        make_pipeline(TabularClassifier(**QUICK)),
        {"tabularclassifier__encoder__max_one_hot": [1, 20]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(frame, labels)
    coded, one_hot = search.cv_results_["mean_test_score"]
    assert search.best_score_ == max(coded, one_hot) > -0.5
    assert min(coded, one_hot) < search.best_score_  # the option reaches the encoder
    best = search.best_estimator_[-1]
    assert best.encoder_.max_one_hot == (1 if coded > one_hot else 20)


def test_jobs_and_metadata_routing(rows: Rows) -> None:
    """Cross-validation in processes passes weights on: rows of weight 0 may have wrong labels."""
    frame, labels, _ = rows
    w = np.where(np.arange(len(labels)) % 5 < 3, 0.0, 1.0)
    mostly_wrong = np.where(w > 0, labels, np.where(labels == "yes", "no", "yes"))
    with sklearn.config_context(enable_metadata_routing=True):
        clf = TabularClassifier(**QUICK).set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        scores = cross_val_score(
            clf, frame, mostly_wrong, cv=2, n_jobs=2, params={"sample_weight": w}
        )
    assert scores.min() > 0.7


@pytest.mark.parametrize("builder", ["realmlp", "resnet"])
def test_other_networks(builder: str, rows: Rows, new_rows: Rows) -> None:
    """The builder is a parameter; `n_members` belongs to 'tabm' alone."""
    clf = TabularClassifier(**QUICK, builder=builder).fit(rows[0], rows[1])
    assert clf.score(new_rows[0], new_rows[1]) > 0.75


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, y: (f, np.where(np.arange(len(y)) == 3, None, y)), "missing|NaN|None"),
        (lambda f, y: (f, np.full(len(y), "yes")), "class"),
        (lambda f, y: (pd.concat([f, f[["age"]]], axis=1), y), "age"),
        (lambda f, y: (f.assign(age=[1, "a"] * (len(y) // 2)), y), "age"),
        (lambda f, y: (f.assign(city=[["a"]] * len(y)), y), "city"),
        (lambda f, y: (f.assign(**dict.fromkeys(f)), y), "missing"),
    ],
)
def test_bad_tables_are_errors_that_name_the_column(change: Any, message: str, rows: Rows) -> None:
    """Duplicate names, mixed types, nested values, missing targets, one class, nothing known."""
    frame, labels = change(rows[0], rows[1])
    with pytest.raises((ValueError, TypeError), match=message):
        TabularClassifier(**QUICK).fit(frame, labels)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_frames_as_the_output_of_transformers(output: str, rows: Rows) -> None:
    """Neither the setting of scikit-learn nor that of the fitted encoder changes predictions."""
    plain = TabularClassifier(**QUICK).fit(rows[0], rows[1])
    expected = plain.predict_proba(rows[0])
    with sklearn.config_context(transform_output=output):
        framed = TabularClassifier(**QUICK).fit(rows[0], rows[1])
        np.testing.assert_array_equal(framed.predict_proba(rows[0]), expected)
    plain.encoder_.set_output(transform=output)
    np.testing.assert_array_equal(plain.predict_proba(rows[0]), expected)


def test_nullable_targets_keep_their_type(rows: Rows) -> None:
    """The classes of nullable booleans are booleans, and those of nullable integers integers."""
    for target, dtype in (("boolean", bool), ("Int64", np.int64)):
        y = pd.Series(rows[1] == "yes").astype(target)
        nullable = TabularClassifier(**QUICK).fit(rows[0], y)
        assert nullable.classes_.dtype == nullable.predict(rows[0][:3]).dtype == dtype


@pytest.mark.parametrize("cls", [bool, int])
def test_targets_of_python_objects(cls: type, rows: Rows) -> None:
    """Booleans and integers of a column of pandas that contained missing values."""
    y = pd.Series([cls(value) for value in rows[1] == "yes"], dtype=object)
    y[3] = None
    known = y.dropna()
    objects = TabularClassifier(**QUICK).fit(rows[0].loc[known.index], known)
    assert objects.classes_.dtype == np.dtype(cls)


def test_a_class_for_almost_every_row(rows: Rows) -> None:
    """The trees that find the edges of bins do not warn about it."""
    many = np.arange(len(rows[1])) // 2 * 2
    many[::3] += 1
    clf = TabularClassifier(**{**QUICK, "trainer": Cycles(first_cycle=1, max_cycles=1)})
    assert len(clf.fit(rows[0], many).classes_) > len(many) / 2


def test_tables_that_are_not_in_memory(rows: Rows) -> None:
    """The message says how to read a lazy frame of polars."""
    lazy = pl.from_pandas(rows[0][["age"]]).lazy()
    with pytest.raises(TypeError, match=r"X is a LazyFrame, .* Pass X.collect\(\)"):
        TabularClassifier(**QUICK).fit(lazy, rows[1])


def test_few_rows_without_folds(rows: Rows) -> None:
    """The message says why no rows can be held out, and what to change."""
    with pytest.raises(ValueError, match=r"cannot be divided.* test_size = 1 should be.*X_val"):
        TabularClassifier(**QUICK).fit(rows[0][:5], ["a", "b", "a", "b", "a"])
    labels = ["a"] * 9 + ["b"]
    with pytest.raises(ValueError, match="cannot be divided.* have only 1 member.*X_val"):
        TabularClassifier(**QUICK).fit(rows[0][:10], labels)


def test_text_as_the_target_of_a_regressor(rows: Rows) -> None:
    """The message is about y, not about the columns of the table."""
    for labels in (rows[1], pd.Series(rows[1], dtype=object)):
        with pytest.raises((TypeError, ValueError), match="y of a regressor must contain numbers"):
            TabularRegressor(**QUICK).fit(rows[0], labels)


def test_another_table_at_prediction_is_an_error(clf: TabularClassifier, new_rows: Rows) -> None:
    """A missing column and a column of another type are named."""
    with pytest.raises(ValueError, match="city"):
        clf.predict(new_rows[0].drop(columns="city"))
    with pytest.raises((ValueError, TypeError), match="age"):
        clf.predict(new_rows[0].assign(age="old"))


def test_log_loss_is_close_to_that_of_boosted_trees() -> None:
    """On a table of numbers that scikit-learn contains."""
    from sklearn.datasets import load_wine
    from sklearn.model_selection import train_test_split

    X, y = load_wine(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    trainer = Cycles(first_cycle=40, max_cycles=1)
    clf = TabularClassifier(n_folds=2, n_members=2, trainer=trainer, random_state=0)
    trees = HistGradientBoostingClassifier(random_state=0).fit(X_train, y_train)
    losses = [log_loss(y_test, m.predict_proba(X_test)) for m in (clf.fit(X_train, y_train), trees)]
    assert losses[0] < losses[1] + 0.05
