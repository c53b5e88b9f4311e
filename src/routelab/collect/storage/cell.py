"""Cells of a collection: one request asked of one arm, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["answered", "cut", "refused", "empty", "failed", "too_long"]
"""What became of a cell.

`answered`: a whole answer. `cut`: one that ended at the bound of its tokens. `refused`: the model
declined, or a filter did. `empty`: an answer that says nothing. `failed`: no answer came, after
all retries. `too_long`: it was not asked, as the request is longer than the model's context window.
"""


class Reserved(msgspec.Struct, frozen=True, tag="asked", tag_field="is", omit_defaults=True):
    """A cell is about to be asked, and so much money is reserved for it.

    Attributes:
        row: of the request, from 0.
        arm: of the manifest, from 0.
        usd: at most, of the answer and its signals.
        at_s: Unix seconds.
    """

    row: int
    arm: int
    usd: float = 0.0
    at_s: float = 0.0


class Released(
    msgspec.Struct, frozen=True, kw_only=True, tag="released", tag_field="is", omit_defaults=True
):
    """A cell that was reserved is to be asked another time, as nothing says what its answer is.

    Attributes:
        row: of the request, from 0.
        arm: of the manifest, from 0.
        spent_usd, unknown_usd: as of a cell.
        error: why, for operators.
    """

    row: int
    arm: int
    spent_usd: float = 0.0
    unknown_usd: float = 0.0
    error: str = ""


class AskedCell(
    msgspec.Struct, frozen=True, kw_only=True, tag="cell", tag_field="is", omit_defaults=True
):
    """One request asked of one arm, and what became of it; None is not known, and never zero.

    Attributes:
        row: of the request, from 0.
        arm: of the manifest, from 0.
        outcome: what became of it.
        answer: its text; of an answer without text the canonical form of its tool calls.
        finish: why the answer ended, as the endpoint says.
        refusal: the words of a refusal that the model declares.
        error: why there is no answer, with deployments, for operators.
        failure: the class of it, as `docs/failures.md` lists them.
        status: of HTTP.
        deployment: that answered.
        served_model: its name for the model that answered.
        at_s: Unix seconds at which the cell was over.
        latency_s: from sending to the end of the answer, waiting and retries left out.
        queued_s: waited for a free place before it was sent.
        attempts: that were made, those of further samples included.
        prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens: as billed.
        cost_usd: of the answer alone.
        spent_usd: of all attempts, failed ones and signals included, as far as is known.
        unknown_usd: reserved for attempts that were sent and whose bill is not known.
        logprobs: of the tokens of the answer, where they were asked for.
        signals: confidence by name; those that could not be had are left out.
        signal_usd, signal_s: what each signal cost and took beside the answer.
        samples: further answers, where a signal asked for them.
        counted_usd: of `spent_usd` and `unknown_usd`, what an earlier line of this cell holds
            already, where a line adds to it; None where the line is the first.
        propensity: probability with which the cell was chosen to be asked.
        notes: what else an operator should know.
    """

    row: int
    arm: int
    outcome: Outcome = "answered"
    answer: str | None = None
    finish: str = ""
    refusal: str = ""
    error: str = ""
    failure: str = ""
    status: int | None = None
    deployment: str = ""
    served_model: str = ""
    at_s: float = 0.0
    latency_s: float | None = None
    queued_s: float = 0.0
    attempts: int = 0
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cached_tokens: float | None = None
    reasoning_tokens: float | None = None
    cost_usd: float | None = None
    spent_usd: float = 0.0
    unknown_usd: float = 0.0
    logprobs: tuple[float, ...] | None = None
    signals: Mapping[str, float] = {}
    signal_usd: Mapping[str, float] = {}
    signal_s: Mapping[str, float] = {}
    samples: tuple[str | None, ...] = ()
    counted_usd: tuple[float, float] | None = None
    propensity: float = 1.0
    notes: tuple[str, ...] = ()


Line: TypeAlias = Reserved | Released | AskedCell
"""A line of the journal."""

_encode = msgspec.json.Encoder().encode


def encode_line(line: Line) -> bytes:
    """A line as JSON, without its end; half characters, which UTF-8 has not, become `?`."""
    try:
        return _encode(line)
    except UnicodeEncodeError:
        return _encode(_encodable(msgspec.to_builtins(line)))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(name): _encodable(it) for name, it in value.items()}
    return [*map(_encodable, value)] if isinstance(value, list | tuple) else value


decode_line = msgspec.json.Decoder(Line).decode
