"""A policy as an MLflow model: a table of requests in, the decision on each out.

MLflow stores this file and runs it to load the model; beside MLflow it needs only the base
install. Columns in: `request_id`; optionally `prompt`, or `messages` as JSON, `task`, `tenant`,
`priority` and `needs`, a list of capabilities; and a column `MODEL.SIGNAL` for each confidence the
policy may look at. A confidence that is missing escalates, as it does in production. Columns out:
`request_id`, `calls` (the models asked, in order) and `answer` (the model that answers; None if no
model has what the request needs).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd  # which MLflow brings
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from routelab.core import Admission, Call, Context, Feedback, Message, Request, drive
from routelab.core.conversation import checked_messages, prompted
from routelab.errors import NoModelError
from routelab.policy_file import load


class Decider(PythonModel):  # type: ignore[misc]  # MLflow's types are not followed
    """Decides like the policy directory it was stored with."""

    def load_context(self, context: Any) -> None:
        self._file = load(context.artifacts["policy"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        decided = [self._decide(row) for row in model_input.to_dict("records")]
        columns = {
            "request_id": [str(row) for row in model_input["request_id"]],
            "calls": [list(calls) for calls, _ in decided],
            "answer": [answer for _, answer in decided],
        }
        return pd.DataFrame(columns, index=model_input.index)

    def _decide(self, row: Mapping[Any, Any]) -> tuple[tuple[str, ...], str | None]:
        def answer(call: Call) -> Feedback:
            return Feedback(
                call.model, {name: _number(row.get(f"{call.model}.{name}")) for name in call.need}
            )

        file, models = self._file, self._file.policy.models_used
        document = file.document
        admission = Admission(models, document.catalogue, file.scoring, document.estimates)
        x = Context(
            _request(row), models, seed=document.seed, scoring=file.scoring, admission=admission
        )
        try:
            decision = drive(file.policy, x, answer)
        except NoModelError:
            return (), None
        return decision.models, decision.answer.model


def _request(row: Mapping[Any, Any]) -> Request:
    """What the policy is told of a request; a cell that is no text says nothing."""
    return Request(
        str(row["request_id"]),
        messages=_messages(row.get("prompt"), row.get("messages")),
        task=_text(row.get("task")),
        tenant=_text(row.get("tenant")),
        priority=_text(row.get("priority")),
        needs=_needs(row.get("needs")),
    )


def _messages(prompt: Any, messages: Any) -> tuple[Message, ...] | None:
    """Messages in JSON, or the prompt."""
    if isinstance(messages, str) and messages.strip():
        return checked_messages(messages)
    return prompted(prompt) if isinstance(prompt, str) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _needs(value: Any) -> tuple[str, ...]:
    """Capabilities; a cell that is empty (None, NaN) names none."""
    return tuple(map(str, value)) if hasattr(value, "__iter__") else ()


set_model(Decider())
