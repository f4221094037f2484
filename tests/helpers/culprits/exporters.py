"""Exporters that each break one law; `exporter` is a correct one."""

from typing import Any

from mlpkit import testing
from mlpkit.plugin import FittedModel


def exporter(model: FittedModel, factor: float = 1.0) -> dict[str, Any]:
    """The weights of a dense network as lists."""
    network = model.network
    if network.apply is not None or network.xp_apply is not None:
        raise ValueError("only dense networks are supported")
    if model.encoder is not None:
        raise ValueError("encoders are not supported")
    return {name: (factor * array).tolist() for name, array in network.arrays.items()}


def returning_nothing(model: FittedModel, factor: float = 1.0) -> None:
    """Forgets to return the result."""
    exporter(model, factor)


def scaling(model: FittedModel, factor: float = 1.0) -> Any:
    """Writes into the weights."""
    for array in model.network.arrays.values():
        array *= factor
    return exporter(model)


def without_encoder(model: FittedModel, factor: float = 1.0) -> Any:
    """Leaves out the encoder."""
    return exporter(model._replace(encoder=None), factor)


def of_any_network(model: FittedModel, factor: float = 1.0) -> Any:
    """Assumes that all networks are dense."""
    return exporter(model._replace(network=model.network._replace(apply=None)), factor)


def without_options(model: FittedModel) -> Any:
    """Does not have the option that it declares."""
    return exporter(model)


EXPORTERS: dict[str, Any] = {
    "dense_networks_are_converted": returning_nothing,
    "the_model_is_not_modified": scaling,
    "encoders_are_not_left_out": without_encoder,
    "other_networks_are_rejected": of_any_network,
    "options_are_parameters": without_options,
}


class ExporterCulprit(testing.ExporterTests):
    """Conformance tests for a function, with the option that it declares."""

    __test__ = False
    options = {"factor": 0.5}
