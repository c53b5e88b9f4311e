"""A policy asked for its next calls, by whoever makes them and reports what came of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import msgspec

from routelab.core import Admission, Call, Context, Decision, Request, Score, flow
from routelab.core.catalogue import Catalogue
from routelab.gates import Function, is_quick
from routelab.policy_file import PolicyFile
from routelab.serve.decisions.outcomes import Reported, ReportedOutcome, read_outcomes
from routelab.serve.refusal import RefusedError
from routelab.signals import resolve

_T = TypeVar("_T")


class PendingTurn(msgspec.Struct, frozen=True):
    """Calls that are to be made now, together.

    Attributes:
        calls: to make.
        propensity: probability of the calls, given those before; None if it is not known.
        until: "all" waits for every answer, "first" for the first that can be delivered.
    """

    calls: tuple[Call, ...]
    propensity: float | None
    until: str


class DecisionState(msgspec.Struct, frozen=True):
    """How far a decision has come.

    Attributes:
        turn: what is to be called next; None once the decision is made.
        decision: once it is made.
        context: the request in the policy's hands, with calls, draws and scores so far.
    """

    turn: PendingTurn | None
    decision: Decision | None
    context: Context

    @property
    def scores(self) -> tuple[Score, ...]:
        """What scorers said."""
        return tuple(self.context.scores)


class PolicyDecider:
    """Decides as the router does, by the same policy and the same rules of admission.

    Attributes:
        digest: SHA-256 of the policy.
        file: the policy.
        catalogue: its models, with their deployments.

    Args:
        signals: how answers yield confidence signals, in place of what the policy says.
    """

    def __init__(self, file: PolicyFile, catalogue: Catalogue, signals: Mapping[str, str]) -> None:
        self.file = file
        self.digest = file.digest
        self.catalogue = catalogue
        self._all = self._admission(file.policy.models_used)
        specs = file.document.signals
        self._sources = {
            name: resolve(name, signals.get(name), specs.get(name))
            for name in file.policy.signals_used
        }

    def outcomes(self, given: object, request: Request) -> tuple[ReportedOutcome, ...]:
        """What came of calls, as a body has it.

        Raises:
            RefusedError: it is malformed.
        """
        return read_outcomes(given, self._sources, request)

    async def decided(self, decide: Callable[[], _T], reported: Reported) -> _T:
        """What is decided, in a thread where gates may take long over what was answered.

        Args:
            decide: gives it.
            reported: for each turn so far, what came of its calls.
        """
        gates = [it for it in self.file.policy.gates_used if not isinstance(it, Function)]
        parts = [it for turn in reported for outcome in turn for it in outcome.parts]
        if all(is_quick(gate, part) for gate in gates for part in parts):
            return decide()
        return await asyncio.to_thread(decide)

    def state(
        self,
        request: Request,
        reported: Sequence[Sequence[ReportedOutcome]] = (),
        candidates: Collection[str] | None = None,
    ) -> DecisionState:
        """What is to be called next, after what was called so far.

        The policy is run from the beginning: it is a function of the request and the answers.

        Args:
            request: as asked.
            reported: for each turn so far, what came of its calls, in their order.
            candidates: models that may be called; None for all of the policy's.
        Raises:
            RefusedError: there are more outcomes than calls, or an outcome lacks what is read.
            NoModelError: every model is ruled out.
            RouteError: all calls failed.
        """
        x = self._context(request, candidates)
        running = flow(self.file.policy, x)
        try:
            together = next(running)
            for outcomes in reported:
                if len(outcomes) != len(together.calls):
                    raise RefusedError(
                        400,
                        f"outcomes: {len(outcomes)} are given for {len(together.calls)} calls; give"
                        " one for each, in their order",
                        "outcomes_do_not_fit",
                        param="outcomes",
                    )
                pairs = zip(together.calls, outcomes, strict=True)
                together = running.send(tuple([it.feedback(call) for call, it in pairs]))
        except StopIteration as stop:
            decision: Decision = stop.value
            return DecisionState(None, decision, x)
        finally:
            running.close()
        propensity = None if math.isnan(x.propensity) else x.propensity
        turn = PendingTurn(together.calls, propensity, together.until)
        return DecisionState(turn, None, x)

    def _context(self, request: Request, candidates: Collection[str] | None) -> Context:
        admission = self._all
        if candidates is not None:
            left = [name for name in admission.models if name in candidates]
            admission = self._admission(left)
        document = self.file.document
        return Context(
            request,
            admission.models,
            seed=document.seed,
            scoring=self.file.scoring,
            admission=admission,
            explained=True,
        )

    def _admission(self, models: Sequence[str]) -> Admission:
        document = self.file.document
        return Admission(models, self.catalogue, self.file.scoring, document.estimates)
