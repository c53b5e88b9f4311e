"""MT-Bench: a judge's score per question, turn and model, as FastChat writes them.

`judgements.jsonl` has question_id, model, turn, score (1 to 10) and user_prompt, what the judge
was shown; `question.jsonl` beside it has question_id, category and turns.

Source: Zheng et al., arXiv 2306.05685.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from routelab.core import Floats
from routelab.errors import LogError
from routelab.logs.columns import listed_names
from routelab.logs.formats import open_jsonl
from routelab.logs.importers.published.wide_table import wide_table
from routelab.logs.model import Problems

_NO_RATING = -1
"""The score of an answer whose judge gave none."""


def judgements(file: Path) -> Any:
    """MT-Bench: a request per question and turn, both turns of a question kept together."""
    questions = _questions(file.with_name("question.jsonl"))
    asked = [(number, turn) for number, it in questions.items() for turn in range(len(it["turns"]))]
    rows = {key: row for row, key in enumerate(asked)}
    found: dict[str, tuple[Floats, list[str | None]]] = {}
    problems = Problems(file.name)
    for number, line in enumerate(_lines(file, ("question_id", "model", "turn", "score")), 1):
        key = _asked(number, line, rows, problems)
        if key is not None:
            held = found.setdefault(
                line["model"], (np.full(len(asked), np.nan), [None] * len(asked))
            )
            _judge(number, line, rows[key], held, problems)
    problems.stop()
    return wide_table(
        [f"mt_bench/{number}/{turn + 1}" for number, turn in asked],
        [f"mt_bench/{questions[number].get('category') or 'all'}" for number, _ in asked],
        ["\n\n".join(questions[number]["turns"][: turn + 1]) for number, turn in asked],
        found,
        [f"mt_bench/{number}" for number, _ in asked],
    )


def _questions(file: Path) -> dict[Any, dict[str, Any]]:
    if not file.is_file():
        raise LogError(f"{file.name}: is not beside judgements.jsonl; the prompts are in it")
    problems, found = Problems(file.name), {}
    for number, line in enumerate(_lines(file, ("question_id", "turns")), 1):
        turns = line["turns"]
        if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
            problems.add(
                f"question {number}: turns is {str(turns)[:40]!r}; a list of texts is expected"
            )
        if str(line["question_id"]) in found:
            problems.add(f"question {number}: the question_id {line['question_id']} is there twice")
        found[str(line["question_id"])] = line
    problems.stop()
    return found


def _lines(file: Path, needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    table, problems = open_jsonl(file).table, Problems(file.name)
    for name in needed:
        if name not in table.column_names:
            problems.add(f"no field {name!r}; the fields are {listed_names(table.column_names)}")
    problems.stop()
    yield from table.to_pylist()


def _asked(
    number: int, line: Mapping[str, Any], rows: Mapping[tuple[str, int], int], problems: Problems
) -> tuple[str, int] | None:
    turn = line["turn"] if isinstance(line["turn"], int) else 0
    key = (str(line["question_id"]), turn - 1)
    if key in rows and isinstance(line["model"], str) and line["model"]:
        return key
    problems.add(
        f"judgement {number}: question {line['question_id']}, turn {line['turn']}, model"
        f" {line['model']!r} is none of question.jsonl's turns, or names no model"
    )
    return None


def _judge(
    number: int,
    line: Mapping[str, Any],
    row: int,
    held: tuple[Floats, list[str | None]],
    problems: Problems,
) -> None:
    """One judge's score, 1 to 10, as quality in [0, 1]."""
    score, (quality, answers) = line["score"], held
    if not isinstance(score, int | float) or not (1 <= score <= 10 or score == _NO_RATING):
        problems.add(f"judgement {number}: score is {score!r}; a number from 1 to 10 is expected")
    elif not np.isnan(quality[row]):
        problems.add(
            f"judgement {number}: question {line['question_id']}, turn {line['turn']}, model"
            f" {line['model']!r} is judged twice; keep one judgement"
        )
    elif score != _NO_RATING:
        quality[row] = (score - 1) / 9
        answers[row] = _answer(str(line.get("user_prompt") or ""))


def _answer(judged: str) -> str | None:
    """The last answer in what the judge was shown."""
    for start, stop in (
        ("[The Start of Assistant's Answer]\n", "\n[The End of Assistant's Answer]"),
        ("### Assistant A:\n", "\n\n<|The End of Assistant A's Conversation with User|>"),
    ):
        _, found, rest = judged.rpartition(start)
        if found and stop in rest:
            return rest.rpartition(stop)[0]
    return None
