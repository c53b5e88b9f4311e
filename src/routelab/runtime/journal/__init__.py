"""The decision log: a line for every request, written beside the requests and never before them."""

from routelab.runtime.journal.decision_log import DecisionLog
from routelab.runtime.journal.sink import LogStatus, Sink

__all__ = ["DecisionLog", "LogStatus", "Sink"]
