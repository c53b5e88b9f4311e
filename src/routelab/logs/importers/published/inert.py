"""What a pickle of a table names, as records that do nothing.

A pickle is a program: it names functions and calls them. Here every name is answered with a
class that only keeps what it is called with, so that no code of the pickle's choosing runs,
not even NumPy's or pandas', whose own constructors trust the numbers they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

_NAMES: Mapping[str, tuple[str, ...]] = {
    "frame": ("pandas.DataFrame", "pandas.core.frame.DataFrame"),
    "manager": (
        "pandas.core.internals.BlockManager",
        "pandas.core.internals.managers.BlockManager",
    ),
    "block": (
        "pandas._libs.internals._unpickle_block",
        "pandas.core.internals.blocks.new_block",
    ),
    "index": ("pandas.core.indexes.base._new_Index",),
    "index kind": (
        "pandas.Index",
        "pandas.RangeIndex",
        "pandas.core.indexes.base.Index",
        "pandas.core.indexes.numeric.Int64Index",
        "pandas.core.indexes.range.RangeIndex",
    ),
    "string type": ("pandas.StringDtype", "pandas.core.arrays.string_.StringDtype"),
    "strings": (
        "pandas.arrays.StringArray",
        "pandas.core.arrays.string_.StringArray",
        "pandas.core.arrays.string_.StringArrayNumpySemantics",
    ),
    "backed": ("pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",),
    "arrow strings": (
        "pandas.arrays.ArrowStringArray",
        "pandas.core.arrays.string_arrow.ArrowStringArray",
        "pandas.core.arrays.string_arrow.ArrowStringArrayNumpySemantics",
    ),
    "nothing": ("pandas.NA", "pandas._libs.missing.NA"),
    "arrow array": ("pyarrow.lib._restore_array",),
    "arrow chunks": ("pyarrow.lib.chunked_array",),
    "arrow type": ("pyarrow.lib.type_for_alias",),
    "arrow buffer": ("pyarrow.lib.py_buffer",),
    "array": ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
    "array kind": ("numpy.ndarray",),
    "raw array": ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"),
    "number": ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    "type": ("numpy.dtype",),
    "slice": ("builtins.slice", "__builtin__.slice"),
    "bytes": (
        "_codecs.encode",
        "builtins.bytes",
        "builtins.bytearray",
        "__builtin__.bytes",
        "__builtin__.bytearray",
    ),
    "object": ("builtins.object", "__builtin__.object"),
    "instance": ("copyreg._reconstructor", "copy_reg._reconstructor"),
}

ALLOWED: Mapping[str, str] = {name: kind for kind, names in _NAMES.items() for name in names}
"""Full names that a pickled table of pandas 1, 2 or 3 may hold, to what each stands for."""


class InertObject:
    """What a pickle asked to be made.

    Attributes:
        kind: what it stands for.
        args: what it was to be made from.
        state: what it was told of itself afterwards.
    """

    kind: ClassVar[str] = ""
    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> InertObject:
        made = super().__new__(cls)
        made.args, made.state = args, None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


def standing_for(kind: str) -> type[InertObject]:
    """A class that keeps what it is called with."""
    return type("Made", (InertObject,), {"kind": kind})


def kind_of(value: Any) -> str:
    """What a record stands for; the name of its type for anything else."""
    if isinstance(value, InertObject):
        old = value.kind == "instance" and value.args and isinstance(value.args[0], type)
        return kind_of(value.args[0]) if old else value.kind
    if isinstance(value, type) and issubclass(value, InertObject):
        return value.kind
    return type(value).__name__
