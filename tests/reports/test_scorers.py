"""Metrics by group as scorers of searches."""

import pickle

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import (
    by_labels,
    by_quantile,
    make_partition_scorer,
)

X, y = load_breast_cancer(return_X_y=True)
GROUPS = np.random.default_rng(0).choice(["a", "b", "c"], len(y))


def test_a_scorer_of_searches() -> None:
    """cross_validate gives each score; GridSearchCV refits by the worst group."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    score = make_partition_scorer(["recall", "log_loss"], [by_quantile(0, 3)], min_rows=5)
    scores = cross_validate(pipeline, X, y, scoring=score, cv=3)
    assert set(scores) >= {
        "test_recall",
        "test_worst_recall",
        "test_neg_log_loss",
        "test_worst_neg_log_loss",
        "test_neg_difference_recall",
    }
    assert (scores["test_worst_recall"] <= scores["test_recall"]).all()
    assert (scores["test_worst_neg_log_loss"] <= scores["test_neg_log_loss"]).all()
    search = GridSearchCV(
        pipeline,
        {"logisticregression__C": [1e-4, 1.0]},
        scoring=score,
        refit="worst_recall",
        cv=3,
    ).fit(X, y)
    assert search.best_score_ == search.cv_results_["mean_test_worst_recall"].max()
    assert pickle.loads(pickle.dumps(score))(pipeline.fit(X, y), X, y)["recall"] > 0.9


def test_labels_are_routed_through_searches() -> None:
    """With metadata routing, labels and weights that are not in X come cut into folds."""
    score = make_partition_scorer(
        "accuracy", by_labels("region"), labels=["region"], min_rows=5, task="multiclass"
    )
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    with sklearn.config_context(enable_metadata_routing=True):
        scores = cross_validate(pipeline, X, y, scoring=score, cv=3, params={"region": GROUPS})
        search = GridSearchCV(
            pipeline,
            {"logisticregression__C": [1e-4, 1.0]},
            scoring=score,
            refit="worst_accuracy",
            cv=3,
        ).fit(X, y, region=GROUPS)
    assert (scores["test_worst_accuracy"] <= scores["test_accuracy"]).all()
    assert search.best_params_ == {"logisticregression__C": 1.0}
