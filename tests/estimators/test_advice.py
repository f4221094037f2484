"""Error messages of `fit` and `partial_fit`: what was given, what is accepted, what to do."""

import inspect
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.utils._param_validation import InvalidParameterError

from mlpkit import MLPClassifier, MLPRegressor, by_column, evaluate
from mlpkit.messages import plain_numbers

pytestmark = pytest.mark.once

X, Y = load_iris(return_X_y=True)
FRAME = pd.DataFrame(X, columns=list("abcd"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("eval_set", r"Did you mean eval_sets=\{'name': \(X, y\)\}.* or X_val=X and y_val=y"),
        ("validation_data", "Did you mean X_val=X and y_val=y"),
        ("sample_weights", "Did you mean sample_weight="),
        ("epochs", r"max_iter is a parameter of the estimator: MLPClassifier\(max_iter=\.\.\.\)"),
        ("verbose", "verbose is a parameter of the estimator"),
        ("early_stopping_rounds", "n_iter_no_change is a parameter of the estimator"),
        ("eval_setz", "Did you mean 'eval_sets'"),
    ],
)
def test_arguments_of_other_libraries(name: str, message: str) -> None:
    """The TypeError names the corresponding argument of mlpkit and those that `fit` accepts."""
    with pytest.raises(
        TypeError, match=f"MLPClassifier.fit.. got an unexpected .*{message}"
    ) as error:
        MLPClassifier().fit(X, Y, **{name: [(X, Y)]})
    assert "fit accepts: X, y, sample_weight, X_val, y_val" in str(error.value)


def test_arguments_of_partial_fit() -> None:
    """partial_fit does not accept validation or evaluation sets."""
    for name in ("eval_set", "X_val"):
        with pytest.raises(TypeError, match=f"{name}'. partial_fit accepts no validation"):
            MLPRegressor().partial_fit(X, Y, **{name: X})


def test_other_type_errors_are_unchanged() -> None:
    """A TypeError that a callback raises is not replaced."""

    def failing(report: Any) -> None:
        raise TypeError("raised by the callback")

    with pytest.raises(TypeError, match=r"^raised by the callback$"):
        MLPClassifier(callbacks=failing).fit(X, Y)


def test_signatures() -> None:
    """Signatures contain no **kwargs, for documentation and metadata routing."""
    for cls in (MLPClassifier, MLPRegressor):
        names = list(inspect.signature(cls.fit).parameters)
        assert names[:4] == ["self", "X", "y", "sample_weight"]
        assert "kwargs" not in str(inspect.signature(cls.fit)) and cls.fit.__doc__
        requests = cls().get_metadata_routing().fit.requests
        assert set(requests) >= {"X_val", "y_val", "eval_sets", "sample_weight"}
    requests = MLPClassifier().get_metadata_routing().partial_fit.requests
    assert set(requests) == {"sample_weight", "classes", "labels"}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((10.0,), "must contain positive integers, got 10.0. Did you mean 10?"),
        (np.array([5.0]), "must contain positive integers, got 5.0. Did you mean 5?"),
        ((2.5,), r"must contain positive integers, got 2.5\.$"),
        (["10"], r"must contain positive integers, got '10'\.$"),
        (((10,),), r"must contain positive integers, got \(10,\)\.$"),
        ((np.int64(3), np.int64(0)), r"must be > 0, got \[3, 0\]\.$"),
        (float("nan"), "must be an array-like or an int"),
        ((float("inf"),), r"must contain positive integers, got inf\.$"),
    ],
)
def test_hidden_layer_sizes(sizes: Any, message: str) -> None:
    """Layer sizes must be Python or NumPy integers."""
    with pytest.raises(ValueError, match=message):
        MLPClassifier(sizes).fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"learning_rate": 0.01}, "Got 0.01 instead. .*Did you mean learning_rate_init=0.01"),
        ({"learning_rate": np.float32(0.5)}, "Got 0.5 instead. .*learning_rate_init=0.5"),
        ({"hidden_layer_sizes": 10.0}, "Got 10.0 instead. Did you mean 10?"),
        ({"max_iter": 20.0}, "Got 20.0 instead. Did you mean 20?"),
        ({"learning_rate_init": "0.01"}, "Got '0.01' instead. Did you mean 0.01?"),
        ({"alpha": np.float64(-1)}, r"Got -1.0 instead\.$"),
        ({"batch_size": np.int64(0)}, r"Got 0 instead\.$"),
        ({"activation": "sigmoid"}, "Did you mean 'logistic'?"),
        ({"activation": "ReLU"}, "Did you mean 'relu'?"),
        ({"dtype": "float23"}, "Did you mean 'float32'?"),
        ({"dtype": np.float32}, "Did you mean 'float32'?"),
        ({"dtype": np.dtype(float)}, "Did you mean 'float64'?"),
    ],
)
def test_parameters(parameters: dict[str, Any], message: str) -> None:
    """Messages of scikit-learn are extended by a suggestion, and show plain numbers."""
    name = next(iter(parameters))
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of MLP.*{message}"):
        MLPClassifier(**parameters).fit(X, Y)


def test_text_in_X() -> None:
    """The message names the columns with text: by name in frames, by index in arrays."""
    frame = FRAME.assign(city="Rome", land=pd.Categorical(["It"] * len(X)), n="3")
    columns = (
        r"could not convert string to float: 'Rome'. X has text in columns 'city' \('Rome'\), "
    )
    for call in (
        lambda: MLPClassifier().fit(frame, Y),
        lambda: MLPClassifier().fit(X=frame, y=Y),
        lambda: MLPRegressor().partial_fit(frame, Y),
    ):
        with pytest.raises(ValueError, match=f"{columns}'land'.*OneHotEncoder.*'city', 'land'"):
            call()
    array = frame.drop(columns="land").to_numpy()
    with pytest.raises(ValueError, match=r"X has text in column 4 \('Rome'\).*, \[4\]"):
        MLPClassifier().fit(array, Y)
    clf = MLPClassifier((2,), max_iter=1, tol=10.0, n_iter_no_change=1)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        clf.fit(X, Y)
    with pytest.raises(ValueError, match=r"X has text in column 3 \('Rome'\)"):
        clf.predict(array[:, 1:5])
    with pytest.raises(ValueError, match=r"validation rows: .*X has text in column 3 \('Rome'\)"):
        clf.fit(X, Y, X_val=array[:, 1:5], y_val=Y)
    with pytest.raises(ValueError, match=r"column 0 \('a{27}\.\.\.'\)"):
        MLPClassifier().fit(np.array([["a" * 100], ["b"]]), [0, 1])
    with pytest.raises(ValueError, match="NaN"):
        MLPClassifier().fit(FRAME.mask(FRAME > 5), Y)
    assert clf.predict(csr_matrix(X)).shape == Y.shape


def test_numpy_numbers_in_messages() -> None:
    """Messages show NumPy scalars as plain numbers."""
    assert plain_numbers("[np.int64(0), np.float32(0.5)]") == "[0, 0.5]"
    with pytest.raises(ValueError, match=r"class_weight contains \[7\], .* are \[0, 1, 2\]"):
        MLPClassifier(class_weight={np.int64(7): 1.0}).fit(X, Y)
    with pytest.raises(ValueError, match=r"got 2.0"):
        evaluate(None, None, Y, y_pred=Y, confidence=np.float64(2))
    with pytest.raises(ValueError, match=r"X has no column 9\. Its 4 columns"):
        evaluate(None, X, Y, y_pred=Y, partitions=by_column(np.int64(9)))  # type: ignore[arg-type]


def test_rows_of_different_lengths() -> None:
    """The error is that of scikit-learn."""
    for ragged in ([[1.0, "a"], [2.0]], [[1.0], [2.0, 3.0]]):
        with pytest.raises(ValueError, match="inhomogeneous"):
            MLPClassifier().fit(ragged, [0, 1])
        with pytest.raises(ValueError, match="validation rows: .*inhomogeneous"):
            MLPClassifier().fit(X, Y, X_val=ragged, y_val=[0, 1])
