"""Requests built the short way are, byte for byte, those that the client itself would build."""

import httpx
import pytest

from routelab.core.catalogue.catalogue import Deployment, Timeouts
from routelab.runtime.transport.request import RequestBuilder
from routelab.runtime.upstream import OutgoingRequest

BODY = {"model": "m", "messages": [{"role": "user", "content": "Grüße"}]}


class Own(httpx.AsyncClient):
    """A client that has its own mind about requests."""

    def build_request(self, *args: object, **options: object) -> httpx.Request:
        request = super().build_request(*args, **options)
        request.headers["x-own"] = "yes"
        return request


CLIENTS = {
    "plain": httpx.AsyncClient,
    "headers": lambda: httpx.AsyncClient(
        verify=False, headers={"X-Team": "one", "user-agent": "team"}
    ),
    "same header": lambda: httpx.AsyncClient(verify=False, headers={"Content-Type": "text/plain"}),
    "own key": lambda: httpx.AsyncClient(verify=False, headers={"Authorization": "Bearer client"}),
    "own id": lambda: httpx.AsyncClient(verify=False, headers={"X-Request-Id": "client"}),
    "host": lambda: httpx.AsyncClient(verify=False, headers={"Host": "elsewhere"}),
    "length": lambda: httpx.AsyncClient(verify=False, headers={"Content-Length": "7"}),
    "cookies": lambda: httpx.AsyncClient(verify=False, cookies={"session": "one"}),
    "params": lambda: httpx.AsyncClient(verify=False, params={"version": "1"}),
    "base": lambda: httpx.AsyncClient(verify=False, base_url="http://base.test/api"),
    "subclass": Own,
}
PLACES = ("http://10.0.0.1:8000/v1", "https://one.test/v1/", "http://me:pw@one.test/v1")
HEADERS: tuple[dict[str, str], ...] = ({}, {"x-request-id": "7", "x-routelab-need": "logprob_q"})


@pytest.mark.parametrize("name", CLIENTS)
def test_the_short_way_gives_the_same_request(name, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "secret")
    client, requests = CLIENTS[name](), RequestBuilder()
    for url in (*PLACES, "/v1") if name == "base" else PLACES:
        for key in ("", "SOME_KEY"):
            for headers in HEADERS:
                deployment = Deployment(url, "m", api_key_env=key)
                outgoing = OutgoingRequest(deployment, BODY, headers, Timeouts(connect_s=3.0))
                built, auth = requests.build(client, outgoing)
                usual, as_usual = Usual().build(client, outgoing)
                assert told(built) == told(usual)
                assert type(auth) is type(as_usual)


def test_a_client_may_change_between_requests():
    client, requests = httpx.AsyncClient(verify=False), RequestBuilder()
    outgoing = OutgoingRequest(Deployment("http://one.test/v1", "m"), BODY, {}, Timeouts())
    requests.build(client, outgoing)
    client.headers["x-team"] = "two"
    assert requests.build(client, outgoing)[0].headers["x-team"] == "two"
    client.cookies.set("session", "one")
    assert requests.build(client, outgoing)[0].headers["cookie"] == "session=one"
    del client.headers["x-team"]
    client.cookies.clear()
    assert told(requests.build(client, outgoing)[0]) == told(Usual().build(client, outgoing)[0])


class Usual(RequestBuilder):
    """Has every request built by the client."""

    def _plain(self, client, address, headers):
        return False


def told(request: httpx.Request) -> tuple[object, ...]:
    """All that is sent; headers of other names have no order (RFC 9110, section 5.3)."""
    limits = request.extensions["timeout"]
    return request.method, str(request.url), sorted(request.headers.raw), request.content, limits
