"""What the estimators of a cluster share: parameters, training, and the plain estimator."""

import os
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature, signature
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

from distributed import Client
from sklearn.base import is_classifier
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from mlpkit.plugin import Communicator
from mlpkit_dask.cluster_inputs import connected, row_sets
from mlpkit_dask.evaluation import evaluate
from mlpkit_dask.fitting.cluster_fits import fitted_on_cluster
from mlpkit_dask.predictions import predict
from mlpkit_dask.rows.collections import is_distributed

OWN: dict[str, Any] = {
    "client": None,
    "communicator": "auto",
    "timeout": 60,
    "retries": 3,
    "accumulate": 1,
}
CONSTRAINTS: dict[str, list[Any]] = {
    "client": [object],
    "communicator": [str, Communicator],
    "timeout": [Interval(Real, 0, None, closed="neither")],
    "retries": [Interval(Integral, 0, None, closed="left")],
    "accumulate": [Interval(Integral, 1, None, closed="left")],
}
SKLEARN_CALLBACKS = "_skl_callbacks"  # the attribute that set_callbacks sets
KEPT = ("_metadata_request",)  # attributes that are neither parameters nor results of a fit


class ClusterEstimator:
    """Mixin of subclasses of the estimators of mlpkit, which trains on the workers of a cluster.

    A subclass has the parameters of the class `_plain`, and those of `OWN`.
    """

    _plain: ClassVar[Any]  # the class of the estimator that each worker fits
    _parameter_names: list[str]
    _parameter_constraints: dict[str, list[Any]]
    client: Client | None

    if TYPE_CHECKING:

        def __init__(
            self,
            *arguments: Any,
            client: Client | None = None,
            communicator: str | Communicator = "auto",
            timeout: float = 60,
            retries: int = 3,
            accumulate: int = 1,
            **parameters: Any,
        ) -> None: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if hasattr(cls, "_plain"):  # not a mixin
            cls.__init__ = initializer(cls._plain)  # type: ignore[method-assign]
            cls._parameter_constraints = {**cls._plain._parameter_constraints, **CONSTRAINTS}
        super().__init_subclass__(**kwargs)

    def _parameters_of(self, values: dict[str, Any]) -> Any:
        plain = {name: value for name, value in values.items() if name not in OWN}
        return super()._parameters_of(plain)  # type: ignore[misc]

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        eval_set: Sequence[tuple[Any, Any]] | None = None,
        sample_weight_eval_set: Sequence[Any] | None = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        labels_val: Any = None,
        eval_sets: Mapping[str, Any] | None = None,
        labels: Any = None,
    ) -> Self:
        """Train the network on the rows of all workers.

        Parameters
        ----------
        X : Dask array, dataframe, list of Future or Delayed, or scan of files
            Training rows of shape (n_samples, n_features).
        y : Dask array, series or dataframe, or list of Future or Delayed
            Targets, with the partitions of X. None for a scan, which contains them.
        sample_weight : Dask array, series, list of Future or Delayed, or None, default=None
            Non-negative weights of the rows, with the partitions of X.
        eval_set : list of tuple (X, y) or None, default=None
            Evaluation sets, as in XGBoost and LightGBM: the last one is the validation set
            ``X_val, y_val``, and the others are `eval_sets` with the names "validation_0",
            "validation_1", ...
        sample_weight_eval_set : list or None, default=None
            The weights of the rows of each set in `eval_set`, or None for a set without weights.
        X_val, y_val, sample_weight_val, labels_val : Dask collections or None, default=None
            The validation set; see `mlpkit.MLPClassifier.fit`.
        eval_sets : dict or None, default=None
            Further evaluation sets by name; see `mlpkit.MLPClassifier.fit`.
        labels : dict of Dask collections, Dask dataframe or None, default=None
            Columns that X does not contain, with the partitions of X.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is invalid, or if training diverges. The estimator is unchanged.
        RuntimeError
            If a worker has other versions than the client, or if workers were lost more than
            `retries` times.
        """
        client = connected(self)
        if SKLEARN_CALLBACKS in vars(self):
            raise ValueError(
                f"{type(self).__name__} does not support set_callbacks. Use the parameter"
                " callbacks= instead."
            )
        self._validate_params()  # type: ignore[attr-defined]
        validation = (X_val, y_val, sample_weight_val, labels_val)
        train = (X, y, sample_weight, labels)
        sets = row_sets(train, validation, eval_set, sample_weight_eval_set, eval_sets)
        fitted, statistics = fitted_on_cluster(client, self, sets)
        own = {n: v for n, v in vars(self).items() if n in self._parameter_names or n in KEPT}
        results = {n: v for n, v in vars(fitted).items() if n not in fitted._parameter_names}
        state = {**results, **own, "fit_statistics_": statistics}
        object.__setattr__(self, "__dict__", state)
        return self

    def to_local(self) -> Any:
        """Return an estimator of mlpkit with the same parameters and fitted attributes.

        It needs neither Dask nor a cluster: it predicts, can be saved, pickled and exported, and
        `partial_fit` continues its training.

        Returns
        -------
        estimator : estimator
            An `mlpkit.MLPClassifier`, for example.
        """
        local = self._plain(**{n: getattr(self, n) for n in self._parameter_names if n not in OWN})
        left_out = {*self._parameter_names, *KEPT, "fit_statistics_"}
        fitted = {name: value for name, value in vars(self).items() if name not in left_out}
        local.__dict__.update(fitted)
        return local

    def predict(self, X: Any) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.

        Returns
        -------
        y : Dask array or series, list of Delayed, or ndarray
            The predictions, which are computed when they are needed. For rows in memory, an
            ndarray.
        """
        return self._predictions(X, "predict")

    def _predictions(self, X: Any, method: str, **arguments: Any) -> Any:
        check_is_fitted(self)
        return predict(self.to_local(), X, method, client=self.client, **arguments)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy, or R^2 for a regressor.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.
        y : Dask array or series, list of Future or Delayed, or array-like
            The true targets. None for a scan, which contains them.
        sample_weight : as y, or None, default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The score.
        """
        check_is_fitted(self)
        if not is_distributed(X):
            return float(self.to_local().score(X, y, sample_weight))
        metric = "accuracy" if is_classifier(self) else "r2"
        options = {"metrics": metric, "sample_weight": sample_weight, "client": self.client}
        return float(evaluate(self.to_local(), X, y, **options)[metric])

    def _no_partial_fit(self) -> bool:
        raise AttributeError(
            f"{type(self).__name__} has no partial_fit. Use to_local().partial_fit for rows in"
            " memory, or dask_ml.wrappers.Incremental with an estimator of mlpkit."
        )

    @available_if(_no_partial_fit)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Not available."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the estimator that `to_local` returns in a file.

        Parameters
        ----------
        path : str or path-like
            The path of the file, which `mlpkit.load` reads.
        """
        self.to_local().save(path)

    def export(self, form: Any, *args: Any, **options: Any) -> Any:
        """Export the estimator that `to_local` returns.

        Parameters
        ----------
        form : str
            The form, such as "onnx".
        *args, **options
            Arguments of the exporter.

        Returns
        -------
        exported : object
            What the exporter returns.
        """
        return self.to_local().export(form, *args, **options)

    def to_sklearn(self, *, predictions_only: bool = False) -> Any:
        """Convert the estimator that `to_local` returns to one of scikit-learn.

        Parameters
        ----------
        predictions_only : bool, default=False
            Whether the result need only predict.

        Returns
        -------
        estimator : estimator
            An estimator of `sklearn.neural_network`.
        """
        return self.to_local().to_sklearn(predictions_only=predictions_only)

    def __sklearn_clone__(self) -> Self:
        copied = super(ClusterEstimator, _with_client(self, None)).__sklearn_clone__()  # type: ignore[misc]
        copied.client = self.client
        return copied

    def __getstate__(self) -> Any:
        return super(ClusterEstimator, _with_client(self, None)).__getstate__()

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        client = None if self.client is None else f"<Client {self.client.scheduler.address}>"
        view = _with_client(self, _Shown(client) if client else None)
        text: str = super(ClusterEstimator, view).__repr__(N_CHAR_MAX)  # type: ignore[call-arg]
        return " ".join(text.split())


class _Shown:
    """A client in the representation of an estimator."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _with_client(estimator: Any, client: Any) -> Any:
    """A view of an estimator with another client."""
    view = object.__new__(type(estimator))
    object.__setattr__(view, "__dict__", {**vars(estimator), "client": client})
    return view


def initializer(plain: Any) -> Any:
    """An ``__init__`` with the parameters of a class and those of `OWN`."""
    own = [Parameter(n, Parameter.KEYWORD_ONLY, default=value) for n, value in OWN.items()]
    parameters = Signature([*signature(plain.__init__).parameters.values(), *own])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            bound = parameters.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        bound.apply_defaults()
        self._store(bound.arguments)

    __init__.__signature__ = parameters  # type: ignore[attr-defined]
    return __init__
