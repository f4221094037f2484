"""The options of builders: checks with messages, and embeddings by name."""

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from mlpkit_tabular.networks.embeddings import Embedding, NoEmbedding, Periodic, PiecewiseLinear

#: The embeddings of numbers by name.
EMBEDDINGS: dict[str, type] = {
    "piecewise_linear": PiecewiseLinear,
    "periodic": Periodic,
    "none": NoEmbedding,
}
EDGES = ("tree", "quantile")


def embedding_of(name: Any, options: Mapping[str, Any] | None = None) -> Embedding:
    """Return an embedding of numbers by its name.

    Raises ValueError for an unknown name, and for options that it does not have or that are
    invalid.

    >>> embedding_of("piecewise_linear", {"n_bins": 16}).width
    5
    """
    one_of("embedding", name, tuple(EMBEDDINGS))
    accepted = {field.name: field.default for field in dataclasses.fields(EMBEDDINGS[name])}
    for option, value in (options or {}).items():
        full = f"embedding_options[{option!r}]"
        if option not in accepted:
            raise ValueError(
                f"embedding {name!r} has no option {option!r}; its options are:"
                f" {', '.join(accepted) or 'none'}."
            )
        if option == "edges":
            one_of(full, value, EDGES)
        elif isinstance(accepted[option], bool):
            boolean(full, value)
        elif isinstance(accepted[option], int):
            integer(full, value)
        else:
            number(full, value)
    return EMBEDDINGS[name](**(options or {}))


def one_of(option: str, value: Any, accepted: tuple[str, ...]) -> None:
    """Raise ValueError if the value is not one of the accepted strings."""
    if not isinstance(value, str) or value not in accepted:
        raise ValueError(
            f"{option} must be one of {', '.join(map(repr, accepted))}, got {value!r}."
        )


def boolean(option: str, value: Any) -> None:
    """Raise ValueError if the value is neither True nor False."""
    if not isinstance(value, bool):
        raise ValueError(f"{option} must be True or False, got {value!r}.")


def integer(option: str, value: Any) -> None:
    """Raise ValueError if the value is not a positive integer."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{option} must be a positive integer, got {value!r}.")


def number(option: str, value: Any, below: float = float("inf")) -> None:
    """Raise ValueError if the value is not a number from 0, or not below a limit."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < below:
        limit = "" if below == float("inf") else f" and below {below:g}"
        raise ValueError(f"{option} must be a number, at least 0{limit}, got {value!r}.")
