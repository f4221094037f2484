"""Clusters of similar rows."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features, check_n


class Clusters(NamedTuple):
    """Fitted clusters, by decreasing size.

    ``order`` holds the model's cluster indices in the order of ``names``.
    """

    features: Features
    model: Any
    order: Array
    names: tuple[str, ...]


def clusters(n: int = 5, random_state: int = 0, name: str = "cluster") -> Partitioner:
    """Group rows into k-means clusters.

    Columns are standardized and clustered by scikit-learn's `MiniBatchKMeans`. Missing values
    are replaced by the mean of their column. The name of a cluster contains the two columns in
    which its centre is farthest from the mean.

    Parameters
    ----------
    n : int, default=5
        Number of clusters, at most the number of rows.
    random_state : int, default=0
        Seed of the initial centres.
    name : str, default="cluster"
        Name of the partitioner.

    Returns
    -------
    Partitioner
        Its groups are sorted by decreasing size. They cannot be merged with other fitted groups.

    Raises
    ------
    ValueError
        If `n` is not an integer of at least 2.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(np.array([[0.0], [0.1], [0.2], [9.0]]))
    >>> halves = by("clusters", n=2)
    >>> halves.assign(halves.fit(dataset), dataset)
    Groups(codes=array([0, 0, 0, 1]), names=('1: x0 low', '2: x0 high'))
    """
    check_n(n)
    return Partitioner(name, partial(_fit, n, random_state), _assign)


def _fit(n: int, seed: int, dataset: Dataset) -> Clusters:
    if dataset.X is None:
        raise ValueError("The partitioner clusters needs X, got X=None.")
    features = Features(dataset.X)
    X = features.transform(dataset.X)
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(with_mean=not issparse(X)),
        MiniBatchKMeans(min(n, X.shape[0]), n_init=3, random_state=seed),
    )
    sizes = np.bincount(model.fit_predict(X), minlength=len(model[-1].cluster_centers_))
    order = np.argsort(-sizes, kind="stable")
    centres = model[-1].cluster_centers_
    mean = np.average(centres, axis=0, weights=sizes)
    names = tuple(
        f"{i + 1}: {_description(centres[k] - mean, features)}" for i, k in enumerate(order)
    )
    return Clusters(features, model, order, names)


def _assign(fitted: Clusters, dataset: Dataset) -> Groups:
    position = np.argsort(fitted.order)
    clusters = fitted.model.predict(fitted.features.transform(dataset.X))
    return Groups(position[clusters], fitted.names)


def _description(difference: Array, features: Features) -> str:
    """The two features in which a centre differs most from the mean, such as "age high"."""
    largest = np.argsort(-np.abs(difference), kind="stable")[:2]
    parts = []
    for i in largest:
        column, value = features.names[i]
        feature = column if value is None else f"{column} {value}"
        parts.append(f"{feature} {'high' if difference[i] > 0 else 'low'}")
    return ", ".join(parts)
