"""Files of rows: CSV, JSON Lines, Parquet, one file or a folder of them."""

from routelab.logs.formats import arrow
from routelab.logs.formats.arrow import is_text
from routelab.logs.formats.csv import open_csv
from routelab.logs.formats.delimiter import csv_header
from routelab.logs.formats.folder import FolderSource, open_folder
from routelab.logs.formats.jsonl import numbered_objects, open_jsonl, stacked_tables
from routelab.logs.formats.parquet import open_parquet, readable
from routelab.logs.formats.source import RowSource, TableSource
from routelab.logs.formats.table import parquet_bytes, table_columns
from routelab.logs.formats.texts import FileTexts, TextsInMemory, message_key, prompt_key, said

__all__ = [
    "FileTexts",
    "FolderSource",
    "RowSource",
    "TableSource",
    "TextsInMemory",
    "arrow",
    "csv_header",
    "is_text",
    "message_key",
    "numbered_objects",
    "open_csv",
    "open_folder",
    "open_jsonl",
    "open_parquet",
    "parquet_bytes",
    "prompt_key",
    "readable",
    "said",
    "stacked_tables",
    "table_columns",
]
