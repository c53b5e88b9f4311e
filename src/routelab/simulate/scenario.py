"""A day on which things go wrong, as a file tells it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec

from routelab.core.catalogue import Catalogue, TomlFields, parse_tables, redacted_address
from routelab.errors import SimulationError
from routelab.simulate.faults import AnyFault, Fault


class Surge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time in which `factor` times as many requests arrive.

    Attributes:
        from_s, to_s: seconds from the first arrival.
        factor: on the rate of arrivals, above 0.
    """

    from_s: float
    to_s: float
    factor: float


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day's faults and surges, and the capacity of deployments.

    Attributes:
        name, story: for people.
        faults: that strike in the order they are listed.
        surges: of traffic.
        capacity: answers that each deployment of a model works on at once, by model; "*" for
            models not listed. Further requests wait there in line. Without a number there is no
            limit.
    """

    name: str = ""
    story: str = ""
    faults: tuple[AnyFault, ...] = ()
    surges: tuple[Surge, ...] = ()
    capacity: Mapping[str, int] = msgspec.field(default_factory=dict)

    def places(self, model: str) -> int | None:
        """Answers that a deployment of a model works on at once; None for no limit."""
        return self.capacity.get(model, self.capacity.get("*"))


NOTHING = Scenario(name="a quiet day")


def parse(text: str, source: str) -> Scenario:
    """A scenario from the text of its TOML file.

    Args:
        source: the file's name, for error messages.
    Raises:
        SimulationError: not TOML, an unknown fault or field, or values out of range; all
            of them at once where the file can be read.
    """
    found = parse_tables(text, source, SimulationError)
    fields = TomlFields()
    scenario = fields.read(found, Scenario)
    # one fault that cannot be read would shift the numbers of those behind it
    own = fields.problems or _problems(scenario)
    if problems := [f"{source}: {problem}" for problem in own]:
        raise SimulationError(*problems)
    return scenario


def check(scenario: Scenario, catalogue: Catalogue, duration_s: float, source: str) -> None:
    """Refuse a scenario that would not happen on this day.

    Args:
        scenario: to check.
        source: its file, for messages.
        catalogue: of the models that can be called.
        duration_s: from the first arrival to the last.
    Raises:
        SimulationError: a fault names what the catalogue has not, or comes after the last
            arrival.
    """
    problems = []
    deployments = [it for model in catalogue.models.values() for it in model.deployments]
    there = {
        "model": set(catalogue.models),
        "provider": {it.provider for it in deployments},
        "deployment": {it.public_url for it in deployments},
    }
    for at, fault in enumerate(scenario.faults, 1):
        for field, known in there.items():
            if (named := getattr(fault, field)) and named not in known:
                problems.append(
                    f"{source}: fault {at} ({_kind(fault)}): no {field}"
                    f" {redacted_address(named)!r} in the catalogue, which has"
                    f" {', '.join(sorted(known - {''})) or 'none'}; name one in a scenario of"
                    f" yours, or leave {field} out, which strikes all"
                )
    for what, window in _windows(scenario):
        if window.from_s > duration_s:
            problems.append(
                f"{source}: {what} begins at {window.from_s:g} s, and the last request arrives at"
                f" {duration_s:.6g} s: move it, or simulate longer (`requests`, `duration_s`)"
            )
    problems += [
        f"{source}: capacity of {name!r}: no such model; there are {', '.join(catalogue.models)}"
        for name in scenario.capacity
        if name != "*" and name not in catalogue.models
    ]
    if problems:
        raise SimulationError(*problems)


def _windows(scenario: Scenario) -> Iterator[tuple[str, Fault | Surge]]:
    for at, fault in enumerate(scenario.faults, 1):
        yield f"fault {at} ({_kind(fault)})", fault
    for at, surge in enumerate(scenario.surges, 1):
        yield f"surge {at}", surge


def _kind(fault: Fault) -> str:
    return str(fault.__struct_config__.tag)


def _problems(scenario: Scenario) -> Iterator[str]:
    for at, fault in enumerate(scenario.faults, 1):
        for problem in fault.problems():
            yield f"fault {at} ({_kind(fault)}): {problem}"
    for at, surge in enumerate(scenario.surges, 1):
        if not 0.0 <= surge.from_s < surge.to_s < math.inf:
            yield f"surge {at}: it must begin at 0 or later and end after that"
        if not 0.0 < surge.factor < math.inf:
            yield f"surge {at}: factor = {surge.factor:g} must be positive"
    for name, places in scenario.capacity.items():
        if places < 1:
            yield f"capacity of {name!r} is {places}; it is 1 or more"
