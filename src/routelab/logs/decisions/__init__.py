"""Decision logs: what routers wrote down, read back in as logs."""

from routelab.logs.decisions.compact import CompactionSummary, compact
from routelab.logs.decisions.journal import Journal, is_journal, open_journal
from routelab.logs.decisions.source import judgements, open_decisions

__all__ = [
    "CompactionSummary",
    "Journal",
    "compact",
    "is_journal",
    "judgements",
    "open_decisions",
    "open_journal",
]
