"""What to type instead: more to the errors of `fit` and `partial_fit`, made when they occur."""

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import InvalidParameterError, StrOptions, make_constraint

from mlpkit.messages import did_you_mean, plain_numbers

# arguments of other libraries' fit: what is meant
ARGUMENTS = {
    **dict.fromkeys(
        ("eval_set", "eval_data", "valid_sets", "validation_set"),
        "Did you mean eval_sets={'name': (X, y)}, rows that metrics are measured on, or X_val=X"
        " and y_val=y, rows to validate on?",
    ),
    **dict.fromkeys(
        ("validation_data", "X_valid", "y_valid", "X_validation", "y_validation", "x_val"),
        "Did you mean X_val=X and y_val=y?",
    ),
    **dict.fromkeys(("sample_weights", "weights", "weight"), "Did you mean sample_weight=?"),
    **dict.fromkeys(("sample_weight_eval_set",), "Did you mean sample_weight_val=?"),
}
# likewise of other libraries' fit, or their estimators: the parameter that is meant
PARAMETERS = {
    **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "num_epochs", "nb_epoch"), "max_iter"),
    **dict.fromkeys(("validation_split",), "validation_fraction"),
    **dict.fromkeys(("early_stopping_rounds", "patience"), "n_iter_no_change"),
    **dict.fromkeys(("eval_metric", "metric"), "metrics"),
    **dict.fromkeys(("lr", "eta"), "learning_rate_init"),
    **dict.fromkeys(("optimizer",), "solver"),
    **dict.fromkeys(("verbosity",), "verbose"),
}
ACTIVATIONS = {
    "sigmoid": "logistic",
    "linear": "identity",
    "none": "identity",
    "swish": "silu",
    "leakyrelu": "leaky_relu",
}


def advised(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method whose errors say what was meant; it costs nothing while there are none.

    The signature stays what it is, for `inspect` and metadata routing.
    """

    @wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except InvalidParameterError as error:
            raise InvalidParameterError(of_parameter(error, self)) from None
        except TypeError as error:
            names = inspect.signature(method).parameters
            if unknown := next((name for name in kwargs if name not in names), None):
                raise TypeError(of_argument(unknown, self, method.__name__, list(names))) from error
            raise
        except ValueError as error:
            text = of_text(error, args[0] if args else kwargs.get("X")) or plain_numbers(str(error))
            if type(error) is ValueError and text != str(error):
                raise ValueError(text) from error
            raise

    return wrapper


def of_argument(name: str, estimator: Any, method: str, known: list[str]) -> str:
    """The message for an argument that a method does not take."""
    cls = type(estimator).__name__
    accepted = [each for each in known if each != "self"]
    meant = PARAMETERS.get(name, name)
    if name in ARGUMENTS and method == "fit":
        hint = ARGUMENTS[name]
    elif method != "fit" and (name in ARGUMENTS or name.endswith(("_val", "_sets"))):
        hint = f"{method} measures each chunk before it learns from it; only fit validates."
    elif meant in estimator._parameter_names:
        hint = f"{meant} is a parameter of the estimator: {cls}({meant}=...)."
    else:
        hint = did_you_mean(name, accepted)
    accepted_text = f"{method} accepts: {', '.join(accepted)}."
    first = f"{cls}.{method}() got an unexpected keyword argument {name!r}."
    return " ".join(part for part in (first, hint, accepted_text) if part)


def of_parameter(error: Exception, estimator: Any) -> str:
    """scikit-learn's message for a parameter, with plain numbers and what may be meant."""
    text = plain_numbers(str(error))
    found = re.match(r"The '(\w+)' parameter of", text)
    if found is None or not hasattr(estimator, found[1]):
        return text
    name, value = found[1], getattr(estimator, found[1])
    hint = _meant(name, value, estimator)
    return f"{text} {hint}" if hint else text


def _meant(name: str, value: Any, estimator: Any) -> str:
    constraints = estimator._parameter_constraints.get(name, ())
    options = [o for c in constraints if isinstance(c, StrOptions) for o in sorted(c.options)]
    fits = [make_constraint(c).is_satisfied_by for c in constraints]
    if name == "learning_rate" and _number(value) is not None:
        return (
            "learning_rate is the schedule. Did you mean"
            f" learning_rate_init={_number(value)!r}, its first value?"
        )
    if isinstance(value, str) and options and _number(value) is None:
        alias = ACTIVATIONS.get(value.lower(), "") if name == "activation" else ""
        return f"Did you mean {alias!r}?" if alias in options else did_you_mean(value, options)
    number = _number(value)
    candidates = () if number is None else (int(number), number)
    found = next((c for c in candidates if c == number and any(fit(c) for fit in fits)), None)
    return "" if found is None else f"Did you mean {found!r}?"


def _number(value: Any) -> float | None:
    """A finite number, also from text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and not isinstance(value, bool) else None


def of_text(error: Exception, X: Any) -> str:
    """The message for text in X, with its columns and what to do; empty if it is none of that.

    >>> of_text(ValueError("could not convert string to float: 'a'"), [[1, "a"]])[:66]
    "could not convert string to float: 'a'. X has text in column 1 ('a"
    """
    if "could not convert string to float" not in str(error) or X is None or issparse(X):
        return ""
    found = _texts(X)
    if not found:
        return ""
    names = list(found)
    shown = ", ".join(f"{name!r} ({_cut(found[name])})" for name in names[:5])
    more = f" and {len(names) - 5} more" if names[5:] else ""
    columns = "column" if len(names) == 1 else "columns"
    return (
        f"{plain_numbers(str(error))}. X has text in {columns} {shown}{more}. Encode it, for"
        " example with sklearn.compose.make_column_transformer((OneHotEncoder(),"
        f" {names[:5]!r}), remainder='passthrough'), or leave it out."
    )


def _texts(X: Any) -> dict[Any, Any]:
    """A value that is not a number, by the name or index of its column."""
    names = getattr(X, "columns", None)
    if names is None:
        try:
            array = np.asarray(X, dtype=object)
        except ValueError:  # ragged rows: another error tells
            return {}
        columns = {i: array[:, i] for i in range(array.shape[1])} if array.ndim == 2 else {}
    else:
        columns = {name: np.asarray(X[name], dtype=object) for name in names}
    found = {}
    for name, values in columns.items():
        try:
            values.astype(np.float64)
        except (TypeError, ValueError):
            bad = next((v for v in values if isinstance(v, str) and _number(v) is None), None)
            if bad is not None:
                found[name] = str(bad)
    return found


def _cut(text: str, width: int = 30) -> str:
    return repr(text if len(text) <= width else f"{text[: width - 3]}...")
