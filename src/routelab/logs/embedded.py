"""What a log written by routelab carries in its Parquet metadata, instead of a sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from routelab.core.catalogue.catalogue import Catalogue
from routelab.core.signal_spec import SignalSpec

DECISIONS_KEY = b"routelab.decisions"
"""Of a compacted decision log: the names of the files it was made of, as a JSON array."""

_LOG_KEY = b"routelab.log"


class Embedded(msgspec.Struct, frozen=True, omit_defaults=True):
    """Signal specs and the catalogue of a log."""

    signals: Mapping[str, SignalSpec] = msgspec.field(default_factory=dict)
    catalogue: Catalogue | None = None


def read(extras: Mapping[bytes, bytes]) -> Embedded:
    """What the metadata says; nothing if another program wrote the file."""
    try:
        return msgspec.json.decode(extras.get(_LOG_KEY, b"{}"), type=Embedded)
    except msgspec.DecodeError:
        return Embedded()


def extras(signals: Mapping[str, SignalSpec], catalogue: Catalogue | None) -> dict[bytes, bytes]:
    """The metadata that says it."""
    return {_LOG_KEY: msgspec.json.encode(Embedded(signals, catalogue), order="sorted")}
