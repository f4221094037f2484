"""The embeddings of numbers, and the edges of bins."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from mlpkit.numpy_backend import namespace as xp
from mlpkit.plugin import Column, Dataset, Spec
from mlpkit.testing import close, spec
from mlpkit_tabular.networks.bins import bin_edges
from mlpkit_tabular.networks.columns import column_groups
from mlpkit_tabular.networks.drawing import InitialWeights
from mlpkit_tabular.networks.embeddings import Embedding, Periodic, PiecewiseLinear

RNG = np.random.RandomState(0)
X = RNG.standard_normal((500, 3))
X[:, 1] = RNG.choice([-1.0, 0.5, 2.0], 500)


def spec_of(X: Any, y: Any, task: Any = "regression") -> Spec:
    """The specification of a network for numbers, with a sample of rows."""
    y = np.asarray(y).reshape(X.shape[0], -1)
    made = replace(spec(), n_features=X.shape[1], n_outputs=y.shape[1], task=task)
    return replace(made, sample=Dataset(X, y))


def embedded(embedding: Embedding, x: Any, s: Spec) -> tuple[Any, Any]:
    """The initial arrays of the embedding, and the embeddings of x."""
    arrays = embedding.arrays(s, InitialWeights(s, np.random.RandomState(1)), (0, 1, 2))
    return arrays, embedding(xp, arrays, x)


def test_piecewise_linear_equals_its_definition() -> None:
    """Each bin counts with the part of it that lies below x; x itself is the last number."""
    s = spec_of(X, X[:, 0])
    arrays, z = embedded(PiecewiseLinear(n_bins=10, size=2, edges="quantile"), X, s)
    edges = bin_edges(s, (0, 1, 2), 10, from_target=False)
    for j, edge in enumerate(edges):
        parts = [
            np.clip((X[:, j] - a) / (b - a), 0, 1) for a, b in zip(edge, edge[1:], strict=False)
        ]
        weights = arrays["bin_weights"][j, : len(parts)]
        close(np.stack(parts, 1) @ weights + arrays["bin_biases"][j], z[:, j, :2], 1e-9)
        close(X[:, j], z[:, j, 2], 0)


def test_numbers_of_bins_are_rounded_up() -> None:
    """Tables with nearly as many bins have weights of the same shape; unused bins give nothing."""
    shapes = set()
    for n in (490, 500):
        arrays, z = embedded(PiecewiseLinear(), X[:n], spec_of(X[:n], X[:n, 0]))
        used = arrays["bin_slopes"] > 0
        assert used.sum(axis=1).max() < 48
        shapes.add(arrays["bin_weights"].shape)
        arrays["bin_weights"][~used] = 7.0
        close(z, PiecewiseLinear()(xp, arrays, X[:n]), 0)
    assert shapes == {(3, 48, 4)}


def test_piecewise_linear_with_linear_functions_begins_with_these_alone() -> None:
    """Version B: bins have the weight 0 at first."""
    arrays, z = embedded(PiecewiseLinear(linear=True, append=False), X, spec_of(X, X[:, 0]))
    close(X[..., None] * arrays["linear_weights"] + arrays["bin_biases"], z, 1e-9)
    assert z.shape == (500, 3, 4)


def test_periodic_equals_its_definition() -> None:
    """Cosines of linear functions of x, mapped to three numbers, and x."""
    a, z = embedded(Periodic(), X, spec_of(X, X[:, 0]))
    for j in range(3):
        cosines = np.cos(2 * np.pi * X[:, j, None] * a["frequencies"][j] + a["phases"][j])
        close(cosines @ a["periodic_weights"][j] + a["periodic_biases"][j], z[:, j, :3], 1e-9)
        close(X[:, j], z[:, j, 3], 0)


@pytest.mark.parametrize(
    ("task", "y"),
    [
        ("regression", lambda x: 5.0 * (x > 0.7)),
        ("binary", lambda x: x > 0.7),
        ("multiclass", lambda x: np.eye(3)[np.where(x > 0.7, 2, 0)]),
        ("multilabel", lambda x: np.stack([x > 0.7, x < 0.7], 1)),
    ],
)
def test_edges_are_where_the_target_changes(task: str, y: Any) -> None:
    """A threshold of the tree is nearer to the step of the target than quantiles are."""
    s = spec_of(X, y(X[:, 0]), task)

    def nearest(from_target: bool) -> float:
        return float(np.abs(bin_edges(s, (0,), 8, from_target)[0] - 0.7).min())

    assert nearest(True) < 0.01 < nearest(False)


def test_weights_of_rows_count_in_edges() -> None:
    """The tree ignores the rows of weight 0."""
    y, w = 5.0 * (X[:, 0] > 0.7), (X[:, 0] < 0.5) * 1.0
    s = spec_of(X, y)
    weighted = replace(s, sample=s.sample._replace(sample_weight=w))  # type: ignore[union-attr]
    edges_of_both = [bin_edges(each, (0,), 8, True)[0] for each in (s, weighted)]
    assert [np.abs(edges - 0.7).min() < 0.01 for edges in edges_of_both] == [True, False]


@pytest.mark.parametrize("from_target", [True, False])
def test_edges_ascend_and_are_limited(from_target: bool) -> None:
    """From the minimum to the maximum, at most n_bins bins; few values are edges themselves."""
    s = spec_of(X, np.sin(5 * X[:, 0]))
    first, second, third = bin_edges(s, (0, 1, 2), 12, from_target)
    for j, edges in ((0, first), (2, third)):
        assert (edges[0], edges[-1]) == (X[:, j].min(), X[:, j].max())
        assert np.all(np.diff(edges) > 0) and len(edges) <= 13
    assert second.tolist() == [-1.0, 0.5, 2.0]


def test_nearly_equal_values_do_not_make_bins() -> None:
    """A bin has a width that its slope can be computed for in float32."""
    x = np.concatenate([np.linspace(0, 1e-7, 300), np.linspace(1, 2, 200)])[:, None]
    edges = bin_edges(replace(spec_of(x, x), dtype="float32"), (0,), 16, from_target=False)[0]
    assert np.diff(edges).min() > 1e-5


def test_edges_without_a_sample() -> None:
    """They are quantiles of the standard normal distribution."""
    edges = bin_edges(spec(), (0, 1), 4, from_target=True)
    close(edges[0], [-1.2815516, -0.5244005, 0, 0.5244005, 1.2815516], 1e-6)


def test_groups_of_columns() -> None:
    """Numbers and dates with more than two values are embedded, other columns are unchanged."""
    kinds = ("numeric", "numeric", "category", "one_hot", "date", "missing", "boolean")
    columns = tuple(Column(f"c{i}", "c", kind, 3) for i, kind in enumerate(kinds))
    table = RNG.standard_normal((50, 7))
    table[:, 1] = table[:, 1] > 0
    s = replace(spec_of(table, table[:, 0]), columns=columns)
    assert column_groups(s) == ((0, 4), (1, 3, 5, 6), (2,), (3,))
    assert column_groups(replace(s, sample=None)).numbers == (0, 1, 4)
    assert column_groups(replace(s, columns=None)).flags == (1,)


def test_a_sparse_sample() -> None:
    """Sparse rows have the edges of dense ones."""
    made = [bin_edges(spec_of(rows, X[:, 0]), (0, 2), 8, True) for rows in (X, csr_matrix(X))]
    close(np.concatenate(made[0]), np.concatenate(made[1]), 0)
