"""Signals of a live request that a log can repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from routelab.errors import PolicyError
from routelab.logs.model import Log
from routelab.runtime import NEED, READS, SAMPLE, header_texts
from routelab.signals import SignalSource, as_logged, column_of, parse
from routelab.simulate.answers import Outcomes, ReplayError


class LoggedSignals:
    """Signals as a log knows them, by what a router says it needs.

    Logged values are given to whoever reads them from the response. What a router makes of the
    answers themselves is refused where the log does not hold what it is made of: a second
    sample that repeated the first one would always agree with it.

    Args:
        tell: takes warnings, each once.
    """

    def __init__(self, log: Log, outcomes: Outcomes, tell: Callable[[str], None]) -> None:
        self._log = log
        self._outcomes = outcomes
        self._tell = tell
        self._told: set[str] = set()
        self._by_source = {
            spec.source.removeprefix("column:"): name
            for name, spec in log.specs.items()
            if spec.source.startswith("column:") and name in log.signals
        }

    def asked(self, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The log's name of every signal that an endpoint is to compute, by the asked name.

        None where the request does not say what it needs.

        Raises:
            ReplayError: 422, the log has no such signal.
        """
        if (need := headers.get(NEED)) is None:
            return {} if READS in headers else None
        names = {name: self._logged(name) for name in header_texts(need)}
        for name in names.values():
            if not self._log.spec(name).cost_known:
                self._warn(
                    f"cost {name}",
                    f"nothing is charged for signal {name!r}, as the log does not say what it"
                    " costs: say how many calls it takes where the log is read:"
                    f" `signals={{{name!r}: SignalSpec(multiplier=3)}}`, or in a sidecar",
                )
        return names

    def check(self, headers: Mapping[str, str], row: int, column: int) -> None:
        """Refuse a request whose router makes a signal of answers that are not logged.

        Raises:
            ReplayError: 422, saying which signal and what to do.
        """
        for text in header_texts(headers.get(READS, "")):
            name, _, spec = text.rpartition("=")
            lacking = self._lacking(_source(spec), headers.get(SAMPLE, ""), row, column)
            if lacking:
                raise self._refusal(
                    name,
                    f"the log cannot repeat signal {name!r} as {spec}: {lacking};"
                    f" {self._way_out(name)}",
                )

    def _lacking(self, source: SignalSource | None, sample: str, row: int, column: int) -> str:
        """What a source is made of that the log does not hold; empty if it holds everything."""
        if source is not None and source.fields:
            return "no token log probabilities"
        n = 1 if source is None else source.samples
        first = (int(sample) if sample.isdecimal() else 0) // n * n
        seen = [
            at
            for at, sample in enumerate(self._log.samples)
            if first <= at < first + n and sample.observed((row, column))
        ]
        if len(seen) < n:
            return f"{len(seen)} of {n} samples are logged"
        if any(self._outcomes.sample(str(at)).text(row, column) is None for at in seen):
            return "no text of the answer"
        return ""

    def _logged(self, name: str) -> str:
        if name in self._log.signals:
            return name
        if name in self._by_source:
            return self._by_source[name]
        have = ", ".join(self._log.signals) or "none"
        raise self._refusal(name, f"{self._log.name} has no signal {name!r}; it has: {have}")

    def _way_out(self, name: str) -> str:
        if name not in self._log.signals:
            return "and it has no column of that name to read instead"
        (source,) = as_logged([name]).values()
        return f"read the logged value as {source}, the source to give {name!r}"

    def _refusal(self, name: str, message: str) -> ReplayError:
        self._warn(f"refused {name}", f"refused: {message}")
        return ReplayError(422, "signal_not_logged", message)

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._tell(f"warning: {message}")


def with_columns(log: Log) -> Log:
    """The log with the columns that its reversed signals were made of.

    An endpoint gives the field itself, and the router turns it round.
    """
    turned = {
        column_of(name): name
        for name in log.signals
        if name != column_of(name) and column_of(name) not in log.signals
    }
    return replace(
        log,
        signals={**log.signals, **{it: -log.signals[name] for it, name in turned.items()}},
        specs={**log.specs, **{it: log.spec(name) for it, name in turned.items()}},
        extra_usd={
            **log.extra_usd,
            **{it: log.extra_usd[name] for it, name in turned.items() if name in log.extra_usd},
        },
        again=tuple(with_columns(sample) for sample in log.again),
    )


def renamed(body: dict[str, Any], names: Mapping[str, str] | None) -> dict[str, Any]:
    """The completion with its signals under the names by which they were asked for."""
    if names:
        values = body["routelab"]["signals"]
        body["routelab"]["signals"] = {asked: values[own] for asked, own in names.items()}
    return body


def _source(spec: str) -> SignalSource | None:
    """None for a function, which may read whatever an answer says."""
    try:
        return parse(spec)
    except PolicyError:
        return None
