"""A policy that a router decides by, with all that its decisions need."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from routelab.core import Admission, Call, Context, Policy, Request
from routelab.core.catalogue import Catalogue
from routelab.core.conversation import ROLES, UNKNOWN_ROLES, kinds_of
from routelab.errors import BudgetError, PolicyError, RequestError
from routelab.policy_file import PolicyFile, load
from routelab.runtime.attempts import ServedPrices
from routelab.runtime.budgets import Budgets, unpriced, upper_usd
from routelab.runtime.calls import Caller, GateChecker, Sending
from routelab.runtime.engine import Engine
from routelab.runtime.requests.overlay import Overlay
from routelab.signals import Given, SignalSource, resolve

_log = logging.getLogger("routelab")


class ActivePolicy:
    """A policy that a router decides by, with the caller that answers its calls.

    Attributes:
        digest: of the policy.
        caller: answers its calls.
        unlike: requests by what their messages hold and the policy's log had not.

    Args:
        prices: of whichever model answers; those of the catalogue by default.
    Raises:
        PolicyError: a signal's source cannot be parsed, or the overlay has what the policy has
            no use for.
    """

    def __init__(
        self,
        policy_file: PolicyFile,
        overlay: Overlay,
        catalogue: Catalogue,
        engine: Engine,
        clock: Callable[[], float],
        prices: ServedPrices | None = None,
    ) -> None:
        document = policy_file.document
        self.policy = overlay.over(policy_file.policy)
        self.digest = policy_file.digest
        self.caller = Caller(
            prices or ServedPrices(catalogue),
            engine,
            sources(policy_file, overlay.signals),
            document.signals,
            GateChecker(self.policy.gates_used, overlay.functions),
            clock,
        )
        self._name, self._metadata = policy_file.name, policy_file.metadata_used
        if overlay.quiet:
            self._metadata = ()
        else:
            edited = () if policy_file.edited is None else (policy_file.edited,)
            idle = idle_thresholds(self.policy, self.caller.sources)
            for problem in (*edited, *policy_file.other_packages, *idle):
                _log.warning("%s", problem)
        self.unlike: Counter[str] = Counter()
        self._file, self._quiet = policy_file, overlay.quiet
        self._seed, self._explained = document.seed, overlay.explained
        self._scoring = policy_file.scoring
        self.admission = Admission(
            self.policy.models_used, catalogue, self._scoring, document.estimates
        )

        self._candidates = [
            (name, model.base, model.parameters)
            for name, model in catalogue.only(self.policy.models_used).models.items()
            if model.parameters is not None
        ]

    def context(self, request: Request) -> Context:
        """The context of a request, which the policy decides by."""
        for field in self._metadata:
            if not getattr(request, field):
                self._metadata = tuple(it for it in self._metadata if it != field)  # once
                _log.warning(_UNTOLD, self._name, field, request.id, field, field)
        if request.messages is not None and (kinds := kinds_of(request.messages)):
            self._note_unlike(request, kinds)
        return Context(
            request,
            self.admission.models,
            seed=self._seed,
            scoring=self._scoring,
            admission=self.admission,
            explained=self._explained,
        )

    def _note_unlike(self, request: Request, kinds: frozenset[str]) -> None:
        """Count messages that the policy's log had none of, and warn of each kind once."""
        for kind in sorted(self._file.unlike(kinds) | (kinds & {UNKNOWN_ROLES})):
            if not self.unlike[kind] and not self._quiet:
                whole = self._file.reads_text and self._file.document.reading is None
                why = _WHOLE if whole else _UNSEEN
                if kind == UNKNOWN_ROLES:
                    why = f"known are {', '.join(ROLES)}; mend the caller"
                _log.warning(_UNLIKE, self._name, request.id, kind, why)
            self.unlike[kind] += 1

    def upper_usd(self, call: Call, sending: Sending, output_tokens: int) -> float:
        """Upper cost of a call in USD, whichever model serves it, with all its samples.

        Args:
            call: to price.
            sending: the request, and what goes to every model with it.
            output_tokens: assumed of an answer that has no limit of tokens.
        Raises:
            BudgetError: nothing is known of the cost of a model.
        """
        answer_usd = max(
            self._answer_usd(msgspec.structs.replace(call, model=name), sending, output_tokens)
            for name in (call.model, *self.admission.catalogue.model(call.model).fallbacks)
        )
        samples, multiplier = self.caller.charged(call)
        return answer_usd * samples * multiplier

    def check_fields(self, fields: Mapping[str, Any]) -> None:
        """Refuse a request that fixes what a candidate of the policy is defined by.

        Args:
            fields: of the request's body.
        Raises:
            RequestError: candidates that would answer otherwise than they were measured, by name.
        """
        if not self._candidates:
            return
        problems = [
            f"{field}={fixed!r:.80}: candidate {name!r} is {base!r} with {field}={own!r}; leave it"
            " out of the request, or take the candidate out of the policy"
            for name, base, parameters in self._candidates
            for field, fixed, own in parameters.conflicts(fields)
        ]
        problems += [
            f"{field}={fields[field]!r:.80}: {base!r} would be asked as candidate {name!r} is;"
            " leave it out of the request, or one of the two out of the policy"
            for name, base, parameters in self._candidates
            for field in parameters.decided
            if base in self.admission.models and fields.get(field) == parameters.fields[field]
        ]
        if problems:
            raise RequestError(*problems)

    def samples(self, call: Call) -> int:
        """How many answers of the model a call takes, signals included."""
        return self.caller.charged(call)[0]

    def _answer_usd(self, call: Call, sending: Sending, output_tokens: int) -> float:
        day = self.caller.prices.day()
        usd = upper_usd(self.admission, call, sending.request, sending.fields, output_tokens, day)
        if math.isnan(usd):
            raise BudgetError(
                f"model {call.model!r} has no known cost to keep within a budget: {_FIX}"
            )
        return usd

    def check_priced(self, budgets: Budgets) -> None:
        """Refuse models whose cost nothing is known of, as budgets could not hold them.

        Raises:
            BudgetError: nothing is known of a model's cost.
        """
        problems = []
        if unknown := unpriced(self.admission):
            problems.append(
                f"budgets need the cost of every model, and none is known of"
                f" {', '.join(unknown)}: {_FIX}"
            )
        models, bounded = self.admission.models, budgets.request_usd is not None
        if blank := [it for it in models if bounded and not self.admission.predicts("cost", it)]:
            problems.append(
                f"request_usd is kept by what the policy predicts, which is nothing for"
                f" {', '.join(blank)}: give cost_usd in the policy's `estimates`"
            )
        if problems:
            raise BudgetError(*problems)


_FIX = (
    "give input_usd_per_mtok and output_usd_per_mtok in models.toml, or cost_usd in the policy's"
    " `estimates`"
)


_UNTOLD = (
    "policy %r reads the %s of a request, and request %r has none: it is decided like those of an"
    " unknown %s; give route(..., %s=...)"
)


_UNLIKE = (
    "policy %r: the messages of request %r hold %s, and those of the log it was tuned on held none:"
    " %s"
)
_UNSEEN = "what it decides and delivers for such requests was not measured"
_WHOLE = (
    "its file says nothing of what it `reads`, so that it looks at the whole conversation, system"
    " text included, and decides otherwise than the replay of prompts did; tune it again"
)


_NEAR = 1e-6
"""A threshold that is out of bounds by no more says that no answer, or any, is to be kept."""


def idle_thresholds(policy: Policy, read: Mapping[str, SignalSource]) -> Iterator[str]:
    """What to tell of thresholds that decide nothing, as no value of their signal is beyond.

    Args:
        policy: that has the thresholds.
        read: the source of each of its signals.
    """
    for name, threshold in policy.thresholds_used:
        source = read[name]
        least, greatest = source.bounds
        above = threshold > greatest + _NEAR
        if above or threshold < least - _NEAR:
            yield (
                f"threshold {threshold:g} of signal {name!r} decides nothing: {source} gives"
                f" {least:g} to {greatest:g}, so that {'no' if above else 'any'} answer is kept"
                " by it; give a threshold between them, or another source in"
                " RouterConfig(signals=...)"
            )


def cheaper_policy(
    budgets: Budgets | None, given: PolicyFile | str | Path | None
) -> PolicyFile | None:
    """The policy that decides degraded requests; None if there is none to load."""
    named = given or (budgets.cheaper if budgets is not None else "")
    if not named:
        return None
    return load(named) if isinstance(named, str | Path) else named


def sources(policy_file: PolicyFile, given: Mapping[str, Given]) -> dict[str, SignalSource]:
    """A source for each signal of the policy.

    Raises:
        PolicyError: a source cannot be parsed, or the policy has no such signal.
    """
    used, specs = policy_file.policy.signals_used, policy_file.document.signals
    problems = [
        f"policy {policy_file.name!r} uses no signal {name!r}; it uses {', '.join(used) or 'none'}"
        for name in given
        if name not in used
    ]
    found = {}
    for name in used:
        try:
            found[name] = resolve(name, given.get(name), specs.get(name))
        except PolicyError as error:
            problems += error.problems
    if problems:
        raise PolicyError(*problems)
    return found
