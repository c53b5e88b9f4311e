"""Heads of requests are bounded, offers of HTTP/2 are passed over, and what is no HTTP is told."""

from __future__ import annotations

import json
import socket
from contextlib import closing

import httpx
import pytest
from serve_world import CHAT, asking, prompt, running

from routelab.serve import GatewayLimits, ServeConfig

START = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
SMALL = GatewayLimits(head_bytes=2_000)
SOON = GatewayLimits(head_s=0.2)


@pytest.fixture(scope="module", params=[SMALL], ids=[""])
def bounded(world, request):
    config = ServeConfig(limits=request.param)
    with running([world.policies["small"]], world.catalogue, config) as gateway:
        yield gateway


def connection(gateway):
    url = gateway.client.base_url
    return closing(socket.create_connection((url.host, url.port), 10.0))


def read(opened):
    """Everything until the server hangs up."""
    found = b""
    try:
        while part := opened.recv(1 << 16):
            found += part
    except ConnectionResetError:  # what was sent after the refusal is not read
        pass
    return found


def refusal(reply):
    """Status and code, of a reply as every other of the gateway."""
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"\r\nx-request-id: " in head
    assert b"\r\nx-routelab-cost-usd: 0\r\n" in head
    assert b"\r\nconnection: close" in head
    return int(head.split(b" ")[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "head",
    [
        START + b"x-long: " + b"a" * 3_000,
        START + b"a: b\r\n" * 800 + b"\r\n",
        b"GET /" + b"a" * 3_000,
        b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        b"0\r\n" + b"a: b\r\n" * 800,
    ],
    ids=["a long header", "many headers", "a long address", "after the body"],
)
@pytest.mark.parametrize("piece", [100, 1 << 20], ids=["in pieces", "at once"])
def test_a_head_that_is_too_large_is_refused_and_no_more_of_it_is_kept(bounded, head, piece):
    with connection(bounded) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for at in range(0, len(head), piece):
                opened.sendall(head[at : at + piece])
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before it ended
        reply = read(opened)
    if reply:  # else the refusal was lost with what came after it
        assert refusal(reply) == (431, "head_too_large")
    assert bounded.client.get("/healthz").status_code == 200


def test_many_requests_of_one_connection_are_no_large_head(bounded):
    with connection(bounded) as opened:
        opened.sendall((START + b"\r\n") * 200 + START + b"connection: close\r\n\r\n")
        assert read(opened).count(b"HTTP/1.1 200 OK") == 201


@pytest.mark.parametrize("bounded", [SOON], indirect=True, ids=["soon"])
@pytest.mark.parametrize("begun", [b"", b"\r\n", START, START + b"\r\n" + START])
def test_who_does_not_finish_a_head_is_hung_up_on(bounded, begun):
    with connection(bounded) as opened:
        opened.sendall(begun)
        reply = read(opened)  # which ends
    if begun.startswith(b"GET"):
        *answered, last = reply.split(b"HTTP/1.1 ")[1:]
        assert refusal(b"HTTP/1.1 " + last) == (408, "head_too_slow")
        assert len(answered) == begun.count(b"GET") - 1
    else:
        assert reply == b""


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x00\xc8\x01\x00\x00", b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
     b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_http_is_told_in_the_words_of_every_refusal(gateway, sent):
    with connection(gateway) as opened:
        opened.sendall(sent)
        assert refusal(read(opened)) == (400, "invalid_http")
    assert gateway.events[-1]["code"] == "invalid_http"


OFFER = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAMAAABk"}


@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_of_http_2_is_passed_over_and_the_body_is_read(gateway, world, chunked):
    """As Java's client makes it with each request, and libraries that are built on it."""
    content = json.dumps(asking(prompt(world.log, 0), model="routelab/small")).encode()
    with httpx.Client(base_url=gateway.client.base_url, trust_env=False) as client:
        for _ in range(2):
            body = iter([content[:9], content[9:]]) if chunked else content
            reply = client.post(CHAT, content=body, headers=OFFER)
            assert (reply.status_code, reply.http_version) == (200, "HTTP/1.1"), reply.text
            assert reply.json()["routelab"]["model"] == "small-8b"
        assert client.get("/healthz", headers=OFFER).json() == {"status": "ok"}


def test_offered_requests_that_come_byte_by_byte_and_together(gateway):
    offer = b"".join(f"{name}: {value}\r\n".encode() for name, value in OFFER.items())
    asked = b"POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n" + offer + b"\r\n{}"
    last = START + b"connection: close\r\n\r\n"
    for piece in (1, 7, 1 << 20):
        with connection(gateway) as opened:
            sent = asked + asked + last
            for at in range(0, len(sent), piece):
                opened.sendall(sent[at : at + piece])
            found = read(opened)
        assert (found.count(b"HTTP/1.1 400"), found.count(b"HTTP/1.1 200")) == (2, 1)
        assert found.count(b"decision=None") == 2
