"""httpx, and httpx2 where a user brings something of it: one API, two sets of classes.

httpx2 is never imported here: whoever gives something of it has done so.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import httpx

_OTHER = "httpx2"


def library_of(given: object, kind: str) -> ModuleType | None:
    """The library whose `kind` something is; None of anything else.

    Args:
        kind: "AsyncClient" or "AsyncBaseTransport".
    """
    for library in (httpx, sys.modules.get(_OTHER)):
        if library is not None and isinstance(given, getattr(library, kind)):
            return library
    return None


def in_library(request: httpx.Request, library: ModuleType) -> Any:
    """A request that was read, as one of a library."""
    if library is httpx:
        return request
    return library.Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        stream=library.ByteStream(request.content),
        extensions=request.extensions,
    )


def in_httpx(error: Exception) -> Exception:
    """A failure of httpx2 as that of httpx; any other as it is."""
    if type(error).__module__.partition(".")[0] != _OTHER:
        return error
    kind = getattr(httpx, type(error).__name__, None)
    if kind is None:
        same: Exception = httpx.HTTPError(f"{type(error).__name__} {error}")
    elif issubclass(kind, httpx.StreamConsumed | httpx.StreamClosed | httpx.ResponseNotRead):
        same = kind()
    else:
        same = kind(str(error))
    same.__cause__ = error.__cause__
    return same
