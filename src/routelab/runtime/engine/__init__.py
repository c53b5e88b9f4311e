"""Below one call: balancing, limits, retries, breakers and fallbacks."""

from routelab.runtime.engine.engine import Engine
from routelab.runtime.engine.tries import Asked, Question, Try

__all__ = ["Asked", "Engine", "Question", "Try"]
