"""Which column of a file holds what, and checked rows made of them."""

from routelab.logs.columns import (
    assemble,
    matching,
    names,
    notes,
    parquet_metadata,
    prices,
    sidecar,
    wide,
)
from routelab.logs.columns.conversations import check_conversations
from routelab.logs.columns.failures import failed_numbers, failures
from routelab.logs.columns.frame import UNNAMED, Frame, long_frame
from routelab.logs.columns.names import (
    NEEDED,
    RESERVED,
    ColumnNames,
    is_free,
    listed_names,
    resolve,
)
from routelab.logs.columns.parquet_metadata import DECISIONS_KEY
from routelab.logs.columns.rows import FARTHEST, MOST, LogRows, checked_rows
from routelab.logs.columns.scale import ROUNDING, scale_of
from routelab.logs.columns.wide import wide_frame, wide_models

__all__ = [
    "DECISIONS_KEY",
    "FARTHEST",
    "MOST",
    "NEEDED",
    "RESERVED",
    "ROUNDING",
    "UNNAMED",
    "ColumnNames",
    "Frame",
    "LogRows",
    "assemble",
    "check_conversations",
    "checked_rows",
    "failed_numbers",
    "failures",
    "is_free",
    "listed_names",
    "long_frame",
    "matching",
    "names",
    "notes",
    "parquet_metadata",
    "prices",
    "resolve",
    "scale_of",
    "sidecar",
    "wide",
    "wide_frame",
    "wide_models",
]
