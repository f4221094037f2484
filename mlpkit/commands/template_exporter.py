"""The template of an exporter."""

EXPORTER = '''
"""Dense networks as JSON."""

import json

from mlpkit.plugin import FittedModel


def $id(model: FittedModel, indent: int | None = None) -> str:
    """Return a trained model as text: the weights and the activation of each layer."""
    network = model.network
    if network.apply is not None or network.xp_apply is not None:
        raise ValueError("only networks of builder='dense' are supported.")
    if model.encoder is not None:
        raise ValueError("an encoder is not supported. Export an estimator without one.")
    activations = (*model.spec.activations, model.spec.out_activation)
    layers = [
        {
            "weights": network.arrays[f"coef_{i}"].tolist(),
            "biases": network.arrays[f"intercept_{i}"].tolist(),
            "activation": activation,
        }
        for i, activation in enumerate(activations)
    ]
    content = {"layers": layers, "temperature": model.temperature}
    return json.dumps(content, indent=indent)
'''
