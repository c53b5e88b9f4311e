"""Calls that are at hand, written as a log without ever holding all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.logs.columns import parquet_metadata
from routelab.logs.importers.calls.call_store import PART, CallStore, check_out
from routelab.logs.importers.calls.logged_call import LoggedCall

_BYTES = 32 << 20
"""Characters of texts that are held at most, but for one call."""


def write_calls(
    calls: Iterable[LoggedCall],
    out: Path,
    *,
    signals: Mapping[str, SignalSpec] | None = None,
    catalogue: Catalogue | None = None,
) -> int:
    """Write calls as a Parquet log; a file at `out` is replaced atomically, or stays as it was.

    Of calls of the same request, model, attempt and step the first is kept.

    Args:
        calls: in the order in which they are to stand; each is looked at once.
        out: ends in .parquet.
        signals: columns that are confidence signals, and what each costs.
        catalogue: of the models, with their prices.
    Returns:
        How many calls the log holds.
    Raises:
        LogError: no log can be written to `out`, or there are no calls.
        OSError: the disk is full, or may not be written.
    """
    check_out(out.parent, out)
    store = CallStore(out, os.urandom(8).hex(), [out])  # nothing to go on with
    held: list[LoggedCall] = []
    size = done = 0

    def keep() -> None:
        nonlocal size, done
        store.add(held, [(0, done + at) for at in range(len(held))], ())
        done += len(held)
        size = 0
        held.clear()

    try:
        for call in calls:
            held.append(call)
            size += _characters(call)
            if len(held) >= PART or size >= _BYTES:
                keep()
        keep()
        if not store.state.calls:
            raise LogError(f"{out}: there are no calls to write")
        store.finish(parquet_metadata.extras(signals or {}, catalogue))
    except BaseException:
        store.remove()
        raise
    return store.state.calls


def _characters(call: LoggedCall) -> int:
    """Of the texts of a call."""
    sent: Any = call.messages or ()
    asked = len(sent) if isinstance(sent, str) else sum(len(str(it.get("content"))) for it in sent)
    return asked + len(call.response or "") + sum(map(len, call.texts.values()))
