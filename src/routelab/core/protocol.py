"""What a policy says and hears: calls out, feedback in, one delivery at the end."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from routelab.core.gate import Gate

Message: TypeAlias = Mapping[str, Any]
"""A chat message in the OpenAI form, for example `{"role": "user", "content": "Hello"}`."""


class Call(msgspec.Struct, frozen=True):
    """Ask one model once.

    Attributes:
        model: a model of the catalogue.
        need: confidence signals to obtain with the answer, and to pay for.
        messages: replaces the request's messages; None keeps them.
        final: no later step can overrule the answer, so it may stream.
        gates: that the answer must pass.
        sample: which answer of the model to these messages, from 0; the driver counts.
    """

    model: str
    need: tuple[str, ...] = ()
    messages: tuple[Message, ...] | None = None
    final: bool = False
    gates: tuple[Gate, ...] = ()
    sample: int = 0


class Together(msgspec.Struct, frozen=True):
    """Make several calls at once.

    Attributes:
        calls: asked concurrently, paid for in this order.
        until: "all" waits for every answer; "first" stops at the first that can be delivered
            and reports the others as cancelled.
    """

    calls: tuple[Call, ...]
    until: Literal["all", "first"] = "all"


class Attempt(msgspec.Struct, frozen=True):
    """One attempt of a call at one deployment, as the decision's record keeps it.

    Attributes:
        model: that was asked; another than the call's where its fallback chain was used.
        deployment: the endpoint, for people, without credentials.
        provider: who runs it.
        sample: which of the call's samples the attempt belongs to, from 0.
        status: of HTTP; None without a reply.
        error: why this is no answer, or None.
        queued_s: waited for a free place before it was sent.
        latency_s: from sending to the end of the reply or its failure.
        first_token_s: from sending to the first piece of the answer; NaN if it did not stream.
        prompt_tokens, completion_tokens: as reported; NaN if not known.
        cost_usd: of this attempt; NaN if not known.
        failure: its class, as `docs/failures.md` lists them; empty for an answer.
        sent_s: when it was sent, in seconds of the router's clock; NaN if not known. Records of
            decisions, which other clocks read, leave it out.
    """

    model: str
    deployment: str
    provider: str = ""
    sample: int = 0
    status: int | None = None
    error: str | None = None
    queued_s: float = 0.0
    latency_s: float = float("nan")
    first_token_s: float = float("nan")
    prompt_tokens: float = float("nan")
    completion_tokens: float = float("nan")
    cost_usd: float = float("nan")
    failure: str = ""
    sent_s: float = float("nan")


class Feedback(msgspec.Struct, frozen=True):
    """What came back from one call.

    Attributes:
        model: that answered: the one asked, or a fallback of it in the catalogue.
        signals: needed confidence signals; NaN where one could not be had.
        cost_usd: everything this call cost, signals and failed attempts included.
        latency_s: seconds from asking to the complete answer; NaN if not observed.
        error: why there is no answer, or None; with deployments and their words, for operators.
        rejected: why gates refused the answer; empty if it passed them.
        text: the answer; None when replaying a policy that does not read it.
        raw: the upstream's response body, when live.
        deployment: the endpoint that answered, when live.
        notes: what an operator should know, for example that a signal was not returned.
        completion_tokens: length of the answer; NaN if not known.
        attempts: every attempt at a deployment, when live, in the order they ended.
        retry_after_s: seconds after which the model may be asked again, where it failed and
            none of its deployments may be called at once.
        told: `error` as its caller may read it, without deployments; None where it is the same.
    """

    model: str
    signals: Mapping[str, float] = msgspec.field(default_factory=dict)
    cost_usd: float = 0.0
    latency_s: float = float("nan")
    error: str | None = None
    rejected: tuple[str, ...] = ()
    text: str | None = None
    raw: Mapping[str, Any] | None = None
    deployment: str | None = None
    notes: tuple[str, ...] = ()
    completion_tokens: float = float("nan")
    attempts: tuple[Attempt, ...] = ()
    retry_after_s: float | None = None
    told: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether there is an answer that may be delivered."""
        return self.error is None and not self.rejected


class Deliver(msgspec.Struct, frozen=True):
    """Deliver this answer and stop.

    Attributes:
        seen: the feedback of an earlier call.
    """

    seen: Feedback


Route: TypeAlias = Generator[Call | Together, Feedback | tuple[Feedback, ...], Deliver]
"""A policy at work: it yields calls, is sent their feedback, and returns a delivery.

A `Call` is answered by one `Feedback`, a `Together` by a tuple in the order of its calls.
"""


def ask(call: Call) -> Generator[Call | Together, Feedback | tuple[Feedback, ...], Feedback]:
    """Make one call from inside a policy: `seen = yield from ask(Call(model))`."""
    seen = yield call
    assert isinstance(seen, Feedback)  # drivers answer a Call by one Feedback
    return seen
