"""An endpoint on loopback that fails in every way that endpoints do, over raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections import Counter
from email.utils import formatdate

from routelab.core.catalogue.catalogue import Timeouts
from routelab.core.tokens import estimated_tokens

TOKENS = [f"t{at} " for at in range(60)]
"""The whole answer."""

LONG_S = 20.0
SHORT_S = 0.3


def limits(said):
    """Time limits of which only the one that an error speaks of is short, however busy it is."""
    return Timeouts(
        connect_s=LONG_S,
        first_token_s=SHORT_S if "no first token" in said else LONG_S,
        between_tokens_s=SHORT_S if "no token" in said else LONG_S,
        total_s=SHORT_S if "no answer" in said else 1.0 if "not complete" in said else LONG_S,
    )


STATUSES = {
    "refuses": 400,
    "unauthorised": 401,
    "forbidden": 403,
    "missing": 404,
    "late": 408,
    "conflict": 409,
    "too_large": 413,
    "unprocessable": 422,
    "too_early": 425,
}
"""Behaviours that only refuse."""

CUT_AT = 40
STALL_AT = 20


class Misbehaving:
    """Serves `/BEHAVIOUR/v1/chat/completions` on a thread of its own, streaming or not.

    Attributes:
        asked: requests, by behaviour.
        billed: (prompt, completion) tokens that a provider would bill, by behaviour.
        connections: opened since the start.
        open: connections that are open now.
    """

    def __init__(self):
        self.asked = Counter()
        self.prompt = Counter()
        self.billed = Counter()
        self.connections = 0
        self.open = 0
        self.pace_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, behaviour, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}/{behaviour}/v1"

    def reset(self):
        for counter in (self.asked, self.prompt, self.billed):
            counter.clear()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _stop(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        try:
            while (request := await _request(reader)) is not None:
                behaviour, headers, body = request
                exchange = Exchange(self, behaviour, headers, body, reader, writer)
                self.asked[behaviour] += 1
                if not await getattr(exchange, behaviour)():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            with contextlib.suppress(Exception):
                writer.close()


async def _request(reader):
    """Behaviour, headers and body; None at the end, or for what is no HTTP, such as TLS."""
    try:
        if await reader.readexactly(1) != b"P":
            return None
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (it.partition(":") for it in lines if it)
    }
    body = await reader.readexactly(int(headers["content-length"]))
    return first.split("/")[1], headers, json.loads(body)


class Exchange:
    """One request; a behaviour gives true if the connection can serve another."""

    def __init__(self, server, behaviour, headers, body, reader, writer):
        self.server = server
        self.behaviour = behaviour
        self.headers = headers
        self.body = body
        self.reader = reader
        self.writer = writer
        self.stream = body.get("stream", False)
        self.prompt_tokens = estimated_tokens(body["messages"])

    # what works

    async def good(self):
        if self.stream:
            await self.start()
            await self.tokens(len(TOKENS))
            await self.finish()
        else:
            self.bill(len(TOKENS))
            await self.reply(completion(self.usage(len(TOKENS))))
        return True

    async def plain(self):
        """Streams nothing, whatever it is asked."""
        self.bill(len(TOKENS))
        await self.reply(completion(self.usage(len(TOKENS))))
        return True

    async def slow(self):
        """A good answer, of which the pieces take their time."""
        self.server.pace_s = 0.02
        try:
            return await self.good()
        finally:
            self.server.pace_s = 0.0

    async def endless(self):
        await self.start()
        await self.event(chunk({"role": "assistant"}))
        self.bill(0)
        while True:
            self.bill(1, prompt=False)
            await self.event(chunk({"content": "more "}))
            await asyncio.sleep(0.01)

    # what breaks off

    async def cut(self):
        await self.part(CUT_AT, apart=True)

    async def reset(self):
        """As `cut`, by a reset instead of an orderly end."""
        await self.part(CUT_AT, apart=True)
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def clean_cut(self):
        """As `cut`, but HTTP ends as it should."""
        if self.stream:
            await self.start()
            await self.tokens(CUT_AT)
            await self.send(b"0\r\n\r\n")
        else:
            text = json.dumps(completion(self.usage(0))).encode()
            await self.raw(text[: len(text) // 2])
        return True

    async def cut_before(self):
        """Ends between the headers and the first token."""
        if self.stream:
            await self.start()
            await self.event(chunk({"role": "assistant", "content": ""}))
        else:
            await self.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")

    async def cut_after(self):
        """Ends between the finish and the usage."""
        await self.start()
        await self.tokens(len(TOKENS))
        await self.event(chunk({}, finish_reason="stop"))

    async def stall(self):
        await self.part(STALL_AT)
        await self.reader.read()  # until the client gives up

    async def stall_before(self):
        if self.stream:
            await self.start()
            await self.event(chunk({"role": "assistant", "content": ""}))
        await self.reader.read()

    async def comments(self):
        """Keeps the connection alive without ever answering."""
        await self.start()
        while True:
            await self.send(_chunked(b": still thinking\n\n"))
            await asyncio.sleep(0.02)

    async def malformed(self):
        if self.stream:
            await self.start()
            await self.tokens(10)
            await self.send(_chunked(b'data: {"choices": [{"del\n\n'))
            await self.reader.read()
        else:
            await self.raw(b'{"choices": [{"mess')
        return True

    async def not_a_piece(self):
        await self.start()
        await self.event({"choices": "none"})
        await self.reader.read()

    async def error_event(self):
        """Fails in the middle of its answer, quoting the key."""
        await self.start()
        await self.tokens(10)
        await self.event({"error": {"message": f"overloaded, {self.quoted}", "code": 503}})
        await self.send(b"0\r\n\r\n")
        return True

    async def early_error_event(self):
        await self.start()
        await self.event({"error": {"message": f"overloaded, {self.quoted}"}})
        await self.send(b"0\r\n\r\n")
        return True

    # what goes wrong below HTTP

    async def half_closed(self):
        """Says no more, but goes on listening."""
        self.writer.write_eof()
        await self.reader.read()

    async def hangs_up(self):
        """Closes without a word."""

    async def blackhole(self):
        await self.reader.read()

    async def slow_headers(self):
        await self.send(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while True:
            await self.send(b"x")
            await asyncio.sleep(0.02)

    async def too_long_a_length(self):
        """Promises more than it sends."""
        if self.stream:
            await self.measured(CUT_AT, beyond=100)
            return
        body = json.dumps(completion(self.usage(0))).encode()
        await self.raw(body, length=len(body) + 100)

    async def too_short_a_length(self):
        """Sends more than it promised; what is left over must not answer the next request."""
        if self.stream:
            await self.measured(CUT_AT, beyond=-100)
            return True
        body = json.dumps(completion(self.usage(0))).encode()
        await self.raw(body, length=len(body) - 100)
        return True

    async def not_http(self):
        await self.send(b"SSH-2.0-OpenSSH_9.0\r\n")

    # what is refused

    async def busy_seconds(self):
        await self.refuse(429, {"retry-after": "1"})
        return True

    async def busy_date(self):
        now = 1_700_000_000
        dates = {
            "date": formatdate(now, usegmt=True),
            "retry-after": formatdate(now + 1, usegmt=True),
        }
        await self.refuse(429, dates)
        return True

    async def storm(self):
        await self.refuse(500, {})
        return True

    async def billed_storm(self):
        """Fails after all, and charges for the prompt."""
        self.bill(0)
        await self.reply({"error": {"message": "late"}, "usage": self.usage(0)}, 500)
        return True

    def __getattr__(self, behaviour):
        async def refused():
            await self.refuse(STATUSES[behaviour], {})
            return True

        return refused

    # what quotes the key where nobody would look for it

    async def echo_body(self):
        """A 200 that is an error, with the key as JSON may write it."""
        quoted = json.dumps({"error": {"message": self.quoted}}).replace("/", "\\/")
        await self.raw(quoted.encode())
        return True

    async def echo_html(self):
        await self.raw(
            f"<html>{self.quoted}</html>".encode(), headers={"content-type": "text/html"}
        )
        return True

    async def echo_status(self):
        await self.send(f"HTTP/1.1 500 {self.quoted}\r\ncontent-length: 0\r\n\r\n".encode())
        return True

    async def echo_event(self):
        """An event that is no JSON and holds the key."""
        await self.start()
        await self.tokens(3)
        await self.send(_chunked(f"data: {{{self.quoted}\n\n".encode()))
        await (self.reader.read() if self.stream else asyncio.sleep(0))

    # how it is said

    @property
    def quoted(self):
        return f"your key is {self.headers.get('authorization')}"

    def usage(self, completion_tokens):
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": completion_tokens}

    def bill(self, completion_tokens, *, prompt=True):
        self.server.billed[self.behaviour] += completion_tokens
        if prompt:
            self.server.prompt[self.behaviour] += self.prompt_tokens

    async def part(self, count, *, apart=False):
        """The answer's first tokens, or as much of the whole body."""
        if self.stream:
            await self.start()
            await self.tokens(count, apart=apart)
            return
        body = json.dumps(completion(self.usage(len(TOKENS)))).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        await self.send(head % len(body) + body[: len(body) * count // len(TOKENS)])

    async def measured(self, count, *, beyond):
        """The answer's first tokens at once, with a length that is off by so many bytes."""
        pieces = [chunk({"role": "assistant", "content": ""})]
        pieces += [chunk({"content": token}) for token in TOKENS[:count]]
        body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces)
        self.bill(count)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
        await self.send(head % (len(body) + beyond) + body)

    async def start(self):
        await self.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    async def tokens(self, count, *, apart=False):
        """In one write, as a busy machine may pause between two for longer than a limit is.

        Args:
            apart: one by one, for what is cut off next: a reset takes back what nobody read.
        """
        first = chunk({"role": "assistant", "content": ""})
        pieces = [chunk({"content": token}) for token in TOKENS[:count]]
        if not apart and not self.server.pace_s:
            self.bill(count)
            await self.send(b"".join(map(_event, [first, *pieces])))
            return
        await self.event(first)
        self.bill(0)
        for piece in pieces:
            await self.event(piece)
            self.bill(1, prompt=False)
            if self.server.pace_s:
                await asyncio.sleep(self.server.pace_s)

    async def finish(self):
        await self.event(chunk({}, finish_reason="stop"))
        if (self.body.get("stream_options") or {}).get("include_usage"):
            await self.event({**chunk({}), "choices": [], "usage": self.usage(len(TOKENS))})
        await self.send(_chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def event(self, value):
        await self.send(_event(value))

    async def reply(self, value, status=200, headers=None):
        await self.raw(json.dumps(value).encode(), status=status, headers=headers)

    async def refuse(self, status, headers):
        await self.reply({"error": {"message": f"no: {self.quoted}"}}, status, headers)

    async def raw(self, body, *, length=None, status=200, headers=None):
        given = {"content-type": "application/json", **(headers or {})}
        given["content-length"] = str(len(body) if length is None else length)
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        await self.send(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + body)

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()


def chunk(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def completion(usage):
    message = {"role": "assistant", "content": "".join(TOKENS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def _event(value):
    return _chunked(b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)
