"""What a user says of a collection, checked before anything is read or asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from routelab.core import ANSWER_LIMITS, KeywordOptions
from routelab.core.messages import finite_number, is_number, value_text
from routelab.errors import ConfigError, PolicyError
from routelab.signals import SignalSource, parse

SELF_CHECK = "self_check"
"""The signal that is a further question: how likely is it that the answer is right?"""

SAMPLED_TEMPERATURE = 0.7
_FIXED = ("model", "messages", "stream", "n", "logprobs", "top_logprobs", "stream_options")


@dataclass(frozen=True, kw_only=True, slots=True)
class CollectOptions(KeywordOptions):
    """How requests are asked; every field but `max_usd` may be left out.

    >>> from routelab.collect import CollectOptions
    >>> CollectOptions(max_usd=20.0, signals=("logprob_mean",)).body
    {'temperature': 0.0, 'max_tokens': 1024, 'seed': 0}

    Attributes:
        max_usd: that the collection may cost, earlier runs and unknown bills included; `inf` for
            no limit.
        models: to ask, of the catalogue; all of it unless given.
        max_tokens: most tokens of an answer, thinking included.
        temperature: of every answer; None for 0, or .7 where samples are compared.
        seed: of every answer, where the endpoint takes one, and of the order of requests.
        fields: further fields of every request; None takes a field out.
        signals: confidence signals: `logprob_mean`, `logprob_min`, `margin`, `logprob_q:0.1`,
            `agreement:3`, `column:NAME`, `self_check`.
        at_once: requests under way at once for each model.
        requests: that are asked at most, a random choice; None for all.
        retry: ask cells again that failed in an earlier run.
        timeout_s: of one attempt, at deployments whose `timeouts` the catalogue does not give.
        patience_s: a model that answers nothing for so long is left for another run.
    Raises:
        ConfigError: a name is no field, or values are out of range; every problem is named.
    """

    max_usd: float
    models: tuple[str, ...] = ()
    max_tokens: int = 1_024
    temperature: float | None = None
    seed: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    at_once: int = 16
    requests: int | None = None
    retry: bool = False
    timeout_s: float = 600.0
    patience_s: float = 900.0

    def __post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise ConfigError(*problems)

    @property
    def sources(self) -> dict[str, SignalSource]:
        """The signals that are read from answers, by their specs."""
        return {it: parse(it) for it in self.signals if it != SELF_CHECK}

    @property
    def samples(self) -> int:
        """Answers to ask for, for each cell."""
        return max((it.samples for it in self.sources.values()), default=1)

    @property
    def body(self) -> dict[str, Any]:
        """Fields of every request."""
        several = self.samples > 1
        usual = SAMPLED_TEMPERATURE if several else 0.0
        body: dict[str, Any] = {
            "temperature": usual if self.temperature is None else self.temperature,
            "max_tokens": self.max_tokens,
        }
        if not several:  # which would make the samples one
            body["seed"] = self.seed
        if any(it in self.fields for it in ANSWER_LIMITS):
            del body["max_tokens"]
        body.update(self.fields)
        return {name: it for name, it in body.items() if it is not None}


def _problems(options: CollectOptions) -> Iterator[str]:
    if not (is_number(options.max_usd) and options.max_usd >= 0.0):
        yield f"`max_usd` is {value_text(options.max_usd)}; give USD, 0 or more"
    for name in ("max_tokens", "at_once", *(["requests"] if options.requests is not None else [])):
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            yield f"`{name}` is {value_text(value)}; give a whole number above 0"
    for name in ("timeout_s", "patience_s"):
        if not (is_number(getattr(options, name)) and getattr(options, name) > 0.0):
            yield f"`{name}` is {value_text(getattr(options, name))}; give seconds above 0"
    temperature = options.temperature
    if temperature is not None and not (finite_number(temperature) and temperature >= 0.0):
        yield f"`temperature` is {value_text(temperature)}; give 0 or more"
    yield from (
        f"`fields` has {name!r}, which routelab writes itself; leave it out"
        for name in options.fields
        if name in _FIXED
    )
    yield from _signal_problems(options)


def _signal_problems(options: CollectOptions) -> Iterator[str]:
    several = False
    for spec in options.signals:
        try:
            several |= spec != SELF_CHECK and parse(spec).samples > 1
        except PolicyError as error:
            yield f"signal {spec!r}: {error}, or {SELF_CHECK}"
        if options.signals.count(spec) > 1:
            yield f"signal {spec!r} is named twice"
    if several and options.temperature == 0.0:
        yield (
            "`temperature` is 0, at which samples are alike, and a signal compares samples; give"
            f" one above 0, such as {SAMPLED_TEMPERATURE}"
        )
