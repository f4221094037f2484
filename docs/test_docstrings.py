"""Public docstrings are whole numpydoc, by numpydoc's own checks."""

import inspect
from collections.abc import Iterator
from importlib import import_module

import pytest
from numpydoc.validate import validate

MODULES = ["mlpkit", "mlpkit.plugin", "mlpkit.testing"]
# the names of numpydoc's checks: https://numpydoc.readthedocs.io/en/latest/validation.html
CODES = {
    "GL03",  # double blank lines
    "GL06",  # unknown section
    "GL07",  # order of sections
    "GL08",  # no docstring
    "GL10",  # directives
    "PR03",  # order of parameters
    "PR06",  # wrong name of a type
    "PR09",  # no period at the end of a description
    "RT04",  # a description that starts with a small letter
    "RT05",  # no period at the end of a description
    "SS03",  # a period at the end of the summary
    "SS04",  # spaces before the summary
}


def public() -> Iterator[str]:
    """The full names of public classes and functions, and of the methods that are ours."""
    for module in MODULES:
        for name in getattr(import_module(module), "__all__", ()):
            item = getattr(import_module(module), name)
            if inspect.isroutine(item):
                yield f"{module}.{name}"
            if inspect.isclass(item):
                yield f"{module}.{name}"
                yield from (f"{module}.{name}.{method}" for method in methods(item))


def methods(cls: type) -> list[str]:
    """Public methods and properties that mlpkit defines; conformance tests are not listed."""
    return [
        name
        for name in dir(cls)
        for member in [inspect.getattr_static(cls, name)]
        if not name.startswith(("_", "test_"))
        and (inspect.isfunction(member) or isinstance(member, property))
        and any(
            name in vars(parent) and parent.__module__.startswith("mlpkit")
            for parent in cls.__mro__
        )
        and not name.startswith("set_")
    ]


@pytest.mark.parametrize("name", [*public()])
def test_numpydoc(name: str) -> None:
    """No error of the chosen checks."""
    errors = validate(name)["errors"]
    assert [f"{code}: {text}" for code, text in errors if code in CODES] == []
