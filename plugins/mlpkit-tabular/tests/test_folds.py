"""Models that each hold out a part of the training rows, and their out-of-fold predictions."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from mlpkit import Cycles
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


def test_out_of_fold_predictions_of_models_in_one_pass(rows: Rows, new_rows: Rows) -> None:
    """Each row has the prediction of the model that was not trained on it."""
    frame, labels, values = rows
    clf = TabularClassifier(**{**QUICK, "n_folds": 3}).fit(frame, labels)
    assert clf.oof_predictions_.shape == (300, 2)
    accuracy = np.mean(clf.classes_[clf.oof_predictions_.argmax(axis=1)] == labels)
    assert 0.75 < accuracy < 0.99
    assert clf.score(new_rows[0], new_rows[1]) > 0.75
    reg = TabularRegressor(**{**QUICK, "n_folds": 3}).fit(frame, values)
    assert np.corrcoef(reg.oof_predictions_, values)[0, 1] > 0.9
    assert reg._network.structure.n_models == 3
    noise = TabularRegressor(**{**QUICK, "n_folds": 3}).fit(frame[["note"]], values)
    in_fold = np.corrcoef(noise.oof_predictions_, values)[0, 1]
    assert in_fold < 0.3  # no model has seen the rows that it predicts


def test_probabilities_are_calibrated_on_held_out_rows(rows: Rows, new_rows: Rows) -> None:
    """An overconfident network has a higher temperature, by which its log-loss decreases."""
    frame, labels, _ = rows
    noisy, noisy_new = (
        np.where(np.random.RandomState(0).rand(len(y)) < 0.3, "no", y)
        for y in (labels, new_rows[1])
    )
    # without early stopping, the network learns the labels of single rows
    overconfident = {
        **QUICK,
        "n_folds": 2,
        "early_stopping_on": None,
        "dropout": 0.0,
        "weight_decay": 0.0,
        "trainer": Cycles(first_cycle=30, max_cycles=1),
    }
    scaled = TabularClassifier(**overconfident).fit(frame, noisy)
    raw = TabularClassifier(**overconfident, temperature_scaling=False).fit(frame, noisy)
    assert scaled.temperature_ > 1.2
    assert not hasattr(raw, "temperature_")
    held_out = [log_loss(noisy, m.oof_predictions_) for m in (scaled, raw)]
    assert held_out[0] < held_out[1] - 0.01
    new = [log_loss(noisy_new, m.predict_proba(new_rows[0])) for m in (scaled, raw)]
    assert new[0] < new[1]
    assert (scaled.predict(new_rows[0]) == raw.predict(new_rows[0])).all()


@pytest.mark.parametrize("random_state", [0, None])
def test_warm_start_continues_all_models_on_their_own_rows(
    random_state: int | None, rows: Rows
) -> None:
    """Each model has the same held-out rows as before: targets that are noise stay unknown."""
    frame, _, _ = rows
    noise = np.random.RandomState(0).normal(size=len(frame))
    overfitting = {"n_folds": 2, "dropout": 0.0, "weight_decay": 0.0, "early_stopping_on": None}
    reg = TabularRegressor(**{**QUICK, **overfitting, "random_state": random_state})
    reg.set_params(warm_start=True, trainer=Cycles(first_cycle=30, max_cycles=1)).fit(frame, noise)
    epochs = len(reg.loss_curve_)
    for _ in range(2):
        reg.fit(frame, noise)
        assert np.corrcoef(reg.oof_predictions_, noise)[0, 1] < 0.2
    assert len(reg.loss_curve_) == 3 * epochs
    assert reg.loss_curve_[-1] < 0.5 * reg.loss_curve_[0]


def test_out_of_fold_predictions_belong_to_the_last_call(rows: Rows, new_rows: Rows) -> None:
    """A call without held-out parts of the training rows removes them."""
    frame, labels, _ = rows
    clf = TabularClassifier(**{**QUICK, "n_folds": 2}, warm_start=True).fit(frame, labels)
    assert len(clf.oof_predictions_) == 300
    clf.fit(frame, labels, X_val=new_rows[0], y_val=new_rows[1])
    assert not hasattr(clf, "oof_predictions_")
    assert len(clf.fit(frame[:200], labels[:200]).oof_predictions_) == 200
    clf.partial_fit(frame, labels)
    assert not hasattr(clf, "oof_predictions_")


def test_three_rows_have_three_folds(rows: Rows) -> None:
    """'auto' chooses at most as many folds as there are rows."""
    small = {**QUICK, "n_folds": "auto", "batch_size": "auto"}
    reg = TabularRegressor(**small).fit(rows[0][:3], rows[2][:3])
    assert reg._network.structure.n_models == 3
