"""A plain table as Parquet, for tables that are no log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_bytes(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Aligned columns as a Parquet file; the same columns give the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(columns)), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content
