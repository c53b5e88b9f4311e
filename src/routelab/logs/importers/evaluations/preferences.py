"""Human preferences between two models' answers to one prompt: wins and ties.

Source: the columns of arena preference sets, model_a, model_b and winner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from routelab.logs.importers.calls import (
    CallImporter,
    Convert,
    Converted,
    Fields,
    LoggedCall,
    SkippedRecord,
    answer_of,
    moment_s,
    parsed,
    text,
)

_NO_PAIR = SkippedRecord("names no two models and a winner")
_NO_WORD = SkippedRecord("has a winner that is neither model_a, model_b nor a tie")
_ITSELF = SkippedRecord("compares a model with itself")
_GRADES: Mapping[str, tuple[float, float]] = {
    "model_a": (1.0, 0.0),
    "model_b": (0.0, 1.0),
    "a": (1.0, 0.0),
    "b": (0.0, 1.0),
    "tie": (0.5, 0.5),
    "both_good": (0.5, 0.5),
    "tie (bothbad)": (0.5, 0.5),
    "both_bad": (0.5, 0.5),
}


def _open(path: Path, columns: Mapping[str, str]) -> Convert:
    del path, columns
    return _convert


def _convert(record: Fields, file: Path) -> Converted:
    one, other = text(record.get("model_a")), text(record.get("model_b"))
    winner = text(record.get("winner")).lower()
    if not (one and other and winner):
        return _NO_PAIR
    if one == other:
        return _ITSELF
    grades = _GRADES.get(winner) or {one.lower(): (1.0, 0.0), other.lower(): (0.0, 1.0)}.get(winner)
    if grades is None:
        return _NO_WORD
    own = text(record.get("question_id") or record.get("id") or record.get("request_id"))
    return [
        LoggedCall(
            request_id=own or f"{file.stem}/{_hash_of(record)}",
            model=model,
            messages=_prompt(record, side),
            response=_answer(record, side),
            task=text(record.get("task") or record.get("category")),
            session_id=text(record.get("judge") or record.get("evaluation_session_id")),
            timestamp=moment_s(record.get("tstamp", record.get("timestamp"))),
            quality=grade,
        )
        for side, model, grade in (("a", one, grades[0]), ("b", other, grades[1]))
    ]


def _hash_of(record: Fields) -> str:
    """A name for a comparison that has none."""
    return hashlib.sha256(repr(sorted(record.items())).encode()).hexdigest()[:16]


def _prompt(record: Fields, side: str) -> Any:
    if prompt := parsed(record.get("prompt")):
        return prompt if isinstance(prompt, str) else _texts(prompt)
    turns = parsed(record.get(f"conversation_{side}"))
    return turns[:-1] if isinstance(turns, list) and len(turns) > 1 else None


def _texts(prompt: object) -> str:
    return "\n".join(map(text, prompt)) if isinstance(prompt, list) else text(prompt)


def _answer(record: Fields, side: str) -> str | None:
    found = parsed(record.get(f"response_{side}", record.get(f"conversation_{side}")))
    return answer_of(found)


IMPORTER = CallImporter(
    name="preferences",
    summary="Human preferences between two models: 1 for the winner, 0 for the other, ½ for a tie.",
    layout="a file or folder with the columns model_a, model_b, winner, and prompt or"
    " conversation_a and conversation_b.",
    example="preferences.jsonl",
    open=_open,
    rows_at=("data",),
    traffic=False,
    notes=(
        "quality is that of one model against the other on that prompt, and not a grade by itself:"
        " compare only models that met each other",
    ),
)
