"""Names of OpenTelemetry's conventions for generative AI: present ones, and former ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Names: TypeAlias = Literal["present", "former", "both"]

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
"""The environment variable by which all instrumentation is told what to emit."""

_OPTIONS: Mapping[str, Names] = {
    "gen_ai_latest_experimental": "present",
    "gen_ai": "present",
    "gen_ai/dup": "both",
    "gen_ai/former": "former",
}

DURATION = "gen_ai.client.inference.duration"
FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.client.inference.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.client.inference.usage.output_tokens"
INPUT_SIZE = "gen_ai.client.inference.operation.input_tokens"
OUTPUT_SIZE = "gen_ai.client.inference.operation.output_tokens"
"""Metrics as they are called now."""

FORMER_DURATION = "gen_ai.client.operation.duration"
FORMER_TOKENS = "gen_ai.client.token.usage"
FORMER_FIRST_TOKEN = "gen_ai.server.time_to_first_token"  # noqa: S105  (tokens of text)
"""Metrics as version 1.36 of the conventions called them."""

PROVIDER, FORMER_PROVIDER = "gen_ai.provider.name", "gen_ai.system"

DURATIONS = tuple(0.01 * 2**k for k in range(14))
FIRST_CHUNKS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
TOKENS = tuple(float(4**k) for k in range(14))
"""Bounds of buckets, as the conventions have them; seconds and tokens."""


class Conventions(NamedTuple):
    """Which names are emitted; at least one kind of them.

    Attributes:
        present: as they are now.
        former: as of version 1.36.
    """

    present: bool
    former: bool

    def provider(self, name: str) -> dict[str, str]:
        """Attributes that name a provider; "_OTHER" where the catalogue does not."""
        told = {PROVIDER: name or "_OTHER"} if self.present else {}
        return {**told, **({FORMER_PROVIDER: name or "_OTHER"} if self.former else {})}


def chosen_conventions(names: Names, environment: Mapping[str, str]) -> Conventions:
    """What is emitted: what the environment opts in to goes before what is configured.

    `OTEL_SEMCONV_STABILITY_OPT_IN` is a list with commas, of which `gen_ai_latest_experimental`
    stands for the present names, `gen_ai/dup` for both and `gen_ai/former` for the former ones;
    what else is in it is of other instrumentation.
    """
    given = [it.strip() for it in environment.get(OPT_IN, "").split(",")]
    chosen = next((_OPTIONS[it] for it in given if it in _OPTIONS), names)
    return Conventions(chosen != "former", chosen != "present")
