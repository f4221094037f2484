"""Parameters that were changed between the calls of an estimator."""

from operator import is_
from typing import Any

from sklearn import get_config

from mlpkit.estimators.parameters import parameter_names

# those whose change is noticed also after a pickle was loaded
KEPT = (
    "builder",
    "builder_options",
    "loss",
    "loss_options",
    "dtype",
    "metrics",
    "partitions",
    "metrics_window",
)


class Settings:
    """For estimators: validates the parameters of each call, and knows what was changed."""

    _names: list[str]  # of the parameters
    _settings: dict[str, Any]  # their values in the last call
    _validate_params: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._names = parameter_names(cls)  # once: a stream asks for them at every call

    def _changed(self) -> dict[str, Any]:
        """The parameters that differ from those of the last call, with their old values.

        Validates them as scikit-learn does; in a stream only if one was set since the last
        call, because validation takes longer than a small step.
        """
        now = {name: getattr(self, name) for name in self._names}
        last = self.__dict__.get("_settings", {})
        if len(last) == len(now) and all(map(is_, now.values(), last.values())):
            return {}
        if not get_config()["skip_parameter_validation"]:
            self._validate_params()
        self._settings = now
        return {name: old for name, old in last.items() if not is_same(old, now[name])}

    def _settings_to_keep(self) -> dict[str, Any]:
        """What a pickle holds: of objects that are no parameters any more, their names."""
        last = self.__dict__.get("_settings", {})
        now = {name: getattr(self, name) for name in KEPT if name in last}
        return {name: _kept(last[name], value) for name, value in now.items()}


class Gone:
    """An object that a pickle does not hold, known by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return self.name == _name(other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def _name(given: Any) -> str:
    return given.name if isinstance(given, Gone) else getattr(given, "__qualname__", repr(given))


def _kept(old: Any, new: Any) -> Any:
    if is_same(old, new):
        return new
    return old if old is None or isinstance(old, str | int | float) else Gone(_name(old))


def is_same(a: Any, b: Any) -> bool:
    """Whether two values of a parameter are equal; False where they do not say.

    >>> is_same((5,), (5,)), is_same("a", "b")
    (True, False)
    """
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:
        return False
