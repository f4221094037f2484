"""Targets: encoded, decoded, scored."""

import numpy as np
import pytest

from mlpkit.targets import Labels, Values


@pytest.mark.parametrize(
    ("y", "task", "columns"),
    [
        (np.array([1, 5, 1]), "binary", 1),
        (np.array(["a", "b", "c"]), "multiclass", 3),
        (np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]]), "multilabel", 3),
        (np.array([7, 7, 7]), "binary", 1),
    ],
)
def test_labels_there_and_back(y: np.ndarray, task: str, columns: int) -> None:
    """Encoding and decoding are inverse, for one class as well."""
    labels = Labels(y)
    code = labels.encode(y)
    assert (labels.task, code.shape, code.dtype) == (task, (3, columns), np.dtype(bool))
    np.testing.assert_array_equal(labels.decode(code.astype(float)), y)
    assert labels.score(code, code.astype(float), None) == 1.0


def test_several_multiclass_targets_are_refused() -> None:
    """As scikit-learn does."""
    with pytest.raises(ValueError, match="Multioutput target data is not supported"):
        Labels(np.array([[1, 2], [3, 4]]))


def test_values_keep_their_shape() -> None:
    """One target comes back flat; predictions that are not finite score NaN."""
    one, two = Values("squared_error"), Values("poisson")
    assert one.decode(one.encode(np.arange(3.0))).shape == (3,)
    assert two.decode(two.encode(np.ones((3, 2)))).shape == (3, 2)
    assert np.isnan(one.score(np.ones((3, 1)), np.array([[1.0], [np.inf], [0.0]]), None))
