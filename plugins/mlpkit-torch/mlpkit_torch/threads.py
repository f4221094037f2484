"""The threads of PyTorch on a CPU: one for small steps.

PyTorch divides operations between all processors by OpenMP, and the threads wait for each other
after every operation. While another process uses one of two processors, a step of a small network
takes 15 to 60 times as long as on one thread.
"""

from contextlib import AbstractContextManager, nullcontext

import torch

from mlpkit.backend_kit import OneThread

SMALL_FLOPS = 1e8  # operations that take a millisecond or two on one thread


def threads(flops: float, device: torch.device) -> AbstractContextManager[None]:
    """Return the context of a step with so many operations, which limits it to one thread if it
    is small.
    """
    if device.type == "cpu" and flops < SMALL_FLOPS:
        return OneThread(openmp=True)
    return nullcontext()
