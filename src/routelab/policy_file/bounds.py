"""How large and how deep a policy directory may be: it comes from anywhere, and loading ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import msgspec
import numpy as np

from routelab.core.messages import shown
from routelab.core.storage import limits, raised
from routelab.errors import PolicyFileError
from routelab.policy_file.document import Document

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = np.zeros(256, dtype=np.int64)
_STEP[[*b"[{"]], _STEP[[*b"]}"]] = 1, -1

_LEVELS = 6
"""Lists and objects that a policy in a policy may lie in, and what a leaf of it holds."""

_HEADER = 4 << 20
"""Bytes of the header of a file of tensors: some 40,000 of them."""

_SIZES = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "I16": 2,
    "U16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
"""Bytes of a number of each type that numpy has."""


def check_depth(content: bytes, where: str) -> None:
    """Refuse JSON whose lists and objects lie too deep in one another, before it is read.

    Args:
        content: of a file, or one line of it.
        where: it stands, for the error.
    Raises:
        PolicyFileError: it does.
    """
    most = limits().nesting * _LEVELS
    if content.count(b"[") + content.count(b"{") <= most:
        return
    brackets = _TEXTS.sub(b"", content).translate(None, _BUT_BRACKETS)
    depths = np.cumsum(_STEP[np.frombuffer(brackets, dtype=np.uint8)])
    if depths.max(initial=0) > most:
        raise PolicyFileError(
            f"{where}: lists and objects lie more than {most} deep in one another; nest fewer, or"
            f" {raised('nesting')}"
        )


def check_counts(document: Document) -> None:
    """Refuse a document that names more than any policy needs.

    Raises:
        PolicyFileError: it does, with the field, the count and the limit.
    """
    known = limits()
    fields: Mapping[str, Any] = {
        "candidates": document.candidates,
        "catalogue.models": document.catalogue.models,
        "signals": document.signals,
        "scorers": document.scorers,
        "features": document.features,
        "estimates": document.estimates,
    }
    problems = [
        f"{name} are {len(value):,}, more than {known.policies:,}; {raised('policies')}"
        for name, value in fields.items()
        if len(value) > known.policies
    ]
    problems += _nested(document.policy, known.policies, known.nesting)
    if problems:
        raise PolicyFileError(*problems)


def _nested(policy: Any, most: int, deepest: int) -> Iterator[str]:
    """Too many policies, or too deep in one another; what has a kind is counted as one."""
    waiting, count = [(policy, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            if "kind" in value:
                depth, count = depth + 1, count + 1
            waiting += [(it, depth) for it in value.values() if isinstance(it, dict | list)]
        elif isinstance(value, list):
            waiting += [(it, depth) for it in value if isinstance(it, dict | list)]
        if depth > deepest:
            way_out = f"nest fewer, or {raised('nesting')}"
            yield f"policy: policies lie more than {deepest} deep in one another; {way_out}"
            return
        if count > most:
            yield f"policy: more than {most:,} policies and gates; {raised('policies')}"
            return


class _Tensor(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def check_tensors(content: bytes, where: str) -> None:
    """Refuse a file of tensors whose header promises what no scorer reads.

    Args:
        content: of the file.
        where: its name, for the error.
    Raises:
        PolicyFileError: too many tensors or axes, a type that numpy has not, or a size that is not
            that of its numbers.
    """
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(len(content) - 8, _HEADER):
        raise PolicyFileError(f"{where}: its header is cut or too long; restore the file")
    header = content[8 : 8 + size]
    check_depth(header, where)
    try:
        found = msgspec.json.decode(header, type=dict[str, Any])
        found.pop("__metadata__", None)
        tensors = msgspec.convert(found, dict[str, _Tensor])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{where}: its header is none: {error}") from error
    known = limits()
    if len(tensors) > known.tensors:
        raise PolicyFileError(
            f"{where}: {len(tensors):,} tensors, more than {known.tensors:,}; {raised('tensors')}"
        )
    for name, it in tensors.items():
        if (problem := _misfit(it, known.dimensions)) is not None:
            raise PolicyFileError(f"{where}: tensor {shown(name)!r} {problem}")


def _misfit(tensor: _Tensor, dimensions: int) -> str | None:
    if len(tensor.shape) > dimensions:
        return f"has {len(tensor.shape)} axes, more than {dimensions}; {raised('dimensions')}"
    if tensor.dtype not in _SIZES:
        return f"is of type {shown(tensor.dtype)!r}, which no scorer reads; restore the file"
    if any(not 0 <= length < 1 << 48 for length in tensor.shape):
        return f"has the shape {tensor.shape}; restore the file"
    start, end = tensor.data_offsets
    if end - start != prod(tensor.shape) * _SIZES[tensor.dtype]:
        return f"has the shape {tensor.shape}, and {end - start} bytes; restore the file"
    return None
