"""A policy at work in a router, with all that its decisions need."""

from __future__ import annotations

import math
from collections.abc import Mapping

from routelab.core.admission import Admission
from routelab.core.catalogue import Catalogue
from routelab.core.context import Context
from routelab.core.protocol import Call
from routelab.core.request import Request
from routelab.errors import BudgetError, PolicyError
from routelab.policy_file import PolicyFile
from routelab.runtime.budgets.upper import unpriced, upper_usd
from routelab.runtime.caller import Sending
from routelab.runtime.cost import combined
from routelab.signals import Given, Source, resolve


class Lane:
    """One policy of a router.

    Attributes:
        digest: of the policy.
        sources: of its signals.
    """

    def __init__(
        self, policy_file: PolicyFile, catalogue: Catalogue, sources: Mapping[str, Source]
    ) -> None:
        document = policy_file.document
        self.policy = policy_file.policy
        self.digest = policy_file.digest
        self.sources = sources
        self.specs = document.signals
        self._seed = document.seed
        self._scoring = policy_file.scoring
        self.admission = Admission(
            self.policy.models_used, catalogue, self._scoring, document.estimates
        )

    def context(self, request: Request) -> Context:
        """A request in the policy's hands."""
        return Context(
            request,
            self.admission.models,
            seed=self._seed,
            scoring=self._scoring,
            admission=self.admission,
        )

    def upper_usd(self, call: Call, sending: Sending, output_tokens: int) -> float:
        """What a call may cost at most, with every sample that its signals need.

        Raises:
            BudgetError: nothing is known of the model's cost.
        """
        sources = {name: self.sources[name] for name in call.need if name in self.sources}
        samples = max((source.samples for source in sources.values()), default=1)
        specs = (self.specs.get(name) for name, source in sources.items() if source.column)
        multiplier = combined([s.multiplier for s in specs if s and s.multiplier is not None])
        usd = upper_usd(self.admission, call, sending.request, sending.fields, output_tokens)
        if math.isnan(usd):
            raise BudgetError(
                f"model {call.model!r} has no known cost to keep within a budget: {_FIX}"
            )
        return usd * samples * multiplier

    def check_priced(self) -> None:
        """See that budgets can hold every model.

        Raises:
            BudgetError: nothing is known of a model's cost.
        """
        if problems := unpriced(self.admission):
            raise BudgetError(
                f"budgets need the cost of every model, and none is known of"
                f" {', '.join(problems)}: {_FIX}"
            )


_FIX = (
    "give input_usd_per_mtok and output_usd_per_mtok in models.toml, or cost_usd in the policy's"
    " `estimates`"
)


def sources(policy_file: PolicyFile, given: Mapping[str, Given]) -> dict[str, Source]:
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
