"""BLAS threads by the size of the work: on small products they cost more than they bring,
and left spinning they stall whatever else runs on the machine.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

SERIAL_FLOPS = 2e7  # a product below this many operations runs on one thread


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def limited(flops: float) -> AbstractContextManager[object]:
    """A context in which BLAS runs on one thread if the largest product is small."""
    if flops >= SERIAL_FLOPS:
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")  # type: ignore[no-any-return]
