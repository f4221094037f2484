"""The threads of PyTorch on a CPU: one for small steps.

PyTorch divides operations between all processors by OpenMP, and the threads wait for each other
after every operation. While another process uses one of two processors, a step of a small network
takes 15 to 60 times as long as on one thread. On two idle processors, it takes as long on one
thread as on two; larger steps are 1.4 to 1.7 times as fast on two, and are left to PyTorch.
"""

from contextlib import AbstractContextManager, nullcontext

import torch

from mlpkit.backend_kit import OneThread

SMALL_FLOPS = 3e7  # operations; two threads hardly compute fewer of them in less time


def threads(flops: float, device: torch.device) -> AbstractContextManager[None]:
    """Return the context of a step with so many operations, with one thread if it is small."""
    if device.type == "cpu" and flops < SMALL_FLOPS:
        return OneThread(openmp=True)
    return nullcontext()
