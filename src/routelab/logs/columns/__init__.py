"""Which column of a file holds what, and checked rows made of them."""

from routelab.logs.columns import assemble, names, notes, parquet_metadata, prices, sidecar, wide
from routelab.logs.columns.conversations import check_conversations
from routelab.logs.columns.frame import NEEDED, UNNAMED, Frame, long_frame
from routelab.logs.columns.names import RESERVED, ColumnNames, is_free, listed_names
from routelab.logs.columns.parquet_metadata import DECISIONS_KEY
from routelab.logs.columns.rows import LogRows, checked_rows
from routelab.logs.columns.wide import wide_frame, wide_models

__all__ = [
    "DECISIONS_KEY",
    "NEEDED",
    "RESERVED",
    "UNNAMED",
    "ColumnNames",
    "Frame",
    "LogRows",
    "assemble",
    "check_conversations",
    "checked_rows",
    "is_free",
    "listed_names",
    "long_frame",
    "names",
    "notes",
    "parquet_metadata",
    "prices",
    "sidecar",
    "wide",
    "wide_frame",
    "wide_models",
]
