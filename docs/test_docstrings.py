"""Public docstrings are whole numpydoc, by numpydoc's own checks."""

import inspect
from collections.abc import Iterator
from importlib import import_module

import pytest
from numpydoc.validate import validate

MODULES = [
    *("mlpkit", "mlpkit.plugin", "mlpkit.backend_kit", "mlpkit.distributed"),
    *("mlpkit.schedules", "mlpkit.testing"),
    *("mlpkit_dask", "mlpkit_loggers", "mlpkit_tabular", "mlpkit_tabular.datasets"),
]
# numpydoc's checks by their codes: https://numpydoc.readthedocs.io/en/latest/validation.html
# Left out are those of optional sections and of style that scikit-learn does not follow either.
CODES = {
    *("GL03", "GL06", "GL07", "GL08", "GL10"),  # sections and their order
    *("PR01", "PR02", "PR03", "PR04", "PR05", "PR06", "PR07", "PR08", "PR09", "PR10"),  # parameters
    *("RT01", "RT04", "RT05", "YD01"),  # what is returned
    *("SS01", "SS02", "SS03", "SS04"),  # the summary
}

# estimators whose other parameters are those of the estimator that they refer to
SUBCLASSES = [
    f"mlpkit_dask.Dask{name}"
    for name in ("MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor")
]
PROTOCOLS = [
    f"mlpkit.plugin.{name}" for name in ("Apply", "Encoder", "Group", "Hooks", "PortableApply")
]


def public() -> Iterator[str]:
    """The full names of public classes and functions, and of their public methods."""
    for module in MODULES:
        imported = import_module(module)
        for name in imported.__all__:
            item = getattr(imported, name)
            if getattr(item, "__name__", "") != name:
                continue  # a constant or an alias of a type
            if inspect.isroutine(item) or inspect.isclass(item):
                yield f"{module}.{name}"
            if inspect.isclass(item) and module != "mlpkit.testing":  # whose methods are tests
                yield from (f"{module}.{name}.{method}" for method in methods(item))


def methods(cls: type) -> list[str]:
    """Public methods and properties that mlpkit defines."""
    return [
        name
        for name in dir(cls)
        for member in [inspect.getattr_static(cls, name)]
        if not name.startswith(("_", "set_"))
        and (inspect.isfunction(member) or isinstance(member, property))
        and any(
            name in vars(parent) and parent.__module__.startswith("mlpkit")
            for parent in cls.__mro__
        )
    ]


@pytest.mark.parametrize("name", [*public()])
def test_numpydoc(name: str) -> None:
    """No error of the chosen checks."""
    errors = validate(name)["errors"]
    if name in PROTOCOLS:  # they take anything
        errors = [error for error in errors if error[0] != "PR01"]
    if name in SUBCLASSES:
        errors = [error for error in errors if error[0] not in ("PR01", "PR02")]
    assert [f"{code}: {text}" for code, text in errors if code in CODES] == []
