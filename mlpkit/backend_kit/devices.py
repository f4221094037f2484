"""The option `device` of backends: the same values and the same errors on all of them.

``"auto"`` is the fastest device that supports the dtype, ``"cpu"`` the CPU, ``"gpu"`` the first
GPU, and an integer the GPU with that index.
"""

import operator
from collections.abc import Sequence
from typing import TypeAlias

#: The option ``device`` of a backend: "auto", "cpu", "gpu" or the index of a GPU.
Device: TypeAlias = str | int


def gpu_index(
    device: Device, gpus: Sequence[str], backend: str, *, supported: bool = True
) -> int | None:
    """The index of the GPU that the option asks for, None for the CPU.

    ``gpus`` are the names of the GPUs of this machine that the backend can use, and ``supported``
    says whether they compute in the dtype of the data. ValueError for anything else.

    >>> gpu_index("auto", ["H100"], "fast"), gpu_index("cpu", ["H100"], "fast")
    (0, None)
    """
    check(device, gpus, backend)
    if device == "cpu" or (device == "auto" and not (gpus and supported)):
        return None
    index = 0 if isinstance(device, str) else operator.index(device)
    if index >= len(gpus):
        raise ValueError(
            f"device={device!r} is not available: {_found(gpus, backend)}. Set"
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
    """Raise ValueError if the value of the option is not supported."""
    if isinstance(device, str):
        known = device in ("auto", "cpu", "gpu")
    else:
        try:
            known = operator.index(device) >= 0 and not isinstance(device, bool)
        except TypeError:
            known = False
    if not known:
        raise ValueError(
            f"device={device!r} is not supported. Choose 'auto', 'cpu', 'gpu' or the index of a"
            f" GPU; {_found(gpus, backend)}."
        )


def described(index: int | None, gpus: Sequence[str]) -> str:
    """The name of a device in messages.

    >>> described(None, []), described(0, ["NVIDIA H100"])
    ('cpu', 'gpu 0 (NVIDIA H100)')
    """
    return "cpu" if index is None else f"gpu {index} ({gpus[index]})"


def _found(gpus: Sequence[str], backend: str) -> str:
    there = ", ".join(described(i, gpus) for i in range(len(gpus)))
    return f"backend={backend!r} finds {there or 'no GPU'} on this machine"
