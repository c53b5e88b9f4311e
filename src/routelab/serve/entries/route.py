"""`/route` and `/outcome`: decisions with their propensity and the policy's hash, and what came.

Source: the contract `policy_router_v1` of Weave's router.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core import Decision
from routelab.core.catalogue import Catalogue
from routelab.core.messages import value_text
from routelab.errors import RouteError
from routelab.serve.account import decided_headers, outcome_headers
from routelab.serve.callers import Identity
from routelab.serve.chat_request import decode_body
from routelab.serve.config import GatewayLimits
from routelab.serve.decisions import (
    DecisionState,
    OpenRoute,
    PolicyDecider,
    Reported,
    RouteMemory,
    costs_usd,
)
from routelab.serve.gateway import Gateway
from routelab.serve.http_exchange import HttpExchange
from routelab.serve.peers import Peers
from routelab.serve.refusal import RefusedError, malformed
from routelab.serve.roster import PREFIX

ENTRY = "route"
OPERATION = "outcome"
_ASKED = ("messages", "task", "priority", "needs", "max_cost_usd", "deadline_s")


class RouteEntry:
    """Decisions that are joined to their outcomes by id.

    Args:
        gateway: whose policies decide.
        memory: of the decisions that are open.
        limits: of bodies.
        peers: that have others open.
    """

    def __init__(
        self, gateway: Gateway, memory: RouteMemory, limits: GatewayLimits, peers: Peers
    ) -> None:
        self._gateway = gateway
        self._memory = memory
        self._limits = limits
        self._peers = peers

    async def route(self, exchange: HttpExchange, caller: Identity) -> None:
        """Decide on one request, and remember the decision until its outcome comes."""
        body = await decode_body(await exchange.body(self._limits), self._limits.body_depth)
        _check(body)
        chat = {name: body[name] for name in _ASKED if name in body}
        if strategy := body.get("strategy"):
            chat["model"] = PREFIX + strategy.removeprefix(PREFIX)
        candidates = _candidates(body)
        asking = self._gateway.question(ENTRY, chat, caller, body.get("route_id"), exchange.trace)
        with asking as question:
            decider = question.served.decider
            state = question.decided(lambda: decider.state(question.request, candidates=candidates))
            route = OpenRoute(
                decider, question.served.name, question.request, state, (), candidates
            )
            if body.get("execution_mode") != "shadow":
                self._memory.put(route)
            await exchange.json(_said(route), headers=_headers(route))

    async def outcome(self, exchange: HttpExchange, caller: Identity) -> None:
        """Take what came of the calls; says what is to be called next, if anything is.

        Raises:
            RefusedError: the body is no JSON, or names no decision that waits for its outcome.
        """
        body = await decode_body(await exchange.body(self._limits), self._limits.body_depth)
        said = await self.peer_outcome(body, caller)
        if said is None:
            said = await self._peers.asked(OPERATION, body, caller)
        if said is None:
            raise RefusedError(
                404,
                f"route_id={value_text(body.get('route_id'))} is no decision of yours that waits"
                " for its outcome",
                "route_not_found",
                param="route_id",
            )
        await exchange.json(said["body"], headers=said["headers"])

    async def peer_outcome(
        self, body: Mapping[str, Any], caller: Identity
    ) -> dict[str, Any] | None:
        """Take what came of the calls of a decision that is open here; None if it is not.

        Args:
            body: of `/outcome`.
            caller: who reports.
        Raises:
            RefusedError: what is reported is malformed, or does not fit the calls.
        """
        given = dict(body)
        route_id = given.pop("route_id", None)
        route = self._memory.find(caller.tenant, route_id) if isinstance(route_id, str) else None
        return None if route is None else await self._after(route, given)

    async def _after(self, route: OpenRoute, body: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be done after calls of a decision."""
        route_id = route.request.id
        given = body["outcomes"] if body.keys() == {"outcomes"} else [body]
        outcomes = route.decider.outcomes(given, route.request)
        reported = (*route.reported, outcomes)
        try:
            state = await route.decider.decided(
                lambda: route.decider.state(route.request, reported, route.candidates), reported
            )
        except RouteError as error:
            self._memory.failed(route, error)
            return _told({"route_id": route_id, "action": "fail"}, _headers(route, reported))
        if state.decision is not None:
            self._memory.over(route, state.decision)
            told = {"route_id": route_id, **_delivered(state.decision)}
            return _told(told, _headers(route, reported, state.decision.answer.model))
        going = msgspec.structs.replace(route, state=state, reported=reported)
        self._memory.put(going)
        return _told(_said(going), _headers(going, reported))

    async def capabilities(self, exchange: HttpExchange, caller: Identity) -> None:
        """What may be asked here."""
        names = [name for name in self._gateway.roster.names(caller) if name.startswith(PREFIX)]
        policies = self._gateway.roster.policies
        await exchange.json(
            {
                "contract": "policy_router_v1",
                "execution_modes": ["serving", "shadow"],
                "strategies": [
                    _artifact(policies[name].name, policies[name].decider)
                    for name in (it.removeprefix(PREFIX) for it in names)
                ],
            }
        )


def _said(route: OpenRoute) -> dict[str, Any]:
    """What to call, with all that an off-policy estimate needs of it."""
    turn = route.state.turn
    assert turn is not None  # it is not over
    first = turn.calls[0]
    scores = _scores(route.state, first.model)
    deployments = route.decider.catalogue.model(first.model).deployments
    return {
        "route_id": route.request.id,
        "action": "call",
        "selected_roster_id": first.model,
        "selected_provider": deployments[0].provider if deployments else "",
        "score": scores.get(first.model),
        "candidate_scores": scores,
        "propensity": turn.propensity,
        "calls": [
            {"roster_id": it.model, "need": list(it.need), "final": it.final} for it in turn.calls
        ],
        **_artifact(route.policy, route.decider),
    }


def _told(body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """An answer as one process hands it to another."""
    return {"body": body, "headers": headers}


def _headers(route: OpenRoute, reported: Reported = (), model: str = "") -> dict[str, str]:
    """What headers say, as of an answer; of a failure that no model gave one."""
    turn = route.state.turn
    if not model and turn is not None and reported == route.reported:
        model = turn.calls[0].model
    return {
        **decided_headers(route.request.id, route.policy),
        **outcome_headers(model, costs_usd(reported)),
    }


def _artifact(name: str, decider: PolicyDecider) -> dict[str, Any]:
    return {
        "policy_route_key": name,
        "policy_artifact_id": f"{name}@{decider.digest[:12]}",
        "policy_artifact_sha256": decider.digest,
        "roster_version": _roster_version(decider.catalogue),
    }


def _roster_version(catalogue: Catalogue) -> str:
    """Of the models with their prices and deployments: another one where any of it differs."""
    return hashlib.sha256(msgspec.json.encode(catalogue, order="sorted")).hexdigest()[:16]


def _delivered(decision: Decision) -> dict[str, Any]:
    at = next(i for i, step in enumerate(decision.steps) if step.feedback is decision.answer)
    return {"action": "deliver", "deliver": {"call": at, "roster_id": decision.answer.model}}


def _scores(state: DecisionState, model: str) -> Mapping[str, float]:
    """What the last scorer that speaks of the model said, by model; empty without one."""
    for score in reversed(state.scores):
        values = dict(score.values)
        if model in values:
            return values
    return {}


def _check(body: Mapping[str, Any]) -> None:
    problems: list[tuple[str | None, str]] = [
        (name, f"{name}={value_text(body[name])}: write a text")
        for name in ("route_id", "strategy")
        if not isinstance(body.get(name), str | None)
    ]
    mode = body.get("execution_mode", "serving")
    if mode not in ("serving", "shadow"):
        problems.append(
            ("execution_mode", f"execution_mode={value_text(mode)}: write serving or shadow")
        )
    if problems:
        raise malformed(problems)


def _candidates(body: Mapping[str, Any]) -> frozenset[str] | None:
    """Models that may be called; those that the policy does not know are of no use to it."""
    given = body.get("candidates")
    if given is None:
        return None
    names = [
        it["roster_id"]
        for it in (given if isinstance(given, list) else ())
        if isinstance(it, dict) and isinstance(it.get("roster_id"), str)
    ]
    if not names or len(names) < len(given):
        raise malformed(
            [("candidates", "candidates: write a list of objects, each with a roster_id")]
        )
    return frozenset(names)
