"""Where PyTorch computes, and in which process."""

import functools
import os
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from mlpkit.backend_kit import Device, described, gpu_index

P = ParamSpec("P")
T = TypeVar("T")

_home: int | None = None  # the process in which PyTorch was first used


def device_of(given: Device, dtype: str) -> torch.device:
    """The device that the option asks for, a GPU of CUDA or MPS, or the CPU.

    ValueError for what this machine does not have.
    """
    names = _gpus()
    cuda = bool(torch.cuda.is_available())
    index = gpu_index(given, names, "torch", supported=cuda or dtype == "float32")
    if index is None:
        return torch.device("cpu")
    if cuda and dtype == "float64":
        _hint_at_float32()
    return torch.device("cuda", index) if cuda else torch.device("mps")


def device() -> str:
    """The device that is used by default for float32, in words."""
    names = _gpus()
    return described(0 if names else None, names)


def _gpus() -> list[str]:
    """The names of the GPUs that PyTorch can use."""
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ["Apple MPS"] if torch.backends.mps.is_available() else []


@functools.cache  # once per process
def _hint_at_float32() -> None:
    warnings.warn(
        "backend='torch' trains in float64 on a GPU, which is slow there: dtype='float32' is"
        " the switch for speed.",
        UserWarning,
    )


def unforked(function: Callable[P, T]) -> Callable[P, T]:
    """The function, but RuntimeError in a process forked from one that used PyTorch, whose
    threads do not survive: a call would wait for them for ever.
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        global _home
        _home = _home or os.getpid()
        if os.getpid() != _home:
            raise RuntimeError(
                f"PyTorch was started in process {_home}, and this one ({os.getpid()}) was"
                " forked from it, where PyTorch would hang. Start workers afresh instead:"
                " joblib's backend 'loky' (its default; joblib.parallel_config(backend='loky')),"
                " or multiprocessing's start method 'spawn' or 'forkserver'."
            )
        return function(*args, **kwargs)

    return checked
