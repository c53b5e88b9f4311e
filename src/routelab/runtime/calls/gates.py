"""Hold live answers against gates."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

import anyio
import msgspec

from routelab.core import Call, Feedback, Gate, Request
from routelab.errors import PolicyError
from routelab.gates import PATIENCE_S, Function, Refusal, is_quick, verdict
from routelab.runtime.calls.threads import Threads
from routelab.signals import AnswerParts, answer_parts

GateFunction: TypeAlias = Callable[[Request, str], str | Awaitable[str | None] | None]
"""Gets the request and the answer; gives None, or why the answer is refused."""

MOST_THREADS = 32
"""Of one function at once, those included that hang and are no longer waited for."""


def _refusing(gate: Gate, choice: AnswerParts) -> str | None:
    """The problem of a refusal that the model declares, in whichever words."""
    declared = choice.refusal or choice.finish == "content_filter"
    return "the answer is a refusal" if declared and isinstance(gate, Refusal) else None


class GateChecker:
    """Holds answers against gates, some of which are functions of the user's.

    Args:
        gates: every gate that may be asked.
        functions: by name.
    Raises:
        PolicyError: a function that a gate names is not given, or one given is named by none.
        MissingExtraError: a package that a gate needs is not installed.
    """

    def __init__(self, gates: Sequence[Gate], functions: Mapping[str, GateFunction]) -> None:
        named = {gate.function for gate in gates if isinstance(gate, Function)}
        problems = [
            f"the policy has a gate function {name!r}, and none is given: pass"
            f" RouterConfig(gate_functions={{{name!r}: function}})"
            for name in sorted(named - set(functions))
        ] + [
            f"no gate of the policy names the function {name!r}; it names"
            f" {', '.join(sorted(named)) or 'none'}"
            for name in functions
            if name not in named
        ]
        if problems:
            raise PolicyError(*problems)
        for gate in gates:
            gate.ready()
        self._functions = functions
        self._threads = {name: Threads(MOST_THREADS) for name in functions}
        self._slow = Threads(MOST_THREADS)

    async def judge(
        self, call: Call, request: Request, seen: Feedback, deadline: float = math.inf
    ) -> Feedback:
        """The feedback of a call, with the reasons for which its gates refuse the answer.

        Every choice is held against every gate, in its canonical form: its text, the words of a
        refusal, and its tool calls as JSON.

        Args:
            call: with its gates.
            request: that it was made for.
            seen: feedback before gates.
            deadline: of the event loop's time, in seconds; no function is waited for after it.
        """
        if not call.gates or seen.error is not None:
            return seen
        parts = answer_parts(seen.raw) if seen.raw else ()
        choices = parts or (AnswerParts(text=seen.text or ""),)
        problems = [
            _refusing(gate, choice)
            or await self._problem(gate, request, choice.canonical, deadline)
            for gate in call.gates
            for choice in choices
        ]
        rejected = tuple(dict.fromkeys(problem for problem in problems if problem is not None))
        return msgspec.structs.replace(seen, rejected=rejected) if rejected else seen

    async def _problem(
        self, gate: Gate, request: Request, text: str, deadline: float
    ) -> str | None:
        if not isinstance(gate, Function):
            return await self._verdict(gate, text, deadline)
        own = anyio.current_time() + gate.timeout_s
        with anyio.CancelScope(deadline=min(own, deadline)):
            try:
                return await self._asked(gate.function, request, text)
            except Exception as error:  # noqa: BLE001  (whatever a function of the user's raises)
                return f"{gate.name} failed: {type(error).__name__}: {error}"
        full = self._threads[gate.function].full
        why = f": {MOST_THREADS} calls of it have not returned yet" if full else ""
        if deadline < own:
            return f"{gate.name} gave no verdict before the request's deadline{why}"
        return f"{gate.name} gave no verdict in {gate.timeout_s:g} s{why}"

    async def _verdict(self, gate: Gate, text: str, deadline: float) -> str | None:
        """What may take long is judged by a process, which a thread waits for."""
        if is_quick(gate, text):
            return verdict(gate, text)
        left_s = max(0.0, min(PATIENCE_S, deadline - anyio.current_time()))
        with anyio.CancelScope(deadline=deadline):
            return await self._slow.run(verdict, gate, text, left_s)
        return f"{gate.name} gave no verdict before the request's deadline"

    async def _asked(self, name: str, request: Request, text: str) -> str | None:
        """A function that is no coroutine runs in a thread, so that a slow one stops nobody else.

        One that hangs keeps its thread; the request goes on without it.
        """
        function = self._functions[name]
        if inspect.iscoroutinefunction(function):
            verdict = await function(request, text)
        else:
            verdict = await self._threads[name].run(function, request, text)
        if verdict is not None and not isinstance(verdict, str):
            raise TypeError(f"it gave {verdict!r}; None or a reason is expected")
        return verdict
