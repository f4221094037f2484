"""The base of every kit of laws."""

import inspect
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from mlpkit.plugin import PluginError


def made_as(made: Any, kind: type) -> Any:
    """What a factory made, if it is of the kind; else an error in words."""
    assert isinstance(made, kind), (
        f"the factory returned {reprlib.repr(made)}; it must return a mlpkit.plugin."
        f"{kind.__name__}: does it end in `return ...`?"
    )
    return made


def rejects(call: Callable[[], Any], words: str) -> None:
    """AssertionError unless a call raises PluginError with these words."""
    message = None
    try:
        call()
    except PluginError as error:
        message = str(error)
    assert message is not None, f"expected a PluginError with {words!r}, and nothing was raised"
    assert words in message, f"{words!r} is not in the message: {message}"


class ConformanceTests:
    """A kit whose laws can be declared as not met."""

    exempt: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for law, reason in cls.exempt.items():
            test = getattr(cls, law)

            def expected_failure(self: Any, *args: Any, _test: Any = test, **kw: Any) -> None:
                _test(self, *args, **kw)

            expected_failure.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
            setattr(cls, law, pytest.mark.xfail(reason=reason, strict=True)(expected_failure))
