"""What the parameters select for a network, looked up once for many calls."""

import os
from dataclasses import replace
from functools import cached_property
from typing import Any

from mlpkit.plugin import Backend, Network, Trainer
from mlpkit.registry import provenance
from mlpkit.registry.lookup import installed
from mlpkit.registry.provenance import Source
from mlpkit.training.components import BACKEND, backend_name, backend_of, trainer_of
from mlpkit.training.parameters import Parameters, copied, is_same
from mlpkit.training.recipe import recipe_of

# parameters that may be lists or dicts, which a user may change without setting another object
CHANGEABLE = (
    "backend_options",
    "solver_options",
    "hidden_layer_sizes",
    "activation",
    "dropout",
)


class Selection:
    """The recipe and the components that parameters select for a network.

    A component is looked up when it is needed for the first time. A stream of `partial_fit` calls
    uses one selection, since the lookups take longer than a small step.

    Parameters
    ----------
    parameters : Parameters
    structure : Network
        The network without its weights.

    Attributes
    ----------
    recipe : Recipe
    """

    def __init__(self, parameters: Parameters, structure: Network) -> None:
        self.parameters, self.structure = parameters, structure
        self._environment = _environment(parameters)
        contents = {name: copied(getattr(parameters, name)) for name in CHANGEABLE}
        self._contents = list(contents.values())
        self.recipe = recipe_of(replace(parameters, **contents), structure.solver)

    def is_of(self, parameters: Parameters, structure: Network) -> bool:
        """Whether these parameters select the same for this network."""
        return (
            self.parameters is parameters
            and self.structure is structure
            and self._environment == _environment(parameters)
            and is_same(self._contents, [getattr(parameters, name) for name in CHANGEABLE])
        )

    @cached_property
    def backend(self) -> tuple[Backend, dict[str, Any]]:
        """The backend and its options."""
        return backend_of(self.parameters)

    @cached_property
    def trainer(self) -> Trainer:
        """The training loop."""
        return trainer_of(self.parameters, self.recipe)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The plugins that a trained network is made by."""
        parameters, backend = self.parameters, self.parameters.backend
        if backend is None:
            backend = backend_name(parameters)
        return provenance.sources_of(
            backend, parameters.builder, self.structure, parameters.encoder
        )


def _environment(parameters: Parameters) -> tuple[Any, str | None]:
    """What the components depend on in addition to the parameters."""
    return installed(), os.environ.get(BACKEND) if parameters.backend is None else None
