"""What a log written by routelab carries in its Parquet metadata, instead of a sidecar."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue

DECISIONS_KEY = b"routelab.decisions"
"""Of a compacted decision log: the names of the files it was made of, as a JSON array."""

_LOG_KEY = b"routelab.log"


class EmbeddedMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """Signal specs and the catalogue of a log."""

    signals: Mapping[str, SignalSpec] = msgspec.field(default_factory=dict)
    catalogue: Catalogue | None = None


def read(extras: Mapping[bytes, bytes]) -> EmbeddedMetadata:
    """What the metadata says; nothing if another program wrote the file."""
    try:
        return msgspec.json.decode(extras.get(_LOG_KEY, b"{}"), type=EmbeddedMetadata)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return EmbeddedMetadata()


def extras(signals: Mapping[str, SignalSpec], catalogue: Catalogue | None) -> dict[bytes, bytes]:
    """The metadata that says it."""
    return {_LOG_KEY: msgspec.json.encode(EmbeddedMetadata(signals, catalogue), order="sorted")}
