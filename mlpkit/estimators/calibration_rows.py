"""Rows for the calibration of a fitted estimator, with the outputs of its network."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from mlpkit.data.row_sources import dataset_of
from mlpkit.estimators.validation import validated_set
from mlpkit.training.fit_records import HeldOut

# attributes that belong to the weights that were calibrated, so training removes them
OF_HELD_OUT_ROWS = ("temperature_", "_intervals", "oof_predictions_")


def calibration_rows(estimator: Any, X: Any, y: Any, sample_weight: Any) -> HeldOut:
    """Return validated rows that the estimator was not trained on, and the outputs for them."""
    check_is_fitted(estimator)
    passed = dataset_of(X, y, sample_weight, None)
    dtype = estimator._network.spec.dtype
    rows = validated_set(
        estimator, "calibration", passed, dtype, estimator._targets, kind="calibration"
    )
    return HeldOut(rows, estimator._outputs_of(rows.X), out_of_fold=False)
