"""What Python code cannot express: pointers, calls by address, bits of numbers.

This module is imported only while a program is compiled.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Reordered sums and fused operations are allowed; "nnan" and "ninf" would hide divergence.
FAST = {"reassoc", "contract", "nsz", "arcp"}
JIT: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": FAST,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
WORD = ir.IntType(64)


@intrinsic  # type: ignore[untyped-decorator]
def pointer_at(typing_context: Any, address: Any, place: Any, like: Any) -> Any:
    """A pointer to a place of the array at an address, of numbers of the type of `like`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(like)
        return builder.gep(builder.inttoptr(args[0], element.as_pointer()), [args[1]])

    return types.CPointer(like)(types.intp, types.intp, like), code


@intrinsic  # type: ignore[untyped-decorator]
def words_at(typing_context: Any, address: Any, place: Any) -> Any:
    """A pointer to a place of the array of int64 at an address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(builder.inttoptr(args[0], WORD.as_pointer()), [args[1]])

    return types.CPointer(types.int64)(types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def moved(typing_context: Any, pointer: Any, n: Any) -> Any:
    """A pointer to the number that is n numbers further."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def address_of(typing_context: Any, pointer: Any) -> Any:
    """The address to which a pointer points."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(args[0], WORD)

    return types.intp(pointer), code


@intrinsic  # type: ignore[untyped-decorator]
def as_type_of(typing_context: Any, like: Any, value: Any) -> Any:
    """A number converted to the type of `like`."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[1], value, like)

    return like(like, value), code


@intrinsic  # type: ignore[untyped-decorator]
def size_of(typing_context: Any, like: Any) -> Any:
    """The size of a number of the type of `like` in bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        size = context.get_abi_sizeof(context.get_value_type(like))
        return context.get_constant(types.intp, size)

    return types.intp(like), code


def _reinterpreted(result: Any, argument: Any) -> tuple[Any, Any]:
    """The signature and the code of a function that returns the bits of x as another type."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(result))

    return result(argument), code


@intrinsic  # type: ignore[untyped-decorator]
def bits(typing_context: Any, x: Any) -> Any:
    """The bits of a number as an integer of the same size."""
    return _reinterpreted(types.int32 if x == types.float32 else types.int64, x)


@intrinsic  # type: ignore[untyped-decorator]
def from_bits(typing_context: Any, integer: Any) -> Any:
    """The number with these bits."""
    return _reinterpreted(types.float32 if integer == types.int32 else types.float64, integer)


@intrinsic
def call_update(  # type: ignore[no-untyped-def]
    typing_context, function, p, g, state, stride, n, scalars, l2, decrease
):
    """Call `SolverFunction.address`; p, g, state and scalars are addresses."""
    arguments = (function, p, g, state, stride, n, scalars)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(l2)
        type_ = ir.FunctionType(ir.DoubleType(), [WORD] * 6 + [number, number])
        return builder.call(builder.inttoptr(args[0], type_.as_pointer()), args[1:])

    return types.float64(*[types.intp] * len(arguments), l2, l2), code


@intrinsic
def call_loss(typing_context, function, y, p, n, n_outputs, losses, delta):  # type: ignore[no-untyped-def]
    """Call `LossFunction.address`; all arguments are addresses or sizes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        type_ = ir.FunctionType(ir.VoidType(), [WORD] * 6)
        builder.call(builder.inttoptr(args[0], type_.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 7), code


@intrinsic  # type: ignore[untyped-decorator]
def call(typing_context: Any, function: Any, arguments: Any) -> Any:
    """Call a function by its address with a tuple of words."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        words = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(
                cgutils.unpack_tuple(builder, args[1]), arguments.types, strict=True
            )
        ]
        type_ = ir.FunctionType(ir.VoidType(), [WORD] * len(words))
        builder.call(builder.inttoptr(args[0], type_.as_pointer()), words)
        return context.get_dummy_value()

    return types.void(types.intp, arguments), code


MATRIX = types.UniTuple(types.intp, 3)


@intrinsic  # type: ignore[untyped-decorator]
def call_gemm(
    typing_context: Any, function: Any, sizes: Any, a: Any, b: Any, beta: Any, c: Any
) -> Any:
    """Call BLAS's gemm on column-major arrays: ``c = a @ b + beta c``.

    ``sizes`` are the rows of c, its columns, and the columns of a. A matrix is its address, the
    distance of its columns, and whether it is transposed. The integers are passed as 64 bits, which
    BLAS may read as 32 on a little-endian processor.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        f, sizes, a, b, beta_, c = args
        letter, number = ir.IntType(8), beta_.type

        def at(value: Any) -> Any:
            slot = cgutils.alloca_once_value(builder, value)
            return builder.ptrtoint(slot, WORD)

        def letter_of(transposed: Any) -> Any:
            is_transposed = builder.icmp_signed("!=", transposed, WORD(0))
            return at(builder.select(is_transposed, letter(ord("T")), letter(ord("N"))))

        (a, lda, ta), (b, ldb, tb), (c, ldc, _) = (
            cgutils.unpack_tuple(builder, x) for x in (a, b, c)
        )
        addresses = [letter_of(ta), letter_of(tb), *map(at, cgutils.unpack_tuple(builder, sizes))]
        addresses += [at(number(1.0)), a, at(lda), b, at(ldb), at(beta_), c, at(ldc)]
        type_ = ir.FunctionType(ir.VoidType(), [WORD] * 13)
        builder.call(builder.inttoptr(f, type_.as_pointer()), addresses)
        return context.get_dummy_value()

    return types.void(types.intp, MATRIX, MATRIX, MATRIX, beta, MATRIX), code
