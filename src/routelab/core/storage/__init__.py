"""What is written down of a request, and how files are written so that a crash loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.core.storage.atomic import replacing, sweep, sync, unfinished
    from routelab.core.storage.file_lock import is_locked, lock_file
    from routelab.core.storage.file_reads import (
        check_regular,
        inside,
        lines_of,
        open_regular,
        read_bounded,
    )
    from routelab.core.storage.plain_data import encoded
    from routelab.core.storage.read_limits import Limits, limits, raise_limits, raised
    from routelab.core.storage.record import (
        AlertRecord,
        AttemptRecord,
        ChoiceRecord,
        FeedbackRecord,
        Record,
        ScoreRecord,
        Status,
        StepRecord,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AlertRecord": "record",
            "AttemptRecord": "record",
            "ChoiceRecord": "record",
            "FeedbackRecord": "record",
            "Limits": "read_limits",
            "Record": "record",
            "ScoreRecord": "record",
            "Status": "record",
            "StepRecord": "record",
            "check_regular": "file_reads",
            "encoded": "plain_data",
            "inside": "file_reads",
            "is_locked": "file_lock",
            "limits": "read_limits",
            "lines_of": "file_reads",
            "lock_file": "file_lock",
            "open_regular": "file_reads",
            "raise_limits": "read_limits",
            "raised": "read_limits",
            "read_bounded": "file_reads",
            "replacing": "atomic",
            "sweep": "atomic",
            "sync": "atomic",
            "unfinished": "atomic",
        },
    )

__all__ = [
    "AlertRecord",
    "AttemptRecord",
    "ChoiceRecord",
    "FeedbackRecord",
    "Limits",
    "Record",
    "ScoreRecord",
    "Status",
    "StepRecord",
    "check_regular",
    "encoded",
    "inside",
    "is_locked",
    "limits",
    "lines_of",
    "lock_file",
    "open_regular",
    "raise_limits",
    "raised",
    "read_bounded",
    "replacing",
    "sweep",
    "sync",
    "unfinished",
]
