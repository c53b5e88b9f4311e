"""Errors that a user can cause and can mend; bugs stay plain exceptions.

Sentences of the library, of errors, warnings and notes alike, name an argument between backticks
and as Python has it: `trials`, `policy='auto'`, `Options.name`. They know no command line;
`routelab.cli.flags` alone makes flags of them.
"""

from __future__ import annotations

import re
from typing import Any, Self

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Characters that command a terminal, turn the direction of text, or are none."""


def visible(text: str) -> str:
    """A text of whatever origin as a terminal may be given it: what is not seen is escaped.

    Line ends, tabs and the letters of every language stay as they are.

    Args:
        text: to be shown.
    """
    return _UNSEEN.sub(lambda it: it[0].encode("unicode_escape").decode(), text)


class RoutelabError(Exception):
    """One or more problems, each naming the thing, the value and the way out.

    Attributes:
        problems: a sentence each, in which what is not seen is escaped: names in them may be
            anybody's text.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(visible, problems))
        super().__init__("\n".join(self.problems))


class LogError(RoutelabError):
    """A log cannot be read, or cannot answer what is asked of it."""


class UncoveredError(LogError):
    """A policy asks for what the log cannot know, for example a second sample of one model."""


class CatalogueError(RoutelabError):
    """A model catalogue is malformed, or lacks what is asked of it."""


class ConfigError(RoutelabError, ValueError):
    """Options of a router or a simulation are misspelt, or make no sense."""


class PolicyError(RoutelabError, ValueError):
    """A policy is malformed, or names what its surroundings do not have."""


class PolicyFileError(RoutelabError):
    """A policy directory is damaged, tampered with, or newer than this version."""


class PackageError(RoutelabError):
    """A package that is to bring kinds is not there, or brings what does not fit."""


class UnnamedPackageError(PolicyError):
    """A kind of a package that is installed and that the caller has not named.

    Attributes:
        package: the name under which it would be imported.
    """

    def __init__(self, *problems: str, package: str = "") -> None:
        super().__init__(*problems)
        self.package = package


class TuningError(RoutelabError):
    """A study cannot start, or cannot meet what it was asked to meet."""


class RouteError(RoutelabError):
    """A live request got no answer that could be delivered.

    Attributes:
        cost_usd: what was spent on it all the same; NaN if that is not known.
        steps: the calls that were made, as in a decision (`routelab.core.decision.Step`).
        retry_after_s: seconds after which it may get one; None if nothing is known of it.
        end_propensity: probability of having ended so, given the calls; NaN if not known.
        detail: the same for operators, with deployments, their addresses and their words; a
            traceback shows it too. What `str` gives may be shown to whoever asked, and in neither
            is a key.
    """

    def __init__(
        self,
        *problems: str,
        cost_usd: float = 0.0,
        steps: tuple[Any, ...] = (),
        retry_after_s: float | None = None,
        end_propensity: float = float("nan"),
        detail: str = "",
    ) -> None:
        super().__init__(*problems)
        self.detail = detail or str(self)
        if self.detail != str(self):
            self.add_note(f"For operators: {self.detail}")
        self.cost_usd = cost_usd
        self.steps = steps
        self.retry_after_s = retry_after_s
        self.end_propensity = end_propensity


class RequestError(RouteError):
    """A live request is malformed: its caller can mend it, and nothing was sent."""


class NoModelError(RouteError):
    """Every model of a policy was ruled out before it was called."""


class BudgetError(RouteError):
    """A budget has nothing left for a request, or budgets are malformed.

    Attributes:
        resets_at_s: Unix seconds at which the budget is full again; None if it never is.
    """

    def __init__(self, *problems: str, resets_at_s: float | None = None, **spent: Any) -> None:
        super().__init__(*problems, **spent)
        self.resets_at_s = resets_at_s

    def told(self, error: RouteError) -> Self:
        """This refusal, with what was spent before it."""
        self.cost_usd, self.steps = error.cost_usd, error.steps
        return self


class MissingExtraError(RoutelabError):
    """A command needs packages of an extra that is not installed."""


class TrackingError(RoutelabError):
    """A study cannot be recorded, or the registry cannot do what is asked of it."""


class GradingError(RoutelabError):
    """A grader cannot be asked, or cannot tell what an answer is worth; it is no grade."""


class LearningError(RoutelabError):
    """A scorer cannot be fitted on what it is given."""


class CollectError(RoutelabError):
    """A collection cannot begin, go on or be read."""


class SimulationError(RoutelabError):
    """A simulation cannot start, or cannot go on."""
