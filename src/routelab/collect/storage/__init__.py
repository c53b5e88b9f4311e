"""What a collection is on the disk: its requests, a journal of what was paid for, and its end."""

from routelab.collect.storage.cell import AskedCell, Line, Outcome, Released, Reserved
from routelab.collect.storage.cell_files import DamagedLine
from routelab.collect.storage.cell_log import (
    LOG,
    Grades,
    logged_call,
    signal_column,
    signal_specs,
    write_log,
)
from routelab.collect.storage.cell_table import OUTCOMES, ArmTotals, CellTable
from routelab.collect.storage.collection import CollectedCell, Collection, is_collection
from routelab.collect.storage.journal import CellJournal
from routelab.collect.storage.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Arm,
    Manifest,
    differences,
    read_manifest,
    write_manifest,
)
from routelab.collect.storage.request_file import (
    REQUESTS,
    CollectedRequest,
    RequestFile,
    encode_request,
)
from routelab.collect.storage.writer import CollectionLock, CollectionWriter, unwritable

__all__ = [
    "LOG",
    "MANIFEST",
    "OUTCOMES",
    "REQUESTS",
    "SCHEMA_VERSION",
    "Arm",
    "ArmTotals",
    "AskedCell",
    "CellJournal",
    "CellTable",
    "CollectedCell",
    "CollectedRequest",
    "Collection",
    "CollectionLock",
    "CollectionWriter",
    "DamagedLine",
    "Grades",
    "Line",
    "Manifest",
    "Outcome",
    "Released",
    "RequestFile",
    "Reserved",
    "differences",
    "encode_request",
    "is_collection",
    "logged_call",
    "read_manifest",
    "signal_column",
    "signal_specs",
    "unwritable",
    "write_log",
    "write_manifest",
]
