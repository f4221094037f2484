"""Words in memory that several threads change, and functions of the operating system.

This module is imported only while a program is compiled.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlpkit_numba.intrinsics import WORD

ORDER = "seq_cst"  # all threads agree on the order of all changes


def _pointer(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, WORD.as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def loaded(typing_context: Any, address: Any) -> Any:
    """The word at an address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(builder, args[0]), ORDER, 8)

    return types.int64(types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def store(typing_context: Any, address: Any, value: Any) -> Any:
    """Write a word."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[1], _pointer(builder, args[0]), ORDER, 8)
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def increment(typing_context: Any, address: Any) -> Any:
    """Add 1 to a word."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.atomic_rmw("add", _pointer(builder, args[0]), WORD(1), ORDER)
        return context.get_dummy_value()

    return types.void(types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def replaced(typing_context: Any, address: Any, old: Any, new: Any) -> Any:
    """Write a word if it is still the old one. Return whether it was."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = builder.cmpxchg(_pointer(builder, args[0]), args[1], args[2], ORDER, ORDER)
        return builder.extract_value(pair, 1)

    return types.boolean(types.intp, types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def call_yield(typing_context: Any, function: Any) -> Any:
    """Call ``sched_yield()`` by its address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        type_ = ir.FunctionType(ir.IntType(32), [])
        builder.call(builder.inttoptr(args[0], type_.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def nanoseconds(typing_context: Any, function: Any, clock: Any) -> Any:
    """Call ``clock_gettime(clock, &time)`` by its address, and return the time."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pair = ir.ArrayType(WORD, 2)
        with builder.goto_entry_block():
            slot = builder.alloca(pair)
        type_ = ir.FunctionType(ir.IntType(32), [ir.IntType(32), WORD])
        called = builder.inttoptr(args[0], type_.as_pointer())
        clock_id = builder.trunc(args[1], ir.IntType(32))
        builder.call(called, [clock_id, builder.ptrtoint(slot, WORD)])
        time = builder.load(slot)
        seconds, rest = builder.extract_value(time, 0), builder.extract_value(time, 1)
        return builder.add(builder.mul(seconds, WORD(10**9)), rest)

    return types.int64(types.intp, types.int64), code
