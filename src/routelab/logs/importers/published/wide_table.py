"""A table in wide form, of requests and of what models did on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from routelab.core import Floats

_ANSWER = "|model_response"


def wide_table(
    ids: list[str],
    tasks: list[str],
    prompts: list[str],
    outcomes: Mapping[str, tuple[Floats, list[str | None]]],
    groups: list[str] | None = None,
) -> Any:
    """A row per request.

    Args:
        ids, tasks, prompts, groups: (n,).
        outcomes: by model, (n,) qualities and answers.
    """
    columns: dict[str, Any] = {"request_id": ids, "task": tasks, "prompt": prompts}
    if groups is not None:
        columns["group"] = groups
    table = pa.table({name: pa.array(it, pa.large_string()) for name, it in columns.items()})
    for model, (quality, answers) in outcomes.items():
        table = table.append_column(model, pa.array(quality, from_pandas=True))
        answered = pa.array(answers, pa.large_string())
        table = table.append_column(model + _ANSWER, answered)
    return table


def of_models(table: Any) -> list[str]:
    """Models of such a table, in order."""
    return [it.removesuffix(_ANSWER) for it in table.column_names if it.endswith(_ANSWER)]
