"""A server that puts requests off for days, or never ends an answer, is waited for only so long."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from routelab.errors import TrackingError
from routelab.tracking import store


class Slow(BaseHTTPRequestHandler):
    """Asks to come back in eleven days, or drips a body that has no end."""

    drips = False

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            if not self.drips:
                self.send_response(429)
                self.send_header("Retry-After", "999999")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)

    do_POST = do_GET  # noqa: N815  (as the library calls it)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listening.server_port}")
    yield
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("drips", [False, True])
def test_no_request_is_waited_for_without_end(
    server: None, monkeypatch: pytest.MonkeyPatch, drips: bool
) -> None:
    monkeypatch.setattr(Slow, "drips", drips)
    monkeypatch.setattr(store, "LONGEST_S", 20.0 if not drips else 1.0)
    begun = threading.active_count()
    with pytest.raises(TrackingError), store.connected() as client:
        client.get_experiment_by_name("routelab")
    assert threading.active_count() <= begun + 2  # the one left behind, and the server's
