"""Below one call: balancing, limits, retries, breakers and fallbacks."""

from routelab.runtime.engine.engine import Engine
from routelab.runtime.engine.sample import SampleAttempt, SampleRequest, SampleResult

__all__ = ["Engine", "SampleAttempt", "SampleRequest", "SampleResult"]
