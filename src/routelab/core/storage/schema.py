"""The JSON Schema of the decision log's lines, made from the types that write them.

`python -m routelab.core.storage.schema` prints it.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

import msgspec

from routelab.core.storage.record import AlertRecord, FeedbackRecord, Record

_LINES = (Record, FeedbackRecord, AlertRecord)


def decision_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a line: a request's record, what its answer was worth, or a
    budget's news."""
    _, defs = msgspec.json.schema_components(list(_LINES), ref_template="#/$defs/{name}")
    for it in defs.values():
        it["description"] = " ".join(inspect.cleandoc(it["description"]).split())
    either = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in _LINES]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a line of a decision log",
        "anyOf": either,
        "$defs": dict(sorted(defs.items())),
    }


def text() -> str:
    """The schema as the file `docs/decision.schema.json` holds it."""
    encoded = msgspec.json.format(msgspec.json.encode(decision_schema()), indent=2)
    return encoded.decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
