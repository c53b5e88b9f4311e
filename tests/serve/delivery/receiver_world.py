"""A server on loopback that webhooks are posted to, and that answers as a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from routelab.serve.delivery import answered

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Post(NamedTuple):
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Receiver:
    """What was posted; `answers` are given one after the other, and the last of them from then on.

    An answer is a status, or a status with headers.
    """

    def __init__(self, url: str, answers: list[Any]) -> None:
        self.url = url
        self.posts: list[Post] = []
        self.answers = answers

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])


@contextmanager
def receiving(*answers: Any) -> Iterator[Receiver]:
    """A receiver of webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            found.posts.append(
                Post({it.lower(): value for it, value in self.headers.items()}, content)
            )
            answer = found.answers[min(len(found.posts), len(found.answers)) - 1]
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            self.send_response(status)
            for name, value in {**headers, "content-length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(
            f"http://127.0.0.1:{server.server_address[1]}/hook", list(answers) or [200]
        )
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def outcome(name: str = "a", **more: Any) -> Any:
    """The outcome of a request that is answered."""
    body = {"choices": [], "routelab": {"cost_usd": 0.1}}
    named = {"id": name, "entry": "chat", "at_s": 1_700_000_000.0, "tenant": "north", **more}
    return answered(body, "small", **named)
