"""Hosts that behave and hosts that do not: `python hosts_server.py SECONDS` prints their ports.

One JSON object of ports by name. `north` and `south` answer after SECONDS, give or take a half, the
same for the same question; `stuck` never answers; `busy` answers 429; `cutting` hangs up in the
middle of whatever it sends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from zlib import crc32

NAMES = ("north", "south", "stuck", "busy", "cutting")
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
USAGE = {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13}


def whole(status, body, more=b""):
    content = json.dumps(body).encode()
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return head % (status, more, len(content)) + content


def events(pieces):
    sent = [b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces]
    return b"".join(b"%x\r\n%b\r\n" % (len(it), it) for it in sent)


ANSWER = whole(
    b"200 OK",
    {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "so it is"},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    },
)
DELTAS = [{"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("so ", "it ", "is")]
STREAM = (
    SSE
    + events(
        [
            *DELTAS,
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": USAGE},
        ]
    )
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
BUSY = whole(b"429 Too Many", {"error": {"message": "slow down"}}, b"retry-after: 1\r\n")
CUT_ANSWER, CUT_STREAM = ANSWER[:-40], SSE + b'8\r\ndata: {"'


class Host(asyncio.Protocol):
    """One connection to one host."""

    def __init__(self, name, takes_s):
        self.name = name
        self.takes_s = takes_s
        self.data = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        length = int(lower[lower.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self.data = rest[length:]
            asked = json.loads(rest[:length])
            getattr(self, self.name)(asked["messages"][-1]["content"], asked.get("stream"))

    def north(self, text, stream):
        wait_s = self.takes_s * (0.5 + crc32(text.encode()) % 1000 / 1000)
        reply = STREAM if stream else ANSWER
        asyncio.get_running_loop().call_later(wait_s, self.transport.write, reply)

    south = north

    def stuck(self, text, stream):
        pass

    def busy(self, text, stream):
        self.transport.write(BUSY)

    def cutting(self, text, stream):
        self.transport.write(CUT_STREAM if stream else CUT_ANSWER)
        self.transport.close()


async def main():
    """Serve until the process ends."""
    loop, takes_s = asyncio.get_running_loop(), float(sys.argv[1])
    ports = {}
    for name in NAMES:
        server = await loop.create_server(
            lambda name=name: Host(name, takes_s), "127.0.0.1", 0, backlog=1024
        )
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)  # noqa: T201  (whoever started it waits)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
