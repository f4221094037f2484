"""The error for models that cannot be converted to ONNX, and a check of text."""


class NotConvertible(ValueError):
    """A network or an encoder that cannot be converted, with the reason."""


def check_text(text: str, owner: str) -> None:
    """Raise NotConvertible for text that UTF-8 cannot represent; ``owner`` is what contains it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotConvertible(
            f"{owner} contains {ascii(text)}, which is not valid Unicode and cannot be stored in a"
            " file of ONNX. Replace it before fit."
        ) from None
