"""Addresses of endpoints: what of them people may see, and what may not stand in them."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

_SECRETS = (
    *("key", "token", "secret", "password", "passwd", "pwd", "auth", "authorization"),
    *("signature", "sig", "credential", "credentials", "session", "sas"),
)
"""How names of fields of a query end that hold credentials, in lower case."""

_KEYS = re.compile(r"(?:sk-|gsk_|hf_|xai-|ghp_|github_pat_|AIza|AKIA|eyJ)[A-Za-z0-9_.-]{12,}")
"""Keys as providers write them, and JSON web tokens."""

_LONG, _MANY = 32, 6
"""Characters and digits of a value that is rather a key than anything else."""

_HIDDEN = "…"


@lru_cache(maxsize=1024)  # every attempt names its deployment
def redacted_address(url: str) -> str:
    """An address without credentials, however malformed it is."""
    scheme, separator, rest = url.rpartition("://")
    bare = f"{scheme}{separator}{rest.rpartition('@')[2]}"
    place, *fields = re.split(r"([?#&])", bare)
    return _KEYS.sub(_HIDDEN, place) + "".join(map(_redacted, fields))


def address_secret(url: str) -> str | None:
    """Which credentials an address holds, in words that do not repeat them; None for none."""
    try:
        parts = urlsplit(url)
        userinfo = "@" in parts.netloc
    except ValueError:  # no address at all, which is told elsewhere
        return None
    if userinfo:
        return "a name or password before the host"
    for name, value in parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=True):
        if _is_secret(name, value):
            return "a key in its query"
    return "a key" if _KEYS.search(url) else None


def _redacted(field: str) -> str:
    name, mark, value = field.partition("=")
    parsed = next(iter(parse_qsl(field, keep_blank_values=True)), (name, value))
    return f"{name}={_HIDDEN}" if mark and _is_secret(*parsed) else field


def _is_secret(name: str, value: str) -> bool:
    plain = "".join(filter(str.isalnum, name.lower()))
    if plain.endswith(_SECRETS) or plain == "code":
        return True
    random = len(value) >= _LONG and sum(map(str.isdigit, value)) >= _MANY
    return bool(random or _KEYS.search(value))
