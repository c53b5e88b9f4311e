"""RouteLLM: the graded responses in its repository.

Under routellm/evals are `gsm8k/gsm8k_responses.csv` and `mmlu/responses/mmlu_*.csv` (prompt, a
True or False per model, for GSM8K `MODEL_response`) and `mt_bench/judgements.jsonl` with
`question.jsonl` (a judge's score from 1 to 10 per question, turn and model).

Source: github.com/lm-sys/RouteLLM, arXiv 2406.18665.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import Floats, tokens_of
from routelab.errors import LogError
from routelab.logs.columns import is_free, listed_names
from routelab.logs.formats import TableSource, arrow, open_csv, prompt_key, stacked_tables
from routelab.logs.importers.importer import ImportedRows, Importer
from routelab.logs.importers.published import mt_bench
from routelab.logs.importers.published.wide_table import of_models, wide_table
from routelab.logs.model import Problems

_ROOTS = ("routellm/evals", "evals", ".")
_PATTERNS = (
    "gsm8k/gsm8k_responses.csv",
    "mmlu/responses/mmlu_*.csv",
    "mt_bench/judgements.jsonl",
)
_INSIDE = ("gsm8k_responses.csv", "responses/mmlu_*.csv", "mmlu_*.csv", "judgements.jsonl")
_GRADES = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "": math.nan}


def read(path: Path, tokens: bool) -> ImportedRows:
    """The benchmarks under a checkout, a folder of it, or in one file of it.

    Args:
        path: of the checkout, the folder or the file.
        tokens: estimate token counts, which it does not publish.
    Raises:
        LogError: no such file is there, or one is not as RouteLLM published it.
    Source: RouteLLM, arXiv 2406.18665.
    """
    files = _files(path)
    tables: list[Any] = []
    problems: list[str] = []
    for file in files:
        try:
            tables.append(mt_bench.judged(file) if file.suffix == ".jsonl" else _graded(file))
        except LogError as error:
            problems += error.problems
    if problems:
        raise LogError(*problems)
    table = stacked_tables([_with_group(table, tables) for table in tables])
    notes = (*_unpublished(tokens), *_unanswered(table), *_contaminated(files))
    return ImportedRows(TableSource(path, _with_tokens(table) if tokens else table), notes)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        found = [path] if any(path.match(it) for it in (*_PATTERNS, *_INSIDE)) else []
    else:
        found = _matching(path, _INSIDE)
        for root in _ROOTS:
            found = found or _matching(path / root, _PATTERNS)
    if not found:
        raise LogError(
            f"{path.name or path}: no responses of RouteLLM; name a checkout that has"
            f" routellm/evals with {', '.join(_PATTERNS)}, or one of these files"
        )
    return found


def _matching(root: Path, patterns: Sequence[str]) -> list[Path]:
    return [file for it in patterns for file in sorted(root.glob(it)) if file.is_file()]


def _graded(file: Path) -> Any:
    """GSM8K, or a subject of MMLU."""
    table, problems = open_csv(file).table, Problems(file.name)
    models = _models(table.column_names, problems)
    task = file.stem.removesuffix("_responses").replace("mmlu_", "mmlu/", 1)
    grades = {model: _grades(table.column(model), model, problems) for model in models}
    problems.stop()
    return wide_table(
        [f"{task}/{row}" for row in range(1, len(table) + 1)],
        [task] * len(table),
        table.column("prompt").to_pylist(),
        {model: (grades[model], _column(table, f"{model}_response")) for model in models},
    )


def _models(there: Sequence[str], problems: Problems) -> list[str]:
    models = [
        name
        for name in there
        if name != "prompt"
        and is_free(name)
        and name.removesuffix("_response") not in {*there} - {name}
    ]
    if "prompt" not in there:
        problems.add(f"no column 'prompt'; the columns are {listed_names(there)}")
    if not models:
        problems.add(
            f"no column of a model beside the prompt; the columns are {listed_names(there)}"
        )
    return models


def _grades(column: Any, model: str, problems: Problems) -> Floats:
    texts = arrow.coded(column)
    known = np.array([_GRADES.get(text.strip().lower(), math.inf) for text in texts.values])
    grades = known[texts.codes]

    def say(row: int) -> str:
        return (
            f"row {row + 1}: {model} is {texts[row][:40]!r}; True or False is expected of a"
            " column that is neither the prompt nor MODEL_response"
        )

    problems.each(np.isinf(grades), say)
    return np.asarray(grades)


def _column(table: Any, name: str) -> list[str | None]:
    if name not in table.column_names:
        return [None] * len(table)
    texts: list[str | None] = table.column(name).to_pylist()
    return texts


def _with_group(table: Any, tables: Sequence[Any]) -> Any:
    """Where some rows have a group all need one: the prompt, as for a log without groups."""
    if "group" in table.column_names or not any("group" in it.column_names for it in tables):
        return table
    keys = [prompt_key(prompt) for prompt in table.column("prompt").to_pylist()]
    return table.append_column("group", pa.array(keys, pa.large_string()))


def _with_tokens(table: Any) -> Any:
    """Estimated tokens; MMLU's answers, not published, were cut at one."""
    prompts = [tokens_of(prompt) for prompt in table.column("prompt").to_pylist()]
    single = [task.startswith("mmlu/") for task in table.column("task").to_pylist()]
    for model in of_models(table):
        answers = table.column(f"{model}|model_response").to_pylist()
        answered = [
            (1 if one else None) if answer is None else tokens_of(answer)
            for answer, one in zip(answers, single, strict=True)
        ]
        for name, counts in (("prompt", prompts), ("completion", answered)):
            table = table.append_column(f"{model}|{name}_tokens", pa.array(counts, pa.float64()))
    return table


def _unpublished(tokens: bool) -> Iterator[str]:
    if tokens:
        yield (
            "tokens are estimated, about four characters to one; the examples that stood before"
            " the prompts of GSM8K and MMLU are not published and not counted, so true costs"
            " were higher"
        )


def _unanswered(table: Any) -> Iterator[str]:
    tasks = np.array([task.split("/")[0] for task in table.column("task").to_pylist()])
    for model in of_models(table):
        missing = np.array(table.column(model).is_null().to_pylist())
        if missing.any():
            where = ", ".join(sorted(set(tasks[missing])))
            yield f"{model} has no outcome on {int(missing.sum()):,} requests ({where})"


def _contaminated(files: Sequence[Path]) -> Iterator[str]:
    folders = {file.parent for file in files} | {file.parent.parent for file in files}
    if any((folder / "contaminated_prompts.jsonl").is_file() for folder in folders):
        yield (
            "prompts that contaminated_prompts.jsonl lists are kept: they were seen by RouteLLM's"
            " routers, not by yours"
        )


IMPORTER = Importer(
    name="routellm",
    summary="RouteLLM's graded responses to GSM8K, MMLU and MT-Bench.",
    layout="A checkout of RouteLLM, its evals folder, or one file of responses.",
    example="RouteLLM",
    read=read,
)
