"""MLPRegressor."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from mlpkit.base import BaseMLP
from mlpkit.constraints import CONSTRAINTS
from mlpkit.plugin import Array, Backend, Builder, Callback, Solver, Trainer
from mlpkit.targets import Values


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """DOC"""

    _parameter_constraints = {**CONSTRAINTS, "loss": [StrOptions({"squared_error", "poisson"})]}
    _y_numeric = True

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str | Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        backend: str | Backend | None = None,
        backend_options: dict[str, Any] | None = None,
        builder: str | Builder | None = None,
        builder_options: dict[str, Any] | None = None,
        solver_options: dict[str, Any] | None = None,
        trainer: str | Trainer | None = None,
        callbacks: "str | Callback | list[str | Callback] | None" = None,
        dtype: str | None = None,
    ) -> None:
        self._store(locals())

    def _encoder(self, y: Any, incremental: bool) -> Values:
        return Values(self.loss)

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the network to X and the values y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), not negative, or None

        Raises ValueError for bad input, and in the epoch in which training diverges; the
        estimator then is what it was before the call.
        """
        return self._train(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._is_stochastic())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass over X and y, going on from the present weights and moments."""
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Predicted values, shape (n_samples,) or (n_samples, n_outputs)."""
        p = self._outputs(X)
        return self._targets.decode(p)
