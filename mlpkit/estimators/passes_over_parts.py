"""`partial_fit` with rows in files."""

from typing import Any, TypeVar

from mlpkit.data.row_sources import RowSource, check_alone

Estimator = TypeVar("Estimator")


def partial_fit_parts(
    estimator: Estimator, source: RowSource, arrays: tuple[Any, Any, Any], **arguments: Any
) -> Estimator:
    """Call `partial_fit` with each part of a source.

    ``arrays`` are what was passed as y, sample weights and labels; raises ValueError unless they
    are None.
    """
    check_alone(*arrays)
    for part in source:
        estimator.partial_fit(  # type: ignore[attr-defined]
            part.X, part.y, part.sample_weight, labels=part.labels, **arguments
        )
    return estimator
