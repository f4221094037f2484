"""Tiles of a matrix product, and transposed blocks, in vector registers of 64 bytes.

This module is imported only while a program is compiled.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlpkit_numba.intrinsics import MATRIX, WORD

VECTOR_BYTES = 64
INDEX = ir.IntType(32)


class Vectors:
    """Instructions on vectors of numbers of a type."""

    def __init__(self, builder: Any, number: Any) -> None:
        bits = 32 if isinstance(number, ir.FloatType) else 64
        self.builder, self.number, self.width = builder, number, VECTOR_BYTES * 8 // bits
        self.type = ir.VectorType(number, self.width)
        self.name, self.alignment = f"v{self.width}f{bits}", INDEX(bits // 8)
        self.zero = ir.Constant(self.type, [number(0.0)] * self.width)

    def splat(self, x: Any) -> Any:
        """A vector of equal numbers."""
        undefined = ir.Constant(ir.VectorType(x.type, self.width), ir.Undefined)
        one = self.builder.insert_element(undefined, x, INDEX(0))
        return self.shuffled(one, undefined, [0] * self.width)

    def shuffled(self, x: Any, y: Any, order: list[int]) -> Any:
        """The elements of both vectors with these indices."""
        indices = ir.Constant(ir.VectorType(INDEX, self.width), order)
        return self.builder.shuffle_vector(x, y, indices)

    def first(self, n: Any) -> Any:
        """A mask of the first n elements."""
        lanes = ir.Constant(ir.VectorType(WORD, self.width), list(range(self.width)))
        return self.builder.icmp_signed("<", lanes, self.splat(n))

    def pointer(self, address: Any, place: Any) -> Any:
        """A pointer to a vector at a place of an array of numbers."""
        array = self.builder.inttoptr(address, self.number.as_pointer())
        return self.builder.bitcast(self.builder.gep(array, [place]), self.type.as_pointer())

    def loaded(self, pointer: Any, mask: Any) -> Any:
        """The elements of a vector in memory of which the mask is true; the others are 0."""
        arguments = [pointer, self.alignment, mask, self.zero]
        return self._call("masked.load", ".p0", self.type, arguments)

    def store(self, vector: Any, pointer: Any, mask: Any) -> None:
        """Write the elements of which the mask is true."""
        arguments = [vector, pointer, self.alignment, mask]
        self._call("masked.store", ".p0", ir.VoidType(), arguments)

    def fma(self, x: Any, y: Any, z: Any) -> Any:
        """``x * y + z``, rounded once."""
        return self._call("fma", "", self.type, [x, y, z])

    def _call(self, name: str, ending: str, result: Any, arguments: list[Any]) -> Any:
        type_ = ir.FunctionType(result, [argument.type for argument in arguments])
        name = f"llvm.{name}.{self.name}{ending}"
        function = cgutils.get_or_insert_function(self.builder.module, type_, name)
        return self.builder.call(function, arguments)


def tile(rows: int, vectors: int) -> Any:
    """Return ``tile(a, b, c, k, n, beta)``, which writes ``c = a @ b + beta c`` in registers.

    The matrix a has this number of rows and k columns, b has n columns, at most those of the
    vectors. Each is its address, and the distances of its rows and of its columns, which are next
    to each other in b and c.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile_of(
        typing_context: Any, a: Any, b: Any, c: Any, k: Any, n: Any, beta: Any
    ) -> tuple[Any, Any]:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            v = Vectors(builder, args[5].type)
            with builder.goto_entry_block():
                sums = [[builder.alloca(v.type) for _ in range(vectors)] for _ in range(rows)]
            masks = [v.first(builder.sub(args[4], WORD(j * v.width))) for j in range(vectors)]
            for pointer in [pointer for row in sums for pointer in row]:
                builder.store(v.zero, pointer)
            _add_products(v, sums, masks, args)
            _write_sums(v, sums, masks, args)
            return context.get_dummy_value()

        return types.void(MATRIX, MATRIX, MATRIX, types.intp, types.intp, beta), code

    return tile_of


def _add_products(v: Vectors, sums: list[list[Any]], masks: list[Any], args: Any) -> None:
    """Add the products of a column of a and a row of b, one after the other."""
    builder = v.builder
    a, a_row, a_column = cgutils.unpack_tuple(builder, args[0])
    b, b_row, _ = cgutils.unpack_tuple(builder, args[1])
    elements = builder.inttoptr(a, v.number.as_pointer())
    with cgutils.for_range(builder, args[3]) as loop:
        place = builder.mul(loop.index, b_row)
        factors = [
            v.loaded(v.pointer(b, builder.add(place, WORD(j * v.width))), mask)
            for j, mask in enumerate(masks)
        ]
        column = builder.gep(elements, [builder.mul(loop.index, a_column)])
        for i, row in enumerate(sums):
            x = v.splat(builder.load(builder.gep(column, [builder.mul(WORD(i), a_row)])))
            for pointer, factor in zip(row, factors, strict=True):
                builder.store(v.fma(x, factor, builder.load(pointer)), pointer)


def _write_sums(v: Vectors, sums: list[list[Any]], masks: list[Any], args: Any) -> None:
    """Write the sums, and add the matrix c before unless beta is 0."""
    builder, beta = v.builder, args[5]
    c, c_row, _ = cgutils.unpack_tuple(builder, args[2])
    is_zero, factor = builder.fcmp_ordered("==", beta, v.number(0.0)), v.splat(beta)
    for i, row in enumerate(sums):
        place = builder.mul(WORD(i), c_row)
        for j, (pointer, mask) in enumerate(zip(row, masks, strict=True)):
            at = v.pointer(c, builder.add(place, WORD(j * v.width)))
            added = builder.load(pointer)
            both = v.fma(factor, v.loaded(at, mask), added)
            v.store(builder.select(is_zero, added, both), at, mask)


@intrinsic  # type: ignore[untyped-decorator]
def transpose_block(typing_context: Any, x: Any, out: Any, like: Any) -> Any:
    """Write a transposed block of as many rows and columns as a vector has elements.

    A matrix is its address, the distance of its rows, and 1.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        v = Vectors(builder, context.get_value_type(like))
        x, x_row, _ = cgutils.unpack_tuple(builder, args[0])
        out, out_row, _ = cgutils.unpack_tuple(builder, args[1])
        half, all_ = v.width // 2, v.first(WORD(v.width))
        zipped = [place for i in range(v.width) for place in (i, v.width + i)]
        places = [
            (builder.mul(WORD(i), x_row), builder.mul(WORD(i), out_row)) for i in range(v.width)
        ]
        rows = [v.loaded(v.pointer(x, place), all_) for place, _ in places]
        for _ in range(half.bit_length()):  # each round exchanges one bit of rows and columns
            pairs = [(rows[i], rows[i + half]) for i in range(half)]
            orders = zipped[: v.width], zipped[v.width :]
            rows = [v.shuffled(*pair, order) for pair in pairs for order in orders]
        for row, (_, place) in zip(rows, places, strict=True):
            v.store(row, v.pointer(out, place), all_)
        return context.get_dummy_value()

    return types.void(MATRIX, MATRIX, like), code


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def scratch(typing_context: Any, n: Any, like: Any) -> Any:
    """The address of memory for n numbers on the stack, which this call of the function has."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        block = ir.ArrayType(context.get_value_type(like), n.literal_value)
        with builder.goto_entry_block():
            slot = builder.alloca(block)
        return builder.ptrtoint(slot, WORD)

    return types.intp(n, like), code
