"""The method `build` of an estimator's class as a network builder."""

from typing import Any

from mlpkit.plugin import Spec


class BuildMethod:
    """The method ``build(self, spec)`` of a subclass, as a builder that can be pickled.

    It contains the class and the parameters instead of the estimator. Builders with equal
    parameters build the same network.
    """

    def __init__(self, cls: type, params: dict[str, Any]) -> None:
        self.cls, self.params = cls, params
        self.__qualname__ = f"{cls.__qualname__}.build"

    def __call__(self, spec: Spec) -> Any:
        """Build the network with a new estimator."""
        return self.cls(**self.params).build(spec)

    def __repr__(self) -> str:
        return f"<{self.__qualname__} {self.params}>"
