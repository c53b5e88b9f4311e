"""Studies in MLflow: sent when a server answers, kept beside the policy until one does.

The only users of MLflow are here, and they import it when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.tracking.send import send

if TYPE_CHECKING:
    from routelab.tracking.pending_studies import mark, settle, waiting
    from routelab.tracking.recorder import StudyRecorder, patience_s
    from routelab.tracking.registry import PolicyVersion, fetch, promote, versions
    from routelab.tracking.send import SentStudy
    from routelab.tracking.store import shown_uri
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "PolicyVersion": "registry",
            "StudyRecorder": "recorder",
            "SentStudy": "send",
            "fetch": "registry",
            "mark": "pending_studies",
            "patience_s": "recorder",
            "promote": "registry",
            "settle": "pending_studies",
            "shown_uri": "store",
            "versions": "registry",
            "waiting": "pending_studies",
        },
    )

__all__ = [
    "PolicyVersion",
    "SentStudy",
    "StudyRecorder",
    "fetch",
    "mark",
    "patience_s",
    "promote",
    "send",
    "settle",
    "shown_uri",
    "versions",
    "waiting",
]
