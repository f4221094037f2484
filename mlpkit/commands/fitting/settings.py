"""The settings of a fit: from the command line and a TOML file, and back to TOML."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from mlpkit.messages import comma_separated, did_you_mean, escaped

NONE = "none"  # stands for None, which TOML lacks
NUMBERS = ("valid", "time_limit", "memory")  # may be numbers
LISTS = ("data", "target", "drop", "categorical", "group", "missing")


@dataclass(frozen=True)
class Settings:
    """The arguments of ``mlpkit fit``, with the names of its options; None if not given.

    Parameters
    ----------
    data : list of str or None
        Paths of the training rows.
    output : str or None
        Path of the model.
    target, drop, categorical, group : list of str or None
        Names of columns.
    task, estimator, backend : str or None
        What to fit.
    weight, valid : str or None
        As the options.
    seed : int or None
        Random seed.
    checkpoint : str or None
        Path of the checkpoint.
    time_limit : str or None
        A duration, such as "10m".
    memory : str or None
        How much memory the rows may use, such as "1GiB"; None holds them in memory.
    cache : str or None
        The folder that keeps encoded rows.
    delimiter, encoding : str or None
        How CSV is read.
    missing : list of str or None
        Further spellings of missing values.
    parameters : dict
        Parameters of the estimator.
    """

    data: list[str] | None = None
    target: list[str] | None = None
    output: str | None = None
    task: str | None = None
    estimator: str | None = None
    backend: str | None = None
    seed: int | None = None
    drop: list[str] | None = None
    categorical: list[str] | None = None
    weight: str | None = None
    group: list[str] | None = None
    valid: str | None = None
    checkpoint: str | None = None
    time_limit: str | None = None
    memory: str | None = None
    cache: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    missing: list[str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Mapping[str, Any], source: str) -> Self:
        """Return the settings of a TOML file; ValueError for an unknown name or another type."""
        for name, value in values.items():
            _check(name, value, source)
        return cls(**{name: _as_list(name, value) for name, value in values.items()})

    def updated(self, other: "Settings") -> "Settings":
        """Return these settings with those of another that are given; parameters are merged."""
        given = {k: v for k, v in vars(other).items() if v is not None and k != "parameters"}
        return replace(self, **given, parameters=merged(self.parameters, other.parameters))

    def toml(self) -> str:
        """Return the settings as TOML, without those that are None."""
        import tomli_w  # of the extra mlpkit[cli]

        values = {name: value for name, value in asdict(self).items() if value not in (None, [])}
        if len(self.data or ()) == 1:
            values["data"] = values["data"][0]
        values["parameters"] = _without_none(self.parameters)
        return tomli_w.dumps(values)


NAMES = tuple(f.name for f in fields(Settings))


def read_config(path: str) -> Settings:
    """Return the settings of a TOML file."""
    name = escaped(path)
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: not valid TOML: {error}") from error
    return Settings.of(values, name)


def parsed_parameters(assignments: Iterable[str]) -> dict[str, Any]:
    """Return the parameters of ``--set NAME=VALUE`` arguments.

    A value is TOML; other text is a string, and "none", "None" and "null" are None. A dot in a
    name selects an option of a parameter.

    >>> parsed_parameters(["max_iter=50", "solver=adam", "backend_options.device=cpu"])
    {'max_iter': 50, 'solver': 'adam', 'backend_options': {'device': 'cpu'}}
    >>> parsed_parameters(["hidden_layer_sizes=[64, 64]", "early_stopping_on=none"])
    {'hidden_layer_sizes': [64, 64], 'early_stopping_on': None}
    """
    parameters: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        keys = name.strip().split(".")
        if not equals or not all(keys):
            raise ValueError(
                f"--set requires NAME=VALUE, as in --set max_iter=50, got {escaped(assignment)!r}"
            )
        value = _value_of(text.strip())
        for key in reversed(keys):
            value = {key: value}
        parameters = merged(parameters, value)
    return parameters


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return two dicts as one, in which the values of the other have precedence.

    >>> merged({"a": {"b": 1}}, {"a": {"c": 2}})
    {'a': {'b': 1, 'c': 2}}
    """
    result = dict(one)
    for name, value in other.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def with_none(value: Any) -> Any:
    """Return a value of a TOML file with None for "none", also in dicts."""
    if isinstance(value, dict):
        return {name: with_none(item) for name, item in value.items()}
    return None if value == NONE else value


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_without_none(item) for item in value]
    return NONE if value is None else value


def _value_of(text: str) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return None if text in (NONE, "None", "null") else text
    return with_none(value["value"]) if len(value) == 1 else text


def _as_list(name: str, value: Any) -> Any:
    if name == "parameters":
        return with_none(value)
    if name in NUMBERS and type(value) in (int, float):
        return str(value)
    return [value] if name in LISTS and isinstance(value, str) else value


def _check(name: str, value: Any, source: str) -> None:
    """Raise ValueError for a setting that does not exist or has another type."""
    if name not in NAMES:
        hint = did_you_mean(name, NAMES)
        raise ValueError(
            f"{source}: unknown setting {escaped(name)!r}. {hint}".rstrip()
            + f" The settings are: {comma_separated(NAMES)}."
        )
    if name == "parameters":
        valid, expected = isinstance(value, dict), "a table"
    elif name == "seed":
        valid, expected = type(value) is int, "an integer"
    elif name in NUMBERS and type(value) in (int, float):
        return
    elif name in LISTS:
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        valid, expected = isinstance(value, str) or strings, "a string or a list of strings"
    else:
        valid, expected = isinstance(value, str), "a string"
    if not valid:
        raise ValueError(f"{source}: {name} must be {expected}, got {escaped(repr(value))}")
