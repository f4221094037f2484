"""Trained networks in other forms, which plugins make: ``estimator.to_<form>()``."""

from functools import partial
from typing import Any

from sklearn.utils.validation import check_is_fitted

from mlpkit.plugin import PluginError
from mlpkit.registry.lookup import installed, resolve
from mlpkit.training.model import Model

PREFIX = "to_"


class Exports:
    """``export(name)``, and ``to_<name>`` for each name that a plugin offers."""

    def export(self, form: str, **options: Any) -> Any:
        """Convert the trained network to a form that a plugin offers.

        ``estimator.to_form()`` is the same as ``estimator.export("form")``.

        Parameters
        ----------
        form : str
            Name of the exporter.
        **options : dict
            Options of the exporter.

        Returns
        -------
        object
            What the exporter returns.
        """
        check_is_fitted(self)
        make, options = resolve("exporter", form, options)
        model: Model = self._snapshot()._present_model()
        return make(model.network, model.spec, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(PREFIX):
            form = name.removeprefix(PREFIX)
            try:
                installed().find("exporter", form)
            except (ValueError, PluginError) as error:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}: {error}"
                ) from error
            return partial(self.export, form)
        return super().__getattribute__(name)  # raises again what it raised before
