"""Names and defaults of parameters, and parameters such as ``builder__x`` for single options."""

from inspect import signature
from typing import Any, Self

# the prefix of the options of a component, and the parameter that contains them
ROUTES = {
    f"{kind}__": f"{kind}_options" for kind in ("builder", "encoder", "solver", "backend", "loss")
}


class RoutedOptions:
    """Mixin that extends `get_params` and `set_params` to single options of components.

    >>> from mlpkit import MLPRegressor
    >>> options = {"depth": 2}
    >>> reg = MLPRegressor(builder_options=options).set_params(builder__width=8, alpha=0.1)
    >>> reg.builder_options, reg.alpha, options
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
            for prefix, parameter in ROUTES.items():
                options = params.get(parameter)
                if isinstance(options, dict):  # `fit` rejects anything else
                    params |= {prefix + str(option): value for option, value in options.items()}
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
            parameter = ROUTES.get(prefix + separator)
            component = params.get(prefix, getattr(self, prefix, None))
            has_own = hasattr(component, "get_params")  # a transformer of scikit-learn
            if parameter is None or not hasattr(self, parameter) or has_own:
                plain[name] = value
            else:
                routed.setdefault(parameter, {})[option] = value
        super().set_params(**plain)  # type: ignore[misc]
        for parameter, options in routed.items():  # after `builder_options` of the same call
            setattr(self, parameter, {**(getattr(self, parameter) or {}), **options})
        return self


def parameter_names(cls: Any) -> list[str]:
    """Return the names of the parameters of a class and its bases, its own first."""
    classes = [c for c in cls.__mro__ if "__init__" in vars(c) and hasattr(c, "_get_param_names")]
    return list(dict.fromkeys(name for c in classes for name in c._get_param_names()))


def parameter_defaults(cls: Any) -> dict[str, Any]:
    """Return the defaults of the parameters of a class and its bases, by name.

    >>> from mlpkit import MLPRegressor
    >>> parameter_defaults(MLPRegressor)["hidden_layer_sizes"]
    (100,)
    """
    defaults: dict[str, Any] = {}
    for c in cls.__mro__:
        if "__init__" in vars(c) and hasattr(c, "_get_param_names"):
            for name, parameter in signature(c.__init__).parameters.items():
                if parameter.default is not parameter.empty:
                    defaults.setdefault(name, parameter.default)
    return defaults
