"""``builder__x=...`` as a parameter: one entry of ``builder_options``, likewise for others."""

from inspect import signature
from typing import Any, Self

from mlpkit.plugin import Spec

ROUTES = {f"{kind}__": f"{kind}_options" for kind in ("builder", "solver", "backend", "loss")}


class RoutedOptions:
    """For estimators with ``builder_options``, ``solver_options``, ``backend_options`` and
    ``loss_options``.

    >>> from mlpkit import MLPRegressor
    >>> given = {"depth": 2}
    >>> reg = MLPRegressor(builder_options=given).set_params(builder__width=8, alpha=0.1)
    >>> reg.builder_options, reg.alpha, given
    ({'depth': 2, 'width': 8}, 0.1, {'depth': 2})
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of the estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add each option of a component as a parameter of its own, such as
            ``builder__x`` for the option ``x`` in `builder_options`.

        Returns
        -------
        params : dict
            The parameters by name.
        """
        params: dict[str, Any] = super().get_params(deep)  # type: ignore[misc]
        if deep:
            for prefix, where in ROUTES.items():
                given = params.get(where)
                if isinstance(given, dict):  # what else there is, `fit` refuses
                    params |= {prefix + str(option): value for option, value in given.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the estimator.

        Parameters
        ----------
        **params : dict
            The parameters by name. ``builder__x`` sets the option ``x`` in a new dict
            `builder_options`.

        Returns
        -------
        self : object
            The estimator.
        """
        routed: dict[str, dict[str, Any]] = {}
        plain: dict[str, Any] = {}
        for name, value in params.items():
            prefix, separator, option = name.partition("__")
            where = ROUTES.get(prefix + separator)
            if where is None or not hasattr(self, where):
                plain[name] = value
            else:
                routed.setdefault(where, {})[option] = value
        super().set_params(**plain)  # type: ignore[misc]
        for where, options in routed.items():  # behind: a whole dict may be set along
            setattr(self, where, {**(getattr(self, where) or {}), **options})
        return self


class Method:
    """The ``build(self, spec)`` of an estimator's class as a builder that can be pickled.

    It holds the class and the parameters, not the estimator; equal ones build alike.
    """

    def __init__(self, cls: type, params: dict[str, Any]) -> None:
        self.cls, self.params = cls, params
        self.__qualname__ = f"{cls.__qualname__}.build"

    def __call__(self, spec: Spec) -> Any:
        """Build with an estimator made for it."""
        return self.cls(**self.params).build(spec)

    def __repr__(self) -> str:
        return f"<{self.__qualname__} {self.params}>"


def parameter_names(cls: Any) -> list[str]:
    """The parameters of a class and its bases, its own first."""
    takers = [c for c in cls.__mro__ if "__init__" in vars(c) and hasattr(c, "_get_param_names")]
    return list(dict.fromkeys(name for c in takers for name in c._get_param_names()))


def parameter_defaults(cls: Any) -> dict[str, Any]:
    """The default of each parameter of a class and its bases that has one.

    >>> from mlpkit import MLPRegressor
    >>> parameter_defaults(MLPRegressor)["hidden_layer_sizes"]
    (100,)
    """
    found: dict[str, Any] = {}
    for c in cls.__mro__:
        if "__init__" in vars(c) and hasattr(c, "_get_param_names"):
            for name, parameter in signature(c.__init__).parameters.items():
                if parameter.default is not parameter.empty:
                    found.setdefault(name, parameter.default)
    return found
