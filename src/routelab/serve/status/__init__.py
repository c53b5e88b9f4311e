"""The status page: what a gateway serves, spends and decides, as data and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.status.assets import PageFile, page_files
    from routelab.serve.status.board import StatusBoard
    from routelab.serve.status.recent_decisions import CallSummary, DecisionSummary
    from routelab.serve.status.report import (
        PolicyStatus,
        SpendTotals,
        StatusReport,
        merged_reports,
    )
    from routelab.serve.status.view import page_data
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "CallSummary": "recent_decisions",
            "DecisionSummary": "recent_decisions",
            "PageFile": "assets",
            "PolicyStatus": "report",
            "SpendTotals": "report",
            "StatusBoard": "board",
            "StatusReport": "report",
            "merged_reports": "report",
            "page_data": "view",
            "page_files": "assets",
        },
    )

__all__ = [
    "CallSummary",
    "DecisionSummary",
    "PageFile",
    "PolicyStatus",
    "SpendTotals",
    "StatusBoard",
    "StatusReport",
    "merged_reports",
    "page_data",
    "page_files",
]
