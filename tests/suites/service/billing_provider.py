"""An endpoint that keeps its bill in a file: `python billing_provider.py FILE` prints its port.

Every call has its line in the file before it is answered, so that the bill outlives the process.
It ends between two calls, at once, when it is told to.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from zlib import crc32

DELAY_S = 0.005


def usage(model, text):
    """Tokens of a call, the same whoever answers it."""
    key = crc32(f"{model}/{text}".encode())
    return {"prompt_tokens": 50 + key % 941, "completion_tokens": 50 + key % 449}


class BilledEndpoint(asyncio.Protocol):
    """One connection."""

    bill = -1

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        head, end, rest = self.data.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        length = int(lower[lower.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])
        if len(rest) >= length:
            self.data = rest[length:]
            asyncio.get_running_loop().call_later(DELAY_S, self._answer, json.loads(rest[:length]))

    def _answer(self, asked):
        if self.transport.is_closing():
            return
        text = asked["messages"][-1]["content"]
        used = usage(asked["model"], text)
        line = {"text": text, "model": asked["model"], **used}
        os.write(self.bill, json.dumps(line).encode() + b"\n")
        answer = f"{asked['model']} of {text}"
        if asked.get("stream"):
            self._stream(answer, used)
        else:
            message = {"role": "assistant", "content": answer}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self._reply(json.dumps({"choices": [choice], "usage": used}).encode())

    def _stream(self, answer, used):
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word} for word in (answer[:4], answer[4:])]
        pieces = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        pieces.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        pieces.append({"choices": [], "usage": used})
        events = [b"data: %s\n\n" % json.dumps(piece).encode() for piece in pieces]
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        body = b"".join(b"%x\r\n%s\r\n" % (len(it), it) for it in [*events, b"data: [DONE]\n\n"])
        self.transport.write(head + b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n")

    def _reply(self, body):
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


async def main():
    """Serve until the process ends."""
    BilledEndpoint.bill = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    server = await loop.create_server(BilledEndpoint, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  (whoever started it waits)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
