"""ONNX in mlpkit. This module lists the components and imports no framework.

``estimator.to_onnx()`` converts a fitted estimator, its encoder included, to a model of ONNX, and
``skl2onnx.to_onnx(pipeline, X)`` converts pipelines with estimators of mlpkit.
"""

from typing import Any

from mlpkit.plugin import Component, hookimpl

__all__ = ["register_converters"]

mlpkit_api = (1, 1)  # the supported versions of the plugin contract


@hookimpl
def mlpkit_exporters() -> list[Component]:
    """The method ``estimator.to_onnx()``, and the methods that skl2onnx looks for."""
    methods = ("onnx_parser", "onnx_shape_calculator", "onnx_converter")
    return [
        Component(
            "onnx",
            "mlpkit_onnx.exporter:to_onnx",
            "a model of ONNX",
            requires=("onnx",),
            options=("path", "zipmap", "dtype", "target_opset", "missing"),
            methods={name: f"mlpkit_onnx.skl2onnx_methods:{name}" for name in methods},
        )
    ]


def __getattr__(name: str) -> Any:
    if name == "register_converters":
        from mlpkit_onnx.skl2onnx_methods import register_converters

        return register_converters
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
