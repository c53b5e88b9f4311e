"""`/v1/feedback`: what an answer turned out to be worth, joined to its decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routelab.core.messages import is_number, value_text
from routelab.serve.callers import NOBODY, Identity
from routelab.serve.chat_request import decode_body, header_said
from routelab.serve.config import GatewayLimits
from routelab.serve.decision_memory import DecisionMemory
from routelab.serve.gateway import Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.peers import Peers
from routelab.serve.refusal import RefusedError, malformed

OPERATION = "feedback"
_ROUTE = "route_id"
"""What `decision` is called by those who ask at `/route`."""
_FIELDS = ("decision", "quality", "model", "source")


class FeedbackEntry:
    """Judgements of answers.

    A decision that is not remembered any more is taken where callers are not told apart: whose it
    was cannot be known, and nobody may judge another's.

    Args:
        gateway: whose decisions are judged.
        memory: of them.
        limits: of bodies.
        peers: that remember other decisions.
    """

    def __init__(
        self, gateway: Gateway, memory: DecisionMemory, limits: GatewayLimits, peers: Peers
    ) -> None:
        self._gateway = gateway
        self._memory = memory
        self._limits = limits
        self._peers = peers

    async def judge(self, exchange: HttpExchange, caller: Identity) -> None:
        """Take a judgement into the decision log and the metrics."""
        content = await exchange.body(self._limits)
        body = await decode_body(content, self._limits.body_depth)
        await exchange.json(await self.judgement(body, caller))

    async def judgement(self, body: Mapping[str, Any], caller: Identity) -> dict[str, Any]:
        """Take a judgement from whichever entry, here or in the process that knows the decision.

        Args:
            body: of `/v1/feedback`.
            caller: who judges.
        Raises:
            RefusedError: it is malformed, or of no decision of theirs.
        """
        if _ROUTE in body and "decision" not in body:
            body = {**body, "decision": body[_ROUTE]}
            del body[_ROUTE]
        decision, _ = _checked(body)
        ids = dict.fromkeys((decision, header_said(decision)))  # the second, as headers have it
        meant = [{**body, "decision": it} for it in ids]
        for it in meant:
            if self._memory.find(it["decision"]) is not None:
                return self._taken(it, caller)
        for it in meant:
            said = await self._peers.asked(OPERATION, it, caller)
            if said is not None:
                return said
        return self._taken(meant[-1], caller)

    async def peer_judgement(
        self, body: Mapping[str, Any], caller: Identity
    ) -> dict[str, Any] | None:
        """Take a judgement that another process was given; None if the decision is not known."""
        decision, _ = _checked(body)
        return None if self._memory.find(decision) is None else self._taken(body, caller)

    def _taken(self, body: Mapping[str, Any], caller: Identity) -> dict[str, Any]:
        decision, quality = _checked(body)
        known = self._memory.find(decision)
        told_apart = caller != NOBODY
        if told_apart and (known is None or known.tenant != caller.tenant):
            raise _unknown(decision)
        if known is not None:
            model = body.get("model")
            if model is not None and model not in known.models:
                raise malformed(
                    [("model", f"model={model!r}: decision {decision!r} asked"
                               f" {', '.join(known.models) or 'none'}")]
                )  # fmt: skip
        served = next(iter(self._gateway.roster))  # all write to one log, and count in one place
        served.router.feedback(
            decision, quality, model=body.get("model"), source=body.get("source") or ""
        )
        self._gateway.totals["feedback", "joined" if known else "unknown"] += 1
        return {"decision": decision, "quality": quality, "joined": known is not None}


def _checked(body: Mapping[str, Any]) -> tuple[str, float]:
    problems: list[tuple[str | None, str]] = []
    if unknown := [name for name in body if name not in _FIELDS]:
        problems.append(
            (unknown[0], f"no field {', '.join(map(repr, unknown))}; there is {', '.join(_FIELDS)}")
        )
    decision, quality = body.get("decision"), body.get("quality")
    if not isinstance(decision, str) or not decision:
        problems.append(
            (
                "decision",
                f"decision={value_text(decision)}: write the answer's x-routelab-decision",
            )
        )
    if not (is_number(quality) and 0.0 <= quality <= 1.0):
        problems.append(("quality", f"quality={value_text(quality)}: it lies in [0, 1]"))
    problems += [
        (name, f"{name}={value_text(body[name])}: write a text")
        for name in ("model", "source")
        if not isinstance(body.get(name), str | None)
    ]
    if problems:
        raise malformed(problems)
    assert isinstance(decision, str)
    assert is_number(quality)
    return decision, float(quality)


def _unknown(decision: str) -> RefusedError:
    return RefusedError(
        404,
        f"decision {decision!r} is none of yours that is remembered",
        "decision_not_found",
        param="decision",
    )
