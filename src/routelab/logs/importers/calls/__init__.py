"""Calls that other programs wrote down, as a log: records, conversion, and a store that resumes."""

from routelab.logs.importers.calls.call_importer import (
    CallImporter,
    Convert,
    Converted,
    SkippedRecord,
)
from routelab.logs.importers.calls.import_calls import ImportedCalls, import_calls, skipped_note
from routelab.logs.importers.calls.logged_call import LoggedCall
from routelab.logs.importers.calls.records import Record, record_files, records
from routelab.logs.importers.calls.values import Fields

__all__ = [
    "CallImporter",
    "Convert",
    "Converted",
    "Fields",
    "ImportedCalls",
    "LoggedCall",
    "Record",
    "SkippedRecord",
    "import_calls",
    "record_files",
    "records",
    "skipped_note",
]
