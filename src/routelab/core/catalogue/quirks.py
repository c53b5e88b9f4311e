"""What an endpoint wants otherwise in a request than others do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Fields of a request that one deployment wants otherwise, last of all that is done to it.

    >>> from routelab.core.catalogue import Quirks
    >>> odd = Quirks(drop=("logprobs",), rename={"seed": "random_seed"}, add={"safe": True})
    >>> odd.shaped({"seed": 7, "logprobs": True})
    {'random_seed': 7, 'safe': True}

    Attributes:
        drop: fields that it refuses.
        rename: fields that it knows by another name.
        add: fields that it is to have besides; those of a request go before them.
    """

    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = {}
    add: Mapping[str, Any] = {}

    def __hash__(self) -> int:
        return hash((self.drop, tuple(self.rename.items()), tuple(self.add)))

    def shaped(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request as the deployment takes it.

        Args:
            body: of the request.
        """
        there = {
            self.rename.get(name, name): value
            for name, value in body.items()
            if name not in self.drop
        }
        return {**there, **{name: it for name, it in self.add.items() if name not in there}}


NO_QUIRKS = Quirks()

KNOWN: Mapping[str, Quirks] = {
    # its own client (mistralai/client-python, chatcompletionstreamrequest.py) lists the fields of
    # https://docs.mistral.ai/api: `random_seed`, `max_tokens`, and none of those dropped here; any
    # other is refused by 422 `extra_forbidden`. Streams have their usage unasked.
    "api.mistral.ai": Quirks(
        drop=("stream_options", "logprobs", "top_logprobs"),
        rename={"max_completion_tokens": "max_tokens", "seed": "random_seed"},
    ),
    # https://console.groq.com/docs/openai, "currently not supported": 400 for these, as for
    # `logit_bias` and `n` above 1, which are a caller's to leave out
    "api.groq.com": Quirks(drop=("logprobs", "top_logprobs")),
}
"""Of providers, by host; a deployment's own `quirks` go in their place."""


@lru_cache(maxsize=1024)
def known_quirks(base_url: str) -> Quirks:
    """What is known of the provider at an address.

    Args:
        base_url: of a deployment.
    """
    try:
        host = urlsplit(base_url).hostname
    except ValueError:
        return NO_QUIRKS
    return KNOWN.get(host or "", NO_QUIRKS)


_OURS = ("messages", "model", "stream")
"""Fields without which there is no request."""


def quirk_problems(quirks: Quirks) -> Iterator[str]:
    """What is wrong with quirks, in sentences.

    Args:
        quirks: of a deployment.
    """
    for way, names in (("drop", quirks.drop), ("rename", quirks.rename), ("add", quirks.add)):
        for name in names:
            if name in _OURS:
                yield f"quirks.{way} has {name!r}, which every request needs; leave it out"
            elif not name:
                yield f"quirks.{way} has an empty name; name a field of the request"
    for name, other in quirks.rename.items():
        if other in _OURS or not other:
            yield f"quirks.rename makes {name!r} {other!r}; give a name that is free"
        elif name in quirks.drop:
            yield f"quirks.drop and quirks.rename both have {name!r}; keep one of the two"
