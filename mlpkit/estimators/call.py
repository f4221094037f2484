"""A call of `fit` or `partial_fit`."""

from typing import NamedTuple

from mlpkit.plugin import Spec
from mlpkit.training.parameters import Parameters


class Call(NamedTuple):
    """What parameters may depend on in a call of `fit` or `partial_fit`.

    Parameters
    ----------
    n_rows : int
        Number of training rows.
    incremental : bool
        Whether it is `partial_fit`.
    has_validation : bool
        Whether the user passed a validation set.
    spec : Spec or None
        The specification of the network that training continues from; None for a new network.
    """

    n_rows: int
    incremental: bool
    has_validation: bool
    spec: Spec | None

    def check(self, parameters: Parameters) -> None:
        """Raise ValueError for parameters that `partial_fit` does not support."""
        if self.incremental and parameters.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.incremental and parameters.average_decay is not None:
            raise ValueError("partial_fit does not support average_decay. Use fit instead.")
        if self.incremental and parameters.early_stopping_on is not None:
            raise ValueError("partial_fit does not support early_stopping_on. Use fit instead.")
        if self.incremental and parameters.checkpoint is not None:
            raise ValueError(
                "partial_fit does not support checkpoint. Set checkpoint=None, and call save(path)"
                " after partial_fit; mlpkit.load(path) returns an estimator that continues."
            )
        if self.incremental and parameters.time_limit is not None:
            raise ValueError("partial_fit does not support time_limit. Use fit instead.")
