"""Who asks: by key, or as a trusted proxy says."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from routelab.serve.chat_request import header_said
from routelab.serve.config import ANY_ORIGIN, CallerRules, LimitRule
from routelab.serve.connections import HeaderFields
from routelab.serve.keys import KEY_FORMAT, KeyRing
from routelab.serve.refusal import RefusedError

AUTHORIZATION = "authorization"
API_KEY = "api-key"
"""Where clients of Azure put it."""
_IN_ADDRESS = frozenset(
    {"api_key", "apikey", "x_api_key", "key", "access_token", "token", "authorization", "bearer"}
)
"""Names of keys in addresses, as they are with `_` for `-`."""
_PARTS = re.compile("[&;]")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks.

    Attributes:
        key: the name of their key, never the key; empty without.
        tenant, priority: who asks, and how urgently, unless the request says another priority.
        priorities: that a request may say; None for any.
        policies: that may be named; None for all.
        limits: of the key, where it has limits of its own.
        operator: may see what the server does for everybody.
    """

    key: str = ""
    tenant: str = ""
    priority: str = ""
    priorities: tuple[str, ...] | None = None
    policies: tuple[str, ...] | None = None
    limits: LimitRule | None = None
    operator: bool = False


NOBODY = Identity(operator=True)
"""Whoever asks a gateway that knows no callers."""


class Doorkeeper:
    """Tells who asks from the headers of a request.

    Attributes:
        ring: the keys there are; may be replaced by others at any time.

    Args:
        rules: how callers are known.
        ring: the keys, where they are known by them.
        wall_clock: Unix seconds, for keys that expire.
    """

    def __init__(
        self, rules: CallerRules, ring: KeyRing | None, wall_clock: Callable[[], float]
    ) -> None:
        self.ring = ring
        self._tenant_header = rules.tenant_header.lower()
        self._priority_header = rules.priority_header.lower()
        self._operators = frozenset(rules.operators)
        self._trusted = [ipaddress.ip_network(it) for it in rules.trusted]
        self._origins = frozenset(it.rstrip("/").lower() for it in rules.origins)
        self._wall_clock = wall_clock

    def caller(self, headers: Mapping[str, str], address: str | None, query: str = "") -> Identity:
        """Who asks.

        Args:
            headers: of the request, names in lower case.
            address: of whoever opened the connection.
            query: of the request's address, in which no key belongs.
        Raises:
            RefusedError: there is no key or a wrong one, or the proxy is not trusted; or a page of
                another site has its reader's browser ask.
        """
        if query:
            _check_query(query)
        if address is not None and "origin" in headers:
            self._check_origin(headers)
        if self.ring is not None:
            return self._by_key(headers, self.ring)
        if self._trusted:
            return self._by_proxy(headers, address)
        return NOBODY

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        """Refuse pages of other sites, where whoever reaches the server may ask.

        A browser lets any page send requests, and read what WebSockets answer, from wherever its
        reader is; with keys, which it adds to none of them, that is harmless.
        """
        known_by_key = self.ring is not None or self._trusted
        if (known_by_key and not self._origins) or ANY_ORIGIN in self._origins:
            return
        origin = headers["origin"]
        own = origin.partition("://")[2] == headers.get("host", "")
        if own or headers.get("sec-fetch-site") == "same-origin" or origin in self._origins:
            return
        raise RefusedError(
            403,
            f"a page of {origin:.120} asks, and this server is not for pages of other sites: list"
            " it in callers.origins if it is meant",
            "foreign_origin",
            kind="permission_error",
        )

    def _by_key(self, headers: Mapping[str, str], ring: KeyRing) -> Identity:
        _check_once(headers, AUTHORIZATION, API_KEY)
        given = headers.get(AUTHORIZATION, "")
        scheme, _, key = given.partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else headers.get(API_KEY, "")
        if not key:
            raise _unauthorised(
                "there is no key: send one in the header `Authorization: Bearer KEY`", "no_api_key"
            )
        found = ring.find(key)
        if found is None:
            raise _unauthorised("the key is not known here (it is not shown)", "invalid_api_key")
        name, known = found
        if known.expires is not None and self._today() > known.expires:
            raise _unauthorised(
                f"key {name!r} was good until {known.expires}; ask for a new one", "expired_api_key"
            )
        return Identity(
            key=name,
            tenant=known.tenant,
            priority=known.priorities[0] if known.priorities else "",
            priorities=known.priorities or None,
            policies=known.policies or None,
            limits=known.limits,
            operator=known.operator,
        )

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._wall_clock(), dt.UTC).date()

    def _by_proxy(self, headers: Mapping[str, str], address: str | None) -> Identity:
        if not self._is_trusted(address):
            raise RefusedError(
                403,
                "requests come through the proxy of this service, and this one did not",
                "untrusted_address",
                kind="permission_error",
            )
        _check_once(headers, self._tenant_header, self._priority_header)
        said = {
            name: header_said(headers.get(header, "")) if header else ""
            for name, header in (
                ("tenant", self._tenant_header),
                ("priority", self._priority_header),
            )
        }
        if self._tenant_header and not said["tenant"]:
            raise _unauthorised(
                f"the proxy says no tenant in the header {self._tenant_header}", "no_tenant"
            )
        priorities = (said["priority"],) if self._priority_header else None
        tenant = said["tenant"]
        return Identity(
            tenant=tenant,
            priority=said["priority"],
            priorities=priorities,
            operator=tenant in self._operators,
        )

    def _is_trusted(self, address: str | None) -> bool:
        try:
            known: Any = ipaddress.ip_address(address or "")
        except ValueError:
            return False
        mapped = getattr(known, "ipv4_mapped", None) or known
        return any(mapped in network for network in self._trusted)


def _check_query(query: str) -> None:
    """Refuse a key in the address, which servers and proxies write into their logs."""
    names = [unquote_plus(it.partition("=")[0]) for it in _PARTS.split(query)]
    found = [it for it in names if it.lower().replace("-", "_") in _IN_ADDRESS]
    if found or KEY_FORMAT.search(unquote_plus(query)):
        held = f"{found[0]}=..." if found else "a key"
        raise RefusedError(
            400,
            f"the address holds {held}, and addresses are logged on the way: send the key"
            " in the header `Authorization: Bearer KEY`, and take this one out of use",
            "key_in_address",
        )


def _check_once(headers: Mapping[str, str], *names: str) -> None:
    """Refuse what says twice who asks, as a proxy's word may stand beside the caller's own."""
    twice = headers.twice if isinstance(headers, HeaderFields) else frozenset[str]()
    if said := [it for it in names if it in twice]:
        raise RefusedError(
            400,
            f"the header {said[0]} is given twice, and not with one value: send it once, and have a"
            " proxy replace what callers send",
            "header_twice",
        )


def _unauthorised(message: str, code: str) -> RefusedError:
    return RefusedError(401, message, code, kind="authentication_error")
