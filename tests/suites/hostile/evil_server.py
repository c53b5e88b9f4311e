"""An endpoint on loopback that sends too much, too deep, for ever, or packed to burst."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import zlib
from functools import cache

MB = 1 << 20
ANSWER = {"choices": [{"index": 0, "message": {"content": "4"}, "finish_reason": "stop"}]}
EVENTS = "text/event-stream"


def piece(**delta):
    return {"choices": [{"index": 0, "delta": delta}]}


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@cache
def packed(size, start=b"", *, raw=False):
    """A little that unpacks to so much."""
    window = -15 if raw else 31
    pack = zlib.compressobj(9, zlib.DEFLATED, window)
    parts = [pack.compress(start)]
    parts += [pack.compress(bytes(MB)) for _ in range(size // MB)]
    return b"".join([*parts, pack.flush()])


class EvilServer:
    """Serves `/NAME/v1/chat/completions`, NAME a method of `Ways`; one request a connection.

    Attributes:
        asked: requests so far.
        connections: that are open.
    """

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.asked = self.connections = 0

    def __enter__(self):
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, way):
        return f"http://127.0.0.1:{self.port}/{way}/v1"

    async def _stop(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was aborted is closed in the next turns of the loop

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            await self._answer(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections -= 1
            writer.transport.abort()

    async def _answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(it[15:]) for it in lines if it.startswith(b"content-length:"))
        asked = json.loads(await reader.readexactly(length))
        self.asked += 1
        way = head.split(b"/")[1].decode()
        answering = asyncio.create_task(getattr(Ways(writer), way)(bool(asked.get("stream"))))
        leaving = asyncio.create_task(reader.read())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await answering
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)


class Ways:
    def __init__(self, writer):
        self._writer = writer

    async def _head(self, *lines, media="application/json", length=None):
        size = () if length is None else (f"content-length: {length}",)
        head = ["HTTP/1.1 200 OK", f"content-type: {media}", *size, *lines, "connection: close"]
        await self._send("\r\n".join([*head, "", ""]).encode())

    async def _send(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def _whole(self, body, *lines, media="application/json"):
        await self._head(*lines, media=media, length=len(body))
        await self._send(body)

    async def _for_ever(self, data):
        while True:
            await self._send(data)

    # what works

    async def good(self, stream):
        await self._whole(json.dumps(ANSWER).encode())

    async def gzip_good(self, stream):
        content = json.dumps(ANSWER).encode()
        if stream:
            content = event(piece(content="4")) + event(
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            )
        media = EVENTS if stream else "application/json"
        await self._whole(gzip.compress(content), "content-encoding: gzip", media=media)

    async def much(self, stream):
        """An answer faster than a caller reads it."""
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await self._whole(event(piece(content="x")) * 300 + event(end), media=EVENTS)

    # too much

    async def for_ever(self, stream):
        await self._head(media=EVENTS if stream else "application/json")
        await self._for_ever(b" " * MB)

    async def gzip_bomb(self, stream):
        media = EVENTS if stream else "application/json"
        body = packed(200 * MB, b'data: {"a":"' if stream else b'{"a":"')
        await self._whole(body, "content-encoding: gzip", media=media)

    async def deflate_bomb(self, stream):
        await self._whole(packed(200 * MB, raw=True), "content-encoding: deflate")

    async def gzip_broken(self, stream):
        await self._whole(b"\x1f\x8b" + b"x" * 1_000, "content-encoding: gzip")

    async def other_packing(self, stream):
        await self._whole(b"x" * 1_000, "content-encoding: br")

    async def gzip_twice(self, stream):
        body = gzip.compress(gzip.compress(json.dumps(ANSWER).encode()))
        await self._whole(body, "content-encoding: gzip, gzip")

    async def header_for_ever(self, stream):
        await self._send(b"HTTP/1.1 200 OK\r\nx: ")
        await self._for_ever(b"x" * MB)

    async def headers_for_ever(self, stream):
        await self._send(b"HTTP/1.1 200 OK\r\n")
        await self._for_ever(b"x: y\r\n" * 10_000)

    async def continue_for_ever(self, stream):
        await self._for_ever(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)

    # too deep, too many

    async def deep(self, stream):
        await self._whole(b'{"choices": ' + b"[" * 900 + b"]" * 900 + b"}")

    async def deeper(self, stream):
        await self._whole(b'{"choices": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001)

    async def deep_message(self, stream):
        message = b'{"content": ' + b"[" * 300 + b"]" * 300 + b"}"
        await self._whole(b'{"choices": [{"index": 0, "message": ' + message + b"}]}")

    async def many_values(self, stream):
        await self._whole(b'{"choices": [' + b"[]," * 2_000_000 + b"0]}")

    async def many_choices(self, stream):
        await self._whole(json.dumps({"choices": ANSWER["choices"] * 20_000}).encode())

    async def many_calls(self, stream):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        message = {"content": None, "tool_calls": [call] * 20_000}
        await self._whole(json.dumps({"choices": [{"message": message}]}).encode())

    # streams

    async def events_for_ever(self, stream):
        await self._head(media=EVENTS)
        await self._for_ever(event(piece(content="x")) * 1_000)

    async def empty_events_for_ever(self, stream):
        await self._head(media=EVENTS)
        await self._for_ever(b"data: {}\n\n" * 10_000)

    async def comments_for_ever(self, stream):
        await self._head(media=EVENTS)
        await self._for_ever(b":\n" * 30_000)

    async def lines_for_ever(self, stream):
        await self._head(media=EVENTS)
        await self._for_ever(b"data:\n" * 10_000)

    async def calls_for_ever(self, stream):
        await self._head(media=EVENTS)
        for at in range(10**9):
            call = {"index": at, "id": f"c{at}", "function": {"name": "f", "arguments": "{}"}}
            await self._send(event(piece(tool_calls=[call])))

    async def alike_calls_for_ever(self, stream):
        await self._head(media=EVENTS)
        call = {"index": 0, "function": {"name": "f", "arguments": '{"a": "' + "x" * 50}}
        await self._for_ever(event(piece(tool_calls=[call])) * 500)

    async def choices_for_ever(self, stream):
        await self._head(media=EVENTS)
        for at in range(10**9):
            await self._send(event({"choices": [{"index": at, "delta": {"content": "x"}}]}))

    async def odd_texts_for_ever(self, stream):
        await self._head(media=EVENTS)
        await self._for_ever(event(piece(mood="ab")) * 500 + event(piece(mood="c")) * 500)

    async def deep_events(self, stream):
        await self._head(media=EVENTS)
        deep = b"[" * 800 + b"]" * 800
        await self._for_ever(b'data: {"choices":[{"delta":{"content":' + deep + b"}}]}\n\n")

    # ends too soon

    async def closed(self, stream):
        pass

    async def reset(self, stream):
        self._writer.transport.abort()

    async def no_content(self, stream):
        await self._send(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")

    async def cut(self, stream):
        await self._head(media=EVENTS if stream else "application/json", length=1_000)
        await self._send(event(piece(content="4")) if stream else b'{"choices": [')

    # no ends

    async def half(self, stream):
        await self._head(length=1_000)
        await self._send(b'{"choices": [')
        await asyncio.sleep(600)

    async def no_chunk(self, stream):
        await self._head("transfer-encoding: chunked", media=EVENTS)
        await self._send(b"FFFFFFF\r\n:")
        await asyncio.sleep(600)

    async def dripping_head(self, stream):
        await self._send(b"HTTP/1.1 200 OK\r\n")
        for at in range(10**9):
            await self._send(b"x-%d: y\r\n" % at)
            await asyncio.sleep(0.02)

    async def dripping_events(self, stream):
        await self._head(media=EVENTS)
        while True:
            await self._send(b": still here\n\n")
            await asyncio.sleep(0.02)

    async def dripping_answer(self, stream):
        await self._head(media=EVENTS)
        while True:
            await self._send(event(piece(content="x")))
            await asyncio.sleep(0.02)

    async def no_usage(self, stream):
        """All of an answer, and nothing behind it."""
        await self._head(media=EVENTS)
        await self._send(event(piece(content="4")))
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await self._send(event(end))
        await asyncio.sleep(600)

    async def silent(self, stream):
        await asyncio.sleep(600)

    async def dripping(self, stream):
        await self._head(media=EVENTS if stream else "application/json")
        while True:
            await self._send(b" ")
            await asyncio.sleep(0.05)


TOO_MUCH = (
    "for_ever", "gzip_bomb", "deflate_bomb", "gzip_broken", "other_packing", "gzip_twice",
    "header_for_ever", "headers_for_ever", "deep", "deeper", "deep_message", "many_values",
    "many_choices", "many_calls",
)  # fmt: skip
"""Ways that end in a failure of their own."""

STREAMS = (
    "for_ever", "gzip_bomb", "comments_for_ever", "lines_for_ever", "empty_events_for_ever",
    "calls_for_ever", "choices_for_ever", "deep_events",
)  # fmt: skip
"""Streams that end in a failure before anything of an answer is passed on, or soon after."""

LONG_STREAMS = ("events_for_ever", "alike_calls_for_ever", "odd_texts_for_ever")
"""Streams of which all that is taken is an answer that breaks off."""

NO_ENDS = (
    "silent", "dripping", "continue_for_ever", "half", "no_chunk", "dripping_head",
    "dripping_events",
)  # fmt: skip
"""Ways that only a time limit ends."""

NOT_ALL = ("dripping_answer", "no_usage")
"""Streams that begin an answer, and never end."""

TOO_SOON = ("closed", "reset", "no_content", "cut")
"""Ways that end before there is an answer."""
