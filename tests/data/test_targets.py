"""Encoding, decoding and scoring of targets."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer

from mlpkit import MLPClassifier
from mlpkit.data.targets import ClassTargets, RealTargets
from mlpkit.estimators.table_validation import validated_targets

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("y", "task", "columns"),
    [
        (np.array([1, 5, 1]), "binary", 1),
        (np.array(["a", "b", "c"]), "multiclass", 3),
        (np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]]), "multilabel", 3),
        (np.array([7, 7, 7]), "binary", 1),
    ],
)
def test_labels_round_trip(y: np.ndarray, task: str, columns: int) -> None:
    """Decoding inverts encoding, also for a single class."""
    labels = ClassTargets(y)
    code = labels.encode(y)
    assert (labels.task, code.shape, code.dtype) == (task, (3, columns), np.dtype(bool))
    np.testing.assert_array_equal(labels.decode(code.astype(float)), y)
    assert labels.score(code, code.astype(float), None) == 1.0


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float32, "U3", bool])
def test_plain_labels_are_encoded_like_in_scikit_learn(dtype: Any, n: int) -> None:
    """The fast path equals LabelBinarizer, and unknown labels raise an error."""
    n = min(n, 2) if dtype is bool else n
    names = np.arange(n).astype(dtype)
    labels = ClassTargets(names)
    y = names[[n - 1, 0, 0, n - 1]]
    expected = labels.binarizer.transform(y).astype(bool)
    np.testing.assert_array_equal(labels.encode(y), expected)
    labels.check_known(y[:1])
    with pytest.raises(ValueError, match="not in"):
        ClassTargets(np.array([3, 5, 7])).check_known(np.array([3, 4]))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_texts_of_many_rows_are_encoded_in_little_memory(n: int) -> None:
    """As in scikit-learn, but without a sorted copy of all texts."""
    names = np.array(["a label", "another", "some"][:n], dtype=object)
    y = names[np.arange(60_000) % n]
    tracemalloc.start()
    code = ClassTargets(validated_targets(MLPClassifier(), y)).encode(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    binarizer = LabelBinarizer().fit(y)
    np.testing.assert_array_equal(code, binarizer.transform(y).astype(bool))
    assert peak < 20 * len(y)
    labels = ClassTargets(y)
    assert labels.classes.tolist() == binarizer.classes_.tolist()
    assert labels.classes.dtype.kind == binarizer.classes_.dtype.kind
    with pytest.raises(ValueError, match="`y` has classes not in"):
        labels.encode_labels(np.array(["a label", "unknown"], dtype=object))
    with pytest.raises(ValueError, match="missing values: 1 of 2 are missing"):
        validated_targets(MLPClassifier(), np.array(["a label", None], dtype=object))


def test_multioutput_multiclass_targets_are_rejected() -> None:
    """As in scikit-learn."""
    with pytest.raises(ValueError, match="Multioutput target data is not supported"):
        ClassTargets(np.array([[1, 2], [3, 4]]))


def test_values_keep_their_shape() -> None:
    """A single output is decoded to one dimension; non-finite predictions score NaN."""
    one, two = RealTargets("squared_error"), RealTargets("poisson")
    assert one.decode(one.encode(np.arange(3.0))).shape == (3,)
    assert two.decode(two.encode(np.ones((3, 2)))).shape == (3, 2)
    assert np.isnan(one.score(np.ones((3, 1)), np.array([[1.0], [np.inf], [0.0]]), None))
