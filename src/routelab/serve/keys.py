"""The file of callers' keys: hashes alone, read again when it changes.

[keys.search-backend]
sha256 = ["9f86d081884c7d65..."]
tenant = "search"
priorities = ["interactive", "batch"]
policies = ["fast", "best"]
expires = 2027-06-30

[keys.search-backend.limits]
requests_per_minute = 600
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from routelab.core.catalogue import TomlFields, parse_tables, read_text, tables_text
from routelab.errors import ConfigError
from routelab.serve.config import LimitRule, rule_problems

_HASH = re.compile(r"[0-9a-f]{64}")
_PREFIX = "rl-"
KEY_FORMAT = re.compile(rf"{_PREFIX}[\w-]{{43}}", re.ASCII)
"""What a caller's key looks like, wherever one stands that should not."""


class CallerKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is known of whoever has a key.

    Attributes:
        sha256: of the key; two while one takes the place of the other.
        tenant: whose requests they are.
        priorities: that requests may have, the first unless they say; none for any.
        policies: that may be named, and models likewise; none for all.
        expires: the last day, in UTC, on which it is good.
        limits: in place of `limits.key` of the gateway's settings.
        operator: may see the status page, which shows everybody's requests.
    """

    sha256: tuple[str, ...]
    tenant: str = ""
    priorities: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    expires: dt.date | None = None
    limits: LimitRule | None = None
    operator: bool = False


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys by the name of whoever has them."""

    keys: Mapping[str, CallerKey] = msgspec.field(default_factory=dict)


class KeyRing:
    """The keys of a file, by hash.

    Keys are drawn from 256 bits, so that a plain hash gives nobody who reads the file a way in, and
    looking one up by its hash takes no longer for a key that is nearly right.
    """

    def __init__(self, found: KeyFile) -> None:
        self._by_hash = {
            digest: (name, key) for name, key in found.keys.items() for digest in key.sha256
        }

    def __len__(self) -> int:
        return len(self._by_hash)

    def find(self, key: str) -> tuple[str, CallerKey] | None:
        """Whose key it is; None if it is nobody's."""
        return self._by_hash.get(key_hash(key))


def read_keys(path: str | Path) -> KeyRing:
    """The keys in a file.

    Raises:
        ConfigError: it cannot be read, or has fields or values that cannot be; names them all.
    """
    path = Path(path)
    tables = parse_tables(read_text(path, "a file of keys", ConfigError), path.name, ConfigError)
    fields = TomlFields(hidden=("sha256",))
    found = fields.read(tables, KeyFile)
    problems = [*fields.problems, *_problems(found)]
    if not found.keys and not problems:
        problems.append("no keys; `routelab key NAME` makes one, and a table [keys.NAME] for it")
    if problems:
        raise ConfigError(*(f"{path.name}: {problem}" for problem in problems))
    return KeyRing(found)


def key_hash(key: str) -> str:
    """SHA-256 of a key, as the file has it."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key(name: str, tenant: str = "") -> tuple[str, str]:
    """A key for somebody, and the table that goes into the file of keys.

    Args:
        name: of whoever gets it.
        tenant: whose requests they are.
    """
    key = _PREFIX + secrets.token_urlsafe(32)
    table = {"sha256": [key_hash(key)]} | ({"tenant": tenant} if tenant else {})
    return key, tables_text({"keys": {name: table}}).lstrip("\n")


def _problems(found: KeyFile) -> Iterator[str]:
    owners: dict[str, str] = {}
    for name, key in found.keys.items():
        if not key.sha256:
            yield f"keys.{name}: sha256 is empty; `routelab key {name}` makes one"
        for at, digest in enumerate(key.sha256):
            if not _HASH.fullmatch(digest):
                yield (
                    f"keys.{name}: sha256[{at}] is no SHA-256, 64 digits of 0-9 and a-f (it is not"
                    " shown, as it may be the key itself)"
                )
            elif owners.setdefault(digest, name) != name:
                yield f"keys.{name}: has the same key as keys.{owners[digest]}; give each its own"
        if key.limits is not None:
            yield from (f"keys.{name}: limits: {it}" for it in rule_problems(key.limits))
