"""Confidence signals: how sure a model was, read from its response.

A new kind is one file and one line in `PLAIN` or `KINDS`. Other packages bring kinds by entry
points of the group `routelab.signals`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from routelab.core import Registry, SignalSpec
from routelab.core.conversation import content_text
from routelab.errors import PolicyError, UnnamedPackageError
from routelab.signals import features
from routelab.signals.agreement import Agreement
from routelab.signals.answer_text import answer_text
from routelab.signals.canonical import AnswerParts, answer_parts
from routelab.signals.column import Column
from routelab.signals.function import FunctionSignal, SignalFunction
from routelab.signals.logprob_mean import LogprobMean
from routelab.signals.logprob_min import LogprobMin
from routelab.signals.logprob_quantile import LogprobQuantile
from routelab.signals.margin import Margin
from routelab.signals.names import REVERSED, column_of, is_grade, proposal, proposals, refusal
from routelab.signals.prompt_text import prompt_text
from routelab.signals.reversal import Reversed
from routelab.signals.script import NO_LETTERS, SCRIPTS, script
from routelab.signals.source import Body, SignalReading, SignalSource, number

__all__ = [
    "KINDS",
    "NO_LETTERS",
    "REGISTRY",
    "REVERSED",
    "SCRIPTS",
    "AnswerParts",
    "Body",
    "Given",
    "SignalReading",
    "SignalSource",
    "answer_parts",
    "answer_text",
    "as_logged",
    "column_of",
    "content_text",
    "features",
    "is_grade",
    "number",
    "parse",
    "prompt_text",
    "proposal",
    "proposals",
    "refusal",
    "resolve",
    "script",
]

Given: TypeAlias = str | SignalFunction
"""A source as users give it: a spec such as "logprob_q:0.1", or a function."""

PLAIN: Mapping[str, Callable[[], SignalSource]] = {
    "logprob_mean": LogprobMean,
    "logprob_min": LogprobMin,
    "margin": Margin,
}
"""Kinds without an argument."""

KINDS: Mapping[str, Callable[[str], SignalSource]] = {
    "logprob_q": LogprobQuantile.parse,
    "agreement": Agreement.parse,
    "column": Column.parse,
    "reversed": lambda argument: Reversed.parse(argument, _source),
}
"""Kinds with an argument after a colon."""

REGISTRY: Registry[Callable[..., SignalSource]] = Registry(
    "routelab.signals",
    "signal source",
    {**PLAIN, **KINDS},
    lambda _, kind: None if callable(kind) else "is no function from an argument to a source",
)
"""All kinds, with those of packages that were named.

A package's own is a function that is given what follows the colon, empty where there is none.
"""


def parse(spec: str) -> SignalSource:
    """The source that a spec such as "logprob_q:0.1" names.

    Raises:
        PolicyError: an unknown kind, or an argument that is missing or wrong.
    """
    kind, colon, argument = spec.partition(":")
    if kind in KINDS and colon:
        return KINDS[kind](argument)
    if kind in PLAIN and not colon:
        return PLAIN[kind]()
    if REGISTRY.package_of(kind) is not None:
        return REGISTRY.kinds[kind](argument)
    if kind not in REGISTRY.kinds:
        error = REGISTRY.unknown(kind)
        if isinstance(error, UnnamedPackageError):
            raise error
    known = [*PLAIN, *(f"{name}:..." for name in KINDS)]
    raise PolicyError(f"no signal source {spec!r}; there are {', '.join(known)}, or a function")


def _source(text: str) -> SignalSource:
    """A source by its spec, or the column of responses of that name."""
    known = text.partition(":")[0] in REGISTRY.kinds
    return parse(text) if known else Column.parse(text)


def as_logged(names: Iterable[str]) -> dict[str, str]:
    """Sources for a router whose endpoints answer from a log: the logged values themselves."""
    return {name: f"column:{name}" for name in names}


def resolve(name: str, given: Given | None = None, spec: SignalSpec | None = None) -> SignalSource:
    """The source of the signal `name`: what is given, else its spec's, else the default.

    The default of a name that is itself a source, such as "margin", is that source, and
    `column:NAME` for any other name.

    Args:
        name: of the signal, as the policy has it.
        given: a spec such as "logprob_q:0.1", or a function of request and response.
        spec: what the policy file says of the signal.
    Raises:
        PolicyError: the source that is given or in the spec cannot be parsed.
    """
    chosen = given if given is not None else (spec.source if spec else "") or None
    if callable(chosen):
        return FunctionSignal(chosen)
    if chosen is None and name.partition(":")[0] not in REGISTRY.kinds:
        return Column(name)  # the name of most signals; no package is looked up for it
    try:
        return parse(name if chosen is None else chosen)
    except PolicyError as error:
        if chosen is None:
            return Column(name)
        raise PolicyError(f"signal {name!r}: {error}") from error
