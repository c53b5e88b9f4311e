"""Any cut of any stream in any known way of streaming comes to the whole answer."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import asynccontextmanager

from assembly_world import (
    DIALECTS,
    USAGE,
    bodies,
    in_dialect,
    streamed,
    with_ids_apart,
    without_empty_refusals,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sink_world import Sink

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.attempts import attempt
from routelab.runtime.upstream import OpenReply
from routelab.simulate.virtual import VirtualLoop


class Chunks:
    """A stream that arrives in these chunks."""

    def __init__(self, chunks):
        self.chunks = chunks

    @asynccontextmanager
    async def stream(self, outgoing):
        async def chunks():
            for it in self.chunks:
                yield it

        yield OpenReply(200, chunks(), {"content-type": "text/event-stream; charset=utf-8"})

    def hide(self, deployment, text):
        return text


def answered(chunks, n):
    """The result of an attempt that reads these chunks, and what its caller was given."""

    async def main(loop):
        sink, at = Sink(), Deployment("http://upstream.test/v1", "m")
        how = {"clock": loop.time, "wall_clock": loop.time, "sink": sink}
        body = {"messages": [], "n": n}
        return await attempt(Chunks(chunks), at, body, {}, Timeouts(), **how), sink.pieces

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main(runner.get_loop()))


def in_every_piece(pieces):
    """Usage grows from piece to piece, as Anthropic's gateways and some others tell it."""
    for at, piece in enumerate(pieces):
        yield piece if piece.get("usage") else {**piece, "usage": {"completion_tokens": min(at, 4)}}


def in_the_choice(pieces):
    """As Moonshot tells it: in the choice that ends."""
    for piece in pieces:
        if not piece["choices"]:
            continue
        yield {
            **piece,
            "choices": [
                {**it, "usage": USAGE} if it["finish_reason"] else it for it in piece["choices"]
            ],
        }


def under_groq(pieces):
    for piece in pieces:
        yield piece if piece["choices"] else {"x_groq": {"usage": USAGE}, "choices": []}


def then_zeros(pieces):
    yield from pieces
    yield {"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}


USAGES = (list, in_every_piece, in_the_choice, under_groq, then_zeros)
NOISE = (b": OPENROUTER PROCESSING\n\n", b"event: ping\ndata:\n\n", b"retry: 3000\n\n", b"\n")


@st.composite
def streams(draw):
    """A body, and the bytes of its stream."""
    body = with_ids_apart(draw(bodies()))
    pieces = in_dialect(streamed(body, draw), draw(st.sampled_from(DIALECTS)), draw(st.booleans()))
    end = draw(st.sampled_from((b"\n", b"\r\n", b"\r")))
    told = [b"\xef\xbb\xbf"] if draw(st.booleans()) else []
    if draw(st.booleans()):
        told.append(b'data: {"choices": [], "prompt_filter_results": []}' + 2 * end)
    for piece in draw(st.sampled_from(USAGES))(pieces):
        if draw(st.booleans()):
            told.append(draw(st.sampled_from(NOISE)).replace(b"\n", end))
        text = json.dumps(
            piece, ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1))
        )
        lines = text.encode(errors="surrogatepass").split(b"\n")
        space = draw(st.sampled_from((b"data: ", b"data:")))
        told.append(b"".join(space + line + end for line in lines) + end)
    if draw(st.booleans()):
        told.append(b"data: [DONE]" + 2 * end)
    return body, b"".join(told)


def cut_anywhere(data, draw):
    places = draw(st.lists(st.integers(0, len(data)), max_size=12))
    ends = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends)]


@given(streams(), st.data())
@settings(max_examples=50)
def test_any_cut_of_any_stream_is_the_whole_answer(stream, data):
    body, told = stream
    result, pieces = answered(cut_anywhere(told, data.draw), len(body["choices"]))
    assert result.error is None
    found = without_empty_refusals(dict(result.answer))
    found.pop("prompt_filter_results", None)
    found.pop("x_groq", None)
    for choice in found["choices"]:
        choice.pop("usage", None)
    assert {name: found[name] for name in ("choices", "usage", "object")} == {
        name: body[name] for name in ("choices", "usage", "object")
    }
    said = "".join(
        choice["delta"].get("content") or ""
        for piece in pieces
        for choice in piece["choices"]
        if choice["index"] == 0
    )
    assert said == (body["choices"][0]["message"]["content"] or "")
