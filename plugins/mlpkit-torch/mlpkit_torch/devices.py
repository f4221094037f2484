"""Where PyTorch computes, and in which process."""

import functools
import os
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")

_home: int | None = None  # the process in which PyTorch was first used


def device_of(given: str, dtype: str) -> torch.device:
    """The device that is asked for: "cpu", "cuda", "cuda:1", "mps", or "auto", the fastest
    that is there and knows the dtype.

    ValueError for what this machine does not have.
    """
    if given == "auto":
        device = torch.device(next(name for name in ("cuda", "mps", "cpu") if _has(name, dtype)))
    else:
        device = _named(given)
        if device.type == "mps" and dtype == "float64":
            raise ValueError(
                "device='mps' has no float64, and the data are: set dtype='float32', or"
                " backend_options={'device': 'cpu'}."
            )
    if device.type == "cuda" and dtype == "float64":
        _hint_at_float32()
    return device


def _named(given: str) -> torch.device:
    there = ", ".join(repr(name) for name in ("cpu", "cuda", "mps") if _has(name, "float32"))
    remedy = f"here are 'auto', {there}. Set backend_options={{'device': 'auto'}}."
    try:
        device = torch.device(given)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device={given!r} is not a device of PyTorch; {remedy}") from error
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if not _has(device.type, "float32") or (device.index or 0) >= count:
        raise ValueError(f"device={given!r} is not on this machine; {remedy}")
    return device


def _has(name: str, dtype: str) -> bool:
    """Whether the kind of device is there and computes in the dtype."""
    if name == "cuda":
        return bool(torch.cuda.is_available())
    if name == "mps":
        return dtype == "float32" and torch.backends.mps.is_available()
    return name == "cpu"


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
