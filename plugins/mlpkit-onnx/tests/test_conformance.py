"""The conformance tests of the exporter."""

from mlpkit.testing import ExporterTests


class TestOnnx(ExporterTests):
    """The exporter "onnx"."""

    exporter = "onnx"
