"""The devices of PyTorch, and forked processes."""

import torch

from mlpkit.backend_kit import Device, ForkGuard, device_name, gpu_index, warn_about_float64

fork_guard = ForkGuard("PyTorch")


def selected_device(device: Device, dtype: str) -> torch.device:
    """Return the device that the option selects: a GPU of CUDA or MPS, or the CPU.

    Raises ValueError if this machine does not have the device.
    """
    names = _gpus()
    cuda = bool(torch.cuda.is_available())
    index = gpu_index(device, names, "torch", supported=cuda or dtype == "float32")
    if index is None:
        return torch.device("cpu")
    if cuda and dtype == "float64":
        warn_about_float64("torch", "GPU")
    return torch.device("cuda", index) if cuda else torch.device("mps")


def device() -> str:
    """Return the name of the default device for float32."""
    names = _gpus()
    return device_name(0 if names else None, names)


def _gpus() -> list[str]:
    """Return the names of the GPUs that PyTorch can use."""
    if torch.cuda.is_available():
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ["Apple MPS"] if torch.backends.mps.is_available() else []
