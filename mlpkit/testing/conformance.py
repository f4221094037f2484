"""The base class of the conformance tests."""

import inspect
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from mlpkit.plugin import PluginError


def made_as(made: Any, kind: type) -> Any:
    """Return what a factory made, or raise AssertionError if it has another type."""
    assert isinstance(made, kind), (
        f"the factory returned {reprlib.repr(made)}; it must return an mlpkit.plugin."
        f"{kind.__name__}: does the factory return it?"
    )
    return made


def assert_rejected(call: Callable[[], Any], text: str) -> None:
    """Assert that a call raises PluginError with a text in its message."""
    message = None
    try:
        call()
    except PluginError as error:
        message = str(error)
    assert message is not None, f"expected a PluginError with {text!r}, but none was raised"
    assert text in message, f"{text!r} is not in the message: {message}"


class ConformanceTests:
    """Base class of the conformance tests.

    Attributes
    ----------
    exempt : dict of str, default={}
        Names of tests that the component cannot pass, with the reason for each. They are
        expected to fail: a test that passes unexpectedly is a failure.
    """

    exempt: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, reason in cls.exempt.items():
            test = getattr(cls, name)

            def expected_failure(self: Any, *args: Any, _test: Any = test, **kw: Any) -> None:
                _test(self, *args, **kw)

            expected_failure.__signature__ = inspect.signature(test)  # type: ignore[attr-defined]
            setattr(cls, name, pytest.mark.xfail(reason=reason, strict=True)(expected_failure))
