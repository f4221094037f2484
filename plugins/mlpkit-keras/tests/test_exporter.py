"""The conformance tests of the exporter."""

from mlpkit.testing import ExporterTests


class TestKeras(ExporterTests):
    """The exporter "keras"."""

    exporter = "keras"
