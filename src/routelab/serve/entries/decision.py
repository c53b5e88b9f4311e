"""`/v1/decision`: which model to call, in the form of NeMo Switchyard's decision service.

Source: NVIDIA NeMo Switchyard 0.3.0, `POST /v1/decision`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from routelab.core.catalogue import Catalogue
from routelab.core.messages import value_text
from routelab.runtime import REQUEST_ID, TraceContext
from routelab.serve.account import decided_headers, outcome_headers
from routelab.serve.callers import Identity
from routelab.serve.chat_request import decode_body, header_said
from routelab.serve.config import GatewayLimits
from routelab.serve.decisions import DecisionState, Reported, costs_usd, read_token, token_of
from routelab.serve.gateway import Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.refusal import malformed

ENTRY = "decision"
FORMAT = "openai_chat"
_FIELDS = ("input_format", "request", "token", "outcomes")


class DecisionReply(NamedTuple):
    """A decision as it is answered.

    Attributes:
        id: of the decision.
        policy: that decided, by name.
        said: the body of the answer.
        headers: that HTTP says besides.
    """

    id: str
    policy: str
    said: dict[str, Any]
    headers: Mapping[str, str]


class DecisionEntry:
    """Decisions for a gateway that makes the calls.

    Args:
        gateway: whose policies decide.
        limits: of bodies.
    """

    def __init__(self, gateway: Gateway, limits: GatewayLimits) -> None:
        self._gateway = gateway
        self._limits = limits

    async def decide(self, exchange: HttpExchange, caller: Identity) -> None:
        """Say what to call next, or which answer to deliver."""
        content = await exchange.body(self._limits)
        body = await decode_body(content, self._limits.body_depth)
        found = await self.decided(body, caller, header_said(exchange.id), trace=exchange.trace)
        own = {} if REQUEST_ID in exchange.headers else {REQUEST_ID: quote(found.id)}
        await exchange.json(found.said, headers={**own, **found.headers})

    async def decided(
        self,
        body: Mapping[str, Any],
        caller: Identity,
        request_id: str | None = None,
        entry: str = ENTRY,
        trace: TraceContext | None = None,
    ) -> DecisionReply:
        """What is to be called next, or which answer to deliver.

        Args:
            body: of `/v1/decision`.
            caller: who asks.
            request_id: as the caller gave it; a fresh one if None.
            entry: by which it came, for metrics.
            trace: that the caller is in.
        Raises:
            RefusedError: the body is malformed, or nothing can be decided.
        """
        chat = _checked(body)
        told = read_token(body["token"]) if body.get("token") is not None else None
        if told is not None:
            request_id = told.request_id
        with self._gateway.question(entry, chat, caller, request_id, trace) as question:
            decider = question.served.decider
            reported: Reported = ()
            if told is not None:
                decider = self._gateway.decider(question.served, told.policy)
                outcomes = decider.outcomes(body.get("outcomes"), question.request)
                reported = (*told.reported, outcomes)
            state = await decider.decided(
                lambda: question.decided(lambda: decider.state(question.request, reported)),
                reported,
            )
            said: dict[str, Any] = {
                "decision": question.request.id,
                "policy": question.served.name,
                "policy_sha256": decider.digest,
                **_said(state),
            }
            if state.turn is not None and not _is_last(state):
                said["token"] = token_of(decider.digest, question.request.id, reported)
            models = _models(state)
            targets = list(_targets(models, decider.catalogue))
            decision, policy = question.request.id, question.served.name
            headers = {
                **decided_headers(decision, policy),
                **outcome_headers(models[0], costs_usd(reported)),
            }
            whole = {"selected": targets[0], "fallbacks": targets[1:], "routelab": said}
            return DecisionReply(decision, policy, whole, headers)


def _checked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    problems: list[tuple[str | None, str]] = []
    if unknown := [name for name in body if name not in _FIELDS]:
        problems.append(
            (unknown[0], f"no field {', '.join(map(repr, unknown))}; there is {', '.join(_FIELDS)}")
        )
    form = body.get("input_format", FORMAT)
    if form != FORMAT:
        problems.append(
            (
                "input_format",
                f"input_format={value_text(form)}: {FORMAT} is what is read here; translate the"
                " request",
            )
        )
    request = body.get("request")
    if not isinstance(request, dict):
        problems.append(("request", "request: write the body of the chat completion"))
    if (body.get("token") is None) != (body.get("outcomes") is None):
        problems.append(("outcomes", "token and outcomes belong together: give both or neither"))
    if problems:
        raise malformed(problems)
    assert isinstance(request, dict)
    return request


def _is_last(state: DecisionState) -> bool:
    """Whether nothing that may come of the calls can lead to another."""
    turn = state.turn
    return turn is not None and len(turn.calls) == 1 and turn.calls[0].final


def _said(state: DecisionState) -> dict[str, Any]:
    """What is to be done, and why."""
    reasons = list(state.context.reasons or ())
    if state.decision is not None:
        steps = state.decision.steps
        at = next(i for i, step in enumerate(steps) if step.feedback is state.decision.answer)
        deliver = {"call": at, "model": state.decision.answer.model}
        return {"action": "deliver", "deliver": deliver, "reasons": reasons}
    assert state.turn is not None  # one of the two is there
    calls = [
        {
            "model": call.model,
            "need": list(call.need),
            "final": call.final,
            **({} if call.messages is None else {"messages": list(call.messages)}),
            **({"gates": [gate.name for gate in call.gates]} if call.gates else {}),
        }
        for call in state.turn.calls
    ]
    return {
        "action": "call",
        "calls": calls,
        "until": state.turn.until,
        "propensity": state.turn.propensity,
        "reasons": reasons,
    }


def _models(state: DecisionState) -> list[str]:
    if state.decision is not None:
        return [state.decision.answer.model]
    assert state.turn is not None  # one of the two is there
    return [call.model for call in state.turn.calls]


def _targets(models: list[str], catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """Where the first model is called; then its other deployments, and those it falls back on."""
    name = models[0]
    for each in (name, *catalogue.model(name).fallbacks):
        model = catalogue.model(each)
        fixed = {} if model.parameters is None else dict(model.parameters.fields)
        for it in sorted(model.deployments, key=lambda it: -it.weight):
            yield {
                "target": each,
                "model": it.model,
                "llm_client": {"format": FORMAT, "base_url": it.public_url},
                "extra_body": fixed,
            }
