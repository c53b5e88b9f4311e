"""How long a call takes."""

from __future__ import annotations

import time


def seconds(function, *arguments) -> float:
    """Of the wall clock, once."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start
