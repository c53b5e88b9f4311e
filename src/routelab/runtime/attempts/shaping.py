"""The body of a request as one deployment takes it, and what a refusal says of fields of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
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


_ALSO = {
    "stream_options": ("include_usage",),
    "logprobs": ("response_logprobs", "return_logprobs", "n_probs", "log_probabilities"),
    "top_logprobs": ("num_logprobs", "top_n_logprobs"),
}
"""What providers call fields of ours, or parts of them."""

_REFUSES = re.compile(
    r"support|not (allowed|permitted|enabled|available|implemented)|disabled|n't allowed"
    r"|un(known|recogni[sz]ed|expected|implemented)|extra|forbidden|invalid|illegal|remove"
)
"""Words of a refusal, which a failure of the server has not."""

_UNNAMED = re.compile(r"no endpoints? found.{0,80}param")
"""A refusal of some field, which is ours as far as anybody knows."""

_OF_OTHERS = frozenset((401, 402, 408, 409, 425, 429))
"""Refusals by status that are of no field."""


def refused_fields(result: AttemptResult, ours: Collection[str]) -> frozenset[str]:
    """Fields of ours for which a request was refused, in whichever spelling.

    Args:
        result: of an attempt.
        ours: fields that no caller asked for.
    """
    text, status = result.objection.lower(), result.status
    if not text or not ours or status in _OF_OTHERS:
        return frozenset()
    if not (status is not None and 400 <= status < 500) and not _REFUSES.search(text):
        return frozenset()
    if _UNNAMED.search(text):
        return frozenset(ours)
    named = set()
    for name in sorted(ours, key=len, reverse=True):  # a longer one may hold a shorter one
        pattern = _spelled(name)
        if pattern.search(text):
            named.add(name)
            text = pattern.sub(" ", text)
    if "logprobs" in named and "top_logprobs" in ours:
        named.add("top_logprobs")  # which is nothing without it
    return frozenset(named)


@lru_cache(maxsize=256)
def _spelled(name: str) -> re.Pattern[str]:
    """A field's names in lower case, with or without what separates their words."""
    names = (name, *_ALSO.get(name, ()))
    forms = (re.escape(it).replace("_", r"[\s_-]*") for it in names)
    wide = (it.replace("logprobs", r"log[\s_-]*probs?") for it in forms)
    return re.compile(rf"(?<![a-z0-9_])(?:{'|'.join(wide)})(?![a-z0-9_])")
