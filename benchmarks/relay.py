"""A bare relay of chat requests, what a gateway is measured beside: `python -m ... BASE_URL`.

Starlette on uvicorn and httpx over aiohttp, with nothing in between.
"""

from __future__ import annotations

import asyncio
import sys

import httpx
import uvicorn
from httpx_aiohttp import AiohttpTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from routelab.runtime import listening_socket


def relay(base_url: str) -> Starlette:
    client = httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False)
    url = f"{base_url}/chat/completions"
    kind = {"content-type": "application/json"}

    async def chat(request: Request) -> Response:
        body = await request.body()
        if b'"stream":true' in body:
            opened = client.build_request("POST", url, content=body, headers=kind)
            reply = await client.send(opened, stream=True)
            return StreamingResponse(reply.aiter_raw(), media_type="text/event-stream")
        reply = await client.post(url, content=body, headers=kind)
        return Response(reply.content, reply.status_code, media_type="application/json")

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])


async def main(base_url: str) -> None:
    with listening_socket("127.0.0.1", 0) as listening:
        config = uvicorn.Config(relay(base_url), log_config=None, access_log=False, lifespan="off")
        print(listening.getsockname()[1], flush=True)
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
