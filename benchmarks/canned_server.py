"""An endpoint that gives every chat request the same answer: `python -m ... [SECONDS]`.

It answers at once, or after so many seconds; of a stream the first piece comes at once and the rest
then. A bare protocol, so that what is measured beside it is the client.
"""

from __future__ import annotations

import asyncio
import json
import sys

BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "canned",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The answer is 4. " * 12},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 120, "completion_tokens": 48, "total_tokens": 168},
    }
).encode()
REPLY = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
) + BODY


def events(*pieces: object) -> bytes:
    sent = [b"data: " + json.dumps(it).encode() + b"\n\n" for it in pieces]
    return b"".join(b"%x\r\n%b\r\n" % (len(it), it) for it in sent)


STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    + events({"choices": [{"index": 0, "delta": {"role": "assistant", "content": "The "}}]})
)
REST = (
    events(
        {"choices": [{"index": 0, "delta": {"content": "answer is 4. "}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 48}},
    )
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)


class Canned(asyncio.Protocol):
    after_s = 0.0

    def connection_made(self, transport):
        self.transport, self.held = transport, b""

    def data_received(self, data):
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            reply = REPLY
            if b'"stream":true' in self.held[end : end + 4 + length]:
                self.transport.write(STREAM)
                reply = REST
            self.held = self.held[end + 4 + length :]
            if self.after_s:
                asyncio.get_running_loop().call_later(self.after_s, self.transport.write, reply)
            else:
                self.transport.write(reply)


async def main() -> None:
    Canned.after_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Canned, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until its parent ends


if __name__ == "__main__":
    asyncio.run(main())
