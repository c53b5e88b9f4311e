"""Conditions on what is known of a request before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from routelab.core import Bools, Request, Table
from routelab.core.messages import listed
from routelab.errors import PolicyError
from routelab.signals import NO_LETTERS, SCRIPTS, script
from routelab.signals.features import text_of

_LONGEST_PROBE = 4096


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A condition that holds where every field that is given holds.

    Attributes:
        task, tenant, priority: one of these values; the empty text is an unknown one.
        language: the prompt is mostly written in one of these scripts, for example "Latin".
        needs: the request needs all of these capabilities.
        min_characters, max_characters: bounds of the prompt's length, both included.
    """

    task: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    min_characters: int = 0
    max_characters: int | None = None

    def __post_init__(self) -> None:
        known = (*SCRIPTS, NO_LETTERS)
        problems = [
            f"language {name!r} of a rule is not known; rules tell scripts: {', '.join(known)}"
            for name in self.language
            if name not in known
        ]
        if self.min_characters < 0:
            problems.append(f"min_characters of a rule is {self.min_characters}; it is 0 or more")
        if self.max_characters is not None and self.max_characters < self.min_characters:
            problems.append(
                f"max_characters of a rule is {self.max_characters}, below its min_characters"
                f" {self.min_characters}; nothing would match"
            )
        if not (self.task or self.tenant or self.priority or self.needs or self.reads_text):
            problems.append("a rule without a condition matches everything; make it `otherwise`")
        if problems:
            raise PolicyError(*problems)

    @property
    def explained(self) -> str:
        """The condition in plain words."""
        conditions = [
            f"{name} is {listed([value or 'not given' for value in getattr(self, name)], 'or')}"
            for name in ("task", "tenant", "priority", "language")
            if getattr(self, name)
        ]
        if self.needs:
            conditions.append(f"the request needs {listed(self.needs)}")
        if self.min_characters:
            conditions.append(f"the prompt has {self.min_characters:,} characters or more")
        if self.max_characters is not None:
            conditions.append(f"the prompt has {self.max_characters:,} characters or fewer")
        return listed(conditions)

    @property
    def metadata_used(self) -> frozenset[str]:
        """What is looked at of "task", "tenant" and "priority"."""
        return frozenset(it for it in ("task", "tenant", "priority") if getattr(self, it))

    @property
    def only_column(self) -> str | None:
        """Which of "task", "tenant" and "priority" is looked at, if it is one and nothing else."""
        used = self.metadata_used
        if self.needs or self.reads_text or len(used) != 1:
            return None
        return next(iter(used))

    @property
    def reads_text(self) -> bool:
        """Whether the prompt matters."""
        return bool(self.language) or self.min_characters > 0 or self.max_characters is not None

    def holds(self, request: Request) -> bool:
        """Whether a request fulfils the condition.

        Raises:
            PolicyError: the prompt matters and the request has no messages.
        """
        return all(holds(_ABOUT[name](request)) for name, holds in self._conditions())

    def probe(self) -> Request:
        """A request with the metadata and, apart from the script, the size asked for."""
        text = "x" * min(self.min_characters, _LONGEST_PROBE)
        return Request(
            id="",
            messages=({"role": "user", "content": text},) if text else None,
            task=next(iter(self.task), ""),
            tenant=next(iter(self.tenant), ""),
            priority=next(iter(self.priority), ""),
            needs=self.needs,
        )

    def rows(self, table: Table) -> Bools:
        """(n,) which requests of a table fulfil the condition."""
        matched = table.everyone()
        for name, holds in self._conditions():
            matched &= np.fromiter(map(holds, table.about[name]), np.bool_, len(matched))
        return matched

    def _conditions(self) -> Iterator[tuple[str, Callable[[Any], bool]]]:
        """What is looked at, and the test of one value of it."""
        if self.task:
            yield "task", self.task.__contains__
        if self.tenant:
            yield "tenant", self.tenant.__contains__
        if self.priority:
            yield "priority", self.priority.__contains__
        if self.needs:
            yield "needs", frozenset(self.needs).issubset
        if self.min_characters > 0 or self.max_characters is not None:
            yield "characters", self._long_enough
        if self.language:
            yield "script", self.language.__contains__

    def _long_enough(self, characters: int) -> bool:
        over = self.max_characters is not None and characters > self.max_characters
        return not over and bool(characters >= self.min_characters)


_ABOUT: Mapping[str, Callable[[Request], Any]] = {
    "task": lambda request: request.task,
    "tenant": lambda request: request.tenant,
    "priority": lambda request: request.priority,
    "needs": lambda request: request.needs,
    "characters": lambda request: len(text_of(request)),
    "script": lambda request: script(text_of(request)),
}
"""What a condition looks at, as `Table.about` names it."""
