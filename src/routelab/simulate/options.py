"""Options of a simulated day, in one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from routelab.core import KeywordOptions, Progress, misplaced
from routelab.core.messages import value_text
from routelab.errors import ConfigError
from routelab.runtime import RouterConfig
from routelab.simulate.scenario import NOTHING, Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationOptions(KeywordOptions):
    """Options of a simulation besides its policy, log, arrivals and latencies.

    Attributes:
        scenario: what goes wrong.
        config: of the router; the simulation itself sets what `SET` lists. Functions of gates take
            no virtual time unless they sleep; budgets are kept in memory, and their periods are
            those of the calendar from the arrivals' `starts_s` on.
        stream: callers take answers as they come, so that a final answer that breaks off is lost.
        seed: of everything random that is not the policy's own.
        latency_known: whether latencies mean anything.
        events: takes a line for every finished request, as a decision log has.
        progress: called with the number of finished requests and that of all.
    Raises:
        ConfigError: a name is no field, a value is of a wrong type, or the config has what
            the simulation sets itself.
    """

    scenario: Scenario = NOTHING
    config: RouterConfig = field(default_factory=RouterConfig)
    stream: bool = False
    seed: int = 0
    latency_known: bool = True
    events: IO[bytes] | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise ConfigError(*problems)


SET: Mapping[str, str] = {
    "client": "the log answers",
    "transport": "the log answers",
    "upstream": "the log answers",
    "signals": "the log has the values of signals",
    "log": "give events=... for a line for each request",
    "clock": "time is virtual",
    "wall_clock": "the arrivals say when the day starts",
    "sleep": "time is virtual",
    "rng": "give seed=...",
}
"""Fields of the router's config that are the simulation's to set, and why."""


def checked(options: SimulationOptions | None, unknown: Mapping[str, object]) -> SimulationOptions:
    """The options that a simulation was given, or the defaults.

    Args:
        unknown: arguments that it does not have.
    Raises:
        ConfigError: there are such arguments, with the place of each; or these are no options.
    """
    if unknown:
        of_router = {
            name: f"options=SimulationOptions(config=RouterConfig({name}=...))"
            for name in RouterConfig.names()
            if name not in SET
        }
        own = {name: f"options=SimulationOptions({name}=...)" for name in SimulationOptions.names()}
        raise misplaced("simulate", unknown, ("catalogue", "options"), {**of_router, **own})
    if options is None:
        return SimulationOptions()
    if not isinstance(options, SimulationOptions):
        raise ConfigError(f"options={options!r:.80}: give SimulationOptions(...)")
    return options


def _problems(options: SimulationOptions) -> Iterator[str]:
    if not isinstance(options.scenario, Scenario):
        yield f"scenario={options.scenario!r:.80}: give a Scenario"
    seed = options.seed
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        yield f"seed={value_text(seed)}: give a whole number that is not negative"
    for name in ("stream", "latency_known"):
        if not isinstance(value := getattr(options, name), bool):
            yield f"{name}={value_text(value)}: give True or False"
    events = options.events
    if events is not None and not callable(getattr(events, "write", None)):
        yield f"events={value_text(events)}: give a file that is open for writing bytes"
    if options.progress is not None and not callable(options.progress):
        yield f"progress={value_text(options.progress)}: give a function of two numbers"
    if not isinstance(options.config, RouterConfig):
        yield f"config={options.config!r:.80}: give a RouterConfig"
        return
    usual = RouterConfig()
    for name, why in SET.items():
        if getattr(options.config, name) != getattr(usual, name):
            yield f"config.{name} is set by the simulation: leave it out; {why}"
