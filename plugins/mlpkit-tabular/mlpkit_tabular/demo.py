"""The comparison that ``python -m mlpkit_tabular`` prints."""

import sys
import time
from collections.abc import Callable
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlpkit import evaluate
from mlpkit.plugin import Report
from mlpkit_tabular.datasets import load_adult
from mlpkit_tabular.estimators.classifier import TabularClassifier

N_ROWS = 8_000  # default number of rows; training takes about half a minute


def demo(seed: int = 0, n_rows: int = N_ROWS) -> None:
    """Train on a part of the Adult data set, and print scores on the rest and by group."""
    X, y = load_adult(return_X_y=True)
    X, y = X[:n_rows], y[:n_rows]
    split = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)
    X_train, X_test, y_train, y_test = split
    n_text = len(X.select_dtypes(exclude="number").columns)
    print(
        f"Adult: {len(X_train):,} training rows, {len(X_test):,} test rows, {X.shape[1]} columns,"
        f" {n_text} of them strings; {int(X.isna().any(axis=1).sum()):,} rows have missing values."
    )
    print("Target: does a person earn more than 50,000 dollars a year?\n")
    tabular = TabularClassifier(random_state=seed, callbacks=_progress)
    models: dict[str, Callable[[], Any]] = {
        "TabularClassifier": lambda: tabular.fit(X_train, y_train),
        "HistGradientBoostingClassifier": lambda: _boosting(seed).fit(
            X_train.astype(_categories(X)), y_train
        ),
        "LogisticRegression": lambda: _linear().fit(X_train.astype(_categories(X)), y_train),
    }
    rows = []
    for name, fitted in models.items():
        print(f"Training {name} ...", flush=True)
        started = time.perf_counter()
        model = fitted()
        seconds = time.perf_counter() - started
        X_of_model = X_test if model is tabular else X_test.astype(_categories(X))
        p = model.predict_proba(X_of_model)
        score = (
            log_loss(y_test, p, labels=model.classes_),
            roc_auc_score(y_test == model.classes_[1], p[:, 1]),
            accuracy_score(y_test, model.classes_[p.argmax(axis=1)]),
        )
        rows.append(f"{name:32}{score[0]:10.4f}{score[1]:10.4f}{score[2]:10.4f}{seconds:10.1f}")
    print(f"\n{'test rows':32}{'log loss':>10}{'ROC AUC':>10}{'accuracy':>10}{'seconds':>10}")
    print("\n".join(rows))
    print("\nTabularClassifier by group of two columns of the table:\n")
    print(
        evaluate(
            tabular,
            X_test,
            y_test,
            metrics=["log_loss", "accuracy"],
            partitions=["sex", "race"],
        )
    )


def _categories(X: Any) -> dict[str, Any]:
    """The dtype of columns for boosted trees, with all levels."""
    import pandas as pd

    columns = X.select_dtypes(exclude="number").columns
    return {c: pd.CategoricalDtype(sorted(X[c].dropna().unique())) for c in columns}


def _boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)


def _linear() -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.preprocessing import StandardScaler

    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def _progress(report: Report) -> None:
    """Show the epoch on one line of the terminal."""
    if sys.stderr.isatty():
        print(f"\rEpoch {report.epoch}, loss {report.loss:.4f} ", end="", file=sys.stderr)
