"""Logs of requests and what models did on them; the only user of pyarrow and pandas."""

from routelab.logs import decisions
from routelab.logs.arrival_trace import arrival_trace
from routelab.logs.batches import LogBatches, open_batches
from routelab.logs.describe import describe
from routelab.logs.formats import TextsInMemory, prompt_key
from routelab.logs.grade_tally import GradeTally, GradingSummary, ModelGrades
from routelab.logs.grading import check_graded_path, grade
from routelab.logs.model import Log, PartialLog, Requests, Texts
from routelab.logs.raw_columns import RawColumns
from routelab.logs.reader import read
from routelab.logs.traffic import traffic
from routelab.logs.write import write

__all__ = [
    "GradeTally",
    "GradingSummary",
    "Log",
    "LogBatches",
    "ModelGrades",
    "PartialLog",
    "RawColumns",
    "Requests",
    "Texts",
    "TextsInMemory",
    "arrival_trace",
    "check_graded_path",
    "decisions",
    "describe",
    "grade",
    "open_batches",
    "prompt_key",
    "read",
    "traffic",
    "write",
]
