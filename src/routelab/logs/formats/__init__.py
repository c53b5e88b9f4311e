"""Files of rows: CSV, JSON Lines, Parquet, one file or a folder of them."""

from routelab.logs.formats import arrow
from routelab.logs.formats.arrow_text import is_text
from routelab.logs.formats.bounds import bounded_lines, refusing
from routelab.logs.formats.csv import open_csv
from routelab.logs.formats.delimiter import csv_header
from routelab.logs.formats.folder import FolderSource, open_folder
from routelab.logs.formats.json import open_json
from routelab.logs.formats.jsonl import numbered_objects, open_jsonl, stacked_tables
from routelab.logs.formats.notation import GRADES, NO_VALUE, numerals
from routelab.logs.formats.parquet import open_parquet, readable
from routelab.logs.formats.source import RowSource, TableSource, WithoutColumns
from routelab.logs.formats.table import (
    check_table_path,
    parquet_bytes,
    table_columns,
    write_table,
)
from routelab.logs.formats.texts import (
    FileTexts,
    TextsInMemory,
    message_key,
    prompt_group,
    prompt_key,
    said,
)

__all__ = [
    "GRADES",
    "NO_VALUE",
    "FileTexts",
    "FolderSource",
    "RowSource",
    "TableSource",
    "TextsInMemory",
    "WithoutColumns",
    "arrow",
    "bounded_lines",
    "check_table_path",
    "csv_header",
    "is_text",
    "message_key",
    "numbered_objects",
    "numerals",
    "open_csv",
    "open_folder",
    "open_json",
    "open_jsonl",
    "open_parquet",
    "parquet_bytes",
    "prompt_group",
    "prompt_key",
    "readable",
    "refusing",
    "said",
    "stacked_tables",
    "table_columns",
    "write_table",
]
