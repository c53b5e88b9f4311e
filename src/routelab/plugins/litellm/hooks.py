"""The hooks that LiteLLM calls, in the process of its SDK or of its proxy."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from routelab.core import Request
from routelab.core.messages import how_to_install
from routelab.errors import ConfigError, MissingExtraError, RequestError, RoutelabError
from routelab.plugins.litellm.first_call import (
    FirstCallDecider,
    fallback_decision,
    routing_decision,
)
from routelab.plugins.litellm.traffic import UnfitTrafficError, answered_request, failed_request
from routelab.policy_file import PolicyFile, load
from routelab.runtime import DecisionLog, FinishedRequest, RequestOptions
from routelab.runtime.requests import sending

try:
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.types.router import PreRoutingHookResponse, TaggedPreRoutingStrategy
except ModuleNotFoundError as error:  # what is here can be looked at, and not made
    _MISSING: str | None = error.name
    CustomLogger = object
else:
    _MISSING = None

_log = logging.getLogger("routelab")

_KEY = "routelab_request_id"
"""Of a request's metadata: a retry of the same request draws the same."""
_PROXY = "litellm.proxy.proxy_server"


class PolicyRouting(CustomLogger):  # type: ignore[misc]  # LiteLLM is no dependency of the checks
    """Has a policy choose the model of requests to one of LiteLLM's model groups.

    In the SDK give it to a router by `attach`; as a callback of the proxy it attaches itself to the
    proxy's router, at the first request and whenever that is made anew. Where the policy cannot
    decide, the deployments of the group itself answer, and the routing decision says so.

    Args:
        policy: its directory, or the policy as it was loaded.
        group: the model group whose requests it decides; it needs a deployment of its own, which
            serves where the policy cannot decide.
        models: for each model of the policy, the model group of LiteLLM; of the same name unless
            given.
    Raises:
        RoutelabError: the policy does not load, or looks at answers before it decides; or LiteLLM
            is not installed.
    """

    def __init__(
        self,
        policy: str | Path | PolicyFile,
        group: str = "routelab",
        models: Mapping[str, str] | None = None,
    ) -> None:
        _check_there()
        super().__init__()
        file = policy if isinstance(policy, PolicyFile) else load(policy)
        self.group = group
        self.decider = FirstCallDecider(file)
        used = file.policy.models_used
        if unknown := [name for name in models or () if name not in used]:
            raise ConfigError(
                f"models: {', '.join(map(repr, unknown))} is none of the policy's: it has"
                f" {', '.join(used)}"
            )
        self.groups = {name: name for name in used} | dict(models or {})
        if group in self.groups.values():
            raise ConfigError(
                f"group={group!r} is a model of the policy too, which would send it to itself:"
                " name another group"
            )
        self.totals: Counter[str] = Counter()

    @property
    def names(self) -> Mapping[str, str]:
        """For each model group of LiteLLM, the policy's name of the model."""
        return {group: name for name, group in self.groups.items()}

    def attach(self, router: Any) -> None:
        """Decide for a `litellm.Router` from now on; again is no harm.

        Raises:
            ConfigError: the router lacks a model group that is needed, or this version of LiteLLM
                has no place for the hook.
        """
        there = _strategies(router)
        held = there.get(self.group, ())
        if any(it.strategy is self for it in held):
            return
        groups = set(router.get_model_names())
        if missing := [it for it in (self.group, *self.groups.values()) if it not in groups]:
            raise ConfigError(
                f"LiteLLM has no model group {', '.join(map(repr, missing))}: add it to model_list,"
                f" or say by `models` what each model of the policy is called there; there is"
                f" {', '.join(sorted(groups))}"
            )
        there[self.group] = [TaggedPreRoutingStrategy(tags=(), strategy=self), *held]

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Any, call_type: Any
    ) -> None:
        # its router is made, and made anew, after the callbacks
        router = getattr(sys.modules.get(_PROXY), "llm_router", None)
        if router is not None:
            try:
                self.attach(router)
            except ConfigError as error:
                self._cannot("not attached", error)

    async def async_pre_routing_hook(
        self,
        model: str,
        request_kwargs: dict[str, Any],
        messages: list[dict[str, Any]] | None = None,
        input: Any = None,  # noqa: A002  (LiteLLM's)
        specific_deployment: bool | None = False,
        call_type: str | None = None,
    ) -> Any:
        try:
            call = self.decider.decide(self._request(request_kwargs, messages, input))
        except RoutelabError as error:
            self._cannot(type(error).__name__, error)
            decision = fallback_decision(model, type(error).__name__)
            return _response(model, messages, decision)
        self.totals[call.model] += 1
        group = self.groups[call.model]
        return _response(group, messages, routing_decision(call, group))

    def _request(
        self, request_kwargs: dict[str, Any], messages: Sequence[Any] | None, given: Any
    ) -> Request:
        if not messages and isinstance(given, str):  # of the Responses API
            messages = [{"role": "user", "content": given}]
        if not messages:
            raise RequestError("the request has no messages that a policy can read")
        held = "litellm_metadata" if "litellm_metadata" in request_kwargs else "metadata"
        metadata = request_kwargs.get(held)
        if not isinstance(metadata, dict):
            metadata = request_kwargs[held] = {}
        own = metadata.get("requester_metadata") or metadata
        options = RequestOptions(
            id=metadata.get(_KEY) or request_kwargs.get("litellm_call_id"),
            task=own["task"] if isinstance(own.get("task"), str) else "",
            tenant=str(
                metadata.get("user_api_key_team_alias")
                or metadata.get("user_api_key_team_id")
                or metadata.get("user_api_key_alias")
                or ""
            ),
        )
        request = sending(list(messages), options, {}).request
        metadata[_KEY] = request.id
        return request

    def _cannot(self, kind: str, error: RoutelabError) -> None:
        """Warn the first time, as a broken policy is seen by nobody else."""
        self.totals[kind] += 1
        if self.totals[kind] == 1:
            _log.warning(
                "policy %r did not decide, and LiteLLM's group %r answers: %s",
                self.decider.file.name,
                self.group,
                error,
            )


class DecisionLogger(CustomLogger):  # type: ignore[misc]  # LiteLLM is no dependency of the checks
    """Writes a decision log from LiteLLM's traffic, whoever decided; `routelab` reads the folder.

    What the proxy gives up on is in it too. The SDK does not say when a request has failed for
    good, so that of its requests only those with an answer are.

    Attributes:
        skipped: records that are not in the log, by reason.

    Args:
        log: folder, or a log that is open.
        texts: prompts and answers too, where LiteLLM's logging has them.
        names: what LiteLLM calls a model, with the policy's name for it: `names` of the
            `PolicyRouting`.
    Raises:
        MissingExtraError: LiteLLM is not installed.
    """

    def __init__(
        self,
        log: str | Path | DecisionLog,
        texts: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> None:
        _check_there()
        super().__init__()
        self._sink = log if isinstance(log, DecisionLog) else DecisionLog(log, texts=texts)
        self._names = dict(names or {})
        self.skipped: Counter[str] = Counter()

    def close(self) -> None:
        """Write what is queued; at the end of the process that happens by itself."""
        self._sink.close()

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.log_success_event(kwargs, response_obj, start_time, end_time)

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        payload = kwargs.get("standard_logging_object")
        params = kwargs.get("litellm_params") or {}
        metadata = {**(params.get("litellm_metadata") or {}), **(params.get("metadata") or {})}
        if payload is None:
            self.skipped["no standard_logging_object"] += 1
            return
        self._write(lambda: answered_request(payload, metadata, self._names))

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.skipped["a failed attempt"] += 1  # those before an answer are in its record

    async def async_post_call_failure_hook(
        self,
        request_data: Any,
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        self._write(
            lambda: failed_request(request_data, original_exception, time.time(), self._names)
        )

    def _write(self, made: Any) -> None:
        try:
            finished: FinishedRequest = made()
        except UnfitTrafficError as reason:
            self.skipped[str(reason)] += 1
        except Exception as error:  # noqa: BLE001  (a log must not end a request of somebody's)
            name = f"broken: {type(error).__name__}"
            self.skipped[name] += 1
            if self.skipped[name] == 1:
                _log.warning("a record of LiteLLM was not understood: %s", error)
        else:
            self._sink.write(finished)


def _check_there() -> None:
    if _MISSING is not None:
        raise MissingExtraError(f"LiteLLM's hooks need {_MISSING}: {how_to_install('litellm')}")


def _strategies(router: Any) -> dict[str, list[Any]]:
    """Where a router keeps who chooses for which model group, as a mapping that it reads live."""
    registry = getattr(router, "registry", None)
    try:
        found = registry().plugins("auto") if registry is not None else router.auto_routers
    except AttributeError:
        found = None
    if not isinstance(found, dict):
        from importlib.metadata import version

        raise ConfigError(
            f"litellm {version('litellm')} keeps its pre-routing strategies where they are not"
            " known: 1.108 to 1.110 were tried"
        )
    return found


def _response(group: str, messages: Any, decision: Mapping[str, Any]) -> Any:
    response = PreRoutingHookResponse(model=group, messages=messages)
    # set on a copy, since the model would drop what LiteLLM has no field for
    return response.model_copy(update={"routing_decision": dict(decision)})
