"""Methods of estimators with rows in files."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlpkit.data.cluster_rows import local
from mlpkit.data.memory_maps import fill
from mlpkit.data.row_sources import RowSource, check_alone
from mlpkit.plugin import Array, Dataset

Estimator = TypeVar("Estimator")


def partial_fit_parts(
    estimator: Estimator, source: RowSource, arrays: tuple[Any, Any, Any], **arguments: Any
) -> Estimator:
    """Call `partial_fit` with each part of a source.

    ``arrays`` are what was passed as y, sample weights and labels; raises ValueError unless they
    are None.
    """
    check_alone(*arrays)

    def update(part: Dataset) -> None:
        estimator.partial_fit(  # type: ignore[attr-defined]
            part.X, part.y, part.sample_weight, labels=part.labels, **arguments
        )

    for _ in _each(source, update):
        pass
    return estimator


def outputs_of_parts(source: RowSource, outputs: Callable[[Any], Array]) -> Array:
    """Return the outputs (n_rows, n_outputs) of the parts of a source in one array."""
    blocks = source.features_only().blocks(outputs)
    first = next(blocks, None)
    if first is None:
        raise ValueError(f"{source.name} contains no rows")
    rows = np.empty((source.n_rows, *first.shape[1:]), first.dtype)
    fill(rows, chain([first], blocks))
    return rows


def accuracy_of(
    estimator: Any, X: Any, y: Any, sample_weight: Any, score: Callable[..., float]
) -> float:
    """Return the accuracy: ``score(X, y, sample_weight)``, or that of the rows of a source."""
    if not isinstance(X, RowSource):
        X, y, sample_weight = local(X=X, y=y, sample_weight=sample_weight)
        return score(X, _required(y), sample_weight)
    from sklearn.metrics import accuracy_score  # a fit does not need it

    def sums(part: Dataset) -> tuple[float, float]:
        y, w, predicted = _required(part.y), part.sample_weight, estimator.predict(part.X)
        correct = accuracy_score(y, predicted, normalize=False, sample_weight=w)
        return correct, len(predicted) if w is None else w.sum()

    check_alone(y, sample_weight, None)
    check_is_fitted(estimator)
    correct, total = np.sum(list(_each(X, sums)), axis=0)
    return float(correct / total)


def r2_of(estimator: Any, X: Any, y: Any, sample_weight: Any, score: Callable[..., float]) -> float:
    """Return R2: ``score(X, y, sample_weight)``, or that of the rows of a source."""
    if not isinstance(X, RowSource):
        X, y, sample_weight = local(X=X, y=y, sample_weight=sample_weight)
        return score(X, _required(y), sample_weight)
    from sklearn.metrics import r2_score

    check_alone(y, sample_weight, None)
    check_is_fitted(estimator)
    parts = list(_each(X, lambda p: (_required(p.y), estimator.predict(p.X), p.sample_weight)))
    y, predicted, w = zip(*parts, strict=True)
    weights = None if w[0] is None else np.concatenate(w)
    return float(r2_score(np.concatenate(y), np.concatenate(predicted), sample_weight=weights))


Result = TypeVar("Result")


def _each(source: RowSource, use: Callable[[Dataset], Result]) -> Iterator[Result]:
    """Yield ``use(part)`` of each part; an error names the file and its rows."""
    begin = 0
    for part in source:
        end = begin + part.X.num_rows
        try:
            yield use(part)
        except ValueError as error:
            where = source.features_only().located(begin, end)
            raise type(error)(f"{where}: {error}") from error
        begin = end


def _required(y: Any) -> Any:
    if y is None:
        raise ValueError(
            "score requires y. In files, it is the column of scan(..., target='name')."
        )
    return y
