"""Calls that other programs wrote down, as a log: records, conversion, and a store that resumes."""

from routelab.logs.importers.calls.call_importer import (
    CallImporter,
    Convert,
    Converted,
    SkippedRecord,
)
from routelab.logs.importers.calls.call_log import write_calls
from routelab.logs.importers.calls.call_store import check_out
from routelab.logs.importers.calls.import_calls import ImportedCalls, import_calls, skipped_note
from routelab.logs.importers.calls.logged_call import LoggedCall
from routelab.logs.importers.calls.records import CallRecord, decoded, record_files, records
from routelab.logs.importers.calls.values import (
    Fields,
    TokenCounts,
    amount,
    answer_of,
    between_s,
    content_of,
    counted,
    fields,
    first,
    moment_s,
    number,
    parsed,
    propensity_in,
    text,
    tokens_within,
)

__all__ = [
    "CallImporter",
    "CallRecord",
    "Convert",
    "Converted",
    "Fields",
    "ImportedCalls",
    "LoggedCall",
    "SkippedRecord",
    "TokenCounts",
    "amount",
    "answer_of",
    "between_s",
    "check_out",
    "content_of",
    "counted",
    "decoded",
    "fields",
    "first",
    "import_calls",
    "moment_s",
    "number",
    "parsed",
    "propensity_in",
    "record_files",
    "records",
    "skipped_note",
    "text",
    "tokens_within",
    "write_calls",
]
