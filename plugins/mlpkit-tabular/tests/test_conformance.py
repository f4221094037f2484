"""The conformance tests of mlpkit."""

from mlpkit.testing import EncoderTests


class TestTabularEncoder(EncoderTests):
    encoder = "tabular"
