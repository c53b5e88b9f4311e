"""What a policy would do along the calls that another one made: all that a partial log can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from routelab.core import (
    Admission,
    Bools,
    CallEstimate,
    Decision,
    Floats,
    Ints,
    Policy,
    Scoring,
    Stage,
    flow,
)
from routelab.core.catalogue import Catalogue
from routelab.core.chance import ScriptedContext
from routelab.errors import LogError, PolicyError, RouteError
from routelab.logs.model import Log, PartialLog
from routelab.policies import (
    Cascade,
    CascadeRouting,
    Conditional,
    Fixed,
    GainCascade,
    Neighbors,
    Tiers,
    Utility,
)
from routelab.replay.engine import BLOCK, stage_outcomes, table_of
from routelab.replay.generator import LoggedAnswers, check
from routelab.replay.request_cache import RequestCache, bounded

_CERTAIN = (Cascade, CascadeRouting, Conditional, Fixed, GainCascade, Neighbors, Tiers, Utility)
"""Kinds that draw nothing and ask one model at a time, so that their batch form will do."""

_MOST_BRANCHES = 4096
"""Ways that a policy's draws may take on one request."""


class PathDecisions(NamedTuple):
    """Probabilities of a policy's calls on requests (n), along the calls (s) of a partial log.

    Attributes:
        first: (n, m) of each model as the first call; a row sums to less than 1 where no model may
            serve the request.
        after: (s, m) of each model as the next call, the logged calls up to this one given.
        end: (s,) of ending after this call; it and `after` are 0 after calls that the policy
            would not have made.
        called: (s,) of making this call and those before it.
        quality, cost_usd, latency_s: (s,) what the decision comes to where it ends here; NaN where
            it never does.
    """

    first: Floats
    after: Floats
    end: Floats
    called: Floats
    quality: Floats
    cost_usd: Floats
    latency_s: Floats

    @property
    def one_call(self) -> bool:
        """Whether the policy ends after its first call wherever that was made."""
        return not self.after.any()


def path_decisions(
    policy: Policy,
    log: PartialLog,
    *,
    catalogue: Catalogue | None = None,
    seed: int = 0,
    scoring: Scoring | None = None,
    estimates: Mapping[str, CallEstimate] | None = None,
) -> PathDecisions:
    """Follow the calls of a log with a policy, as far as it would have made them too.

    The policy runs as it would in production, and hears what was logged. Where it draws at random
    every draw is followed, and counts by its probability: two draws that lead to one call add up.
    So the decisions of the logging policy itself give the probabilities with which it made its
    calls.

    Args:
        policy: that decides.
        log: of another policy's decisions.
        catalogue: rules out models that lack a request's needs; default the log's.
        seed: of what is drawn outside of the policy's choices.
        scoring: the scorers that the policy names.
        estimates: of calls, for requests with a budget or a deadline.
    Raises:
        LogError: the log lacks a model, a signal or prompts that the policy needs.
        PolicyError: it asks several models at once, or a scorer is not there.
        UncoveredError: it depends on something of a logged answer that is not in the log.
    """
    dense = first_answers(log)
    cache = RequestCache(dense, scoring)
    check(policy, cache)
    walk = _Walk.along(log)
    if _certain(policy) and not bool(bounded(dense).any()):
        table = table_of(policy, dense, catalogue=catalogue, seed=seed, cache=cache)
        for start in range(0, len(log), BLOCK):
            rows = slice(start, min(start + BLOCK, len(log)))
            stages = policy.replay_batch(table.block(rows.start, rows.stop))
            if stages is None:
                break
            _follow_stages(stages, dense, rows, walk)
        else:
            return walk.decisions()
        walk = _Walk.along(log)
    admission = Admission(
        policy.models_used, catalogue or dense.catalogue or Catalogue(), scoring, estimates
    )
    follow = _PathBranches(policy, cache, admission, seed, walk)
    for row in range(len(log)):
        follow.request(row)
    return walk.decisions()


def first_answers(log: PartialLog) -> Log:
    """A partial log's outcomes as (n, m) arrays, NaN where a model was not called.

    Calls of a model beyond its first on a request are further samples.
    """
    pair = log.request * len(log.models) + log.model
    order = np.argsort(pair, kind="stable")
    starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
    nth = np.empty(len(pair), dtype=np.int64)
    lengths = np.diff(starts, append=len(pair))
    nth[order] = np.arange(len(pair)) - np.repeat(starts, lengths)
    samples = [_sample(log, nth == at) for at in range(int(nth.max()) + 1)]
    return Log(**{**vars(samples[0]), "again": tuple(samples[1:])})


def _sample(log: PartialLog, here: Bools) -> Log:
    shape = (len(log), len(log.models))

    def dense(values: Floats) -> Floats:
        made = np.full(shape, np.nan, order="F")
        made[log.request[here], log.model[here]] = values[here]
        return made

    error: Bools = np.zeros(shape, dtype=np.bool_, order="F")
    error[log.request[here], log.model[here]] = log.error[here]
    return Log(
        requests=log.requests,
        models=log.models,
        quality=dense(log.quality),
        cost_usd=dense(log.cost_usd),
        latency_s=dense(log.latency_s),
        prompt_tokens=dense(log.prompt_tokens),
        completion_tokens=dense(log.completion_tokens),
        error=error,
        signals={name: dense(values) for name, values in log.signals.items()},
        extra_usd={name: dense(values) for name, values in log.extra_usd.items()},
        unasked={name: dense(values) for name, values in log.unasked.items()},
        specs=log.specs,
        texts=log.texts,
        path=log.path,
        catalogue=log.catalogue,
    )


def _certain(policy: Policy) -> bool:
    """Whether nothing in a policy draws at random, or asks several models at once."""
    return type(policy) in _CERTAIN and all(_certain(part) for part in policy.parts)


@dataclass(frozen=True, eq=False)
class _Walk:
    """Probabilities as they are added up, not yet given the calls before.

    Attributes:
        log: that is walked along.
        starts, ends: (n,) first and last call of each request.
        made: the sums.
    """

    log: PartialLog
    starts: Ints
    ends: Ints
    made: PathDecisions

    @classmethod
    def along(cls, log: PartialLog) -> _Walk:
        n, s, m = len(log), len(log.request), len(log.models)
        starts = np.flatnonzero(np.diff(log.request, prepend=-1))
        if len(starts) != n:
            raise LogError(f"{log.name}: {n - len(starts)} requests have no call")
        zeros = [np.zeros(shape) for shape in ((n, m), (s, m), s, s, s, s, s)]
        return cls(log, starts, np.append(starts[1:], s) - 1, PathDecisions(*zeros))

    def decisions(self) -> PathDecisions:
        """The probabilities, each given the calls before it."""
        made = self.made
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = made.called > 0
            after = np.where(reached[:, None], made.after / made.called[:, None], 0.0)
            end = np.where(reached, made.end / made.called, 0.0)
            worth = [
                np.where(made.end > 0, values / made.end, np.nan)
                for values in (made.quality, made.cost_usd, made.latency_s)
            ]
        return PathDecisions(made.first, after, end, made.called, *worth)

    def ends_at(self, calls: Ints, quality: Floats, cost: Floats, latency: Floats) -> None:
        """The policy ends for sure after these calls (k,), and comes to this."""
        made = self.made
        made.end[calls] = 1.0
        made.quality[calls], made.cost_usd[calls], made.latency_s[calls] = quality, cost, latency


def _follow_stages(stages: Sequence[Stage], dense: Log, rows: slice, walk: _Walk) -> None:
    """Walk along the calls of a block with all its requests at once."""
    made, model = walk.made, walk.log.model
    here = np.arange(rows.start, rows.stop)
    starts, ends = walk.starts[rows], walk.ends[rows]
    place = np.zeros(len(here), dtype=np.int64)
    on_path = np.ones(len(here), dtype=np.bool_)
    for stage in stages:
        if stage.again:
            continue
        asked = np.flatnonzero(stage.rows & on_path)
        opening = asked[place[asked] == 0]
        made.first[here[opening], stage.model] = 1.0
        going_on = asked[place[asked] > 0]
        made.after[starts[going_on] + place[going_on] - 1, stage.model] = 1.0
        call = starts[asked] + place[asked]
        same = call <= ends[asked]
        same[same] = model[call[same]] == stage.model
        made.called[call[same]] = 1.0
        place[asked[same]] += 1
        on_path[asked[~same]] = False
    done = np.flatnonzero(on_path & (place > 0))
    result = stage_outcomes(stages, dense, rows)
    walk.ends_at(
        starts[done] + place[done] - 1,
        result.quality[done],
        result.cost_usd[done],
        result.latency_s[done],
    )


@dataclass(frozen=True, eq=False)
class _PathBranches:
    """A policy on one request after another, along all draws."""

    policy: Policy
    cache: RequestCache
    admission: Admission
    seed: int
    walk: _Walk

    def request(self, row: int) -> None:
        """Add up the probabilities of what the policy does on a request."""
        scripts: list[tuple[int, ...]] = [()]
        tried = 0
        while scripts:
            tried += 1
            if tried > _MOST_BRANCHES:
                raise PolicyError(
                    f"request {self.cache.log.requests.id[row]!r}: the policy's draws can go"
                    f" over {_MOST_BRANCHES:,} ways, too many to follow"
                )
            scripts += self._branch(row, scripts.pop())

    def _branch(self, row: int, script: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Follow one branch; returns others that it met."""
        x = self._context(row, script)
        answers = LoggedAnswers(self.cache, row, texts=self.policy.reads_answers)
        walk, log = self.walk, self.walk.log
        start, end = int(walk.starts[row]), int(walk.ends[row])
        running = flow(self.policy, x)
        events: list[tuple[Floats, int | tuple[int, int]]] = []
        call = start
        try:
            together = next(running)
            while True:
                if len(together.calls) > 1:
                    raise PolicyError(
                        "the policy asks several models at once, and what such a call comes to is"
                        " not read from partial logs yet; value its parts, or use a complete log"
                    )
                (asked,) = together.calls
                column = log.models.index(asked.model)
                if call == start:
                    events.append((walk.made.first, (row, column)))
                else:
                    events.append((walk.made.after, (call - 1, column)))
                if call > end or int(log.model[call]) != column:
                    running.close()
                    break
                events.append((walk.made.called, call))
                call += 1
                together = running.send((answers(asked),))
        except StopIteration as stop:
            self._ends(call - 1, x, stop.value, start)
        except RouteError as failure:
            if call > start:
                self._fails(call - 1, x, failure)
        for into, at in events:
            into[at] += x.chance
        return x.open

    def _ends(self, call: int, x: ScriptedContext, decision: Decision, start: int) -> None:
        log, made = self.walk.log, self.walk.made
        place = next(at for at, it in enumerate(decision.steps) if it.feedback is decision.answer)
        made.end[call] += x.chance
        made.quality[call] += x.chance * float(log.quality[start + place])
        made.cost_usd[call] += x.chance * decision.cost_usd
        made.latency_s[call] += x.chance * decision.latency_s

    def _fails(self, call: int, x: ScriptedContext, failure: RouteError) -> None:
        made = self.walk.made
        made.end[call] += x.chance
        made.cost_usd[call] += x.chance * x.spent_usd
        made.latency_s[call] += x.chance * x.elapsed_s

    def _context(self, row: int, script: tuple[int, ...]) -> ScriptedContext:
        cache, scoring = self.cache, self.cache.scoring
        text = self._reads_text or cache.tokens[self.admission.shortest_window][row] > 0
        return ScriptedContext(
            cache.request(row, text=bool(text)),
            self.admission.models,
            script=script,
            seed=self.seed,
            scoring=scoring,
            admission=self.admission,
        )

    @property
    def _reads_text(self) -> bool:
        scoring, policy = self.cache.scoring, self.policy
        names = (*policy.scorers_used, *self.admission.scorers)
        read = scoring is not None and any(scoring.reads_text(name) for name in names)
        return policy.reads_text or read
