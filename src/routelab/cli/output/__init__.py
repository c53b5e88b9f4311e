"""Output of commands: tables, progress, where a report and a record went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.cli.output.progress import progress
from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.cli.output import collection_tables, day_tables, tables
    from routelab.cli.output.progress import passes
    from routelab.cli.output.report_output import (
        report_note,
        report_path,
        reported,
        write,
        write_report,
    )
    from routelab.cli.output.tracking_output import record, recorder, tracking_note
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "collection_tables": "",
            "day_tables": "",
            "passes": "progress",
            "record": "tracking_output",
            "recorder": "tracking_output",
            "report_note": "report_output",
            "report_path": "report_output",
            "reported": "report_output",
            "tables": "",
            "tracking_note": "tracking_output",
            "write": "report_output",
            "write_report": "report_output",
        },
    )

__all__ = [
    "collection_tables",
    "day_tables",
    "passes",
    "progress",
    "record",
    "recorder",
    "report_note",
    "report_path",
    "reported",
    "tables",
    "tracking_note",
    "write",
    "write_report",
]
