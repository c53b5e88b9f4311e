"""The body of a request as one deployment takes it, and what a refusal says of fields of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from routelab.core.catalogue import Deployment, known_quirks
from routelab.runtime.attempts.classify import AttemptResult

STREAM_OPTIONS = "stream_options"

_NONE_ASKED: tuple[object, ...] = (None, {"include_usage": False})
"""What a caller says who wants no usage; an endpoint needs not be told."""


def shaped(
    body: Mapping[str, Any], deployment: Deployment, *, stream: bool, omit: Collection[str] = ()
) -> dict[str, Any]:
    """A body with what a stream needs, without what the deployment refuses.

    Args:
        body: of the request, with fields that signals add.
        deployment: that it goes to.
        stream: the answer is to come in pieces.
        omit: fields that the deployment was found to refuse.
    """
    sent = {**body, "model": deployment.model}
    asked = sent.pop(STREAM_OPTIONS, None)
    if stream:
        sent["stream"] = True
        if body.get(STREAM_OPTIONS, sent) not in _NONE_ASKED:
            sent[STREAM_OPTIONS] = {"include_usage": True, **(asked or {})}
    for name in omit:
        sent.pop(name, None)
    quirks = deployment.quirks or known_quirks(deployment.base_url)
    return quirks.shaped(sent) if quirks.drop or quirks.rename or quirks.add else sent


def refused_fields(result: AttemptResult, ours: Collection[str]) -> frozenset[str]:
    """Fields of ours for which a request was refused.

    Args:
        result: of an attempt.
        ours: fields that no caller asked for.
    """
    if not result.objection or not ours:
        return frozenset()
    named = {it for it in ours if re.search(rf"\b{re.escape(it)}\b", result.objection)}
    if "logprobs" in named and "top_logprobs" in ours:
        named.add("top_logprobs")  # which is nothing without it
    return frozenset(named)
