"""The estimators of tables that are fitted on a Dask cluster; they need mlpkit-tabular."""

from mlpkit_dask.estimators import ClusterClassifier, ClusterRegressor
from mlpkit_tabular import TabularClassifier, TabularRegressor


class DaskTabularClassifier(ClusterClassifier, TabularClassifier):
    """Classifier of raw tables that is trained on the rows of all workers of a Dask cluster.

    The result is that of `mlpkit_tabular.TabularClassifier` on the same rows in memory, except
    that sums are rounded in another order. The encoder learns one column of all rows at a time.

    Parameters
    ----------
    **parameters
        All parameters of `mlpkit_tabular.TabularClassifier`, and the parameters `client`,
        `communicator`, `timeout`, `retries` and `accumulate` of `DaskMLPClassifier`.

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
    **parameters
        All parameters of `mlpkit_tabular.TabularRegressor`, and the parameters `client`,
        `communicator`, `timeout`, `retries` and `accumulate` of `DaskMLPClassifier`.

    Attributes
    ----------
    fit_statistics_ : FitStatistics
        The workers with their numbers of rows, what they communicated, and the number of tries.

    See Also
    --------
    mlpkit_tabular.TabularRegressor : Has the other parameters and attributes.
    """

    _plain = TabularRegressor
