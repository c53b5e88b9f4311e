"""The protocol of `/v1/responses`, as chat completions and back, where that is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.responses.fields import INCLUDE, MAPPED, UNSUPPORTED
    from routelab.serve.responses.form import ResponsesForm
else:
    __getattr__, __dir__ = attach(
        __name__,
        {"INCLUDE": "fields", "MAPPED": "fields", "UNSUPPORTED": "fields", "ResponsesForm": "form"},
    )

__all__ = ["INCLUDE", "MAPPED", "UNSUPPORTED", "ResponsesForm"]
