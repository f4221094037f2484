"""The training on a page: losses, validation scores and metrics by epoch."""

from typing import Any

import numpy as np
import pytest
from pages import P, Y, parsed, report
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit import MLPClassifier, by_quantile, evaluate
from mlpkit.monitoring.history import MetricHistory, Record

pytestmark = pytest.mark.once


@pytest.mark.filterwarnings("ignore:.*Stochastic Optimizer")
def test_training() -> None:
    """The losses and the metrics by epoch and group of an estimator, also in a pipeline."""
    clf = MLPClassifier(
        (4,),
        max_iter=5,
        early_stopping=True,
        random_state=0,
        metrics=["accuracy"],
        partitions=by_quantile(0, 3),
    )
    pipeline = make_pipeline(StandardScaler(), clf).fit(np.column_stack([P, Y]), Y)
    for estimator in (clf, pipeline):
        page = parsed(report().to_html(estimator=estimator))
        best = int(np.argmax(clf.validation_scores_)) + 1
        assert (
            f"The training loss of 5 epochs, and the validation score, which is highest in epoch"
            f" {best}: " in page.text
        )
        assert "accuracy by epoch and column 0" in page.text
        assert f"{clf.loss_curve_[-1]:.3f}" in page.text
    assert "Training" not in parsed(report().to_html()).text


def test_histories_with_gaps_and_many_groups() -> None:
    """Undefined values interrupt a line, and groups between the extremes are left out."""
    n_groups, n_epochs = 30, 400
    labels = (("all", "all"), *(("g", f"group {i:02d}") for i in range(n_groups)))
    size = np.ones(n_groups + 1)

    def values(epoch: int) -> Any:
        own = np.arange(n_groups + 1.0)[None] / epoch
        own[0, 1] = np.nan  # always
        own[0, 2] = np.nan if epoch == 2 else 0.01
        return own

    history = MetricHistory(
        Record(epoch, "train", ("mae",), (False,), labels, values(epoch), size, size)
        for epoch in range(1, n_epochs + 1)
    )

    class Fitted:
        loss_curve_ = np.linspace(1000.0, 0.1, n_epochs)
        validation_scores_ = np.array([np.nan, 0.5, 0.25])
        metric_history_ = history

    r = evaluate(None, None, P, y_pred=P, metrics="rmse")  # the history knows its own directions
    text = r.to_html(estimator=Fitted())
    assert text is not None and len(text) < 100_000
    page = parsed(text)
    assert "highest in epoch 2: 0.5000" in page.text
    assert "22 other groups are left out." in page.text
    assert "worst in the end (train: group 29)" in page.text
    assert "worst in the end (train: group 29)" in parsed(history._repr_html_()).text
    paths = [a for a in page.tags("path") if a["class"] == "group"]
    assert len(paths) == 7 and all(len(a["d"].split("L")) <= 150 for a in paths)
    assert "nan" not in "".join(a["d"] for a in page.tags("path"))
