"""The service and callers who leave, who ask in other providers' words, or who are refused."""

from __future__ import annotations

import asyncio
import json
import runpy
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed, to_wire
from routelab.policy_file import Document, write

PROJECT = Path(__file__).parents[3]
FINE = {
    "choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}


class Upstream:
    """Answers `fine`, refuses `bad`, and keeps anything else waiting; knows who hung up."""

    def __init__(self):
        self.bodies = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = int(head.partition("content-length: ")[2].split("\r\n")[0])
                body = json.loads(await reader.readexactly(size))
                self.bodies.append(body)
                self.asked.set()
                what = body["messages"][0]["content"]
                if what not in ("fine", "bad"):
                    assert await reader.read() == b""
                    self.left.set()
                    return
                said = FINE if what == "fine" else {"error": {"message": "no such thing"}}
                content = json.dumps(said).encode()
                status = b"200 OK" if what == "fine" else b"500 Oops"
                writer.write(
                    b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                    % (status, len(content), content)
                )
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def service(tmp_path, monkeypatch):
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    model = Model(deployments=(Deployment(url, "secret-deployment"),))
    document = Document(
        name="one", policy=to_wire(Fixed("a")), candidates=("a",), catalogue=Catalogue({"a": model})
    )
    path = write(tmp_path / "one.policy", document, "# one\n").path
    (tmp_path / "models.toml").write_text(
        f'[models.a]\n[[models.a.deployments]]\nbase_url = "{url}"\nmodel = "secret-deployment"\n',
        encoding="utf-8",
    )
    for name, value in (
        ("POLICY", path), ("MODELS", tmp_path / "models.toml"), ("LOG", tmp_path / "log"),
    ):  # fmt: skip
        monkeypatch.setenv(name, str(value))
    app = runpy.run_path(str(PROJECT / "examples" / "service.py"))["create"]()
    config = uvicorn.Config(app, port=0, log_level="critical", ws="none")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.02)
    port = running.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
        yield upstream, client, f"http://127.0.0.1:{port}/v1"
    running.should_exit = True
    await task
    server.close()


def logged(tmp_path):
    lines = [it.read_text(encoding="utf-8") for it in sorted((tmp_path / "log").glob("*.jsonl"))]
    return [json.loads(line) for text in lines for line in text.splitlines()]


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_before_the_first_piece_ends_what_is_under_way(tmp_path, monkeypatch, stream):
    async def run():
        async with service(tmp_path, monkeypatch) as (upstream, client, url):
            body = {"messages": [{"role": "user", "content": "late"}], "stream": stream}
            asked = asyncio.create_task(client.post(f"{url}/chat/completions", json=body))
            await upstream.asked.wait()
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            await upstream.left.wait()

    asyncio.run(asyncio.wait_for(run(), 20.0))
    (record,) = [it for it in logged(tmp_path) if "status" in it]
    assert record["status"] == "cancelled"


def test_fields_of_other_providers_are_passed_on_and_callers_see_no_address(tmp_path, monkeypatch):
    async def run():
        async with service(tmp_path, monkeypatch) as (upstream, client, url):

            async def post(what, **more):
                messages = [{"role": "user", "content": what}]
                body = {"model": "x", "messages": messages, **more}
                return await client.post(f"{url}/chat/completions", json=body)

            odd = {"priority": 5, "task": {"type": "x"}, "needs": "tools", "id": 7, "user": "u"}
            reply = await post("fine", **odd)
            assert reply.status_code == 200
            assert {**reply.json(), "routelab": None} == {**FINE, "routelab": None}
            assert {name: upstream.bodies[-1][name] for name in odd} == odd
            assert upstream.bodies[-1]["model"] == "secret-deployment"
            for stream in (False, True):
                refused = await post("bad", stream=stream)
                said = refused.json()["error"]["message"]
                assert refused.status_code == 503
                assert "answered 500: the deployment failed" in said
                assert "no such thing" not in said
                assert "127.0.0.1" not in said
                assert "secret-deployment" not in said
            listed = (await client.get(f"{url}/models")).json()
            assert [it["id"] for it in listed["data"]] == ["routelab/one"]

    asyncio.run(asyncio.wait_for(run(), 20.0))
