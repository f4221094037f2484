"""Suggestions that extend the error messages of `fit` and `partial_fit`."""

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import InvalidParameterError, StrOptions, make_constraint

from mlpkit.messages import did_you_mean, plain_numbers

# arguments of `fit` in other libraries, and the suggestion for each
ARGUMENTS = {
    **dict.fromkeys(
        ("eval_set", "eval_data", "valid_sets", "validation_set"),
        "Did you mean eval_sets={'name': (X, y)} (evaluation sets for the metrics) or X_val=X and"
        " y_val=y (the validation set)?",
    ),
    **dict.fromkeys(
        ("validation_data", "X_valid", "y_valid", "X_validation", "y_validation", "x_val"),
        "Did you mean X_val=X and y_val=y?",
    ),
    **dict.fromkeys(("sample_weights", "weights", "weight"), "Did you mean sample_weight=?"),
    **dict.fromkeys(("sample_weight_eval_set",), "Did you mean sample_weight_val=?"),
}
# arguments and parameters of other libraries, and the corresponding parameter of mlpkit
PARAMETERS = {
    **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "num_epochs", "nb_epoch"), "max_iter"),
    **dict.fromkeys(("validation_split",), "validation_fraction"),
    **dict.fromkeys(("early_stopping_rounds", "patience"), "n_iter_no_change"),
    **dict.fromkeys(("eval_metric", "metric"), "metrics"),
    **dict.fromkeys(("lr", "eta"), "learning_rate_init"),
    **dict.fromkeys(("optimizer",), "solver"),
    **dict.fromkeys(("verbosity",), "verbose"),
}
# names of activations in other libraries
ACTIVATIONS = {
    "sigmoid": "logistic",
    "linear": "identity",
    "none": "identity",
    "swish": "silu",
    "leakyrelu": "leaky_relu",
}


def with_hints(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a method of an estimator so that its error messages contain suggestions.

    The suggestions are computed only after an error. The signature is preserved for `inspect`
    and metadata routing.
    """

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except InvalidParameterError as error:
            raise InvalidParameterError(invalid_parameter_message(error, self)) from None
        except TypeError as error:
            names = inspect.signature(method).parameters
            if unknown := next((name for name in kwargs if name not in names), None):
                message = unexpected_argument_message(unknown, self, method.__name__, list(names))
                raise TypeError(message) from error
            raise
        except ValueError as error:
            X = args[0] if args else kwargs.get("X")
            has_encoder = getattr(self, "encoder", None) is not None  # text is not the reason then
            hint = "" if has_encoder else text_columns_message(error, X)
            message = hint or plain_numbers(str(error))
            if type(error) is ValueError and message != str(error):
                raise ValueError(message) from error
            raise

    return wrapper


def unexpected_argument_message(name: str, estimator: Any, method: str, known: list[str]) -> str:
    """Return the message for an argument that a method does not accept."""
    cls = type(estimator).__name__
    accepted = [argument for argument in known if argument != "self"]
    parameter = PARAMETERS.get(name, name)
    if name in ARGUMENTS and method == "fit":
        hint = ARGUMENTS[name]
    elif method != "fit" and (name in ARGUMENTS or name.endswith(("_val", "_sets"))):
        hint = (
            f"{method} accepts no validation or evaluation sets: it measures the metrics on each"
            " chunk before training on it. Use fit instead."
        )
    elif parameter in estimator._parameter_names:
        hint = f"{parameter} is a parameter of the estimator: {cls}({parameter}=...)."
    else:
        hint = did_you_mean(name, accepted)
    accepted_text = f"{method} accepts: {', '.join(accepted)}."
    first = f"{cls}.{method}() got an unexpected keyword argument {name!r}."
    return " ".join(part for part in (first, hint, accepted_text) if part)


def invalid_parameter_message(error: Exception, estimator: Any) -> str:
    """Return scikit-learn's message for an invalid parameter, extended by a suggestion.

    NumPy scalars are shown as plain numbers.
    """
    message = plain_numbers(str(error))
    match = re.match(r"The '(\w+)' parameter of", message)
    if match is None or not hasattr(estimator, match[1]):
        return message
    name = match[1]
    suggestion = _suggestion(name, getattr(estimator, name), estimator)
    return f"{message} {suggestion}" if suggestion else message


def _suggestion(name: str, value: Any, estimator: Any) -> str:
    """Return a question that suggests a valid value of a parameter, or "" if none is similar."""
    constraints = estimator._parameter_constraints.get(name, ())
    options = [o for c in constraints if isinstance(c, StrOptions) for o in sorted(c.options)]
    number = _number(value)
    if name == "learning_rate" and number is not None:
        return (
            "learning_rate is the name of a schedule. Did you mean"
            f" learning_rate_init={number!r}, the initial learning rate?"
        )
    if isinstance(value, str) and options and number is None:
        alias = ACTIVATIONS.get(value.lower(), "") if name == "activation" else ""
        return f"Did you mean {alias!r}?" if alias in options else did_you_mean(value, options)
    if isinstance(value, type | np.dtype) and (name_of_type := np.dtype(value).name) in options:
        return f"Did you mean {name_of_type!r}?"
    if number is not None:
        checks = [make_constraint(c).is_satisfied_by for c in constraints]
        for candidate in (int(number), number):
            if candidate == number and any(is_valid(candidate) for is_valid in checks):
                return f"Did you mean {candidate!r}?"
    return ""


def _number(value: Any) -> float | None:
    """Return a number or numeric text as a float, or None for any other value."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and not isinstance(value, bool) else None


def text_columns_message(error: Exception, X: Any) -> str:
    """Return the message for columns of X that contain text, or "" for any other error.

    >>> text_columns_message(ValueError("could not convert string to float: 'a'"), [[1, "a"]])[:66]
    "could not convert string to float: 'a'. X has text in column 1 ('a"
    """
    if "could not convert string to float" not in str(error) or X is None or issparse(X):
        return ""
    texts = _text_by_column(X)
    if not texts:
        return ""
    names = list(texts)
    shown = ", ".join(f"{name!r} ({_shortened_repr(texts[name])})" for name in names[:5])
    more = f" and {len(names) - 5} more" if names[5:] else ""
    columns = "column" if len(names) == 1 else "columns"
    return (
        f"{plain_numbers(str(error))}. X has text in {columns} {shown}{more}. Pass"
        " encoder='tabular', which is part of mlpkit-tabular, or encode it, for example with"
        " sklearn.compose.make_column_transformer((OneHotEncoder(),"
        f" {names[:5]!r}), remainder='passthrough'), or drop the {columns}."
    )


def _text_by_column(X: Any) -> dict[Any, str]:
    """Return a value of each column that contains text, by the name or index of the column."""
    names = getattr(X, "columns", None)
    if names is None:
        try:
            array = np.asarray(X, dtype=object)
        except ValueError:  # rows of different lengths: the error of scikit-learn suffices
            return {}
        columns = {i: array[:, i] for i in range(array.shape[1])} if array.ndim == 2 else {}
    else:
        columns = {name: np.asarray(X[name], dtype=object) for name in names}
    texts = {}
    for name, values in columns.items():
        try:
            values.astype(np.float64)
        except (TypeError, ValueError):
            text = next((v for v in values if isinstance(v, str) and _number(v) is None), None)
            if text is not None:
                texts[name] = str(text)
    return texts


def _shortened_repr(text: str, width: int = 30) -> str:
    return repr(text if len(text) <= width else f"{text[: width - 3]}...")
