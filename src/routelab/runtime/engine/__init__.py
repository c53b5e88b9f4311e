"""Below one call: balancing, limits, retries, breakers and fallbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.engine.bucket import Bucket
    from routelab.runtime.engine.engine import Engine
    from routelab.runtime.engine.limit_share import LimitShare
    from routelab.runtime.engine.sample import SampleAttempt, SampleRequest, SampleResult
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Bucket": "bucket",
            "Engine": "engine",
            "LimitShare": "limit_share",
            "SampleAttempt": "sample",
            "SampleRequest": "sample",
            "SampleResult": "sample",
        },
    )

__all__ = [
    "Bucket",
    "Engine",
    "LimitShare",
    "SampleAttempt",
    "SampleRequest",
    "SampleResult",
]
