"""Metadata routing of validation sets and labels through pipelines and searches."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, by_labels, make_partition_scorer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_breast_cancer(return_X_y=True)
LABELS = pd.DataFrame({"region": np.array(["north", "south"])[np.arange(len(Y)) % 2]})


@pytest.fixture(autouse=True)
def routing() -> Iterator[None]:
    """Enable metadata routing."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def classifier(backend: str) -> MLPClassifier:
    """Return a classifier that requests a validation set and labels."""
    clf = MLPClassifier((8,), max_iter=3, random_state=0, backend=backend, metrics="accuracy")
    clf.set_params(partitions=by_labels("region"))
    return clf.set_fit_request(X_val=True, y_val=True, labels=True, labels_val=True)


def test_validation_set_in_a_pipeline(backend: str) -> None:
    """The steps of a pipeline transform X_val as they transform X."""
    pipe = Pipeline(
        [("scale", StandardScaler()), ("mlp", classifier(backend))], transform_input=["X_val"]
    )
    pipe.fit(
        *(X[:400], Y[:400]),
        X_val=X[400:],
        y_val=Y[400:],
        labels=LABELS[:400],
        labels_val=LABELS[400:],
    )
    history = pipe[-1].metric_history_.select("accuracy", split="validation", by="all")
    assert history[-1].value == pytest.approx(pipe.score(X[400:], Y[400:]))
    assert pipe[-1].metric_history_.select(split="validation", by="region")


def test_labels_in_a_search(backend: str) -> None:
    """The search splits the labels into folds, for `fit` and for the scorer."""
    scorer = make_partition_scorer("accuracy", by_labels("region"), labels=["region"], min_rows=5)
    search = GridSearchCV(
        MLPClassifier((8,), max_iter=3, random_state=0, backend=backend, metrics="accuracy")
        .set_params(partitions=by_labels("region"))
        .set_fit_request(labels=True),
        {"alpha": [1e-4, 1e-2]},
        scoring=scorer,
        refit="worst_accuracy",
        cv=3,
    )
    search.fit(X, Y, labels=LABELS, region=LABELS["region"])
    assert search.best_score_ <= search.cv_results_["mean_test_accuracy"].max()
    rows = search.best_estimator_.metric_history_.select("accuracy", by="region")
    assert {r.partition: r.n_rows for r in rows} == LABELS["region"].value_counts().to_dict()
