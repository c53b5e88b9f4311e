"""A log as the checks look at it: outcomes by request and model, texts, and columns as written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.catalogue import Catalogue
from routelab.core.messages import first, foreign
from routelab.lint.answer_texts import BLOCK, AnswerTexts, answer_texts
from routelab.logs import Log, PartialLog, RawColumns

_SHOWN = 3


@dataclass(frozen=True)
class LogEvidence:
    """What a log shows of what its models did; requests (n), models (m).

    Attributes:
        log: complete or partial.
        raw: columns of the file as they are written; None for a log made in memory.
        catalogue: prices that costs are held against; None for those of the log.
        now_s: Unix seconds, after which nothing can have happened.
        chosen: (n,) by policy, the column of the model whose answer it delivers; -1 for none.
    """

    log: Log | PartialLog
    raw: RawColumns | None = None
    catalogue: Catalogue | None = None
    now_s: float = np.inf
    chosen: Mapping[str, Ints] = field(default_factory=dict)

    @property
    def models(self) -> tuple[str, ...]:
        return self.log.models

    @cached_property
    def quality(self) -> Floats:
        """(n, m) in [0, 1]; NaN where the call failed, was not made or not judged."""
        return np.where(self.error, np.nan, self.dense(self.log.quality))

    @cached_property
    def error(self) -> Bools:
        """(n, m) the call failed."""
        return np.nan_to_num(self.dense(self.log.error.astype(np.float64))) > 0

    @cached_property
    def cost_usd(self) -> Floats:
        """(n, m) USD; NaN = not known."""
        return self.dense(self.log.cost_usd)

    @cached_property
    def latency_s(self) -> Floats:
        """(n, m) seconds; NaN = not observed."""
        return self.dense(self.log.latency_s)

    @cached_property
    def prompt_tokens(self) -> Floats:
        """(n, m) NaN = not observed."""
        return self.dense(self.log.prompt_tokens)

    @cached_property
    def completion_tokens(self) -> Floats:
        """(n, m) NaN = not observed."""
        return self.dense(self.log.completion_tokens)

    @cached_property
    def reasoning_tokens(self) -> Floats | None:
        """(n, m) of thinking, NaN = none; None where the log has no such column."""
        parts = self.log.token_parts if isinstance(self.log, Log) else {}
        return parts.get("reasoning_tokens")

    @cached_property
    def signals(self) -> dict[str, Floats]:
        """(n, m) by name, of signals that were asked for."""
        return {name: self.dense(it) for name, it in self.log.signals.items()}

    @cached_property
    def unasked(self) -> dict[str, Floats]:
        """(n, m) by name, of columns of numbers that nobody asked for."""
        return {name: self.dense(it) for name, it in self.log.unasked.items()}

    @cached_property
    def texts(self) -> AnswerTexts | None:
        """What the answers' texts show; None where the log has none."""
        texts = self.log.texts
        return None if texts is None else answer_texts(texts, self._answers, self.quality == 0)

    @property
    def _answers(self) -> Iterator[tuple[int, int, str]]:
        """Every answer with its place; in the order of the file where that can be told."""
        texts, ids = self.log.texts, self.log.requests.id
        if self.raw is not None and "response" in self.raw.of:
            yield from self.raw.texts(self.raw.of["response"], ids, self.models)
            return
        for start in range(0, len(ids) if texts else 0, BLOCK):
            rows = np.arange(start, min(len(ids), start + BLOCK))
            for column, model in enumerate(self.models):
                assert texts is not None
                for row, text in zip(rows, texts.responses(rows, model), strict=True):
                    if text is not None:
                        yield int(row), column, text

    def dense(self, values: Any) -> Floats:
        """(n, m) of a log's values; of steps of a partial log, the first of each model."""
        if isinstance(self.log, Log):
            return np.asarray(values, dtype=np.float64)
        found = np.full((len(self.log), len(self.models)), np.nan)
        order = np.arange(len(self.log.step))[::-1]  # the first step is written last
        found[self.log.request[order], self.log.model[order]] = np.asarray(values)[order]
        return found

    def written(self, column: str) -> Any:
        """(n, m) objects of a column of the file; None where there is no value."""
        assert self.raw is not None
        return self.raw.values(column, self.log.requests.id, self.models)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file that can be told by request and model."""
        return () if self.raw is None else self.raw.names

    def find(self, wanted: Callable[[str], bool]) -> list[str]:
        """Columns of the file with such a name."""
        return [name for name in self.columns if wanted(name.lower())]

    def ids(self, rows: Bools | np.bool_) -> tuple[str, ...]:
        """A few of the requests (n,) that have something."""
        return tuple(foreign(str(it)) for it in self.log.requests.id[np.flatnonzero(rows)[:_SHOWN]])


def by_model(models: Sequence[str], counts: Sequence[int] | Ints) -> str:
    """How many of which models, the most first, for a sentence."""
    order = sorted(zip(models, counts, strict=True), key=lambda it: -it[1])
    return first([f"{foreign(name)} ({int(count):,})" for name, count in order if count], 4)


def file_of(log: Log | PartialLog) -> Path | None:
    """The file that a log was read from, where it is one that can be read again."""
    return log.path if log.path is not None and log.path.is_file() else None
