"""The base class of both estimators, with `fit` and what it sets."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from mlpkit.data.evaluation_sets import evaluation_sets
from mlpkit.data.row_sources import dataset_of
from mlpkit.estimators.calibration_rows import OF_HELD_OUT_ROWS
from mlpkit.estimators.callback_support import CALLBACK_ATTRIBUTES, SklearnCallbackSupport
from mlpkit.estimators.error_hints import with_hints
from mlpkit.estimators.network_initialization import DataShape, initialized
from mlpkit.estimators.training_inputs import TrainingInputs
from mlpkit.monitoring.protocol import NoMonitor
from mlpkit.plugin import Array, Dataset, Progress
from mlpkit.training.fit import fit
from mlpkit.training.fit_records import FitResult, HeldOut
from mlpkit.training.generators import generator_of
from mlpkit.training.parameters import Parameters
from mlpkit.training.recipe import has_steps
from mlpkit.training.tasks import Tasks


class BaseMLP(SklearnCallbackSupport, TrainingInputs):
    """Base class that adds training to `FittedMLP`; subclasses define the targets."""

    @abstractmethod
    def _presented(self, outputs: Array) -> Array:
        """Activated outputs in the form of `predict_proba`, or of `predict` for a regressor."""

    def _keep_held_out(self, held_out: HeldOut | None, incremental: bool) -> None:
        """Set the attributes that are computed from rows that were not trained on, or None."""
        if held_out is not None and held_out.out_of_fold:
            self.oof_predictions_ = self._presented(held_out.outputs)

    @with_hints
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        eval_sets: Mapping[str, Any] | None = None,
        labels: Any = None,
        labels_val: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows. With an `encoder`, also a dataframe or an array of objects, as in all
            other methods.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets: class labels, an indicator matrix of multilabel targets, or real values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative weights of the rows.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features) or None, default=None
            Validation set, on which metrics are measured after each epoch. Early stopping uses
            it instead of `validation_fraction` of the training rows. It must be transformed as
            X is, which an `encoder` does: a `sklearn.pipeline.Pipeline` does that only if it is
            created with ``transform_input=["X_val"]``, as in the example. Without an encoder,
            `fit` warns if the distributions of `X_val` and `X` differ strongly.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs) or None, default=None
            Targets of the validation set.
        sample_weight_val : array-like of shape (n_val,) or None, default=None
            Non-negative weights of the rows of the validation set.
        eval_sets : dict or None, default=None
            Further evaluation sets by name, on which metrics are measured after each epoch. A
            value is a tuple ``(X, y)`` or ``(X, y, sample_weight)``, or a dict with the keys
            "X" and "y" and optionally "sample_weight" and "labels". A Pipeline does not
            transform them.
        labels : dict or dataframe of columns of shape (n_samples,) or None, default=None
            Columns that are not in X, by which ``by_labels("name")`` groups the rows.
        labels_val : dict or dataframe of columns of shape (n_val,) or None, default=None
            The same columns of the validation set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is invalid, or if training diverges. The estimator is unchanged.

        Examples
        --------
        A validation set in a Pipeline that scales the features:

        >>> import sklearn
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.model_selection import train_test_split
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from mlpkit import MLPClassifier
        >>> X, X_val, y, y_val = train_test_split(*load_wine(return_X_y=True), random_state=0)
        >>> clf = MLPClassifier(
        ...     learning_rate_init=0.01, early_stopping_on="log_loss", random_state=0
        ... )
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     pipe = make_pipeline(
        ...         StandardScaler(),
        ...         clf.set_fit_request(X_val=True, y_val=True),
        ...         transform_input=["X_val"],
        ...     )
        ...     pipe = pipe.fit(X, y, X_val=X_val, y_val=y_val)
        >>> pipe.score(X_val, y_val) > 0.95
        True
        """
        rows = dataset_of(X, y, sample_weight, labels)
        sets = evaluation_sets(X_val, y_val, sample_weight_val, labels_val, eval_sets)
        return self._fit_atomically(lambda draft, tasks: draft._fit(rows, sets, tasks))

    def _fit(
        self, rows: Dataset, sets: Mapping[str, Dataset], tasks: Tasks, incremental: bool = False
    ) -> None:
        """Fit from the start, continue (warm start), or make one pass (`partial_fit`).

        Runs on a copy of the estimator, see `alter`.
        """
        network, parameters, inputs = self._fit_inputs(rows, sets, tasks, incremental)
        result = fit(network, parameters, inputs)
        self._keep_optimizer(parameters, result)
        self._commit(result)
        self._keep_held_out(result.held_out, incremental)
        result.monitor.warn()

    def _keep_optimizer(self, parameters: Parameters, result: FitResult) -> None:
        """Keep the optimizer for the next `partial_fit`, as scikit-learn does."""
        if result.has_steps:
            self._optimizer = parameters.optimizer
        elif "_progress" not in vars(self):  # L-BFGS in a first fit
            self.__dict__.pop("_optimizer", None)
        else:  # keep the optimizer state for the next `partial_fit`
            result.network.keep_optimizer_state(self._network.optimizer_state)

    def _initialize(self, n_features: int, n_outputs: int) -> None:
        """Initialize a new network without training, and set the fitted attributes."""
        parameters, _ = self._resolved_parameters()
        if parameters.encoder is not None:
            raise ValueError(
                "initialize requires encoder=None, since an encoder learns its columns from rows."
                " Call partial_fit instead: its first rows fit the encoder."
            )
        self._remove(OF_HELD_OUT_ROWS)
        self._forget()
        self._set_encoding(None)
        self.n_features_in_ = n_features
        dtype = np.dtype(parameters.dtype or "float32")
        names = getattr(self, "feature_names_in_", None)
        name = type(self).__name__
        shape = DataShape(name, n_features, n_outputs, dtype, self._targets, names)
        network = initialized(parameters, shape, generator_of(parameters.random_state))
        progress = Progress(network.selection(parameters).recipe.learning_rate_init)
        result = FitResult(network, progress, [], NoMonitor(), has_steps=True)
        self._keep_optimizer(parameters, result)
        self._commit(result)

    def _attributes_of(self, parameters: Parameters, result: FitResult) -> dict[str, Any]:
        """The attributes of the estimator if the fit ended with this result."""
        estimator = object.__new__(type(self))
        attributes = {n: value for n, value in vars(self).items() if n not in CALLBACK_ATTRIBUTES}
        object.__setattr__(estimator, "__dict__", attributes)
        estimator._keep_optimizer(parameters, result)
        estimator._commit(result)
        return attributes

    def _is_stochastic(self) -> bool:
        """Return True, or raise the AttributeError of scikit-learn for `partial_fit`."""
        state, optimizer = vars(self), vars(self).get("_optimizer")
        names = ("solver", "solver_options")
        if optimizer and all(state.get(name) is optimizer[name] for name in names):
            return True  # as in the last call: a lookup would take longer than a small step
        if not has_steps(self._present_parameters()):
            reason = f"{self.solver} is not stochastic."
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {reason}"
            )
        return True
