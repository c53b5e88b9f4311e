"""Redaction: what identifies people is taken out of texts before they are logged, or sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.redaction.cards import redacted_cards
    from routelab.runtime.redaction.loading import DEFAULTS, GROUP, load_redactor
    from routelab.runtime.redaction.patterns import redacted_mails, redacted_phones
    from routelab.runtime.redaction.redactor import FAILED, Redaction, RedactionError, Redactor
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "DEFAULTS": "loading",
            "FAILED": "redactor",
            "GROUP": "loading",
            "Redaction": "redactor",
            "RedactionError": "redactor",
            "Redactor": "redactor",
            "load_redactor": "loading",
            "redacted_cards": "cards",
            "redacted_mails": "patterns",
            "redacted_phones": "patterns",
        },
    )

__all__ = [
    "DEFAULTS",
    "FAILED",
    "GROUP",
    "Redaction",
    "RedactionError",
    "Redactor",
    "load_redactor",
    "redacted_cards",
    "redacted_mails",
    "redacted_phones",
]
