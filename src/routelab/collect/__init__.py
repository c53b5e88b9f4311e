"""Ask live models about real requests, keep every paid answer, and end in a log."""

from routelab.collect.storage import (
    CollectedCell,
    CollectedRequest,
    Collection,
    is_collection,
    write_log,
)

__all__ = [
    "CollectedCell",
    "CollectedRequest",
    "Collection",
    "is_collection",
    "write_log",
]
