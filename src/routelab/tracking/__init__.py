"""Studies in MLflow: sent when a server answers, kept beside the policy until one does.

The only users of MLflow are here, and they import it when they are called.
"""

from routelab.tracking.pending_studies import mark, waiting
from routelab.tracking.registry import fetch, promote, versions
from routelab.tracking.send import SentStudy, send
from routelab.tracking.store import shown_uri

__all__ = [
    "SentStudy",
    "fetch",
    "mark",
    "promote",
    "send",
    "shown_uri",
    "versions",
    "waiting",
]
