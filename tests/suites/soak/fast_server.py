"""A fast endpoint that keeps a bill: `python fast_server.py` prints its port.

Answers chat requests, streaming or not. Every 50th it refuses with 500 and charges for it all the
same; every 97th it hangs up, for nothing. `GET` gives the bill, and how many connections are open.
"""

from __future__ import annotations

import asyncio
import json
from zlib import crc32

WORDS = 8


class Bill:
    """What was asked, and what it comes to."""

    requests = prompt_tokens = completion_tokens = open = most_open = 0


class Endpoint(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""
        Bill.open += 1
        Bill.most_open = max(Bill.most_open, Bill.open)

    def connection_lost(self, error):
        Bill.open -= 1

    def data_received(self, data):
        self.data += data
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET"):
            told = {name: value for name, value in vars(Bill).items() if isinstance(value, int)}
            self.data = b""
            self._reply(json.dumps(told).encode())
            return
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at:].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self.data = rest[length:]
            self._answer(json.loads(rest[:length]))

    def _answer(self, asked):
        Bill.requests += 1
        if Bill.requests % 97 == 0:
            self.transport.close()
            return
        text = asked["messages"][-1]["content"]
        key = crc32(f"{asked['model']}/{text}".encode())
        usage = {"prompt_tokens": 50 + key % 941, "completion_tokens": 50 + key % 449}
        Bill.prompt_tokens += usage["prompt_tokens"]
        Bill.completion_tokens += usage["completion_tokens"]
        if Bill.requests % 50 == 0:
            error = {"error": {"message": "no"}, "usage": usage}
            self._reply(json.dumps(error).encode(), b"500 No")
        elif asked.get("stream"):
            self._stream(usage)
        else:
            message = {"role": "assistant", "content": "word " * WORDS}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = {"choices": [choice], "usage": usage, "score": key % 1000 / 1000}
            self._reply(json.dumps(body).encode())

    def _stream(self, usage):
        deltas = [{"role": "assistant", "content": ""}, *[{"content": "word "}] * WORDS]
        pieces = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        pieces.append({"choices": [], "usage": usage})
        events = [b"data: %s\n\n" % json.dumps(piece).encode() for piece in pieces]
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        body = b"".join(b"%x\r\n%s\r\n" % (len(it), it) for it in [*events, b"data: [DONE]\n\n"])
        self.transport.write(head + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n")

    def _reply(self, body, status=b"200 OK"):
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)


async def main():
    """Serve until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Endpoint, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  (whoever started it waits)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
