"""Logs of requests and what models did on them; the only user of pyarrow and pandas."""

from routelab.logs.describe import describe
from routelab.logs.formats.texts import TextsInMemory, prompt_key
from routelab.logs.model.log import Log, Requests, Texts
from routelab.logs.model.partial import PartialLog
from routelab.logs.read import read
from routelab.logs.write import write

__all__ = [
    "Log",
    "PartialLog",
    "Requests",
    "Texts",
    "TextsInMemory",
    "describe",
    "prompt_key",
    "read",
    "write",
]
