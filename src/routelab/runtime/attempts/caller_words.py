"""What a caller may be told of a failure: no address, no deployment, no key."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from routelab.core.catalogue import Deployment
from routelab.runtime.attempts.classify import AttemptResult
from routelab.runtime.attempts.public_text import HIDDEN, public_text

_OWN = frozenset(("timeout", "busy", "stopped"))
"""Kinds of failures whose words are the runtime's own."""

_THEIRS = frozenset(("filtered", "too_long", "unsupported", "output", "request"))
"""Classes that a caller can mend, and only with the endpoint's words, as `public_text` lets them.

Whatever else an endpoint says is for its operator: it may name hosts, accounts and keys.
"""

_SHORTEST = 3
"""Characters of a name that is looked for; a shorter one stands in innocent words."""

_ADDRESSES = re.compile(
    r"\b[a-z][a-z0-9+.-]*:(?:\\?/){2}[^\s\"'<>`]*"  # of any scheme, also as JSON escapes it
    r"|\b(?:\d{1,3}\.){3}\d{1,3}\b(?::\d+)?"
    r"|\[[0-9a-f:]*:[0-9a-f:.]*\](?::\d+)?",
    re.I,
)
_KEYS = re.compile(
    r"\b(?:sk|pk|key|gsk|xai|AIza)[-_][\w*.-]{4,}|\bAIza[\w*.-]{4,}|\bBearer \S+", re.I
)


def caller_words(deployment: Deployment, result: AttemptResult) -> str:
    """A failure in words for whoever asked; those for operators are `result.error`.

    Args:
        deployment: that was asked.
        result: of a failed attempt.
    """
    failure, status = result.failure, result.status
    if result.kind in _OWN:
        return result.error or failure.means
    if failure.name in _THEIRS:
        return without_addresses(deployment, result.error or failure.means)
    answered = status is not None and status >= 400
    return f"answered {status}: {failure.means}" if answered else failure.means


def without_addresses(deployment: Deployment, text: str) -> str:
    """A text of an endpoint without what tells where it came from.

    Args:
        deployment: that wrote it.
        text: its words.
    """
    for pattern, instead in _own_names(deployment):
        text = pattern.sub(instead, text)
    return public_text(_KEYS.sub(HIDDEN, _ADDRESSES.sub("an address", text)))


def _own_names(deployment: Deployment) -> list[tuple[re.Pattern[str], str]]:
    """Names of a deployment, the longest first, and what to say in their place."""
    try:
        parts = urlsplit(deployment.base_url)
        hosts = (parts.netloc.rpartition("@")[2], parts.hostname or "")
    except ValueError:
        hosts = ("", "")
    names = {
        **dict.fromkeys((deployment.base_url, deployment.public_url, *hosts), "an address"),
        deployment.api_key_env: HIDDEN,
        deployment.model: "the model",
    }
    return [
        (re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", re.I), instead)
        for name, instead in sorted(names.items(), key=lambda it: -len(it[0]))
        if len(name) >= _SHORTEST
    ]
