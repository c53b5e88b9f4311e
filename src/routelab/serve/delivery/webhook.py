"""Answers posted to an address of somebody's, signed so that they know who posts.

Source: Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
HMAC-SHA256 over the three of id, timestamp and body with dots between them.
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

import httpcore

from routelab.serve.delivery.public_addresses import InwardError, PublicBackend, Resolve

_READ = 65_536
"""Bytes of a reply that are read: nothing in it is of interest."""
_GONE = 410
_LONGEST_WAIT_S = 3600.0


class UndeliverableError(Exception):
    """A delivery failed.

    Attributes:
        reason: why, without anything secret.
        final: it would fail again.
        wait_s: seconds that the destination wants to be left alone; None where it does not say.
    """

    def __init__(self, reason: str, *, final: bool = False, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.wait_s = wait_s


class WebhookSender:
    """Posts to webhooks; follows no redirect, and asks no proxy.

    Args:
        allow: private networks that webhooks may be in.
        timeout_s: of a post, from the first name that is resolved to the end of the reply.
        resolve: addresses of a name; the system's unless given.
        trust: certificates that are believed; the system's unless given.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        allow: Iterable[str],
        timeout_s: float,
        *,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._backend = PublicBackend(allow, resolve)
        self._timeout_s = timeout_s
        self._wall_clock = wall_clock
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust, network_backend=self._backend, keepalive_expiry=15.0
        )

    async def post(self, url: str, content: bytes, message_id: str, keys: Sequence[bytes]) -> None:
        """Post once.

        Args:
            url: of the webhook.
            content: JSON.
            message_id: the same for every try, by which a receiver knows it again.
            keys: that it is signed with, the newest first.
        Raises:
            UndeliverableError: it did not arrive, or was not taken.
        """
        stamp = str(int(self._wall_clock()))
        headers = {
            "host": urlsplit(url).netloc,
            "content-type": "application/json",
            "content-length": str(len(content)),
            "user-agent": "routelab",
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(message_id, stamp, content, keys),
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._post(url, headers, content)
        except InwardError as error:
            raise UndeliverableError(str(error), final=True) from error
        except TimeoutError as error:
            raise UndeliverableError(f"it took more than {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise UndeliverableError(f"{type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def _post(self, url: str, headers: dict[str, str], content: bytes) -> None:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        async with self._pool.stream("POST", url, headers=raw, content=content) as reply:
            read = 0
            async for part in reply.aiter_stream():
                read += len(part)
                if read > _READ:
                    break
            told = {name.lower(): value for name, value in reply.headers}
            self._check(reply.status, told.get(b"retry-after", b"").decode("latin-1"))

    def _check(self, status: int, retry_after: str) -> None:
        """Whether a post was taken.

        Raises:
            UndeliverableError: it was not.
        """
        if 200 <= status < 300:
            return
        if 300 <= status < 400:
            raise UndeliverableError(
                f"it answers with a redirect ({status}), which is not followed: configure the"
                " address it leads to",
                final=True,
            )
        if status == _GONE:
            raise UndeliverableError("it answers that it is gone (410)", final=True)
        raise UndeliverableError(f"it answers {status}", wait_s=self._wait_s(retry_after))

    def _wait_s(self, retry_after: str) -> float | None:
        if retry_after.isdecimal():
            return min(float(retry_after), _LONGEST_WAIT_S)
        try:
            when = email.utils.parsedate_to_datetime(retry_after).timestamp()
        except (TypeError, ValueError):
            return None
        return min(max(0.0, when - self._wall_clock()), _LONGEST_WAIT_S)


def signature(message_id: str, stamp: str, content: bytes, keys: Sequence[bytes]) -> str:
    """The header that proves who posted: a signature with each key, with blanks between them.

    Args:
        message_id: `webhook-id`.
        stamp: `webhook-timestamp`, Unix seconds.
        content: of the body.
        keys: the newest first.
    """
    signed = b".".join((message_id.encode(), stamp.encode(), content))
    marks = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(mark).decode()}" for mark in marks)
