"""What is asked of each request that is collected, and how much at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer

from routelab.cli.arguments import names_in, pairs
from routelab.cli.options.groups import group
from routelab.collect import CollectOptions
from routelab.errors import CollectError


@group("Asking")
class AskingOptions:
    """What is asked, and how.

    Attributes:
        models: names with commas between; None for all of the catalogue.
        max_tokens, temperature, seed, field: of every request.
        signal: confidence signals, by their sources.
        requests: that are asked at most.
        at_once: under way for each model.
        retry: ask cells again that failed.
        timeout: seconds of one attempt.
        patience: seconds after which a model that answers nothing is left.
    """

    models: Annotated[
        str | None,
        typer.Option("--models", metavar="NAME,NAME", help="Models to ask; default all."),
    ] = None
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", min=1, help="Most tokens of an answer, thought included.")
    ] = 1_024
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature", min=0.0, help="Of every answer; default 0, or .7 with agreement."
        ),
    ] = None
    seed: Annotated[
        int, typer.Option("--seed", help="Of answers where it is taken, and of the order.")
    ] = 0
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="NAME=JSON",
            help="A further field of every request; NAME=null takes one out. Repeatable.",
        ),
    ] = None
    signal: Annotated[
        list[str] | None,
        typer.Option(
            "--signal",
            metavar="SOURCE",
            help="logprob_mean, logprob_min, margin, agreement:3, self_check. Repeatable.",
        ),
    ] = None
    requests: Annotated[
        int | None, typer.Option("--requests", min=1, help="Ask so many at most, drawn at random.")
    ] = None
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, help="Requests under way for each model.")
    ] = 16
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask cells again that failed in an earlier run.")
    ] = False
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds of one attempt, unless the catalogue says.")
    ] = 600.0
    patience: Annotated[
        float, typer.Option("--patience", help="Seconds until a model without answers is left.")
    ] = 900.0


def collect_options(given: AskingOptions, max_usd: float) -> CollectOptions:
    """The options of the library.

    Args:
        given: on the command line.
        max_usd: that may be spent.
    Raises:
        CollectError: a field is no JSON.
        ConfigError: values are out of range.
    """
    return CollectOptions(
        max_usd=max_usd,
        models=names_in("--models", given.models),
        max_tokens=given.max_tokens,
        temperature=given.temperature,
        seed=given.seed,
        fields=_fields(given.field or ()),
        signals=tuple(given.signal or ()),
        requests=given.requests,
        at_once=given.at_once,
        retry=given.retry,
        timeout_s=given.timeout,
        patience_s=given.patience,
    )


def _fields(texts: Any) -> dict[str, Any]:
    decode: Callable[[str], Any] = msgspec.json.decode
    found = {}
    for name, value in pairs("--field", texts, 'reasoning_effort="low"', "NAME=JSON").items():
        try:
            found[name] = decode(value)
        except msgspec.DecodeError as error:
            raise CollectError(
                f"--field {name}={value:.80}: is no JSON; write a text in double quotes, as in"
                f" --field '{name}=\"low\"'"
            ) from error
    return found
