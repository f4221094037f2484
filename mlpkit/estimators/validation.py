"""The rows of a call, checked as scikit-learn checks them, and what is to be measured on them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from mlpkit.data.evaluation_sets import Beside
from mlpkit.data.plain_arrays import are_plain
from mlpkit.estimators.error_hints import of_text
from mlpkit.plugin import Array, Dataset

STREAMED = ("metrics", "partitions", "metrics_window")
MEASURED = ("metrics", "partitions", "early_stopping_on")


class Inputs:
    """For estimators: what `fit` and `partial_fit` are given."""

    _targets: Any
    _y_numeric: bool
    dtype: Any
    n_features_in_: int

    def _checked(self, given: Dataset, reset: bool) -> tuple[Any, Array, Array | None]:
        """X, y and weights as scikit-learn checks them."""
        X, y = given.X, given.y
        if reset or not are_plain(X, y, self):
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=["csr", "csc"],
                multi_output=True,
                y_numeric=self._y_numeric,
                dtype=(np.float64, np.float32),
                reset=reset,
            )
        if self.dtype is not None and self.dtype != X.dtype:
            with np.errstate(over="ignore"):  # told in words
                X = X.astype(self.dtype)
            if not np.isfinite(X.data if issparse(X) else X).all():
                raise ValueError(f"X has values too large for dtype={self.dtype!r}: scale X.")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        w = None
        if given.sample_weight is not None:
            w = _check_sample_weight(given.sample_weight, X)
            if (w < 0).any():
                raise ValueError("Negative values in data passed to `sample_weight`")
            if not w.any():
                raise ValueError("Sample weights must contain at least one non-zero number.")
        return X, y, w

    def _asked(
        self,
        params: dict[str, Any],
        given: Dataset,
        beside: Beside,
        data: Dataset,
        incremental: bool,
        fresh: bool,
        changed: Mapping[str, Any],
    ) -> tuple[Any, Dataset | None]:
        """What is to be measured, if anything is; validation rows, if they were given."""
        sets = beside.sets()
        wanted = bool(params["network_metrics"])
        if not sets and not wanted and all(params[name] is None for name in MEASURED):
            return None, None
        from mlpkit.monitoring.asking import arrival_of, asked_of  # a plain fit needs them not

        given = given._replace(labels=beside.labels)
        calls = 0 if fresh else len(getattr(self, "_losses", ()))
        if incremental:
            stream = None if fresh else getattr(self, "_stream", None)
            if any(name in changed for name in STREAMED):
                stream = None  # what is measured now was not measured before
            return arrival_of(params, self._targets, given, data, stream, calls), None
        return asked_of(params, self._targets, given, data, sets, self._beside, calls)

    def _beside(self, name: str, given: Dataset) -> Dataset:
        """Rows beside the training rows, checked and encoded as they are."""
        try:
            X, y, w = self._checked(given, reset=False)
            return Dataset(X, self._targets.encode_known(y), w)
        except (TypeError, ValueError) as error:
            hint = ""
            if getattr(given.X, "shape", ())[1:] not in ((), (self.n_features_in_,)):
                from mlpkit.monitoring.drift import PIPELINE

                hint = f" {PIPELINE['validation' if name == 'validation' else 'eval_sets']}"
            text = of_text(error, given.X) or str(error)
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{name} rows: {text}{hint}") from error
