"""What a log answers when it stands in for the models."""

from routelab.simulate.answers.finder import Finder
from routelab.simulate.answers.outcomes import NOT_LOGGED, Outcomes
from routelab.simulate.answers.replay_error import ReplayError

__all__ = ["NOT_LOGGED", "Finder", "Outcomes", "ReplayError"]
