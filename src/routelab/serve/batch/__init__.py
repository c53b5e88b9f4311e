"""Batch files: many requests from a file, answered into another, and gone on with after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.batch.batch_input import BatchInput, BatchLine
    from routelab.serve.batch.batch_output import BatchOutput
    from routelab.serve.batch.batch_run import BatchProgress, BatchRun
    from routelab.serve.batch.batch_watch import BatchWatch
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "BatchInput": "batch_input",
            "BatchLine": "batch_input",
            "BatchOutput": "batch_output",
            "BatchProgress": "batch_run",
            "BatchRun": "batch_run",
            "BatchWatch": "batch_watch",
        },
    )

__all__ = ["BatchInput", "BatchLine", "BatchOutput", "BatchProgress", "BatchRun", "BatchWatch"]
