"""The option ``device`` of backends: the same values and the same errors for all of them.

"auto" is the fastest device that supports the dtype, "cpu" the CPU, "gpu" the first GPU, and an
integer the GPU with that index.
"""

import functools
import operator
import warnings
from collections.abc import Sequence
from typing import TypeAlias

Device: TypeAlias = str | int


def gpu_index(
    device: Device, gpus: Sequence[str], backend: str, *, supported: bool = True
) -> int | None:
    """Return the index of the GPU that the option ``device`` selects.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"} or int
        Value of the option.
    gpus : sequence of str
        Names of the GPUs of this machine that the backend can use.
    backend : str
        The name of the backend, for messages.
    supported : bool, default=True
        Whether the GPUs support the dtype of the data.

    Returns
    -------
    int or None
        An index into `gpus`, or None for the CPU.

    Raises
    ------
    ValueError
        If the value is invalid, if there is no such GPU, or if the GPU is selected explicitly and
        does not support the dtype.

    Examples
    --------
    >>> gpu_index("auto", ["H100"], "fast"), gpu_index("cpu", ["H100"], "fast")
    (0, None)
    """
    check(device, gpus, backend)
    if device == "cpu" or (device == "auto" and not (gpus and supported)):
        return None
    index = 0 if isinstance(device, str) else operator.index(device)
    if index >= len(gpus):
        raise ValueError(
            f"device={device!r} is not available: {_available(gpus, backend)}. Set"
            f" backend_options={{'device': 'auto'}} or {{'device': 'cpu'}}, or install a version"
            " with GPU support."
        )
    if not supported:
        raise ValueError(
            f"device={device!r} does not support float64, and the data are float64. Set"
            " dtype='float32', or backend_options={'device': 'cpu'}."
        )
    return index


def check(device: Device, gpus: Sequence[str], backend: str) -> None:
    """Raise ValueError if the value of the option is invalid."""
    if isinstance(device, str):
        valid = device in ("auto", "cpu", "gpu")
    else:
        try:
            valid = operator.index(device) >= 0 and not isinstance(device, bool)
        except TypeError:
            valid = False
    if not valid:
        raise ValueError(
            f"device={device!r} is not supported. Choose 'auto', 'cpu', 'gpu' or the index of a"
            f" GPU; {_available(gpus, backend)}."
        )


def device_name(index: int | None, gpus: Sequence[str]) -> str:
    """Return the name of a device for messages.

    Parameters
    ----------
    index : int or None
        An index into `gpus`, or None for the CPU.
    gpus : sequence of str
        Names of the GPUs of this machine that the backend can use.

    Returns
    -------
    str

    Examples
    --------
    >>> device_name(None, []), device_name(0, ["NVIDIA H100"])
    ('cpu', 'gpu 0 (NVIDIA H100)')
    """
    return "cpu" if index is None else f"gpu {index} ({gpus[index]})"


@functools.cache
def warn_about_float64(backend: str, platform: str) -> None:
    """Warn, once per process, that float64 is slow on an accelerator.

    Parameters
    ----------
    backend : str
        The name of the backend.
    platform : str
        The kind of accelerator, such as "GPU".

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_about_float64("fast", "GPU")
    ...     warn_about_float64("fast", "GPU")
    >>> print(*[warning.message for warning in caught])
    backend='fast' trains in float64 on a GPU, where float32 is much faster. Set dtype='float32'.
    """
    warnings.warn(
        f"backend={backend!r} trains in float64 on a {platform}, where float32 is much"
        " faster. Set dtype='float32'.",
        UserWarning,
    )


def _available(gpus: Sequence[str], backend: str) -> str:
    names = ", ".join(device_name(i, gpus) for i in range(len(gpus)))
    return f"backend={backend!r} finds {names or 'no GPU'} on this machine"
