"""The error for models that have no form in ONNX."""


class NotConvertible(ValueError):
    """A network or an encoder that cannot be converted, with the reason."""
