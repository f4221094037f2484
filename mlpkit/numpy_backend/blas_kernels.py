"""Whether BLAS uses the instructions that the processor has.

OpenBLAS chooses them by the processor, or by an environment variable. A version that does not know
the processor, or a variable for another one, can double the time of matrix products.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

CORE_TYPE = "OPENBLAS_CORETYPE"  # the variable that names a processor to OpenBLAS
WITHOUT_AVX512 = {"excavator", "haswell", "sandybridge", "zen"}  # architectures of OpenBLAS
WITH_AVX512 = {"X86_V4", "AVX512_SKX"}  # NumPy's names of the instructions that SkylakeX has


def device() -> str:
    """Return the device of the backend, and how its products become faster if they can.

    >>> device().startswith("cpu")
    True
    """
    try:
        import numpy as np
        from threadpoolctl import threadpool_info

        config: Any = np.show_config(mode="dicts")
        found = config["SIMD Extensions"]
        advice = advice_on(threadpool_info(), [*found["baseline"], *found["found"]])
    except (ImportError, KeyError, TypeError):  # other versions of NumPy may have other names
        advice = None
    return f"cpu; {advice}" if advice else "cpu"


def advice_on(libraries: Iterable[Mapping[str, Any]], instructions: Iterable[str]) -> str | None:
    """Return what makes the products of BLAS faster, or None if nothing is known to.

    The libraries are those of threadpoolctl, and the instructions have the names of NumPy.

    >>> blas = {"internal_api": "openblas", "architecture": "Haswell"}
    >>> advice_on([blas], ["X86_V2", "X86_V3"]) is None
    True
    >>> advice_on([blas], ["X86_V2", "X86_V3", "X86_V4"])[:40]
    'matrix products use the instructions of '
    """
    names = {
        str(library.get("architecture"))
        for library in libraries
        if library.get("internal_api") == "openblas"
    }
    older = sorted(name for name in names if name.lower() in WITHOUT_AVX512)
    if not older or not WITH_AVX512.intersection(instructions):
        return None
    known = os.environ.get(CORE_TYPE)
    remedy = f"unset {CORE_TYPE}, which is {known!r}" if known else f"set {CORE_TYPE}=SkylakeX"
    return (
        f"matrix products use the instructions of an older processor ({older[0]}); to use those of"
        f" this one, {remedy}"
    )
