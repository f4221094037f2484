"""Groups of rows that are alike."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import Features


class Clusters(NamedTuple):
    """Centres, the largest cluster first."""

    features: Features
    model: Any
    order: Array
    names: tuple[str, ...]


def clusters(n: int = 5, random_state: int = 0, name: str = "cluster") -> Partitioner:
    """n clusters of scikit-learn's `MiniBatchKMeans` over scaled columns, the largest first.

    A name says which columns of the centre are farthest from the mean.
    """
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n={n!r}: two clusters or more.")
    return Partitioner(name, partial(_fit, n, random_state), _assign)


def _fit(n: int, seed: int, dataset: Dataset) -> Clusters:
    if dataset.X is None:
        raise ValueError("clusters needs X, got X=None.")
    features = Features(dataset.X)
    X = features.of(dataset.X)
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(with_mean=not issparse(X)),
        MiniBatchKMeans(min(n, X.shape[0]), n_init=3, random_state=seed),
    )
    sizes = np.bincount(model.fit_predict(X), minlength=len(model[-1].cluster_centers_))
    order = np.argsort(-sizes, kind="stable")
    centres = model[-1].cluster_centers_
    middle = np.average(centres, axis=0, weights=sizes)
    names = tuple(f"{i + 1}: {_text(centres[at] - middle, features)}" for i, at in enumerate(order))
    return Clusters(features, model, order, names)


def _assign(fitted: Clusters, dataset: Dataset) -> Groups:
    place = np.argsort(fitted.order)
    return Groups(place[fitted.model.predict(fitted.features.of(dataset.X))], fitted.names)


def _text(gap: Array, features: Features) -> str:
    """The two columns that stand out, and which way."""
    most = np.argsort(-np.abs(gap), kind="stable")[:2]
    parts = []
    for at in most:
        column, value = features.names[at]
        what = column if value is None else f"{column} {value}"
        parts.append(f"{what} {'high' if gap[at] > 0 else 'low'}")
    return ", ".join(parts)
