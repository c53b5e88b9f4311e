"""What a policy calls first, for programs that ask before an answer and never after one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from routelab.core import Admission, Context, Request, flow
from routelab.errors import PolicyError
from routelab.policy_file import PolicyFile

OURS = "routelab"
"""Of a routing decision, what its fields have no place for."""


class FirstCall(msgspec.Struct, frozen=True):
    """The one call that a policy makes.

    Attributes:
        request_id: key of the policy's draws.
        policy, policy_sha256: that decided, by name and hash.
        model: to call, as the policy names it.
        propensity: probability of the call; None if it is not known.
        choices: random draws, each with `name`, `index` and `propensity`.
        scores: what each scorer said before the call, by output.
        margin: smallest distance of anything compared from deciding otherwise; None where nothing
            was compared.
    """

    request_id: str
    policy: str
    policy_sha256: str
    model: str
    propensity: float | None
    choices: tuple[dict[str, Any], ...] = ()
    scores: Mapping[str, Mapping[str, float]] = {}
    margin: float | None = None

    @property
    def candidate_scores(self) -> Mapping[str, float]:
        """What the last scorer that speaks of the model said, by model; empty without one."""
        fitting = [values for values in self.scores.values() if self.model in values]
        return fitting[-1] if fitting else {}


class FirstCallDecider:
    """Runs a policy up to its first call.

    Args:
        file: the policy.
    Raises:
        PolicyError: it looks at answers before it decides, which nobody reports here.
    """

    def __init__(self, file: PolicyFile) -> None:
        policy = file.policy
        looks_at = {
            "confidence signals": policy.signals_used,
            "gates": policy.gates_used,
            "the text of answers": policy.reads_answers,
        }
        if found := [name for name, used in looks_at.items() if used]:
            raise PolicyError(
                f"{file.path}: policy {file.name!r} goes by {' and '.join(found)}, and LiteLLM asks"
                " before the first answer alone: serve it with `routelab serve`, and list that as"
                " a model of LiteLLM; or choose a policy that decides ahead"
            )
        self.file = file
        document = file.document
        self._admission = Admission(
            policy.models_used, document.catalogue, file.scoring, document.estimates
        )

    def decide(self, request: Request) -> FirstCall:
        """The call.

        Raises:
            NoModelError: every model is ruled out.
            PolicyError: it wants several calls at once.
        """
        file, admission = self.file, self._admission
        x = Context(
            request,
            admission.models,
            seed=file.document.seed,
            scoring=file.scoring,
            admission=admission,
        )
        running = flow(file.policy, x)
        try:
            together = next(running)
        finally:
            running.close()
        if len(together.calls) > 1:
            raise PolicyError(
                f"policy {file.name!r} makes {len(together.calls)} calls at once, and LiteLLM one:"
                " serve it with `routelab serve`"
            )
        return FirstCall(
            request_id=request.id,
            policy=file.name,
            policy_sha256=file.digest,
            model=together.calls[0].model,
            propensity=None if math.isnan(x.propensity) else x.propensity,
            choices=tuple(msgspec.to_builtins(it) for it in x.choices),
            scores={
                it.name: {name: value for name, value in it.values if not math.isnan(value)}
                for it in x.scores
            },
            margin=x.margin if math.isfinite(x.margin) else None,
        )


def routing_decision(call: FirstCall, routed_model: str) -> dict[str, Any]:
    """A first call as `metadata.routing_decision` of LiteLLM.

    Its fields are filled where they mean the same: the cause is that of a decision by the
    operator's own code, the fingerprint is the policy's hash. The rest is under `routelab`, which
    a decision log is written from.

    Args:
        call: that was decided.
        routed_model: as LiteLLM names it.
    Source: `StandardLoggingRoutingDecision`, litellm 1.110.2.
    """
    scores = call.candidate_scores
    decision: dict[str, Any] = {
        "routed_model": routed_model,
        "cause": "classifier_plugin",
        "router_config_id": call.policy,
        "router_config_fingerprint": call.policy_sha256,
        OURS: msgspec.to_builtins(call),
    }
    if scores:
        decision |= {"score": scores[call.model], "classifier_probabilities": dict(scores)}
    return decision


def fallback_decision(routed_model: str, reason: str) -> dict[str, Any]:
    """What LiteLLM is told where the policy could not decide, so that its default serves.

    Args:
        routed_model: that serves.
        reason: a word for it, without anything of the request.
    """
    return {
        "routed_model": routed_model,
        "cause": "default_model_fallback",
        "classifier_error_type": reason,
    }
