"""Importers of traffic: the model that was chosen answered, one file a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.logs.importers.traffic import (
        helicone,
        langfuse,
        litellm,
        mlflow_traces,
        openai_batch,
        otlp,
        phoenix,
        request_response,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "helicone": "",
            "langfuse": "",
            "litellm": "",
            "mlflow_traces": "",
            "openai_batch": "",
            "otlp": "",
            "phoenix": "",
            "request_response": "",
        },
    )

__all__ = [
    "helicone",
    "langfuse",
    "litellm",
    "mlflow_traces",
    "openai_batch",
    "otlp",
    "phoenix",
    "request_response",
]
