"""What is written in one turn is sent at once, in order, and nothing of it is lost."""

from __future__ import annotations

import asyncio

import pytest

from routelab.serve.connections import JoinedWrites


async def received(write, most=1 << 20) -> list[bytes]:
    """The pieces that a caller reads of what a server writes; each read takes all that is there."""
    pieces: list[bytes] = []
    done = asyncio.Event()

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            self.serving = asyncio.ensure_future(self._serve(transport))

        async def _serve(self, transport):
            await write(JoinedWrites(transport, asyncio.get_running_loop()))
            done.set()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await done.wait()
    while piece := await reader.read(most):
        pieces.append(piece)
    writer.close()
    server.close()
    return pieces


def test_a_head_and_its_body_are_one_piece():
    async def answer(transport):
        transport.write(b"head")
        transport.write(b"body")
        await asyncio.sleep(0.01)
        transport.close()

    assert asyncio.run(received(answer)) == [b"headbody"]


@pytest.mark.parametrize("size", [1, 70_000, 1_000_000])
def test_what_is_written_before_hanging_up_arrives_in_order(size):
    sent = [bytes([65 + at]) * size for at in range(5)]

    async def answer(transport):
        for piece in sent:
            transport.write(piece)
        transport.close()

    assert b"".join(asyncio.run(received(answer))) == b"".join(sent)


def test_hanging_up_at_once_sends_nothing_more():
    async def answer(transport):
        transport.write(b"never")
        transport.abort()
        await asyncio.sleep(0.01)

    async def told():
        try:
            return await received(answer)
        except ConnectionResetError:
            return []

    assert asyncio.run(told()) == []


def test_it_does_all_else_as_the_transport():
    class Plain:
        def get_extra_info(self, name):
            return name

    with asyncio.Runner() as runner:
        assert JoinedWrites(Plain(), runner.get_loop()).get_extra_info("peername") == "peername"
