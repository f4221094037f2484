"""The estimators that are fitted on a Dask cluster."""

from typing import Any

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit_dask.cluster_estimator import ClusterEstimator


class ClusterClassifier(ClusterEstimator):
    """Mixin with the predictions of a classifier."""

    def predict_proba(self, X: Any) -> Any:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.

        Returns
        -------
        y_proba : as for `predict`, of shape (n_samples, n_classes)
            The probabilities, which are computed when they are needed.
        """
        return self._predictions(X, "predict_proba")

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.

        Returns
        -------
        log_proba : as for `predict`, of shape (n_samples, n_classes)
            The logarithms, which are computed when they are needed.
        """
        return self._predictions(X, "predict_log_proba")


class ClusterRegressor(ClusterEstimator):
    """Mixin with the predictions of a regressor."""

    def predict(self, X: Any, *, quantiles: Any = None) -> Any:
        """Predict the target values.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.
        quantiles : float, array-like of float or None, default=None
            The quantiles to predict, after training with ``loss='quantiles'``.

        Returns
        -------
        y : Dask array or series, list of Delayed, or ndarray
            The predicted values, which are computed when they are needed. For rows in memory, an
            ndarray.
        """
        return self._predictions(X, "predict", quantiles=quantiles)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Any:
        """Predict intervals that contain the target with a given probability.

        Parameters
        ----------
        X : Dask array or dataframe, list of Future or Delayed, or rows in memory or in files
            The rows to predict.
        coverage : float, default=0.9
            The probability that an interval contains the target, in (0, 1).

        Returns
        -------
        intervals : as for `predict`, of shape (n_samples, 2)
            Lower and upper bounds, which are computed when they are needed.
        """
        return self._predictions(X, "predict_interval", coverage=coverage)


class DaskMLPClassifier(ClusterClassifier, MLPClassifier):
    """Classifier that is trained on the rows of all workers of a Dask cluster.

    Each worker keeps its rows, and the result is that of `mlpkit.MLPClassifier` on the same rows
    in memory, except that sums are rounded in another order.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer.

    activation : str, or list or tuple of str, default='relu'
        Activation function of the hidden layers.

    client : Client or None, default=None
        The client of the cluster; None is the present one.

    communicator : str or Communicator, default='auto'
        How the workers communicate: 'xgboost', 'dask', 'gloo' or another name that a plugin
        provides. 'auto' is 'dask' if the cluster uses TLS, so that everything is encrypted,
        'gloo' with ``backend='torch'``, and else 'xgboost'.

    timeout : float, default=60
        Seconds after which a worker that does not answer is considered lost. A worker that is
        busy, for example in a callback, does answer.

    retries : int, default=3
        How often `fit` continues after workers were lost. With 0, a lost worker is an error, and
        no checkpoints are written.

    accumulate : int, default=1
        The number of batches whose gradients are added up before one update, so that the workers
        communicate less often. A value above 1 requires that `batch_size` is an integer; the
        result is that of a `batch_size` which is larger by this factor.

    **parameters
        All other parameters of `mlpkit.MLPClassifier`. A `checkpoint` is a path on the machine of
        the client.

    Attributes
    ----------
    fit_statistics_ : FitStatistics
        The workers with their numbers of rows, what they communicated, and the number of tries.

    See Also
    --------
    mlpkit.MLPClassifier : Has the other parameters and attributes.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_iris
    >>> from mlpkit_dask import DaskMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> dX, dy = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
    ...     clf = DaskMLPClassifier(solver="lbfgs", random_state=0, client=client).fit(dX, dy)
    ...     y_pred = clf.predict(dX).compute()
    >>> bool((y_pred == y).mean() > 0.95)
    True
    >>> clf.to_local()
    MLPClassifier(random_state=0, solver='lbfgs')
    """

    _plain = MLPClassifier


class DaskMLPRegressor(ClusterRegressor, MLPRegressor):
    """Regressor that is trained on the rows of all workers of a Dask cluster.

    Each worker keeps its rows, and the result is that of `mlpkit.MLPRegressor` on the same rows
    in memory, except that sums are rounded in another order.

    Parameters
    ----------
    loss : str or Loss, default='squared_error'
        The loss of the predictions.

    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer.

    **parameters
        All other parameters of `mlpkit.MLPRegressor`, and the parameters `client`, `communicator`,
        `timeout`, `retries` and `accumulate` of `DaskMLPClassifier`. A `checkpoint` is a path on
        the machine of the client.

    Attributes
    ----------
    fit_statistics_ : FitStatistics
        The workers with their numbers of rows, what they communicated, and the number of tries.

    See Also
    --------
    mlpkit.MLPRegressor : Has the other parameters and attributes.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_diabetes
    >>> from mlpkit_dask import DaskMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> dX, dy = da.from_array(X * 20, chunks=(200, 10)), da.from_array(y, chunks=200)
    >>> with Client(n_workers=1, processes=False, dashboard_address=":0") as client:
    ...     reg = DaskMLPRegressor(
    ...         hidden_layer_sizes=(20,), learning_rate_init=0.01, standardize_targets=True,
    ...         random_state=0,
    ...     )
    ...     score = reg.fit(dX, dy).score(dX, dy)
    >>> score > 0.5
    True
    """

    _plain = MLPRegressor
