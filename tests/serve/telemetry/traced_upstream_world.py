"""An endpoint on loopback that keeps what it was sent, to see what providers hear of traces."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT, STATE = f"00-{TRACE_ID}-{SPAN_ID}-01", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"


class KeepingEndpoint(ThreadingHTTPServer):
    """Answers everything, the small model unsurely.

    Attributes:
        asked: headers, names in lower case, and body of each request.
        waits: of requests that say "wait", until it is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.waits = threading.Event()
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def taken(self) -> list[tuple[dict[str, str], dict[str, Any]]]:
        """What was asked since the last look."""
        found, self.asked = self.asked, []
        return found


class _Answers(BaseHTTPRequestHandler):
    server: KeepingEndpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(({n.lower(): v for n, v in self.headers.items()}, body))
        text = str(body["messages"])
        if "wait" in text:
            self.server.waits.wait(30.0)
        if "fail" in text or "wait" in text:
            self._reply("application/json", '{"error": {"message": "no"}}', 503)
            return
        sure = {"signals": {"confidence": 0.2 if body["model"] == "small-8b" else 0.9}}
        usage = {"prompt_tokens": 12, "completion_tokens": 3, "cost": 0.25}
        if body.get("stream"):
            piece = {"index": 0, "delta": {"role": "assistant", "content": "4"}}
            end = {"index": 0, "delta": {}, "finish_reason": "stop"}
            chunks = [{"choices": [piece]}, {"choices": [end], "usage": usage, "routelab": sure}]
            lines = [*(json.dumps(it) for it in chunks), "[DONE]"]
            self._reply("text/event-stream", "".join(f"data: {it}\n\n" for it in lines))
            return
        message = {"role": "assistant", "content": "4"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        said = {"choices": [choice], "usage": usage, "routelab": sure}
        self._reply("application/json", json.dumps(said))

    def _reply(self, kind: str, content: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def keeping() -> Iterator[KeepingEndpoint]:
    """An endpoint at work."""
    with KeepingEndpoint() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.waits.set()
        server.shutdown()
        thread.join()


def told(headers: Mapping[str, str]) -> tuple[str, str]:
    """The ids of trace and span that a request was sent with."""
    version, trace_id, span_id, flags = headers["traceparent"].split("-")
    assert (version, len(flags)) == ("00", 2)
    return trace_id, span_id
