"""Folds of several models."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from mlpkit import MLPClassifier
from mlpkit.data.targets import ClassTargets, RealTargets
from mlpkit.plugin import Dataset, Network, Spec
from mlpkit.training.splits import Folds, folds_of, stacked_rows

pytestmark = pytest.mark.once


def test_folds_cover_all_rows_and_are_stratified() -> None:
    """Each row is held out once, and every fold has its share of the rare class."""
    labels = np.array(["a"] * 90 + ["b"] * 10)
    targets = ClassTargets(labels)
    data = Dataset(np.zeros((100, 1)), targets.encode(labels))
    folds = folds_of(data, targets, 5, seed=0)
    assert sorted(np.concatenate(folds.held)) == list(range(100))
    for kept, held in zip(folds.kept, folds.held, strict=True):
        assert sorted([*kept, *held]) == list(range(100))
        assert (labels[held] == "b").sum() == 2


def test_a_class_with_too_few_rows_is_not_stratified() -> None:
    """A class of one row gives random folds instead of a warning."""
    labels = np.array(["a"] * 30 + ["b"] * 30 + ["c"])
    targets = ClassTargets(labels)
    data = Dataset(np.zeros((61, 1)), targets.encode(labels))
    folds = folds_of(data, targets, 4, seed=0)
    assert sorted(np.concatenate(folds.held)) == list(range(61))


def test_values_of_padded_rows_return_in_the_order_of_the_rows() -> None:
    """`by_row` inverts `padded`, also for folds of different sizes."""
    data = Dataset(np.zeros((11, 1)), np.arange(11.0)[:, None])
    folds = folds_of(data, RealTargets(None), 3, seed=0)
    assert folds.padded.shape == (3, 4)
    np.testing.assert_array_equal(folds.by_row(data.y[folds.padded]), data.y)


def test_stacked_rows_of_sparse_x_are_dense() -> None:
    """Sparse rows are the same as dense ones."""
    X, rows = np.arange(12.0).reshape(6, 2), np.array([[0, 5], [3, 3]])
    np.testing.assert_array_equal(stacked_rows(csr_array(X), rows), stacked_rows(X, rows))


def two_models(spec: Spec, rng: np.random.RandomState) -> Network:
    """A network of two models, whatever the specification requires."""
    weights = {"coef_0": np.zeros((2, spec.n_features, spec.n_outputs))}
    return Network(weights, xp_apply=lambda xp, w, x, step=None: (x @ w["coef_0"], {}), n_models=2)


def test_folds_need_a_network_of_several_models_and_enough_rows() -> None:
    """The dense network holds one model; there must be a row for each fold."""
    X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
    with pytest.raises(ValueError, match="n_folds=3 .* builder 'dense' returned a network of one"):
        MLPClassifier(n_folds=3).fit(X, y)
    for n_folds, message in (
        (None, r"returned a network of 2 models, but n_folds=None requires one\. Set n_folds=2"),
        (3, "returned a network of 2. Set n_folds=None"),
    ):
        with pytest.raises(ValueError, match=message):
            MLPClassifier(n_folds=n_folds, builder=two_models).fit(X, y)
    with pytest.raises(ValueError, match="n_folds=30 requires at least as many training rows"):
        folds_of(Dataset(X, y[:, None]), ClassTargets(y), 30, seed=0)
    assert Folds((), ()).held == ()
