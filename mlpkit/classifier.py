"""MLPClassifier."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from mlpkit.base import BaseMLP
from mlpkit.plugin import Array, Backend, Builder, Callback, Solver, Trainer
from mlpkit.targets import Labels


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """DOC"""

    _y_numeric = False

    def __init__(
        self,
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

    def _encoder(self, y: Any, incremental: bool) -> Labels:
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            labels = Labels(y)
            self.classes_ = labels.classes
            return labels
        seen = unique_labels(y)
        if self.warm_start:
            if set(seen) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the"
                    f" previous call to fit. Previously got {self.classes_}, `y` has {seen}"
                )
        elif len(np.setdiff1d(seen, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {seen}."
            )
        return self._targets

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the network to X and the labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or label indicators (n_samples, n_labels)
        sample_weight : array-like of shape (n_samples,), not negative, or None

        Raises ValueError for bad input, and in the epoch in which training diverges; the
        estimator then is what it was before the call.
        """
        return self._train(X, y, sample_weight, incremental=False)

    @available_if(lambda self: self._is_stochastic())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Make one pass over X and y, going on from the present weights and moments.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; any number of rows.
        classes : array-like of shape (n_classes,)
            All labels of the stream; needed at the first call, of which y may hold a part.
        """
        with self._restored_on_failure():
            if _check_partial_fit_first_call(self, classes):
                multilabel = type_of_target(y).startswith("multilabel")
                self._targets = Labels(y if multilabel else classes)
            return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """Labels of X, shape (n_samples,) or indicators (n_samples, n_labels)."""
        p = self._outputs(X)
        return self._targets.decode(p)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n_samples, n_classes), in the order of ``classes_``."""
        p = self._outputs(X)
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        p = self.predict_proba(X)
        return np.log(p, out=p)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
