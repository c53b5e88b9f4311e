"""The gateway's HTTP as an OpenAPI document, made from the tables that it is checked by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.openapi.document import openapi_document, openapi_text
else:
    __getattr__, __dir__ = attach(
        __name__, {"openapi_document": "document", "openapi_text": "document"}
    )

__all__ = ["openapi_document", "openapi_text"]
