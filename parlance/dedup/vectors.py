"""What numba cannot say by itself: loads from any byte, 64 bytes compared at once, the lowest set bit, atomic exchange.

LLVM turns the vector code into what the processor has, from SSE2 or NEON to AVX-512.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BLOCK = 64

_BYTE = ir.IntType(8)
_BLOCK = ir.VectorType(_BYTE, BLOCK)
_WORD = ir.IntType(64)

Build = Callable[[Any, Any], Any]


def _constant(value: int) -> ir.Constant:
    return ir.Constant(_BLOCK, [value] * BLOCK)


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    array, place = arguments
    data = cgutils.create_struct_proxy(signature.args[0])(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _mask(build: Build) -> Any:
    """A function of a byte array and a place: bit i says what `build` gives for the byte `place + i`, up to 64 of them.

    All 64 bytes are read: whoever calls sees to it that they are there.
    """

    @intrinsic
    def mask(typing: Any, array: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            loaded = builder.load(_pointer(context, builder, signature, arguments, _BLOCK))
            loaded.align = 1
            return builder.bitcast(build(builder, loaded), _WORD)

        return types.uint64(array, types.int64), generate

    return mask


def _is_word(builder: Any, data: Any) -> Any:
    letter = builder.icmp_unsigned(
        "<", builder.sub(builder.or_(data, _constant(32)), _constant(ord("a"))), _constant(26)
    )
    digit = builder.icmp_unsigned("<", builder.sub(data, _constant(ord("0"))), _constant(10))
    other = builder.or_(builder.icmp_unsigned("==", data, _constant(ord("_"))), _is_high(builder, data))
    return builder.or_(builder.or_(letter, digit), other)


def _is_high(builder: Any, data: Any) -> Any:
    return builder.icmp_signed("<", data, _constant(0))


word_bytes = _mask(_is_word)  # letters, digits, underscores and everything beyond ASCII
high_bytes = _mask(_is_high)  # beyond ASCII


@intrinsic
def load(typing: Any, array: Any, place: Any) -> Any:
    """The eight bytes of `array` at `place` as a little-endian number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_pointer(context, builder, signature, arguments, _WORD))
        loaded.align = 1
        return loaded

    return types.uint64(array, types.int64), generate


@intrinsic
def lowest(typing: Any, bits: Any) -> Any:
    """The place of the lowest set bit of `bits`, which must have one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def exchanged(typing: Any, array: Any, place: Any, old: Any, new: Any) -> Any:
    """Whether `array` had `old` at `place`; then it has `new` now, and no other thread came between."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, at, before, after = arguments
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, values).data
        swapped = builder.cmpxchg(builder.gep(data, [at]), before, after, "acq_rel", "monotonic")
        return builder.extract_value(swapped, 1)

    return types.boolean(array, types.int64, array.dtype, array.dtype), generate
