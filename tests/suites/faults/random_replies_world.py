"""A provider that replies at random: well, badly, and in ways that no page describes."""

from __future__ import annotations

import asyncio
import json
import random
import threading

WILD = (
    None, True, False, 0, -1, 1, 2.5, 1e308, -1e308, 10**30, float("inf"), float("-inf"),
    float("nan"), "", "x", "\ud800", "\u0000", "é𝔘", [], {}, [[]], [None], {"a": None}, [{}],
    "9" * 50, {"x": {"y": [1]}}, "data: x\n\n", "\r\n",
)  # fmt: skip
NAMES = (
    "choices", "usage", "error", "object", "type", "code", "finish_reason", "delta", "message",
    "content", "tool_calls", "logprobs", "role", "index", "refusal", "x_groq", "usageMetadata",
    "prompt_eval_count", "routelab", "service_tier", "model", "function", "arguments", "id",
)  # fmt: skip
STATUSES = (*(200,) * 40, 204, 302, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503, 529, 600)
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "cost": 0.01,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CALL = {
    "index": 0,
    "id": "c1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a": 1}'},
}
TOP = [{"token": "a", "logprob": -0.1}, {"token": "b", "logprob": -2.0}]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": TOP}]}


def wild(r, depth=0):
    """Any value where another is due."""
    kind = r.random() if depth < 2 else 1.0
    if kind < 0.2:
        return {r.choice(NAMES): wild(r, depth + 1) for _ in range(r.randint(0, 3))}
    if kind < 0.3:
        return [wild(r, depth + 1) for _ in range(r.randint(0, 3))]
    return r.choice(WILD)


def mutated(r, value, share):
    """A value of which so large a share is another one, gone, or there twice."""
    if r.random() < share:
        return wild(r)
    if isinstance(value, dict):
        kept = {name: mutated(r, it, share) for name, it in value.items() if r.random() > share / 2}
        return {**kept, r.choice(NAMES): wild(r)} if r.random() < share else kept
    if isinstance(value, list):
        kept = [mutated(r, it, share) for it in value]
        return [*kept, r.choice(kept)] if kept and r.random() < share else kept
    return value


def whole(r):
    message = {
        "role": "assistant",
        "content": r.choice(["hi", None, [{"type": "text", "text": "hi"}]]),
        "tool_calls": r.choice([None, [CALL], [CALL, {**CALL, "index": 1, "id": "c2"}]]),
    }
    finish = r.choice(["stop", "tool_calls", "length", "content_filter", "error"])
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": LOGPROBS}
    return {
        "choices": [choice, {**choice, "index": 1}][: r.randint(1, 2)],
        "usage": USAGE,
        "routelab": {"signals": {"sure": r.random()}},
    }


def pieces(r):
    said = [{"role": "assistant", "content": ""}]
    some = ({"content": "he"}, {"tool_calls": [CALL]}, {"content": [{"type": "text", "text": "x"}]})
    said += [r.choice(some) for _ in range(r.randint(0, 4))]
    told = [{"choices": [{"index": 0, "delta": it, "logprobs": LOGPROBS}]} for it in said]
    if r.random() < 0.1:
        told.append({"error": {"message": "oops", "code": r.choice([429, "server_error", None])}})
    if r.random() < 0.9:
        finish = r.choice(["stop", "tool_calls", "length", "error"])
        told.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*told, {"choices": [], "usage": USAGE}] if r.random() < 0.7 else told


class RandomReplies:
    """Serves on a thread of its own; the same seed and request give the same reply.

    Attributes:
        open: connections that are open now.
    """

    def __init__(self, seed):
        self.open = 0
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _stop(self):
        self._server.close()

    async def _serve(self, reader, writer):
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                size = int(head.partition("content-length:")[2].split("\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                r = random.Random(f"{self._seed} {body['messages'][-1]['content']}")
                if not await self._reply(r, body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _reply(self, r, body, writer):
        """Reply; true if the connection is to be kept."""
        share, status = r.choice([0.0, 0.005, 0.02, 0.05, 0.1, 0.3]), r.choice(STATUSES)
        if r.random() < 0.03:
            writer.write(r.choice(_BROKEN))
            return False
        if body.get("stream") and status == 200 and r.random() < 0.9:
            return await self._stream(r, share, writer)
        said = whole(r)
        if status != 200:
            code = r.choice(["content_filter", "invalid_api_key", 500, None, "insufficient_quota"])
            secret = self.url.replace("//", "//user:open-sesame@")
            words = f"secret-deployment-7 at {secret} failed, key sk-12345678"
            said = {"error": {"message": r.choice(["no", words]), "code": code}, "usage": USAGE}
        content = json.dumps(mutated(r, said, share)).encode()
        if r.random() < share / 3:
            content = r.choice(_NO_JSON) + content[: r.randint(0, 30)]
        pause = r.choice(["0.001", "-5", "inf", "nan", "x", "1e-999"])
        extra = b"retry-after: %b\r\n" % pause.encode() if r.random() < 0.2 else b""
        head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
        writer.write(head % (status, extra, len(content)) + content)
        return status not in (204, 302, 600)

    async def _stream(self, r, share, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        told = []
        for piece in pieces(r):
            data = json.dumps(mutated(r, piece, share)).encode()
            if r.random() < share / 2:
                data = r.choice((*_NO_JSON, data[: r.randint(0, len(data))]))
            before = r.choice(_BESIDE) if r.random() < share else b""
            told.append(before + b"data: " + data + r.choice([b"\n\n", b"\r\n\r\n", b"\r\r"]))
        if r.random() < 0.8:
            told.append(b"data: [DONE]\n\n")
        bytes_left = b"".join(told)
        while bytes_left:
            n = r.randint(1, 400)
            part, bytes_left = bytes_left[:n], bytes_left[n:]
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
        if r.random() < 0.1:
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


_NO_JSON = (b"", b"null", b"[]", b"<html>", b"\xff\xfe", b"[" * 5000, b'{"choices": ' + b"9" * 5000)
_BESIDE = (b"event: error\n", b"event: ping\n", b": hi\n\n", b"retry: 1\n", b"\xef\xbb\xbf")
_BROKEN = (
    b"",
    b"HTTP/1.1 200\r\n\r\n",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
)
