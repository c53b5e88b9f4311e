"""What identifies people, taken out of what is kept of outcomes, or of what is delivered."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from routelab.runtime import encode_json
from routelab.runtime.redaction import Redactor
from routelab.serve.delivery.outcome import DeliveredOutcome, told_body


class OutcomeRedaction(NamedTuple):
    """Redactions of outcomes; ids, tenants, tasks and names stay, as records are joined by them.

    Attributes:
        log: of what is only logged: why a delivery failed, why a message is dead, and the copy of
            an answer that nobody will be sent again.
        deliver: of what is delivered, and kept until it is.
    """

    log: Redactor | None = None
    deliver: Redactor | None = None

    def reason(self, text: str) -> str:
        """Why something failed, as it may be logged."""
        return self.log.logged(text) if self.log else text

    def kept(self, outcome: DeliveredOutcome) -> DeliveredOutcome:
        """An outcome that is over, as it may be logged."""
        return redacted_outcome(outcome, self.log) if self.log else outcome

    def sent(self, outcome: DeliveredOutcome) -> DeliveredOutcome:
        """An outcome as it is to be delivered."""
        return redacted_outcome(outcome, self.deliver) if self.deliver else outcome


def redacted_outcome(outcome: DeliveredOutcome, redactor: Redactor) -> DeliveredOutcome:
    """An outcome without what is taken out of the answer's messages, or of the error.

    Where a redaction fails, that it did stands in place of the text.
    """
    body: dict[str, Any] = dict(told_body(outcome))
    if isinstance(choices := body.get("choices"), list):
        (told,) = redactor.logged_messages([{"choices": choices}])
        body |= told
    error = body.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        body["error"] = {**error, "message": redactor.logged(error["message"])}
    return msgspec.structs.replace(outcome, content=encode_json(body))
