"""Errors and warnings about plugins."""

from typing import Any

from mlpkit.plugin.capabilities import Capability, unsupported


class PluginError(Exception):
    """A component was requested that cannot be used or that returned an invalid result."""

    __module__ = "mlpkit.plugin"  # where authors import it from


class PluginWarning(UserWarning):
    """An installed plugin that was not requested cannot be used or violates the contract."""

    __module__ = "mlpkit.plugin"  # where authors import it from


class InvalidResult(PluginError):
    """A component returned a result that its contract does not allow.

    `fit` adds the name and the distribution of the component to the message.

    Parameters
    ----------
    message : str
        What was returned and what was expected.
    kind : str, default=""
        The kind of the component, such as "solver" or "backend".
    component : object, default=None
        The component itself, where a fit may have several of its kind.
    """

    __module__ = "mlpkit.plugin"  # where authors import it from

    def __init__(self, message: str, kind: str = "", component: Any = None) -> None:
        super().__init__(message)
        self.kind, self.component = kind, component


class Unsupported(PluginError):
    """A backend does not support what a fit needs.

    A backend raises it for what it can only detect while it traces. `fit` adds the name of the
    component that needs the capability.

    Parameters
    ----------
    capability : str
        One of `CAPABILITIES`.
    """

    __module__ = "mlpkit.plugin"  # where authors import it from

    def __init__(self, capability: Capability) -> None:
        super().__init__(capability)
        self.capability = capability

    def __str__(self) -> str:
        message = str(self.args[0])
        if message != self.capability:  # `fit` replaced it
            return message
        return unsupported("The backend", self.capability, "this fit")
