"""The estimators of tables that are fitted on a Dask cluster; they need mlpkit-tabular."""

from mlpkit_dask.estimators import ClusterClassifier, ClusterRegressor
from mlpkit_tabular import TabularClassifier, TabularRegressor


class DaskTabularClassifier(ClusterClassifier, TabularClassifier):
    """Classifier of raw tables that is trained on the rows of all workers of a Dask cluster.

    The result is that of `mlpkit_tabular.TabularClassifier` on the same rows in memory, except
    that sums are rounded in another order. The encoder learns one column of all rows at a time.

    Parameters
    ----------
    client : Client or None, default=None
        The client of the cluster; None is the present one.

    communicator : str or Communicator, default='auto'
        How the workers communicate; see `DaskMLPClassifier`.

    timeout : float, default=60
        Seconds after which a worker that does not answer is given up. One that is busy, for
        example in a callback, does answer.

    retries : int, default=3
        How often `fit` continues after workers were lost.

    accumulate : int, default=1
        The number of batches whose gradients are added up before one update, so that the workers
        communicate less often. A value above 1 requires that `batch_size` is an integer; the
        result is that of a `batch_size` which is larger by this factor.

    **parameters
        All parameters of `mlpkit_tabular.TabularClassifier`.

    Attributes
    ----------
    fit_statistics_ : FitStatistics
        The workers with their numbers of rows, what they communicated, and the number of tries.

    See Also
    --------
    mlpkit_tabular.TabularClassifier : Has the other parameters and attributes.
    """

    _plain = TabularClassifier


class DaskTabularRegressor(ClusterRegressor, TabularRegressor):
    """Regressor of raw tables that is trained on the rows of all workers of a Dask cluster.

    The result is that of `mlpkit_tabular.TabularRegressor` on the same rows in memory, except that
    sums are rounded in another order. The encoder learns one column of all rows at a time.

    Parameters
    ----------
    client : Client or None, default=None
        The client of the cluster; None is the present one.

    communicator : str or Communicator, default='auto'
        How the workers communicate; see `DaskMLPClassifier`.

    timeout : float, default=60
        Seconds after which a worker that does not answer is given up. One that is busy, for
        example in a callback, does answer.

    retries : int, default=3
        How often `fit` continues after workers were lost.

    accumulate : int, default=1
        The number of batches whose gradients are added up before one update, so that the workers
        communicate less often. A value above 1 requires that `batch_size` is an integer; the
        result is that of a `batch_size` which is larger by this factor.

    **parameters
        All parameters of `mlpkit_tabular.TabularRegressor`.

    Attributes
    ----------
    fit_statistics_ : FitStatistics
        The workers with their numbers of rows, what they communicated, and the number of tries.

    See Also
    --------
    mlpkit_tabular.TabularRegressor : Has the other parameters and attributes.
    """

    _plain = TabularRegressor
