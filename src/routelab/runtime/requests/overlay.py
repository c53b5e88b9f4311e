"""Signals and gates that a router's user adds to its policies."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from routelab.core import Policy
from routelab.gates import AnyGate, Function
from routelab.policies import Gated
from routelab.runtime.calls import GateFunction
from routelab.signals import Given


class Overlay(msgspec.Struct, frozen=True):
    """Signals and gates that a router's user adds to its policies.

    Attributes:
        signals: sources by signal, which go before those of the policy file.
        gates: that every answer must pass besides the policy's own, and how often a model is
            asked again (`again`).
        functions: of gates, by name.
        explained: decisions say why.
        quiet: nobody is warned of an edited policy, or of what requests lack.
    """

    signals: Mapping[str, Given] = {}
    gates: tuple[AnyGate, ...] = ()
    again: int = 0
    functions: Mapping[str, GateFunction] = {}
    explained: bool = False
    quiet: bool = False

    def over(self, policy: Policy) -> Policy:
        """The policy with the gates around it."""
        return Gated(policy, self.gates, self.again) if self.gates else policy

    def fitting(self, policy: Policy) -> Overlay:
        """The overlay without what a policy has no use for.

        For a policy that steps in, such as the cheaper one of a budget, that is no mistake.
        """
        gates = self.over(policy).gates_used
        named = {gate.function for gate in gates if isinstance(gate, Function)}
        return msgspec.structs.replace(
            self,
            signals={name: it for name, it in self.signals.items() if name in policy.signals_used},
            functions={name: it for name, it in self.functions.items() if name in named},
        )
